"""JSON -> model: every fault at its path, unknown keys reported, null read as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from vmagent_operator.limits import OBJECT_LABELS, OBJECT_PARTS
from vmagent_operator.model.fields import (
    Choice,
    IntOrString,
    List,
    Map,
    Model,
    Passthrough,
    Scalar,
    Shape,
    Slot,
    StringOrList,
    cached,
    compiled,
    keys,
    slots,
)
from vmagent_operator.model.suggest import meant

T = TypeVar("T")
INTERNAL_ERROR = "internal error, see the operator's log"
Manifest = dict[str, Any]
"""A JSON object, as kubectl shows it."""

_SIGNED, _UNSIGNED = range(-(1 << 63), 1 << 63), range(1 << 64)
"""What an integer can be at its place in vmagent's file; beyond that, vmagent refuses the file."""
JSON_NAMES: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


@frozen
class Fault:
    """One thing wrong with a document: where (`spec.endpoints[0].port`) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DecodeError(ValueError):
    """A document that cannot be read; `faults` holds every reason, in field order.

    bug: where our own code failed over it, for the log; empty for what its author can mend. unknown: the paths of the keys
    that no field reads.
    """

    def __init__(self, faults: tuple[Fault, ...], bug: str = "", unknown: tuple[str, ...] = ()) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults
        self.bug = bug
        self.unknown = unknown


@frozen
class Decoded(Generic[T]):
    """A value and the paths of the keys that no field reads."""

    value: T
    unknown: tuple[str, ...]


@define
class _Reader:
    """What one decoding has come across; `parts` and `entries` count down what may still come."""

    parts: int = OBJECT_PARTS
    entries: int = OBJECT_LABELS
    faults: list[Fault] = field(factory=list)
    missing: list[Fault] = field(factory=list)
    unknown: list[str] = field(factory=list)

    def fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))

    def model(self, cls: type[T], raw: object, path: str) -> T | None:
        if not isinstance(raw, dict):
            self.mistyped("object", raw, path)
            return None
        if not raw.keys() <= keys(cls):
            strange = [f"{path}.{key}" if path else str(key) for key in raw if key not in keys(cls)]
            if getattr(cls, "STRICT", False):
                self.faults += (Fault(key, "unknown key") for key in strange)
            else:
                self.unknown += strange
        return self.fill(cls, raw, path)

    def fill(self, cls: type[T], raw: Mapping[str, object], path: str) -> T | None:
        """`cls` from those keys of `raw` that are its own; None once anything is at fault."""
        values: dict[str, Any] = {}
        for slot in slots(cls):
            if slot.inline:
                is_touched = not keys(slot.inline).isdisjoint(raw)
                values[slot.name] = self.fill(slot.inline, raw, path) if is_touched else _empty(slot.inline)
            elif (item := _present(slot, raw)) is not None:
                values[slot.name] = self.item(slot, item, f"{path}.{slot.key}" if path else slot.key)
            elif slot.required:
                self.missing.append(Fault(f"{path}.{slot.key}" if path else slot.key, "required"))
        if self.faults or self.missing:
            return None
        return cls(**values) if values else _empty(cls)

    def item(self, slot: Slot, raw: object, path: str) -> Any:
        most = slot.field.most
        if most is not None and isinstance(raw, list) and len(raw) > most:
            return self.fault(path, most.exceeded)
        value = self.shape(slot.shape, raw, path)
        if slot.field.pattern and isinstance(value, str) and not compiled(slot.field.pattern).search(value):
            self.fault(path, f"must match {slot.field.pattern}")
        if type(value) is int and value not in (allowed := _UNSIGNED if slot.field.unsigned else _SIGNED):
            self.fault(path, f"must be between {allowed[0]} and {allowed[-1]}")
        return value

    def shape(self, shape: Shape, raw: object, path: str) -> Any:
        match shape:
            case Scalar(type=wanted):
                return self.scalar(wanted, raw, path)
            case Model(cls=cls):
                return self.model(cls, raw, path)
            case List(item=item):
                return self.list(item, raw, path)
            case Map(item=item):
                return self.map(item, raw, path)
            case Choice(values=values):
                if raw not in values:
                    allowed = [value for value in values if value]
                    self.fault(path, f"expected one of {', '.join(allowed)}, got {raw!r}{meant(raw, allowed)}")
                return raw
            case IntOrString():
                good = isinstance(raw, int | str) and not isinstance(raw, bool)
                return raw if good else self.mistyped("integer or string", raw, path)
            case StringOrList():
                if isinstance(raw, str):
                    return (raw,)
                if isinstance(raw, list):
                    return self.list(Scalar(str), raw, path)
                return self.mistyped("string or array", raw, path)
            case Passthrough(json=json):
                if not isinstance(raw, dict):
                    return self.mistyped("object", raw, path)
                self.missing += (Fault(f"{path}.{key}", "required") for key in json.required if raw.get(key) is None)
                return raw

    def scalar(self, wanted: type, raw: object, path: str) -> Any:
        if type(raw) is wanted:
            return raw
        if wanted is float and type(raw) is int:
            return float(raw)
        return self.mistyped(JSON_NAMES[wanted], raw, path)

    def list(self, item: Shape, raw: object, path: str) -> Any:
        if not isinstance(raw, list):
            return self.mistyped("array", raw, path)
        if isinstance(item, Model):
            self.parts -= len(raw)
            if self.parts < 0:  # before any of them is built
                return self.fault(path, OBJECT_PARTS.exceeded)
        return tuple(self.shape(item, value, f"{path}[{index}]") for index, value in enumerate(raw))

    def map(self, item: Shape, raw: object, path: str) -> Any:
        if not isinstance(raw, dict):
            return self.mistyped("object", raw, path)
        self.entries -= len(raw)
        if self.entries < 0:
            return self.fault(path, OBJECT_LABELS.exceeded)
        return {key: self.shape(item, value, f"{path}.{key}") for key, value in raw.items() if value is not None}

    def mistyped(self, wanted: str, raw: object, path: str) -> None:
        self.fault(path, f"expected {wanted}, got {JSON_NAMES.get(type(raw), type(raw).__name__)}")


def decode(cls: type[T], raw: object, at: str = "spec") -> Decoded[T]:
    """`raw` read as a `cls`, with the paths of unknown keys; paths start with `at`.

    Raises DecodeError with every fault: those of the values in field order, then what is missing. An unknown key is a
    fault only in a class that says `STRICT = True`.
    """
    reader = _Reader()
    value = reader.model(cls, raw, at)
    if reader.faults or reader.missing or value is None:
        raise DecodeError((*reader.faults, *reader.missing), unknown=tuple(reader.unknown))
    return Decoded(value, tuple(reader.unknown))


def _present(slot: Slot, raw: Mapping[str, object]) -> Any:
    value = raw.get(slot.key)
    if not value and slot.field.aliases:
        return next((raw[alias] for alias in slot.field.aliases if raw.get(alias) is not None), value)
    return value


@cached
def _empty(cls: type[T]) -> T:
    """The shared instance of a model of which nothing is given: most inline parts of most objects."""
    return cls()

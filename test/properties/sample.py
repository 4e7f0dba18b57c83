"""Documents grown from the field tables: as empty or as full as validity allows, around one property.

What a table cannot say (a text that must be a duration, fields that exclude each other) is in `sample.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import attrs
import yaml
from attrs import frozen

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
    slots,
)

Step = str | int
Path_ = tuple[Step, ...]
INERT: dict[str, str] = yaml.safe_load((Path(__file__).parent / "inert.yaml").read_text())
"""Regular expression for kind and path -> why these fields have no effect."""
_TABLE = yaml.safe_load((Path(__file__).parent / "sample.yaml").read_text())
VALUES: dict[str, list[Any]] = _TABLE["values"]
KUBERNETES: dict[str, list[Any]] = _TABLE["kubernetes"]
MINIMAL: dict[str, list[str]] = _TABLE["minimal"]
APART: dict[str, list[list[str | None]]] = _TABLE["apart"]
BESIDE: dict[str, dict[str, Any]] = _TABLE["beside"]
SCALARS: dict[type, list[Any]] = {str: ["some", "other"], int: [7, 8], bool: [True, False], float: [0.5, 0.25]}


@frozen
class Entry:
    """A JSON key that a class reads, inline parts and aliases included. owner: the class whose table has it."""

    key: str
    owner: type
    slot: Slot

    @property
    def shape(self) -> Shape:
        """What the value looks like."""
        return self.slot.shape

    def values(self) -> list[Any]:
        """Two values, the first of which is not what absence means."""
        special = VALUES.get(f"{self.owner.__name__}.{self.slot.name}") or VALUES.get(self.slot.name)
        return special or _values(self.shape)


@frozen
class Property:
    """A place in a document. is_given: even the emptiest document has something there."""

    path: Path_
    entry: Entry
    is_given: bool

    def __str__(self) -> str:
        return "".join("[]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")


@cached
def entries(cls: type) -> tuple[Entry, ...]:
    """The keys of `cls` in declaration order."""
    found: list[Entry] = []
    for slot in slots(cls):
        if slot.inline:
            found += entries(slot.inline)
        else:
            found += [Entry(key, cls, slot) for key in (slot.key, *slot.field.aliases)]
    return tuple(found)


def properties(cls: type, path: Path_ = ()) -> Iterator[Property]:
    """Every property of a document of `cls`, down to the leaves."""
    for entry in entries(cls):
        here = (*path, entry.key)
        item = entry.shape.item if isinstance(entry.shape, List) else entry.shape
        is_given = _is_given(cls, entry)
        if not (is_given and isinstance(item, Model)):
            yield Property(here, entry, is_given)
        if isinstance(item, Model):
            yield from properties(item.cls, (*here, 0) if isinstance(entry.shape, List) else here)


def is_inert(kind: str, at: Property) -> bool:
    """Whether `inert.yaml` says that the property of that kind has no effect."""
    return any(re.fullmatch(regex, f"{kind} {at}") for regex in INERT)


@cached
def document(cls: type, toward: Path_ = (), *, full: bool) -> dict[str, Any]:
    """A document of `cls` with something at `toward`, and otherwise as full or as empty as may be; not to be changed."""
    wanted = toward[0] if toward else None
    if beside := BESIDE.get(f"{cls.__name__}.{wanted}"):
        return {entry.key: entry.values()[0] for entry in entries(cls) if entry.key == wanted} | beside
    out = {}
    for entry in entries(cls):
        if entry.key == wanted:
            out[entry.key] = _value(entry, toward[1:], full or len(toward) == 1)
        elif (full or _is_minimal(cls, entry)) and not _is_apart(cls, entry, wanted, full):
            out[entry.key] = _value(entry, (), full)
    return out


def changed(given: dict[str, Any], at: Property) -> dict[str, Any]:
    """`given` without the property, or with another value for one that must be there."""
    out, parent = _parent(given, at.path)
    if at.is_given:
        parent[at.path[-1]] = at.entry.values()[1]
    else:
        del parent[at.path[-1]]
    return out


def nulled(given: dict[str, Any], at: Property) -> dict[str, Any]:
    """`given` with the property null, which is the same as absent."""
    return replaced(given, at.path, None)


def replaced(given: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    """`given` with another value at `path`."""
    out, parent = _parent(given, path)
    parent[path[-1]] = value
    return out


def _parent(given: dict[str, Any], path: Path_) -> tuple[dict[str, Any], Any]:
    """A copy of `given`, and what holds the last step of `path` there; the copy shares what is not on the path."""
    out = dict(given)
    parent: Any = out
    for step in path[:-1]:
        parent[step] = copy(parent[step])
        parent = parent[step]
    return out, parent


def _value(entry: Entry, toward: Path_, full: bool) -> Any:
    match entry.shape:
        case Model() if not toward and (special := VALUES.get(f"{entry.owner.__name__}.{entry.slot.name}")):
            return special[0]
        case Model(cls=cls):
            return document(cls, toward, full=full)
        case List(item=Model(cls=cls)):
            return [document(cls, toward[1:], full=full)]
    return entry.values()[0]


def _values(shape: Shape) -> list[Any]:
    match shape:
        case Scalar(type=kind):
            return SCALARS[kind]
        case Choice(values=values):
            return list(values)[:2]
        case IntOrString() | StringOrList():
            return SCALARS[str]
        case Passthrough(json=json):
            return KUBERNETES[json.name.removesuffix(".whole").rsplit(".", 1)[-1]]
        case List(item=item):
            return [[value] for value in _values(item)]
        case Map(item=item):
            return [{"key": value} for value in _values(item)]
        case Model():
            return [None, None]


def _is_minimal(cls: type, entry: Entry) -> bool:
    is_required = entry.slot.default is attrs.NOTHING and entry.key == entry.slot.key
    return (
        is_required or entry.key in MINIMAL.get(cls.__name__, ()) or entry.key in MINIMAL.get(entry.owner.__name__, ())
    )


def _is_given(cls: type, entry: Entry) -> bool:
    """Whether a document always has the entry, or else one that excludes it, or the entry makes no sense alone."""
    given = {each.key for each in entries(cls) if _is_minimal(cls, each)}
    replaced = any(given & set(group) for group in _groups(cls)[entry.key])
    return entry.key in given or replaced or f"{cls.__name__}.{entry.key}" in BESIDE


@cached
def _groups(cls: type) -> Mapping[str, tuple[list[str | None], ...]]:
    """The groups of each key."""
    keys = entries(cls)
    owners = {entry.owner for entry in keys} | {cls}
    groups = [group for owner in owners for group in APART.get(owner.__name__, ())]
    return {entry.key: tuple(group for group in groups if entry.key in group) for entry in keys}


def _is_apart(cls: type, entry: Entry, wanted: Step | None, full: bool) -> bool:
    """Whether `entry` has no place in a document around `wanted`."""
    is_first = _is_minimal(cls, entry) or not full
    return any(wanted in group or (group[0] != entry.key and not is_first) for group in _groups(cls)[entry.key])

"""From request bodies to objects: types checked, unknown fields dropped, custom resources defaulted and validated."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from test.apiserver.quantity import amount
from test.apiserver.schema import MISSING, Node
from test.apiserver.store import clone

Json = dict[str, Any]
Fault = tuple[str, str, str]  # cause, field path, message
PYTHON = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,), "array": (list,),
          "int-or-string": (int, str), "quantity": (str, int, float)}  # fmt: skip
_SECONDS, _ZONE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", r"(Z|[+-]\d\d:\d\d)$"
TIMES = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": re.compile(_SECONDS + r"(\.\d+)?" + _ZONE),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": re.compile(_SECONDS + r"\.\d{6}" + _ZONE),
}
GO = {"string": "string", "integer": "int32", "boolean": "bool", "object": "struct", "array": "slice"}


class DecodeError(Exception):
    """A value that does not fit the Go type of a built-in field: 400."""


def json_type(value: Any) -> str:
    """JSON's name for the type of a value."""
    if isinstance(value, bool):
        return "boolean"
    for name, kinds in (("null", type(None)), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, kinds):
            return name
    return "object"


def fits(node: Node, value: Any) -> bool:
    """Whether the type of `value` is the one that `node` says."""
    if node.shape == "any":
        return True
    if isinstance(value, float) and node.shape == "integer":
        return value.is_integer()
    return isinstance(value, PYTHON[node.shape]) and (node.shape == "boolean" or not isinstance(value, bool))


@define
class Decoder:
    """Copies values into the shape of a node; `unknown` collects the paths of fields that it dropped.

    Strict types (built-in kinds) raise DecodeError; otherwise types are left to validation.
    """

    is_strict: bool
    keeps_null: bool
    unknown: list[str] = field(factory=list)

    def decode(self, node: Node, value: Any, path: str = "") -> Any:
        """`value` without what `node` does not know."""
        if value is None:
            return None
        if not fits(node, value):
            if self.is_strict:
                wanted = f"Go value of type {GO.get(node.shape, node.shape)}"
                raise DecodeError(f"json: cannot unmarshal {_go_type(value)} into {wanted} (field {path or '.'})")
            return clone(value)
        if node.shape == "quantity":
            return self._quantity(value, path)
        if node.name in TIMES and not TIMES[node.name].match(value):
            raise DecodeError(f'parsing time "{value}": cannot parse (field {path})')
        if isinstance(value, dict):
            return self._object(node, value, path)
        if isinstance(value, list):
            return [
                self.decode(node.items, part, f"{path}[{i}]") if node.items else clone(part)
                for i, part in enumerate(value)
            ]
        return value

    def _quantity(self, value: Any, path: str) -> Any:
        try:
            amount(str(value))
        except ValueError as error:
            raise DecodeError(f"{error} (field {path})") from error
        return value

    def _object(self, node: Node, value: Json, path: str) -> Json:
        out: Json = {}
        for key, part in value.items():
            child = node.child(key)
            inner = f"{path}.{key}" if path else key
            if child is None:
                self.unknown.append(inner)
            elif part is not None or self.keeps_null:
                out[key] = clone(part) if child.shape == "any" and not child.fields else self.decode(child, part, inner)
        return out


def _go_type(value: Any) -> str:
    return {"integer": "number", "boolean": "bool"}.get(json_type(value), json_type(value))


def fill(node: Node, value: Any) -> Any:
    """A custom resource's value with the schema's defaults; nulls that may not be are dropped where there is a default."""
    if isinstance(value, dict):
        for key, child in node.fields.items():
            if (
                child.default is not MISSING
                and value.get(key, MISSING) in (MISSING, None)
                and not (key in value and child.is_nullable)
            ):
                value[key] = clone(child.default)
        for key, part in value.items():
            inner = node.child(key)
            if inner is not None:
                value[key] = fill(inner, part)
    elif isinstance(value, list) and node.items:
        value = [fill(node.items, part) for part in value]
    return value


def validate(node: Node, value: Any, path: str = "") -> Iterator[Fault]:
    """What a structural schema has against a value, in the words of the real server."""
    if value is None and (node.is_nullable or node.shape == "any"):
        return
    if not fits(node, value) or value is None:
        wanted = "integer,string" if node.shape == "int-or-string" else node.shape
        yield (
            "FieldValueTypeInvalid",
            path,
            f'Invalid value: "{json_type(value)}": {path} in body must be of type {wanted}: "{json_type(value)}"',
        )
        return
    yield from _rules(node, value, path)
    if isinstance(value, dict):
        for key in node.rules.get("required", ()):
            if key not in value:
                yield "FieldValueRequired", f"{path}.{key}".lstrip("."), "Required value"
        for key, part in value.items():
            child = node.child(key)
            if child is not None and not (path == "" and key == "metadata"):
                yield from validate(child, part, f"{path}.{key}".lstrip(".") if key in node.fields else f"{path}.{key}")
    elif isinstance(value, list) and node.items:
        yield from _duplicates(node, value, path)
        for index, part in enumerate(value):
            yield from validate(node.items, part, f"{path}[{index}]")


def _duplicates(node: Node, value: list[Any], path: str) -> Iterator[Fault]:
    seen: list[Any] = []
    for index, part in enumerate(value):
        if node.relation == "map" and isinstance(part, dict):
            part = {key: part.get(key) for key in node.keys}
        elif node.relation != "set":
            return
        if part in seen:
            yield "FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {_shown(part)}"
        seen.append(part)


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


LIMITS = (
    ("minimum", lambda value, bound: value >= bound, "should be greater than or equal to {bound}", "Invalid"),
    ("maximum", lambda value, bound: value <= bound, "should be less than or equal to {bound}", "Invalid"),
    ("minLength", lambda value, bound: len(value) >= bound, "should be at least {bound} chars long", "Invalid"),
    ("maxLength", lambda value, bound: len(value) <= bound, "may not be more than {bound} bytes", "TooLong"),
    ("minItems", lambda value, bound: len(value) >= bound, "should have at least {bound} items", "Invalid"),
    ("maxItems", lambda value, bound: len(value) <= bound, "must have at most {bound} items", "TooMany"),
    ("minProperties", lambda value, bound: len(value) >= bound, "should have at least {bound} properties", "Invalid"),
    ("maxProperties", lambda value, bound: len(value) <= bound, "must have at most {bound} items", "TooMany"),
    ("pattern", lambda value, bound: re.search(bound, value) is not None, "should match '{bound}'", "Invalid"),
)
OF: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("minimum", "maximum"), (int, float)),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), str),
    **dict.fromkeys(("minItems", "maxItems"), list),
    **dict.fromkeys(("minProperties", "maxProperties"), dict),
}


def _rules(node: Node, value: Any, path: str) -> Iterator[Fault]:
    rules = node.rules
    if "enum" in rules and value not in rules["enum"]:
        supported = ", ".join(_shown(one) for one in rules["enum"])
        yield "FieldValueNotSupported", path, f"Unsupported value: {_shown(value)}: supported values: {supported}"
    for key, holds, text, reason in LIMITS:
        # As OpenAPI has it: a rule for texts says nothing of a number, where both may stand.
        if key in rules and isinstance(value, OF[key]) and not holds(value, rules[key]):
            message = text.format(bound=rules[key])
            if reason == "Invalid":
                yield f"FieldValue{reason}", path, f"Invalid value: {_shown(value)}: {path} in body {message}"
            else:
                label = {"TooLong": "Too long", "TooMany": "Too many"}[reason]
                yield f"FieldValue{reason}", path, f"{label}: {message}"

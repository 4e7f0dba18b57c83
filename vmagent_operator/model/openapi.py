"""Model -> structural OpenAPI v3 schema, as a CustomResourceDefinition carries it."""

from __future__ import annotations

from typing import Any

from vmagent_operator.model.decode import JSON_NAMES
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
    slots,
)

FREE = {"x-kubernetes-preserve-unknown-fields": True}


def schema(cls: type, *, describe: bool = True) -> dict[str, Any]:
    """The schema of a model; keywords of the class's `SCHEMA` are laid over it. Without `describe` no descriptions."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for slot in slots(cls):
        if slot.inline:
            part = schema(slot.inline, describe=describe)
            properties |= part.get("properties", {})
            required += part.get("required", ())
            continue
        properties |= {key: _property(slot, describe) for key in (slot.key, *slot.field.aliases)}
        required += [slot.key] if slot.required else []
    out: dict[str, Any] = {"type": "object"}
    if properties:
        out["properties"] = dict(sorted(properties.items()))
    if required:
        out["required"] = sorted(required)
    return _overlaid(out, getattr(cls, "SCHEMA", None))


def _property(slot: Slot, describe: bool) -> dict[str, Any]:
    out = _shape(slot.shape, describe)
    if describe and slot.field.doc:
        out = {"description": slot.field.doc, **out}
    return _overlaid(out, slot.field.schema)


def _shape(shape: Shape, describe: bool) -> dict[str, Any]:
    match shape:
        case Scalar(type=kind):
            return {"type": JSON_NAMES[kind]}
        case Choice(values=values):
            return {"type": "string", "enum": list(values)}
        case IntOrString():
            return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        case StringOrList():
            return dict(FREE)
        case Model(cls=cls):
            return schema(cls, describe=describe)
        case List(item=item):
            return {"type": "array", "items": _shape(item, describe)}
        case Map(item=item):
            return {"type": "object", "additionalProperties": _shape(item, describe)}
        case Passthrough(json=json):
            out: dict[str, Any] = {"type": "object", **FREE}
            if json.required:
                out["required"] = list(json.required)
            return _overlaid(out, json.schema)


def _overlaid(schema: dict[str, Any], over: Any) -> dict[str, Any]:
    return {key: value for key, value in (schema | dict(over or {})).items() if value is not None}

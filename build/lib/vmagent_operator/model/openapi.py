"""Model -> structural OpenAPI v3 schema, as a CustomResourceDefinition carries it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vmagent_operator.model.decode import JSON_NAMES
from vmagent_operator.model.fields import (
    Choice,
    IntOrString,
    Keywords,
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
Structures = Mapping[str, Keywords]
"""Whole schemas of Kubernetes structures by OpenAPI name."""
_NONE: Structures = MappingProxyType({})


def schema(cls: type, structures: Structures = _NONE) -> Keywords:
    """The schema of a model; keywords of the class's `SCHEMA` are laid over it.

    A Kubernetes structure that `structures` does not know is open: everything in it passes.
    """
    properties: Keywords = {}
    required: list[str] = []
    for slot in slots(cls):
        if slot.inline:
            part = schema(slot.inline, structures)
            properties |= part.get("properties", {})
            required += part.get("required", ())
            continue
        properties |= {key: _property(slot, structures) for key in (slot.key, *slot.field.aliases)}
        required += [slot.key] if slot.required else []
    out: Keywords = {"type": "object"}
    if properties:
        out["properties"] = dict(sorted(properties.items()))
    if required:
        out["required"] = sorted(required)
    return _overlaid(out, getattr(cls, "SCHEMA", None))


def _property(slot: Slot, structures: Structures) -> Keywords:
    out = _shape(slot.shape, structures)
    if slot.field.doc:
        out = {"description": slot.field.doc, **out}
    return _overlaid(out, slot.field.schema)


def _shape(shape: Shape, structures: Structures) -> Keywords:
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
            return schema(cls, structures)
        case List(item=item):
            return {"type": "array", "items": _shape(item, structures)}
        case Map(item=item):
            return {"type": "object", "additionalProperties": _shape(item, structures)}
        case Passthrough(json=json) if json.name in structures:
            return dict(structures[json.name])
        case Passthrough(json=json):
            out: Keywords = {"type": "object", **FREE}
            if json.required:
                out["required"] = list(json.required)
            return _overlaid(out, json.schema)


def _overlaid(schema: Keywords, over: Keywords | None) -> Keywords:
    return {key: value for key, value in (schema | dict(over or {})).items() if value is not None}

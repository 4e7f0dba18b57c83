"""Field tables and schemas as Hypothesis strategies."""

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

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

T = TypeVar("T")

TEXTS = st.sampled_from(["", "a", "web-1", "null", "ä b", "0", "true"])
NUMBERS = st.integers(min_value=-3, max_value=70000)
OPEN = "x-kubernetes-preserve-unknown-fields"
SCALARS: Mapping[type, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: NUMBERS,
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
}


STRICTER: Mapping[str, Mapping[str, Any]] = {"modulus": {"minimum": 0}}
"""What we ask for beyond the recorded schemas, by key: vmagent refuses its whole file for anything else."""


@st.composite
def models(draw: st.DrawFn, cls: type[T]) -> T:
    """An instance of a field table with a few of its fields set; of any field, in the long run."""
    optional = [slot.name for slot in slots(cls) if not slot.required]
    chosen = draw(st.sets(st.sampled_from(optional), max_size=4)) if optional else set()
    return cls(**{slot.name: draw(_values(slot)) for slot in slots(cls) if slot.required or slot.name in chosen})


def _values(slot: Slot) -> st.SearchStrategy[Any]:
    if slot.field.unsigned:
        return NUMBERS.map(abs)
    if slot.field.pattern:
        return st.from_regex(slot.field.pattern, fullmatch=True)
    return _shapes(slot.shape)


def _shapes(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case Scalar(type=kind):
            return SCALARS[kind]
        case Choice(values=values):
            return st.sampled_from(values)
        case IntOrString():
            return st.one_of(TEXTS, NUMBERS)
        case StringOrList():
            return st.lists(TEXTS, max_size=2).map(tuple)
        case Model(cls=cls):
            return models(cls)
        case List(item=item):
            return st.lists(_shapes(item), max_size=2).map(tuple)
        case Map(item=item):
            return st.dictionaries(TEXTS, _shapes(item), max_size=2)
        case Passthrough(json=json):
            return st.fixed_dictionaries(dict.fromkeys(json.required, TEXTS), optional={"other": NUMBERS})


def parts(cls: type) -> frozenset[type]:
    """`cls` and every field table below it."""
    found = {cls}
    for slot in slots(cls):
        shape = slot.shape
        while isinstance(shape, List | Map):
            shape = shape.item
        if isinstance(shape, Model):
            found |= parts(shape.cls)
    assert all(attrs.has(part) for part in found)
    return frozenset(found)


def documents(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """JSON that an API server accepts under a structural schema.

    What the schema leaves open is left out, or a text if it is required: there, decoding is the only check.
    """
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.one_of(st.sampled_from(["1", "5m"]), NUMBERS)
    match schema.get("type"):
        case "object" if "additionalProperties" in schema:
            return st.dictionaries(TEXTS, documents(schema["additionalProperties"]), max_size=2)
        case "object":
            return _objects(schema)
        case "array":
            return st.lists(documents(schema["items"]), min_size=schema.get("minItems", 0), max_size=2)
        case "integer":
            return st.integers(min_value=schema.get("minimum", -3), max_value=schema.get("maximum", 70000))
        case "boolean":
            return st.booleans()
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"])
    return TEXTS.filter(lambda text: len(text) >= schema.get("minLength", 0))


@st.composite
def _objects(draw: st.DrawFn, schema: Mapping[str, Any]) -> dict[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    optional = sorted(key for key, part in properties.items() if key not in required and not part.get(OPEN))
    chosen = draw(st.sets(st.sampled_from(optional), max_size=4)) if optional else set()
    return {key: draw(documents(properties.get(key, {}) | STRICTER.get(key, {}))) for key in sorted(required | chosen)}

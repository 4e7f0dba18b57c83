"""Where in a model its parts of some types are: what is looked up, checked or forbidden."""

from collections.abc import Mapping
from typing import Any, TypeVar

from vmagent_operator.model.fields import List, Map, Model, Shape, Slot, cached, slots

T = TypeVar("T")
Found = list[tuple[str, Any]]
"""Paths of JSON fields, and the models there."""


def find(value: object, cls: type[T]) -> tuple[T, ...]:
    """Every `cls` inside `value`, itself included, in declaration order."""
    return tuple(model for _, model in walk(value, "", frozenset((cls,))))


def walk(value: object, path: str, wanted: frozenset[type]) -> Found:
    """Every model of a wanted type inside `value`, itself included, in declaration order; `path` is that of `value`.

    `value` is a model, a tuple of such, or None.
    """
    found: Found = []
    _walk(value, path, wanted, found)
    return found


def _walk(value: object, path: str, wanted: frozenset[type], found: Found) -> None:
    if value is None:
        return
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", wanted, found)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _walk(item, f"{path}.{key}", wanted, found)
    else:
        if type(value) in wanted:
            found.append((path, value))
        for slot in _leading(type(value), wanted):
            _walk(getattr(value, slot.name), path if slot.inline else f"{path}.{slot.key}", wanted, found)


@cached
def _leading(cls: type, wanted: frozenset[type]) -> tuple[Slot, ...]:
    """The slots of `cls` through which a wanted type can be reached; keeps the walk off most of a large table."""
    return tuple(slot for slot in slots(cls) if _leads(slot.shape, wanted))


def _leads(shape: Shape, wanted: frozenset[type]) -> bool:
    match shape:
        case Model(cls=cls):
            return cls in wanted or any(_leads(slot.shape, wanted) for slot in slots(cls))
        case List(item=item) | Map(item=item):
            return _leads(item, wanted)
    return False

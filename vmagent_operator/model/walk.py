"""Where in a model its parts of some types are: what is looked up, checked or forbidden."""

from collections.abc import Collection
from typing import Any

from vmagent_operator.model.fields import List, Model, Shape, Slot, cached, slots

Found = list[tuple[str, Any]]
"""Paths of JSON fields, and the models there."""


def walk(value: Any, path: str, wanted: frozenset[type]) -> Found:
    """Every model of a wanted type inside `value`, itself included, in declaration order; `path` is that of `value`."""
    found: Found = []
    _walk(value, path, wanted, found)
    return found


def _walk(value: Any, path: str, wanted: frozenset[type], found: Found) -> None:
    if type(value) in wanted:
        found.append((path, value))
    for slot in _leading(type(value), wanted):
        inner = getattr(value, slot.name)
        if inner is None or inner == ():
            continue
        at = path if slot.inline else f"{path}.{slot.key}"
        if isinstance(inner, tuple):
            for index, item in enumerate(inner):
                _walk(item, f"{at}[{index}]", wanted, found)
        else:
            _walk(inner, at, wanted, found)


@cached
def _leading(cls: type, wanted: frozenset[type]) -> tuple[Slot, ...]:
    """The slots of `cls` through which a wanted type can be reached."""
    return tuple(slot for slot in slots(cls) if _leads(slot.shape, wanted))


def _leads(shape: Shape, wanted: Collection[type]) -> bool:
    match shape:
        case Model(cls=cls):
            return cls in wanted or any(_leads(slot.shape, wanted) for slot in slots(cls))
        case List(item=item):
            return _leads(item, wanted)
    return False

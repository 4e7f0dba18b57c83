"""What somebody may have meant by a field that a model does not have, or by a word that is none of those that are allowed."""

import difflib
from collections.abc import Iterable, Sequence

from vmagent_operator.model.fields import List, Map, Model, Shape, cached, keys, slots

FEW = 4
"""So many fields can be named where none is like the one that is asked for."""


def suggestion(cls: type, path: str) -> str:
    """What to do about the key at the end of `path`, which `cls` at the path's beginning does not read; "" if nothing comes to mind."""
    *parents, strange = path.split(".")[1:]
    found: Shape | None = Model(cls)
    for name in parents:
        found = _at(found, name.partition("[")[0])
    if not isinstance(found, Model):
        return ""
    known = sorted(keys(found.cls))
    if near := _nearest(strange, known):
        return f"did you mean {near}?"
    return f"its fields are {', '.join(known)}" if len(known) <= FEW else ""


def nearest(strange: str, known: Iterable[str]) -> str:
    """The word most like `strange`, whatever the case of either; "" if none is."""
    by_name = {name.lower(): name for name in reversed(list(known))}  # the first of two that differ in case
    near = difflib.get_close_matches(strange.lower(), by_name, 1, 0.7)
    return by_name[near[0]] if near else ""


def meant(strange: object, known: Iterable[str]) -> str:
    """The end of a message about a word that is not among `known`: ` (did you mean keep?)`, or "" if none is like it."""
    near = nearest(strange, known) if isinstance(strange, str) else ""
    return f" (did you mean {near}?)" if near else ""


def _nearest(strange: str, known: Sequence[str]) -> str:
    """The field most like it, or one whose name is a part of it, as `path` is of `metricsPath`."""
    parts = sorted((name for name in known if len(name) > 3 and name.lower() in strange.lower()), key=len, reverse=True)
    return nearest(strange, known) or next(iter(parts), "")


def _at(shape: Shape | None, name: str) -> Shape | None:
    """What is at the key of that name; lists count as their items."""
    match shape:
        case Model(cls=cls):
            return _items(_fields(cls).get(name))
        case Map(item=item):
            return _items(item)
    return None


def _items(shape: Shape | None) -> Shape | None:
    while isinstance(shape, List):
        shape = shape.item
    return shape


@cached
def _fields(cls: type) -> dict[str, Shape]:
    """What is at each key of `cls`, its inline parts included."""
    own: dict[str, Shape] = {}
    for slot in slots(cls):
        own |= _fields(slot.inline) if slot.inline else dict.fromkeys((slot.key, *slot.field.aliases), slot.shape)
    return own

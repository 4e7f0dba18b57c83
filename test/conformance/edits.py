"""Edits of what an operator keeps, of every kind: each field that it holds changed, removed, or given under another key."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator.identity import OPERATOR

Json = dict[str, Any]
RIVALS: Mapping[str, Json] = {
    "httpGet": {"tcpSocket": {"port": 1}},
    "exec": {"tcpSocket": {"port": 1}},
    "tcpSocket": {"httpGet": {"port": 1}},
    "sleep": {"exec": {"command": ["true"]}},
    "secret": {"emptyDir": {}},
    "configMap": {"emptyDir": {}},
    "projected": {"emptyDir": {}},
    "emptyDir": {"secret": {"secretName": "other"}},
    "value": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    "valueFrom": {"value": "x"},
    "minAvailable": {"maxUnavailable": 1},
    "maxUnavailable": {"minAvailable": 1},
}
"""Choices of one-ofs, and what somebody may choose instead."""


@frozen
class Edit:
    """What somebody makes of an object; `what` says it to people."""

    what: str
    after: Json


def edits(live: Json) -> Iterator[Edit]:
    """Every edit of the fields of `live` that the operator holds; some of them no server would take."""
    entries = live["metadata"].get("managedFields") or ()
    ours = next(
        entry["fieldsV1"] for entry in entries if entry["manager"] == OPERATOR and entry["operation"] == "Apply"
    )
    yield from _of(live, live, ours, "")


def _of(root: Json, part: Any, owned: Json, path: str) -> Iterator[Edit]:
    """`part` is a part of `root`, which is edited through it for a moment."""
    for field, below in owned.items():
        if field == "." or field == "f:ownerReferences":
            continue
        key: Any = field[2:] if field.startswith("f:") else _index(part, json.loads(field[2:]))
        if key is None or (isinstance(part, dict) and key not in part):
            continue
        value, at = part[key], f"{path}.{field[2:]}"
        for what, changed in _changes(field, value, bool(below)) if key != "metadata" else ():
            yield Edit(f"{what} {at}", _with(root, part, key, changed))
        if key in RIVALS:
            rival = {name: other for name, other in part.items() if name != key} | RIVALS[key]
            yield Edit(f"another choice than {at}", _swapped(root, part, rival))
        if below:
            yield from _of(root, value, below, at)


GONE: Any = object()


def _changes(field: str, value: Any, has_parts: bool) -> Iterator[tuple[str, Any]]:
    yield "without", GONE
    if field.startswith("k:"):
        for key in json.loads(field[2:]):
            if isinstance(value[key], int):
                yield f"another {key} of", {**value, key: value[key] + 1}
            elif key != "protocol":
                yield f"another {key} of", {**value, key: f"{value[key]}x"}
        return
    if isinstance(value, bool):
        yield "not", not value
    elif isinstance(value, int):
        yield "another", value + 1
    elif isinstance(value, str):
        for other in (f"{value}x", "1", *_WORDS.get(value, ())):
            yield f"{other} for", other
    elif isinstance(value, list):
        yield "none in", []
        yield "first of", value[:1]
        yield "double", [*value, *copy.deepcopy(value)]
    elif not has_parts:
        yield "more in", {**value, "x": "y"}


_WORDS = {
    "ClusterIP": ("NodePort", "LoadBalancer"),
    "RollingUpdate": ("Recreate", "OnDelete"),
    "OnDelete": ("RollingUpdate",),
    "None": ("ClientIP",),
    "Cluster": ("Local",),
    "TCP": ("UDP",),
    "ClusterFirst": ("Default",),
    "IfNotPresent": ("Always",),
}


def _index(items: Any, key: Json) -> int | None:
    return next(
        (number for number, item in enumerate(items) if all(item.get(name) == part for name, part in key.items())), None
    )


def _with(root: Json, part: Any, key: Any, value: Any) -> Json:
    """A copy of `root` with `value` at `key` of its `part`."""
    before = copy.copy(part)
    if value is GONE:
        del part[key]
    else:
        part[key] = value
    after = copy.deepcopy(root)
    _restore(part, before)
    return after


def _swapped(root: Json, part: Json, other: Json) -> Json:
    before = copy.copy(part)
    _restore(part, other)
    after = copy.deepcopy(root)
    _restore(part, before)
    return after


def _restore(part: Any, before: Any) -> None:
    part.clear()
    if isinstance(part, dict):
        part.update(before)
    else:
        part.extend(before)

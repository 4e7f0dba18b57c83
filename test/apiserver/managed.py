"""managedFields: who set what. `update` follows any ordinary write, `apply` is server-side apply.

Rules: sigs.k8s.io/structured-merge-diff (merge/update.go) and k8s.io/apimachinery/pkg/util/managedfields.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from test.apiserver import fieldset
from test.apiserver.failure import Failure, Json
from test.apiserver.fieldset import Path, Paths
from test.apiserver.schema import Node

STRIPPED = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [("f:metadata", f"f:{key}") for key in ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation",
                                               "managedFields", "resourceVersion")]
)  # fmt: skip
MOST_UPDATERS = 10
NOTHING: Mapping[str, Any] = {"string": "", "integer": 0, "boolean": False, "number": 0, "array": []}


@frozen(order=True)
class Writer:
    """Who writes, and how: what makes two managedFields entries the same one."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""


@frozen
class Owned:
    """The fields of one writer and the time of its last change of them."""

    paths: Paths
    time: str


Managers = dict[Writer, Owned]


def read(entries: Any) -> Managers | None:
    """managedFields as given in an object; None if absent or unreadable (the live ones count then)."""
    if not isinstance(entries, list) or not entries:
        return None
    found: Managers = {}
    for entry in entries:
        if not isinstance(entry, Mapping):
            return None
        if not entry:
            continue  # [{}] resets
        if entry.get("operation") not in ("Apply", "Update") or entry.get("fieldsType") != "FieldsV1":
            return None
        writer = Writer(
            entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
        )
        found[writer] = Owned(frozenset(fieldset.decode(entry.get("fieldsV1", {}))), entry.get("time", ""))
    return found


def write(managers: Managers) -> list[Json]:
    """The managedFields document."""
    entries = []
    order = sorted(managers.items(), key=lambda item: (item[0].operation, item[1].time, item[0].manager))
    for writer, owned in order:
        entry: Json = {"manager": writer.manager, "operation": writer.operation, "apiVersion": writer.api_version}
        entry |= {"time": owned.time, "fieldsType": "FieldsV1", "fieldsV1": fieldset.encode(owned.paths)}
        if writer.subresource:
            entry["subresource"] = writer.subresource
        entries.append(entry)
    return entries


def _kept(paths: Iterable[Path], reset: tuple[str, ...]) -> Paths:
    """`paths` that can be owned: not identity, not what this endpoint resets."""
    return frozenset(path for path in paths if path not in STRIPPED and path[:1] and path[0] not in reset)


def _unseat(managers: Managers, writer: Writer, change: fieldset.Difference) -> tuple[Managers, dict[Writer, Paths]]:
    """Managers after others lost what `writer` changed, and what they lost by its setting of values."""
    taken, left = {}, {}
    for other, owned in managers.items():
        if other != writer:
            lost = owned.paths & (change.modified | change.added)
            if lost:
                taken[other] = lost
            owned = evolve(owned, paths=owned.paths - lost - change.removed)
        if owned.paths:
            left[other] = owned
    return left, taken


def update(
    node: Node, live: Json | None, new: Json, managers: Managers, writer: Writer, now: str, reset: tuple[str, ...]
) -> Managers:
    """Managers after an ordinary write from `live` to `new`."""
    change = fieldset.compare(node, live if live is not None else zero(node), new)
    managers, _ = _unseat(managers, writer, change)
    before = managers.get(writer, Owned(frozenset(), now))
    paths = _kept((before.paths - change.removed) | change.modified | change.added, reset)
    if not paths:
        return {other: owned for other, owned in managers.items() if other != writer}
    return _capped(managers | {writer: before if paths == before.paths else Owned(paths, now)})


def zero(node: Node) -> Json:
    """The empty object that a create is compared with: what Go writes before anyone has set a field."""
    out: Json = {}
    for key in node.show:
        child = node.fields[key]
        is_struct = child.shape == "object" and child.values is None
        out[key] = zero(child) if is_struct else NOTHING.get(child.shape)
    return out


def _capped(managers: Managers) -> Managers:
    """Oldest updaters merged into one, as managedFields must not grow without end."""
    updaters = sorted(
        (owned.time, writer.manager, writer) for writer, owned in managers.items() if writer.operation == "Update"
    )
    if len(updaters) <= MOST_UPDATERS:
        return managers
    old = [writer for _, _, writer in updaters[: len(updaters) - MOST_UPDATERS + 1]]
    paths = frozenset().union(*(managers[writer].paths for writer in old))
    merged = Writer("ancient-changes", "Update", old[-1].api_version)
    rest = {writer: owned for writer, owned in managers.items() if writer not in old}
    return rest | {merged: Owned(paths, managers[old[-1]].time)}


def apply(
    node: Node,
    live: Json,
    config: Json,
    managers: Managers,
    writer: Writer,
    now: str,
    reset: tuple[str, ...],
    force: bool,
    allowed: Paths = frozenset(),
) -> tuple[Json, Managers]:
    """The merged object and its managers; what others lose of `allowed` is no conflict.

    Raises Failure for conflicts, ValueError for keyed lists with double or missing keys.
    """
    merged = fieldset.merge(node, live, config)
    last = managers.get(writer, Owned(frozenset(), now))
    paths = _kept(fieldset.of(node, config), reset)
    managers = managers | {writer: last if paths == last.paths else Owned(paths, now)}
    owned = fieldset.with_prefixes(path for one in managers.values() for path in one.paths)
    merged = fieldset.remove(node, merged, last.paths - owned)
    managers, taken = _unseat(managers, writer, fieldset.compare(node, live, merged))
    clashes = {other: lost - allowed for other, lost in taken.items() if lost - allowed}
    if clashes and not force:
        raise conflicts(clashes)
    if not paths:
        managers.pop(writer, None)
    return merged, managers


def conflicts(taken: Mapping[Writer, Paths]) -> Failure:
    """409 of an apply that would change what others set."""
    causes = []
    for writer, paths in sorted(taken.items(), key=lambda item: item[0].manager):
        using = f' with subresource "{writer.subresource}"' if writer.subresource else ""
        using += f" using {writer.api_version}" if writer.operation == "Update" else ""
        for path in sorted(paths):
            message = f'conflict with "{writer.manager}"{using}'
            causes.append({"reason": "FieldManagerConflict", "message": message, "field": fieldset.dotted(path)})
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    if len(causes) == 1:
        text = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        by_writer: dict[str, list[str]] = {}
        for cause in causes:
            by_writer.setdefault(cause["message"].replace("conflict with", "conflicts with", 1), []).append(
                cause["field"]
            )
        text = "\n".join(
            f"{message}:\n" + "\n".join(f"- {field}" for field in fields) for message, fields in by_writer.items()
        )
    return Failure(409, "Conflict", f"Apply failed with {count}: {text}", {"causes": causes})


def last_applied(node: Node, live: Json) -> Paths:
    """Fields that client-side apply has set, by its annotation, and that still have the value: server-side apply by kubectl takes
    them over."""
    text = (live.get("metadata", {}).get("annotations") or {}).get("kubectl.kubernetes.io/last-applied-configuration")
    try:
        config = json.loads(text) if text else {}
        return (
            frozenset(fieldset.of(node, config))
            - fieldset.compare(node, live, fieldset.merge(node, live, config)).modified
        )
    except ValueError:
        return frozenset()

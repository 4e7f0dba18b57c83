"""Desired and live object -> the next write, if any. Pure.

The comparison is three-way: what we want decides, what our managed fields hold and we no longer want goes, and everything
else (server defaults, other writers) stays. What we set earlier is the entry of our field manager in `managedFields`; no
record of our own exists that a crash could lose. Differences carry field paths and never a value.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from attrs import evolve, frozen

from vmagent_operator import quantity
from vmagent_operator.kube.errors import Invalid
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.resource import Json, Manifest
from vmagent_operator.kube.write import keyed
from vmagent_operator.kube.write.managedfields import NO_MIGRATION, Fields, Migration, is_yielded, managed, migrate

# What the API server writes into items that it otherwise replaces whole; anything else there was ours once.
ATOMIC_DEFAULTS: Mapping[str, Json] = {
    "protocol": "TCP",
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "volumeMode": "Filesystem",
    "status": {"phase": "Pending"},
    "expirationSeconds": 3600,
    "divisor": "0",
}

_CLASS = "volumeAttributesClassName"

_QUANTITY_PATH = re.compile(
    r"\b(?:limits|requests|capacity|minAllowed|maxAllowed)(?:\.\w+|\[[^]]+])$|\.(?:sizeLimit|divisor|averageValue)$"
)

# Fields that the API server always refuses to change in place: the object is deleted and made again.
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StatefulSet": ("spec.serviceName", "spec.podManagementPolicy", "spec.selector", "spec.volumeClaimTemplates"),
}


@frozen
class Difference:
    """One field that is not as desired; `value` is False if only our ownership of it is missing.

    is_rival: it is somebody else's, and does not go together with what is ours.
    """

    path: str
    value: bool = True
    is_rival: bool = False


@frozen(kw_only=True)
class Step:
    """One write. `paths` name what differs; `operations` is the JSON patch of a migration.

    To restore is to apply what others' parts at `rivals` are in the way of.
    """

    action: Literal["create", "apply", "take over", "recreate", "restore"]
    manifest: Manifest
    paths: tuple[str, ...] = ()
    operations: tuple[Manifest, ...] = ()
    rivals: frozenset[str] = frozenset()


def step(
    desired: Manifest, live: Manifest | None, manager: FieldManager, migration: Migration = NO_MIGRATION
) -> Step | None:
    """The next write that `live` needs to become `desired`, None if it is as desired and `manager`'s.

    A migration of managed fields comes first and alone: the object is to be read and compared again after it. An earlier operator's
    finalizer goes last, for it may be all that shows whose the object is.
    """
    # Who applies an empty map owns the map itself, and with it, as it seems then, what others put in.
    desired = {**desired, "metadata": {key: value for key, value in desired["metadata"].items() if value != {}}}
    if live is None:
        return Step(action="create", manifest=desired)
    yielded = frozenset(path for path in migration.yielded if is_yielded(path, desired, live, manager))
    migration = evolve(migration, yielded=yielded)
    for path in yielded:
        desired = _omitting(desired, path.split("."))
    desired = inherit(_without(desired, migration.released & (live.get("data") or {}).keys()), live, manager)
    operations = tuple(migrate(desired, live, manager, migration))
    migrating = Step(action="take over", manifest=desired, operations=operations, paths=("metadata.managedFields",))
    if any(patch["path"] == "/metadata/managedFields" for patch in operations):
        return migrating
    remaining = differences(desired, live, manager)
    if not remaining:
        return migrating if operations else None
    paths = tuple(sorted({difference.path for difference in remaining}))
    if any(_is_immutable(desired, live, difference) for difference in remaining):
        return Step(action="recreate", manifest=desired, paths=paths)
    rivals = frozenset(keyed.around(keyed.place(each.path)) for each in remaining if each.is_rival)
    return Step(action="restore" if rivals else "apply", manifest=desired, paths=paths, rivals=rivals)


def is_only_for_new(desired: Manifest, refusal: Invalid) -> bool:
    """Whether the API server takes `desired` for a new object only, as it refuses to change one that is there.

    Deleting it for another reason would end it for nothing: the new one would be refused as well.
    """
    if desired["kind"] == "StatefulSet":  # what older API servers do not let change
        return ("FieldValueForbidden", "spec") in refusal.causes
    return desired["kind"] == "Service" and "may not change once set" in str(refusal)


def _without(desired: Manifest, keys: Collection[str]) -> Manifest:
    """`desired` without `keys` of its data; those that are there already are not ours to set."""
    data = desired.get("data")
    if not keys or not data:
        return desired
    rest = {key: value for key, value in data.items() if key not in keys}
    return {**{key: value for key, value in desired.items() if key != "data"}, **({"data": rest} if rest else {})}


def _omitting(desired: Manifest, path: list[str]) -> Manifest:
    """`desired` without the field at `path`."""
    key, *rest = path
    if key not in desired:
        return desired
    if rest:
        return {**desired, key: _omitting(desired[key], rest)}
    return {other: value for other, value in desired.items() if other != key}


def differences(desired: Manifest, live: Manifest, manager: FieldManager) -> tuple[Difference, ...]:
    """Where `live` is not as desired: other value, to be removed, or not under `manager`."""
    fields = managed(live, manager)
    has_keyed = desired.get("kind") in keyed.KINDS
    metadata = {
        key: desired["metadata"][key]
        for key in ("labels", "annotations", "ownerReferences")
        if desired["metadata"].get(key)
    }
    bodies = {key: value for key, value in desired.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    walk = _Walk(has_keyed=has_keyed)
    ours = {key: value for key, value in fields.items() if key not in ("f:metadata", "f:status")}
    return (
        *walk.fields(metadata, live["metadata"], fields.get("f:metadata"), "metadata"),
        *walk.fields(bodies, live, ours or None, ""),
    )


@frozen
class _Walk:
    """The comparison itself. `owned` is None where we own nothing, and has no children where we own the whole."""

    has_keyed: bool
    exact: bool = False  # inside something that is replaced whole

    def value(self, desired: Json, live: Json, owned: Fields | None, path: str) -> Iterator[Difference]:
        if isinstance(desired, dict):
            yield from self.mapping(desired, live, owned, path)
        elif isinstance(desired, list):
            yield from self.sequence(desired, live, owned, path)
        elif not _same(desired, live, path) and not (live is None and not desired and owned is not None):
            yield Difference(path)
        elif owned is None and desired != "":
            yield Difference(path, value=False)

    def mapping(self, desired: Manifest, live: Json, owned: Fields | None, path: str) -> Iterator[Difference]:
        if not isinstance(live, dict):
            if desired or owned is None:
                yield Difference(path)
            return
        if not desired and owned is None:
            yield Difference(path, value=False)
        yield from self.fields(desired, live, owned, path)

    def fields(self, desired: Manifest, live: Manifest, owned: Fields | None, path: str) -> Iterator[Difference]:
        whole = owned == {}  # only what is owned in part has a "." of its own
        walk = evolve(self, exact=True) if whole else self
        for key, value in desired.items():
            if value is not None:
                below = owned if whole else (owned or {}).get(f"f:{key}")
                yield from walk.value(value, live.get(key), below, _join(path, key))
        if walk.exact and desired:
            extra = (key for key, value in live.items() if desired.get(key) is None and not _is_default(key, value))
        else:
            kept = {f"f:{key}" for key, value in desired.items() if value is not None}
            extra = (field[2:] for field in owned or {} if field not in kept and not _is_empty(live.get(field[2:])))
        yield from (Difference(_join(path, key)) for key in extra)
        if self.has_keyed and not walk.exact:
            others = sorted(key for key in keyed.rivals(desired, live, path) if f"f:{key}" not in (owned or {}))
            yield from (Difference(_join(path, key), is_rival=True) for key in others)

    def sequence(self, desired: list[Json], live: Json, owned: Fields | None, path: str) -> Iterator[Difference]:
        if not desired:
            if live and owned is not None:
                yield Difference(path)
        elif not isinstance(live, list):
            yield Difference(path)
        elif keys := self._merge_keys(desired, path):
            yield from self._items(desired, live, owned, path, keys)
        elif len(live) != len(desired):
            yield Difference(path)
        else:
            if owned is None:
                yield Difference(path, value=False)
            for index, (item, live_item) in enumerate(zip(desired, live, strict=True)):
                yield from self.value(item, live_item, {}, f"{path}[{index}]")

    def _items(
        self, desired: list[Json], live: list[Json], owned: Fields | None, path: str, keys: tuple[str, ...]
    ) -> Iterator[Difference]:
        present = {keyed.identity(item, keys): item for item in live if isinstance(item, dict)}
        if len(present) < len(live):
            yield Difference(path)  # two of one key, as an ordinary write may leave them
        whole = owned == {}
        ours = {
            keyed.identity(json.loads(field[2:]), keys): tree
            for field, tree in (owned or {}).items()
            if field.startswith("k:")
        }
        named = {keyed.identity(item, keys): item for item in desired}
        for identity, item in named.items():
            at = f"{path}[{identity[0]}]"
            if identity in present:
                yield from self.value(item, present[identity], owned if whole else ours.get(identity), at)
            else:
                yield Difference(at)
        gone = (identity for identity in (present if whole else ours) if identity not in named and identity in present)
        yield from (Difference(f"{path}[{identity[0]}]") for identity in gone)
        if not whole:
            missing = [item for identity, item in named.items() if identity not in present]
            others = {identity: item for identity, item in present.items() if identity not in (*named, *ours)}
            for identity, item in others.items():
                if any(_is_same(each, item, keys) for each in missing) or _has_name_of(item, desired, path):
                    yield Difference(f"{path}[{identity[0]}]", is_rival=True)
        if [each for each in named if each in present] != [each for each in present if each in named]:
            yield Difference(path)

    def _merge_keys(self, desired: list[Json], path: str) -> tuple[str, ...] | None:
        name = path.rpartition(".")[2]
        if self.exact or not (self.has_keyed or name == "ownerReferences"):
            return None
        return keyed.keys_of(desired, path)


def inherit(desired: Manifest, live: Manifest, manager: FieldManager) -> Manifest:
    """`desired` with what only the API server can know: the node port of a Service port that moved under its name, and what a
    claim was bound by.
    """
    if desired.get("kind") == "PersistentVolumeClaim" and "spec" in desired:
        return {**desired, "spec": _bound(desired["spec"], live.get("spec") or {}, manager, live)}
    if desired.get("kind") != "Service" or desired["spec"].get("type") not in ("NodePort", "LoadBalancer"):
        return desired
    ports = live.get("spec", {}).get("ports") or []
    named = {port.get("name"): port for port in ports if port.get("nodePort")}
    ours = (managed(live, manager).get("f:spec") or {}).get("f:ports") or {}
    assigned = {json.loads(field[2:]).get("port") for field, tree in ours.items() if "f:nodePort" in tree}

    def with_node_port(port: Manifest) -> Manifest:
        before = named.get(port.get("name"))
        moved = before is not None and (before["port"] != port["port"] or before["port"] in assigned)
        return {"nodePort": before["nodePort"], **port} if before and moved else port

    return {
        **desired,
        "spec": {**desired["spec"], "ports": [with_node_port(port) for port in desired["spec"].get("ports", [])]},
    }


def _bound(desired: Manifest, live: Manifest, manager: FieldManager, claim: Manifest) -> Manifest:
    """The spec of a claim that is there: nothing of it can change but that it grows."""
    ours = {field[2:] for field in managed(claim, manager).get("f:spec") or {}}
    spec = {key: live[key] for key in sorted(desired.keys() | ours) if key in live}
    if _CLASS in desired:
        spec[_CLASS] = desired[_CLASS]
    present, wanted = (((each.get("resources") or {}).get("requests") or {}).get("storage") for each in (live, desired))
    size, least = quantity.parse(wanted), quantity.parse(present)
    if size is not None and (least is None or size > least):
        resources = live.get("resources") or {}
        spec["resources"] = {**resources, "requests": {**(resources.get("requests") or {}), "storage": wanted}}
    return spec


def _is_immutable(desired: Manifest, live: Manifest, difference: Difference) -> bool:
    path = difference.path
    if desired["kind"] == "Service":  # what is headless stays so: the API server does not refuse, and gives no address
        return path == "spec.clusterIP" and "clusterIP" not in desired["spec"] and live["spec"]["clusterIP"] == "None"
    return difference.value and any(
        path == at or path.startswith((f"{at}.", f"{at}[")) for at in IMMUTABLE.get(desired["kind"], ())
    )


def _is_same(ours: Manifest, other: Manifest, keys: tuple[str, ...]) -> bool:
    """Whether `other` is what has become of `ours`, of which somebody has changed the key."""
    rest = {key: value for key, value in ours.items() if key not in keys}
    return bool(rest) and all(_covers(other.get(key), value) for key, value in rest.items())


def _covers(other: Json, ours: Json) -> bool:
    if isinstance(ours, dict) and isinstance(other, dict):
        return all(_covers(other.get(key), value) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(other, list):
        return len(ours) == len(other) and all(map(_covers, other, ours))
    return bool(other == ours)


def _has_name_of(other: Manifest, ours: list[Json], path: str) -> bool:
    """Whether one of `ours` has the name of `other`, where two may not have the same."""
    return path.endswith(".ports") and other.get("name") in {item["name"] for item in ours if "name" in item}


def _is_empty(value: Json) -> bool:
    return value is None or value in ("", [], {})


def _is_default(key: str, value: Json) -> bool:
    return _is_empty(value) or (key in ATOMIC_DEFAULTS and ATOMIC_DEFAULTS[key] == value)


def _same(desired: Json, live: Json, path: str) -> bool:
    if desired == live or (desired == "" and live is None):
        return True
    return _is_quantity(path) and quantity.are_equal(desired, live)


def _is_quantity(path: str) -> bool:
    return _QUANTITY_PATH.search(path) is not None


def _join(path: str, key: str) -> str:
    if not key.isidentifier():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key

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
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.resource import Json, Manifest
from vmagent_operator.kube.write.managedfields import NO_MIGRATION, Fields, Migration, managed, migrate

# Lists that the API server merges item by item, and the fields that tell items apart. All others are replaced whole.
MERGE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ownerReferences": (("uid",),),
    "containers": (("name",),),
    "initContainers": (("name",),),
    "volumes": (("name",),),
    "env": (("name",),),
    "imagePullSecrets": (("name",),),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "resourceClaims": (("name",),),
    "claims": (("name",),),
    "schedulingGates": (("name",),),
}
KEYED_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Service"})
KEY_DEFAULTS = {"protocol": "TCP"}

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

# Fields that the API server refuses to change in place: the object is deleted and made again.
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Service": ("spec.type", "spec.clusterIP", "spec.loadBalancerClass"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StatefulSet": ("spec.serviceName", "spec.podManagementPolicy", "spec.selector", "spec.volumeClaimTemplates"),
}


@frozen
class Difference:
    """One field that is not as desired; `value` is False if only our ownership of it is missing."""

    path: str
    value: bool = True


@frozen(kw_only=True)
class Step:
    """One write. `paths` name what differs; `operations` is the JSON patch of a migration."""

    action: Literal["create", "apply", "take over", "recreate"]
    manifest: Manifest
    paths: tuple[str, ...] = ()
    operations: tuple[Manifest, ...] = ()


def step(
    desired: Manifest, live: Manifest | None, manager: FieldManager, migration: Migration = NO_MIGRATION
) -> Step | None:
    """The next write that `live` needs to become `desired`, None if it is as desired and `manager`'s.

    A migration of managed fields comes first and alone: the object is to be read and compared again after it. An earlier operator's
    finalizer goes last, for it may be all that shows whose the object is.
    """
    if live is None:
        return Step(action="create", manifest=desired)
    desired = inherit(_without(desired, migration.released & (live.get("data") or {}).keys()), live, manager)
    if desired["metadata"]["name"] in migration.autoscaled and "replicas" in desired.get("spec", {}):
        desired = _scaled(desired, live, manager)
    operations = tuple(migrate(desired, live, manager, migration))
    migrating = Step(action="take over", manifest=desired, operations=operations, paths=("metadata.managedFields",))
    if any(patch["path"] == "/metadata/managedFields" for patch in operations):
        return migrating
    remaining = differences(desired, live, manager)
    if not remaining:
        return migrating if operations else None
    paths = tuple(sorted({difference.path for difference in remaining}))
    fixed = any(_is_immutable(desired, live, difference) for difference in remaining)
    return Step(action="recreate" if fixed else "apply", manifest=desired, paths=paths)


def _without(desired: Manifest, keys: Collection[str]) -> Manifest:
    """`desired` without `keys` of its data; those that are there already are not ours to set."""
    data = desired.get("data")
    if not keys or not data:
        return desired
    rest = {key: value for key, value in data.items() if key not in keys}
    return {**{key: value for key, value in desired.items() if key != "data"}, **({"data": rest} if rest else {})}


def _scaled(desired: Manifest, live: Manifest, manager: FieldManager) -> Manifest:
    """A workload with as many replicas as it has: theirs to say who have changed the number; ours until somebody does, for
    a field that nobody holds any more goes back to its default.
    """
    spec = {key: value for key, value in desired["spec"].items() if key != "replicas"}
    if "f:replicas" in (managed(live, manager).get("f:spec") or {}):
        spec["replicas"] = live["spec"]["replicas"]
    return {**desired, "spec": spec}


def differences(desired: Manifest, live: Manifest, manager: FieldManager) -> tuple[Difference, ...]:
    """Where `live` is not as desired: other value, to be removed, or not under `manager`."""
    fields = managed(live, manager)
    keyed = desired.get("kind") in KEYED_KINDS
    metadata = {
        key: desired["metadata"][key]
        for key in ("labels", "annotations", "ownerReferences")
        if desired["metadata"].get(key)
    }
    bodies = {key: value for key, value in desired.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    walk = _Walk(keyed=keyed)
    ours = {key: value for key, value in fields.items() if key not in ("f:metadata", "f:status")}
    return (
        *walk.fields(metadata, live["metadata"], fields.get("f:metadata"), "metadata"),
        *walk.fields(bodies, live, ours or None, ""),
    )


@frozen
class _Walk:
    """The comparison itself. `owned` is None where we own nothing, and has no children where we own the whole."""

    keyed: bool
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
        whole = owned is not None and not _children(owned)
        walk = evolve(self, exact=True) if whole else self
        for key, value in desired.items():
            if value is not None:
                below = owned if whole else (owned or {}).get(f"f:{key}")
                yield from walk.value(value, live.get(key), below, _join(path, key))
        if walk.exact and desired:
            extra = (key for key, value in live.items() if desired.get(key) is None and not _is_default(key, value))
        else:
            kept = {f"f:{key}" for key, value in desired.items() if value is not None}
            extra = (
                field[2:]
                for field in _children(owned or {})
                if field not in kept and not _is_empty(live.get(field[2:]))
            )
        yield from (Difference(_join(path, key)) for key in extra)

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
        present = {_identity(item, keys): item for item in live if isinstance(item, dict)}
        whole = owned is not None and not _children(owned)
        ours = {
            _identity(json.loads(field[2:]), keys): tree
            for field, tree in (owned or {}).items()
            if field.startswith("k:")
        }
        named = {_identity(item, keys): item for item in desired}
        for identity, item in named.items():
            at = f"{path}[{identity[0]}]"
            if identity in present:
                yield from self.value(item, present[identity], owned if whole else ours.get(identity), at)
            else:
                yield Difference(at)
        gone = (identity for identity in (present if whole else ours) if identity not in named and identity in present)
        yield from (Difference(f"{path}[{identity[0]}]") for identity in gone)
        if [each for each in named if each in present] != [each for each in present if each in named]:
            yield Difference(path)

    def _merge_keys(self, desired: list[Json], path: str) -> tuple[str, ...] | None:
        name = path.rpartition(".")[2]
        if self.exact or not (self.keyed or name == "ownerReferences"):
            return None
        return next((keys for keys in MERGE_KEYS.get(name, ()) if all(keys[0] in item for item in desired)), None)


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
    ours = {field[2:] for field in _children(managed(claim, manager).get("f:spec") or {})}
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
    if not difference.value or not any(
        path == at or path.startswith((f"{at}.", f"{at}[")) for at in IMMUTABLE.get(desired["kind"], ())
    ):
        return False
    # An address that the API server chose is kept by it; only the step from or to a headless Service, or another address, counts.
    return path != "spec.clusterIP" or "clusterIP" in desired["spec"] or live["spec"].get("clusterIP") == "None"


def _children(owned: Fields) -> list[str]:
    return [field for field in owned if field != "."]


def _identity(item: Manifest, keys: tuple[str, ...]) -> tuple[Json, ...]:
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)


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

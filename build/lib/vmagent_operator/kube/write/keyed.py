"""What the API server merges, and where two entries or choices do not go together. Pure.

Lists that it merges item by item, with the fields that tell their items apart; and one-ofs, of which it may keep two choices.
"""

import re
from collections.abc import Mapping, Sequence

from vmagent_operator.kube.resource import Json, Manifest

# All other lists are replaced whole.
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
KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Service"})
"""The kinds that have any; `ownerReferences` aside, which all have."""
_DEFAULTS = {"protocol": "TCP"}

_PROBE = frozenset({"exec", "httpGet", "tcpSocket", "grpc"})
_HANDLER = frozenset({"exec", "httpGet", "tcpSocket", "sleep"})
# The choices of a one-of by the key under which it stands; of a volume, every key but its name is one. Others' choices have to
# be looked for: the API server does not look into the pods of a StatefulSet, and would start none any more.
_CHOICES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _PROBE),
    **dict.fromkeys(("postStart", "preStop"), _HANDLER),
    "env": frozenset({"value", "valueFrom"}),
    "valueFrom": frozenset({"configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"}),
}
_ITEM = re.compile(r"\[[^]]*]")


def place(path: str) -> str:
    """`path` without what tells the items of lists apart: `spec.ports[]`."""
    return _ITEM.sub("[]", path)


def around(place: str) -> str:
    """The list or object of which the field or item at `place` is a part."""
    return place.removesuffix("[]") if place.endswith("[]") else place.rpartition(".")[0]


def rivals(desired: Manifest, live: Manifest, path: str) -> frozenset[str]:
    """The choices of the one-of at `path` that `live` has made beside that of `desired`; none where it is no one-of."""
    name = place(path).rpartition(".")[2].removesuffix("[]")
    choices = (live.keys() | desired.keys()) - {"name"} if name == "volumes" else _CHOICES.get(name, frozenset())
    return frozenset(choices & live.keys() - desired.keys()) if choices & desired.keys() else frozenset()


def keys_of(items: Sequence[Json], path: str) -> tuple[str, ...] | None:
    """The keys of the list at `path`, whose items are `items`; None if it is replaced whole."""
    name = path.rpartition(".")[2]
    return next((keys for keys in MERGE_KEYS.get(name, ()) if all(keys[0] in item for item in items)), None)


def identity(item: Manifest, keys: tuple[str, ...]) -> tuple[Json, ...]:
    """What tells `item` from the others of its list."""
    return tuple(item.get(key, _DEFAULTS.get(key)) for key in keys)

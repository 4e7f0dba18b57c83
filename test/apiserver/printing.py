"""Columns of kubectl get: a table by kind, `(title, type, how to get the cell)`; custom kinds bring their own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from test.apiserver.kinds import Kind

Json = dict[str, Any]
Column = tuple[str, str, Callable[[Json], Any]]


def age(text: str | None, now: datetime) -> str:
    """A time as `5m` or `3d2h`, as kubectl shows it."""
    if not text:
        return "<unknown>"
    then = datetime.fromisoformat(text.replace("Z", "+00:00"))
    seconds = max(0, int((now.astimezone(UTC) - then).total_seconds()))
    for limit, unit, size in ((120, "s", 1), (7200, "m", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86_400}d"


def _path(*keys: str, default: Any = None) -> Callable[[Json], Any]:
    def cell(value: Json) -> Any:
        found: Any = value
        for key in keys:
            found = (found or {}).get(key)
        return default if found is None else found

    return cell


def _ready(ready: str, wanted: Callable[[Json], Any]) -> Callable[[Json], str]:
    return lambda value: f"{value.get('status', {}).get(ready, 0)}/{wanted(value)}"


def _ports(value: Json) -> str:
    return ",".join(f"{one['port']}{':' + str(one['nodePort']) if one.get('nodePort') else ''}/{one['protocol']}"
                    for one in value["spec"].get("ports") or ()) or "<none>"  # fmt: skip


def _pod_ready(value: Json) -> str:
    states = value.get("status", {}).get("containerStatuses") or ()
    return f"{sum(bool(one.get('ready')) for one in states)}/{len(value['spec']['containers'])}"


def _conditions(value: Json) -> str:
    return next(
        (one["status"] for one in value.get("status", {}).get("conditions") or () if one["type"] == "Established"), ""
    )


_replicas = _path("spec", "replicas", default=1)
NAME: Column = ("Name", "string", _path("metadata", "name"))
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Namespace": (("Status", "string", _path("status", "phase")),),
    "Node": (
        ("Status", "string", lambda value: "Ready"),
        ("Roles", "string", lambda value: "<none>"),
        ("Version", "string", _path("status", "nodeInfo", "kubeletVersion", default="")),
    ),
    "Pod": (
        ("Ready", "string", _pod_ready),
        (
            "Status",
            "string",
            lambda value: "Terminating" if value["metadata"].get("deletionTimestamp") else value["status"]["phase"],
        ),
        ("Restarts", "string", lambda value: "0"),
    ),
    "Service": (
        ("Type", "string", _path("spec", "type")),
        ("Cluster-IP", "string", _path("spec", "clusterIP", default="<none>")),
        ("External-IP", "string", lambda value: "<none>"),
        ("Port(s)", "string", _ports),
    ),
    "Secret": (("Type", "string", _path("type")), ("Data", "integer", lambda value: len(value.get("data") or ()))),
    "ConfigMap": (
        ("Data", "integer", lambda value: len(value.get("data") or ()) + len(value.get("binaryData") or ())),
    ),
    "Deployment": (
        ("Ready", "string", _ready("readyReplicas", _replicas)),
        ("Up-to-date", "integer", _path("status", "updatedReplicas", default=0)),
        ("Available", "integer", _path("status", "availableReplicas", default=0)),
    ),
    "ReplicaSet": (
        ("Desired", "integer", _replicas),
        ("Current", "integer", _path("status", "replicas", default=0)),
        ("Ready", "integer", _path("status", "readyReplicas", default=0)),
    ),
    "StatefulSet": (("Ready", "string", _ready("readyReplicas", _replicas)),),
    "DaemonSet": (
        ("Desired", "integer", _path("status", "desiredNumberScheduled", default=0)),
        ("Current", "integer", _path("status", "currentNumberScheduled", default=0)),
        ("Ready", "integer", _path("status", "numberReady", default=0)),
        ("Up-to-date", "integer", _path("status", "updatedNumberScheduled", default=0)),
        ("Available", "integer", _path("status", "numberAvailable", default=0)),
    ),
    "PersistentVolumeClaim": (
        ("Status", "string", _path("status", "phase")),
        ("Volume", "string", _path("spec", "volumeName", default="")),
        ("Capacity", "string", _path("status", "capacity", "storage", default="")),
        ("Access Modes", "string", lambda value: ",".join(value["spec"].get("accessModes") or ())),
        ("StorageClass", "string", _path("spec", "storageClassName", default="")),
    ),
    "PodDisruptionBudget": (
        ("Min Available", "string", lambda value: str(value["spec"].get("minAvailable", "N/A"))),
        ("Max Unavailable", "string", lambda value: str(value["spec"].get("maxUnavailable", "N/A"))),
        ("Allowed Disruptions", "integer", _path("status", "disruptionsAllowed", default=0)),
    ),
    "CustomResourceDefinition": (("Created At", "date", _path("metadata", "creationTimestamp")),),
    "RoleBinding": (("Role", "string", lambda value: f"{value['roleRef']['kind']}/{value['roleRef']['name']}"),),
    "ClusterRoleBinding": (("Role", "string", lambda value: f"{value['roleRef']['kind']}/{value['roleRef']['name']}"),),
    "Lease": (("Holder", "string", _path("spec", "holderIdentity", default="")),),
    "Event": (
        ("Last Seen", "string", _path("lastTimestamp", default="<unknown>")),
        ("Type", "string", _path("type")),
        ("Reason", "string", _path("reason")),
        (
            "Object",
            "string",
            lambda value: (
                f"{value['involvedObject'].get('kind', '').lower()}/{value['involvedObject'].get('name', '')}"
            ),
        ),
        ("Message", "string", _path("message", default="")),
    ),
}
WITHOUT_AGE = ("Event", "CustomResourceDefinition")


def columns(kind: Kind) -> list[Json]:
    """Column definitions of a `Table`."""
    if kind.is_custom and kind.columns:
        own = [(one["name"], one["type"], one.get("description", ""), one.get("priority", 0)) for one in kind.columns]
    else:
        own = [(title, shape, "", 0) for title, shape, _ in COLUMNS.get(kind.name, ())]
        own += [] if kind.name in WITHOUT_AGE else [("Age", "string", "", 0)]
    names = [("Name", "string", "", 0), *own]
    return [{"name": title, "type": shape, "format": "name" if title == "Name" else "", "description": text, "priority": priority}
            for title, shape, text, priority in names]  # fmt: skip


def row(kind: Kind, value: Json, now: datetime) -> list[Any]:
    """The cells of one object."""
    from test.apiserver.views import json_path

    name, created = value["metadata"]["name"], value["metadata"].get("creationTimestamp")
    if kind.is_custom and kind.columns:
        return [name, *(_custom(json_path(value, one["jsonPath"]), one["type"], now) for one in kind.columns)]
    cells = [name, *(get(value) for _, _, get in COLUMNS.get(kind.name, ()))]
    return cells if kind.name in WITHOUT_AGE else [*cells, age(created, now)]


def _custom(found: Any, shape: str, now: datetime) -> Any:
    if found is None:
        return None
    if shape == "date":
        return age(found, now)
    return found if not isinstance(found, dict | list) else json.dumps(found)

"""What differs from kind to kind when an object is written or deleted: small pure functions that `objects` asks."""

from collections.abc import Mapping
from typing import Any

from test.apiserver.kinds import Kind
from test.apiserver.store import Json, clone

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
ANSWER_WITH_OBJECT = (
    "Pod",
    "Service",
    "ServiceAccount",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Namespace",
    "ResourceQuota",
    "StorageClass",
)
"""Kinds of which a deletion answers with the object, not a status."""
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def reset(kind: Kind, subresource: str = "") -> tuple[str, ...]:
    """Top-level fields that this endpoint does not set and so nobody can own through it."""
    if subresource == "status":
        return ("f:spec", "f:metadata") if kind.is_custom else ("f:spec",)
    return ("f:status",) if kind.has_status else ()


def finalizers(present: list[str], options: Mapping[str, Any]) -> list[str]:
    """Finalizers once deletion with these options has begun."""
    policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "")
    kept = [name for name in present if not policy or name not in (FOREGROUND, ORPHAN)]
    return kept + {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(policy, [])


def waits(kind: Kind, value: Json) -> bool:
    """Whether something other than metadata.finalizers holds a deleted object."""
    if kind.name == "Namespace":
        return bool(value["spec"].get("finalizers"))
    return bool(kind.name == "Pod" and value["metadata"].get("deletionGracePeriodSeconds"))


def count_template(new: Json, live: Json | None) -> None:
    """A DaemonSet's annotation with the generation of its template."""
    before = (live or {}).get("metadata", {}).get("annotations", {}).get(TEMPLATE_GENERATION, "0")
    is_new = live is None or live["spec"]["template"] != new["spec"]["template"]
    count = int(before) + 1 if is_new else int(before)
    new["metadata"]["annotations"] = new["metadata"].get("annotations", {}) | {TEMPLATE_GENERATION: str(count)}


def with_status(kind: Kind, live: Json, new: Json) -> Json:
    """`live` as a write of its status may leave it; of built-in kinds that includes metadata, but for labels."""
    out: Json = {key: part for key, part in clone(live).items() if key != "status"}
    if "status" in new:
        out["status"] = new["status"]
    if not kind.is_custom:
        out["metadata"] = {key: part for key, part in new["metadata"].items() if key != "labels"}
        if "labels" in live["metadata"]:
            out["metadata"]["labels"] = live["metadata"]["labels"]
    return out

"""The status of an owner: of whatever asks for workloads."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.status.conditions import (
    ABNORMAL,
    MAX_MESSAGE,
    MAX_REASON,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    Status,
    condition,
    conditions,
    says,
)

State = Literal["expanding", "operational", "failed", "paused"]

NO_WORKLOADS: Mapping[str, str | None] = MappingProxyType({})
# Conditions by the owner's state: (status, reason).
_CONDITIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "operational": {
        "Degraded": ("False", "Converged"),
        "Progressing": ("False", "Converged"),
        READY: ("True", "Converged"),
    },
    "expanding": {
        "Degraded": ("False", "Converging"),
        "Progressing": ("True", "Converging"),
        READY: ("False", "Converging"),
        RECONCILING: ("True", "Converging"),
    },
    "failed": {
        "Degraded": ("True", "ReconcileFailed"),
        "Progressing": ("False", "ReconcileFailed"),
        READY: ("False", "ReconcileFailed"),
        STALLED: ("True", "ReconcileFailed"),
    },
    "paused": {},
}
_PAUSED = ("Unknown", "Paused", "paused before it was ready: nothing is changed, and nobody looks")


def owner_status(
    owner: CustomObject[object],
    state: State,
    reason: str,
    now: datetime,
    *,
    scale: Mapping[str, Any],
    warnings: Sequence[str] = (),
    is_available: bool | None = None,
    workloads: Mapping[str, str | None] = NO_WORKLOADS,
) -> Status:
    """The status of `owner` in `state`; equal to `owner.status` if nothing but time has passed.

    reason: what failed or what is waited for. scale: fields of its kind, such as the number of shards. warnings: what is
    doubtful in the spec, and yet built; told by a condition. is_available: whether every workload is ready; None leaves
    that condition as it is. workloads: what single workloads lack, "" for one that is ready and None for one
    that is not asked for, by the types of their conditions. A paused owner keeps what its status said, but that something
    was going on.
    """
    status = {key: value for key, value in owner.status.items() if key != "reason" or state == "paused"}
    if state != "paused" and reason:
        status["reason"] = reason[:MAX_REASON]
    status |= {"observedGeneration": owner.metadata.generation, "updateStatus": state, **scale}
    if owner.spec is not None and state == "operational":
        status["lastAppliedSpec"] = applied_spec(owner.spec)
    wanted = {kind: (*said, str(status.get("reason", ""))) for kind, said in _CONDITIONS[state].items()}
    if state == "operational" and warnings:
        wanted["Degraded"] = ("False", "DoubtfulSpec", "; ".join(warnings))
    if is_available is not None:
        said = ("True", "WorkloadsReady") if is_available else ("False", "WorkloadsNotReady")
        wanted["Available"] = (*said, "")
    for kind, lacks in workloads.items():
        if lacks is None:
            wanted[kind] = ("Unknown", "NotAskedFor", "")
        else:
            wanted[kind] = ("False", "NotReady", lacks) if lacks else ("True", "Ready", "")
    dropped = _no_longer_true(owner, wanted, state)
    if state == "paused" and (RECONCILING in dropped or _is_open(owner)):
        wanted[READY] = _PAUSED
    if wanted or dropped:
        status["conditions"] = _laid_over(owner, wanted, dropped, now)
    return status


def _is_open(owner: CustomObject[object]) -> bool:
    """Whether nobody has said that what a paused owner asks for, the pause aside, is what was applied last."""
    ready = next((known.get("status") for known in conditions(owner) if known["type"] == READY), None)
    if ready != "True" or owner.spec is None:
        return ready is None
    before = owner.status.get("lastAppliedSpec")
    asked = {**applied_spec(owner.spec), "paused": None}
    return not isinstance(before, dict) or asked != {**before, "paused": None}


def _no_longer_true(owner: CustomObject[object], wanted: Collection[str], state: State) -> frozenset[str]:
    """The conditions that go, being there only while they are true; nobody works on a paused owner, which may have failed."""
    goes = (RECONCILING,) if state == "paused" else ABNORMAL
    return frozenset(known["type"] for known in conditions(owner) if known["type"] in goes) - frozenset(wanted)


def applied_spec(spec: object) -> Manifest:
    """What a status remembers of the spec that was applied: all but a license key in clear text."""
    applied: Manifest = to_json(spec)
    if license := applied.get("license"):
        applied["license"] = {key: value for key, value in license.items() if key != "key"}
    return applied


def _laid_over(
    owner: CustomObject[object], wanted: Mapping[str, tuple[str, str, str]], dropped: Collection[str], now: datetime
) -> list[Condition]:
    """The owner's conditions but those of `dropped`, with those of `wanted`, type -> status, reason and message; sorted by type."""
    found = {known["type"]: known for known in conditions(owner) if known["type"] not in dropped}
    for kind, (status, reason, message) in wanted.items():
        content = says(kind, status, reason, message[:MAX_MESSAGE], owner.metadata.generation)
        found[kind] = condition(found.get(kind), content, now)
    return [found[kind] for kind in sorted(found)]

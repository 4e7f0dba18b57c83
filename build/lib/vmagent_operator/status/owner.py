"""The status of an owner: of whatever asks for workloads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.status.conditions import MAX_MESSAGE, MAX_REASON, Condition, Status, condition, conditions

State = Literal["expanding", "operational", "failed", "paused"]

NO_WORKLOADS: Mapping[str, str | None] = MappingProxyType({})
# Conditions by the owner's state: (status, reason).
_CONDITIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "operational": {"Degraded": ("False", "Converged"), "Progressing": ("False", "Converged")},
    "expanding": {"Degraded": ("False", "Converging"), "Progressing": ("True", "Converging")},
    "failed": {"Degraded": ("True", "ReconcileFailed"), "Progressing": ("False", "ReconcileFailed")},
    "paused": {},
}


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
    that is not asked for, by the types of their conditions. A paused owner keeps what its status said.
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
    if wanted:
        status["conditions"] = _laid_over(owner, wanted, now)
    return status


def applied_spec(spec: object) -> Manifest:
    """What a status remembers of the spec that was applied: all but a license key in clear text."""
    applied: Manifest = to_json(spec)
    if license := applied.get("license"):
        applied["license"] = {key: value for key, value in license.items() if key != "key"}
    return applied


def _laid_over(
    owner: CustomObject[object], wanted: Mapping[str, tuple[str, str, str]], now: datetime
) -> list[Condition]:
    """The owner's conditions with those of `wanted`, type -> status, reason and message; sorted by type."""
    found = {known["type"]: known for known in conditions(owner)}
    for kind, (status, reason, message) in wanted.items():
        content = {
            "type": kind,
            "status": status,
            "reason": reason,
            "observedGeneration": owner.metadata.generation,
            **({"message": message[:MAX_MESSAGE]} if message else {}),
        }
        found[kind] = condition(found.get(kind), content, now)
    return [found[kind] for kind in sorted(found)]

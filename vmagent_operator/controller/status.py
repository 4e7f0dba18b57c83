"""Statuses as values: of a VMAgent, and of the scrape objects that VMAgents have looked at.

Pure: `now` is passed in, and whoever writes compares with what is there. Kept apart from the writing so that `render`
and the operator show the same.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.desired import labels
from vmagent_operator.desired.vmagent.features import VMAGENT, shards
from vmagent_operator.model.encode import to_json

State = Literal["expanding", "operational", "failed", "paused"]
Status = dict[str, Any]

APPLIED = ".victoriametrics.com/Applied"
MAX_REASON = 1024
MAX_MESSAGE = 32768
_TIME = "%Y-%m-%dT%H:%M:%SZ"

# Conditions of a VMAgent by its state: (status, reason).
_CONDITIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "operational": {"Degraded": ("False", "Converged"), "Progressing": ("False", "Converged")},
    "expanding": {"Degraded": ("False", "Converging"), "Progressing": ("True", "Converging")},
    "failed": {"Degraded": ("True", "ReconcileFailed"), "Progressing": ("False", "ReconcileFailed")},
    "paused": {},
}


def agent_status(
    agent: CustomObject[VMAgentSpec],
    state: State,
    reason: str,
    now: datetime,
    *,
    warnings: Sequence[str] = (),
    is_available: bool | None = None,
) -> Status:
    """The status of `agent` in `state`; equal to `agent.status` if nothing but time has passed.

    reason: what failed or what is waited for. warnings: what is doubtful in the spec, and yet built; told by a condition.
    is_available: whether every workload is ready; None leaves that condition as it is. A paused agent keeps what its
    status said.
    """
    status = {key: value for key, value in agent.status.items() if key != "reason" or state == "paused"}
    if state != "paused" and reason:
        status["reason"] = reason[:MAX_REASON]
    status |= {
        "observedGeneration": agent.metadata.generation,
        "updateStatus": state,
        "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.instance(VMAGENT, agent.name).items())),
    }
    status.setdefault("shards", 1)
    if agent.spec is not None:
        status |= {"shards": shards(agent) or 1, "replicas": agent.spec.apps.replica_count or 0}
        if state == "operational":
            status["lastAppliedSpec"] = applied_spec(agent.spec)
    wanted = {kind: (*said, status.get("reason", "")) for kind, said in _CONDITIONS[state].items()}
    if state == "operational" and warnings:
        wanted["Degraded"] = ("False", "DoubtfulSpec", "; ".join(warnings))
    if is_available is not None:
        said = ("True", "WorkloadsReady") if is_available else ("False", "WorkloadsNotReady")
        wanted["Available"] = (*said, "")
    if wanted:
        status["conditions"] = _laid_over(agent, wanted, now)
    return status


def applied_spec(spec: VMAgentSpec) -> dict[str, Any]:
    """What a status remembers of the spec that was applied: all but a license key in clear text."""
    applied: dict[str, Any] = to_json(spec)
    if license := applied.get("license"):
        applied["license"] = {key: value for key, value in license.items() if key != "key"}
    return applied


def condition_type(owner: CustomObject[Any]) -> str:
    """The type of the condition that `owner` has on every scrape object it has looked at."""
    return f"{owner.name}.{owner.namespace}.{owner.kind.singular}{APPLIED}"


def scrape_status(
    scrape: CustomObject[Any], parent: str, message: str | None, now: datetime, ttl_seconds: float = 3600
) -> Status | None:
    """The status of a selected scrape object; None if there is nothing to write.

    parent: `condition_type` of the owner. message: why it was left out, or None if it was applied.
    ttl_seconds: how old the time of an unchanged condition may grow; each object has its own within half as much more.
    """
    found = {condition["type"]: condition for condition in _conditions(scrape)}
    content = {
        "type": parent,
        "status": "True" if message is None else "False",
        "reason": "ConfigParsedAndApplied",
        "observedGeneration": scrape.metadata.generation,
    }
    if message:
        content["message"] = message[:MAX_MESSAGE]
    keep_seconds = ttl_seconds * _spread(scrape, parent)
    found[parent] = _condition(found.get(parent), content, now, keep_seconds)
    return _aggregated(scrape, _without_stale(scrape, found, parent, now, ttl_seconds))


def released_status(scrape: CustomObject[Any], parent: str, now: datetime, ttl_seconds: float = 3600) -> Status | None:
    """The status of a scrape object that `parent` does not select any more; None if it never said otherwise."""
    found = {condition["type"]: condition for condition in _conditions(scrape)}
    if found.pop(parent, None) is None:
        return None
    return _aggregated(scrape, _without_stale(scrape, found, parent, now, ttl_seconds))


def _conditions(obj: CustomObject[Any]) -> Sequence[dict[str, Any]]:
    return obj.status.get("conditions") or ()


def _laid_over(
    agent: CustomObject[VMAgentSpec], wanted: Mapping[str, tuple[str, str, str]], now: datetime
) -> list[dict[str, Any]]:
    """The agent's conditions with those of `wanted`, type -> status, reason and message; sorted by type."""
    found = {condition["type"]: condition for condition in _conditions(agent)}
    for kind, (status, reason, message) in wanted.items():
        content = {
            "type": kind,
            "status": status,
            "reason": reason,
            "observedGeneration": agent.metadata.generation,
            **({"message": message[:MAX_MESSAGE]} if message else {}),
        }
        found[kind] = _condition(found.get(kind), content, now)
    return [found[kind] for kind in sorted(found)]


def _condition(
    old: Mapping[str, Any] | None, content: dict[str, Any], now: datetime, keep_seconds: float = float("inf")
) -> dict[str, Any]:
    """`content` with its two times: those of `old` where it says the same and is not older than `keep_seconds`."""
    stamp = now.astimezone(UTC).strftime(_TIME)
    if old is None or old.get("status") != content["status"]:
        return content | {"lastTransitionTime": stamp, "lastUpdateTime": stamp}
    changed = any(old.get(key, "") != content.get(key, "") for key in ("reason", "message", "observedGeneration"))
    updated = _time(old.get("lastUpdateTime"))
    is_fresh = updated is not None and (now - updated).total_seconds() <= keep_seconds
    return content | {
        "lastTransitionTime": old.get("lastTransitionTime", stamp),
        "lastUpdateTime": old["lastUpdateTime"] if is_fresh and not changed else stamp,
    }


def _without_stale(
    scrape: CustomObject[Any], found: Mapping[str, Mapping[str, Any]], own: str, now: datetime, ttl_seconds: float
) -> list[Mapping[str, Any]]:
    """`found`, sorted by type, without what parents that are gone have left behind.

    Age is counted from the newest time on the object, but not from one that is yet to come: a clock that runs ahead
    must not make the others look old.
    """
    updated = {kind: _time(condition.get("lastUpdateTime")) for kind, condition in found.items()}
    newest = min(now, max((time for time in updated.values() if time), default=now))

    def is_stale(kind: str) -> bool:
        time = updated[kind]
        if kind == own or time is None or not kind.endswith(APPLIED):
            return False
        limit_seconds = max(10800, 3 * ttl_seconds) + ttl_seconds * _spread(scrape, kind)
        return newest - time > timedelta(seconds=limit_seconds)

    return [found[kind] for kind in sorted(found) if not is_stale(kind)]


def _aggregated(scrape: CustomObject[Any], conditions: Sequence[Mapping[str, Any]]) -> Status | None:
    """The whole status with `conditions` (sorted by type); None if it is what `scrape` has already."""
    ours = [condition for condition in conditions if condition["type"].endswith(APPLIED)]
    faults = sorted(condition.get("message", "") for condition in ours if condition.get("status") == "False")
    applied = len(ours) - len(faults)
    state, reason = "operational" if ours else "ignored", ""
    if faults and applied:
        reason = f"applied on {applied} parent(s), failed on {len(faults)}: {faults[0]}"
    elif faults:
        state, reason = "failed", faults[0]
    status: Status = {**scrape.status, "observedGeneration": scrape.metadata.generation, "updateStatus": state}
    status |= {"conditions": list(conditions), "reason": reason}
    status = {key: value for key, value in status.items() if value not in ("", [])}
    before = {key: value for key, value in scrape.status.items() if value not in ("", [])}
    if "conditions" in before:
        before["conditions"] = sorted(before["conditions"], key=lambda condition: str(condition["type"]))
    return None if status == before else status


def _spread(scrape: CustomObject[Any], parent: str) -> float:
    """A number in [1, 1.5) that is the object's and parent's own, so that refreshes come evenly and not in waves."""
    return 1 + zlib.crc32(f"{scrape.metadata.uid} {parent}".encode()) / 2**33


def _time(text: Any) -> datetime | None:
    """A time as Kubernetes writes it; None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None

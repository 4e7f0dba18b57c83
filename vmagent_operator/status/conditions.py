"""Conditions, and when a time in one of them moves.

Pure: `now` is passed in, and whoever writes compares with what is there.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.identity import CONDITION_SUFFIX

Status = dict[str, Any]
Condition = Mapping[str, Any]

MAX_REASON = 1024
MAX_MESSAGE = 32768
"""Characters that the schema of a condition lets through: the API server would refuse the whole status for one more."""
READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
ABNORMAL = (RECONCILING, STALLED)
SUMMARY = (READY, *ABNORMAL)
"""What kstatus reads (Flux, Helm): `Ready` says the state in a word; these are there only while they are true.

Source: https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus
"""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def condition_type(owner: CustomObject[object]) -> str:
    """The type of the condition that `owner` has on every scrape object it has looked at."""
    return f"{owner.name}.{owner.namespace}.{owner.kind.singular}{CONDITION_SUFFIX}"


def conditions(obj: CustomObject[object]) -> Sequence[Condition]:
    """The conditions in the status of `obj` that are conditions: anybody may have written there."""
    found = obj.status.get("conditions")
    listed = found if isinstance(found, list) else ()
    return [each for each in listed if isinstance(each, dict) and isinstance(each.get("type"), str)]


def says(kind: str, status: str, reason: str, message: str, generation: int) -> Status:
    """What a condition of the type `kind` says, without its times; one without a message has none."""
    said = {"type": kind, "status": status, "reason": reason, "observedGeneration": generation}
    return {**said, "message": message} if message else said


def condition(old: Condition | None, content: Status, now: datetime, keep_seconds: float = float("inf")) -> Condition:
    """`content` with its two times: those of `old` where it says the same and is not older than `keep_seconds`."""
    stamp = now.astimezone(UTC).strftime(_TIME)
    if old is None or old.get("status") != content["status"]:
        return content | {"lastTransitionTime": stamp, "lastUpdateTime": stamp}
    changed = any(old.get(key, "") != content.get(key, "") for key in ("reason", "message", "observedGeneration"))
    updated = time(old.get("lastUpdateTime"))
    is_fresh = updated is not None and (now - updated).total_seconds() <= keep_seconds
    return content | {
        "lastTransitionTime": old.get("lastTransitionTime", stamp),
        "lastUpdateTime": old["lastUpdateTime"] if is_fresh and not changed else stamp,
    }


def time(text: object) -> datetime | None:
    """A time as Kubernetes writes it; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None

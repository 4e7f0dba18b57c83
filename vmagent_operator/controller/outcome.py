"""How a pass ended, and what the queue and the metrics make of it."""

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

Kind = Literal[
    "done",
    "waiting",
    "rollout timeout",
    "conflict",
    "transient",
    "invalid spec",
    "denied",
    "missing reference",
    "gone",
    "cancelled",
    "crash",
]
Then = Literal["resync", "after", "rate limited", "forget"]

WAITING_SECONDS = 5.0
DELETION_SECONDS = 2.0


@frozen(kw_only=True)
class Outcome:
    """The end of one pass; `message` is for people, `after_seconds` when the key is looked at again at the latest.

    is_failure: it will not get better by itself, whatever the kind says. event: the reason of the Event that tells of it.
    is_repeat: all was rendered before; there was only something to tell or to wait for.
    """

    kind: Kind
    message: str = ""
    after_seconds: float = 0.0
    is_failure: bool = False
    event: str = ""
    is_repeat: bool = False


CRASH = Outcome(kind="crash", message="internal error, see the operator's log")


@frozen
class Rule:
    """What follows an outcome: `then` in the queue, `result` in the metrics that controller-runtime has too."""

    then: Then
    result: Literal["success", "requeue_after", "error"]


RULES: Mapping[Kind, Rule] = {
    "done": Rule("resync", "success"),
    "waiting": Rule("after", "requeue_after"),
    "rollout timeout": Rule("rate limited", "error"),
    "conflict": Rule("after", "requeue_after"),
    "transient": Rule("rate limited", "error"),
    "invalid spec": Rule("forget", "error"),
    "denied": Rule("rate limited", "error"),
    "missing reference": Rule("rate limited", "error"),
    "gone": Rule("forget", "success"),
    "cancelled": Rule("forget", "success"),
    "crash": Rule("rate limited", "error"),
}

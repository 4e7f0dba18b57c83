"""How a reconcile ends, and the one table of what queue, metrics, status and events make of it."""

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from vmagent_operator.model.decode import INTERNAL_ERROR
from vmagent_operator.scrape.references import Reference

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
"""How soon a rollout is looked at again without an event: pods also fail without one that we would see."""
DELETION_SECONDS = 2.0
"""The same for an object that is being deleted, which takes a moment as a rule."""


@frozen(kw_only=True)
class Result:
    """The end of one reconcile; `message` is for people, `after_seconds` when the key is looked at again at the latest.

    is_failure: it will not get better by itself, whatever the kind says. event: the reason of the Event that tells of it,
    if not that of its kind. is_overlong: whether it broke off because it took too long. missing: what it refers to and is not there.
    """

    kind: Kind = "done"
    message: str = ""
    after_seconds: float = 0.0
    is_failure: bool = False
    event: str = ""
    is_overlong: bool = False
    missing: Reference | None = None


CRASH = Result(kind="crash", message=INTERNAL_ERROR)


@frozen
class Rule:
    """What follows a result.

    then: in the queue. label: in the metrics that controller-runtime has too. state: in the owner's status, None if it
    stays as it is. event: the reason of the Event that tells of it.
    """

    then: Then
    label: Literal["success", "requeue_after", "error"]
    state: Literal["operational", "expanding", "failed"] | None = None
    event: str = "ReconciliationError"


RULES: Mapping[Kind, Rule] = {
    "done": Rule("resync", "success", "operational"),
    "waiting": Rule("after", "requeue_after", "expanding"),
    "rollout timeout": Rule("rate limited", "error", "expanding", "RolloutStuck"),
    "conflict": Rule("after", "requeue_after"),
    "transient": Rule("rate limited", "error", "failed"),
    "invalid spec": Rule("forget", "error", "failed", "InvalidSpec"),
    "denied": Rule("rate limited", "error", "failed"),
    "missing reference": Rule("rate limited", "error", "failed"),
    "gone": Rule("forget", "success"),
    "cancelled": Rule("forget", "success"),
    "crash": Rule("rate limited", "error", "failed"),
}

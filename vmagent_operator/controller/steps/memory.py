"""What is remembered of one owner from one reconcile to the next, each part beside the step that knows what it means."""

from collections.abc import Container, Mapping

from attrs import define, field, frozen

from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.kind import Owner
from vmagent_operator.controller.engine.verdicts import ObjectId
from vmagent_operator.controller.steps.apply import ChildState
from vmagent_operator.controller.steps.conflicts import ConflictState
from vmagent_operator.controller.steps.gather import ReadState
from vmagent_operator.controller.steps.plan import Plan
from vmagent_operator.controller.steps.report import ReportState
from vmagent_operator.controller.steps.workloads import RolloutState
from vmagent_operator.scrape.pack import Packed


@frozen(kw_only=True)
class Decided:
    """What the last reconcile that wrote everything had decided; with the same fingerprint it would decide the same.

    plan: without what was written, of which only the digests are kept. packed: what the next configuration may share with this
    one. messages: why scrape objects are left out.
    """

    fingerprint: bytes
    plan: Plan
    packed: Packed | None
    messages: Mapping[ObjectId, str]


@define
class OwnerState:
    """What is remembered of one owner; only the worker that has its key touches it."""

    uid: str = ""
    generation: int = 0
    crashes: int = 0
    deleted_at: float | None = None
    """Since when we have known that it is being deleted, in monotonic seconds."""
    decided: Decided | None = None
    reads: ReadState = field(factory=ReadState)
    children: ChildState = field(factory=ChildState)
    rollout: RolloutState = field(factory=RolloutState)
    conflicts: ConflictState = field(factory=ConflictState)
    reported: ReportState = field(factory=ReportState)

    def keep(self, children: Container[Child]) -> None:
        """Forget what other objects than these are remembered for."""
        self.children.keep(children)
        self.rollout.keep(children)
        self.conflicts.keep(children)

    def is_news(self, owner: Owner) -> bool:
        """Take note of the owner's identity; whether it or its spec is new, so that all timers begin anew."""
        identity = (owner.metadata.uid, owner.metadata.generation)
        if (self.uid, self.generation) == identity:
            return False
        self.uid, self.generation = identity
        self.rollout.waiting_since = self.reported.failing_since = None
        return True

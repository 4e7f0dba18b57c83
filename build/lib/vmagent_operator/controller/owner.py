"""The controllers of the owner kinds: what a key of theirs leads to."""

import logging

from attrs import define, evolve, field

from vmagent_operator.controller.engine.result import CRASH, Result
from vmagent_operator.controller.engine.state import States
from vmagent_operator.controller.steps import prune
from vmagent_operator.controller.steps.memory import OwnerState
from vmagent_operator.controller.steps.reconcile import Reconcile, Tools
from vmagent_operator.controller.steps.report import result_of
from vmagent_operator.identity import CONDITION_SUFFIX
from vmagent_operator.kube.errors import ApiError, Forbidden

logger = logging.getLogger(__name__)

UNREADABLE_SECONDS = 300.0
"""How soon to look again at roles whose owners cannot be read: nobody waits for their end."""
SHOWN = 20
"""Unknown fields that the log names; a spec may have tens of thousands."""


@define(eq=False)
class OwnerReconciler:
    """Reconciles the owners of one kind."""

    tools: Tools
    states: States[OwnerState] = field(factory=lambda: States(OwnerState))

    def reconcile(self, namespace: str, name: str) -> Result:
        """Bring about what the owner asks for, as far as one reconcile goes; safe to call at any time. Only bugs raise."""
        stores = self.tools.gatherer.stores
        owner = stores.get(self.tools.of.resource, namespace, name)
        if owner is None:
            self._forget(namespace, name)
            parent = f"{name}.{namespace}.{self.tools.of.name}{CONDITION_SUFFIX}"
            if not stores.reported_by(parent):  # else there are statuses left to write
                self.tools.verdicts.forget(parent)
            return self._prune(namespace, name)
        state = self.states.of(namespace, name)
        if state.uid not in ("", owner.metadata.uid):
            self._forget(namespace, name)
            state = self.states.of(namespace, name)
        if state.is_news(owner) and owner.unknown:
            unknown = ", ".join(owner.unknown[:SHOWN])
            logger.warning("%s %s: unknown fields are ignored: %s", self.tools.of.name, owner.key, unknown)
        return Reconcile.of(self.tools, owner, state).run()

    def crashed(self, namespace: str, name: str) -> Result:
        """What a reconcile that ended in a bug comes to; the owner's status tells from the second in a row."""
        owner = self.tools.gatherer.stores.get(self.tools.of.resource, namespace, name)
        if owner is not None:
            state = self.states.of(namespace, name)
            state.crashes += 1
            if state.crashes > 1:
                # Of the metadata only: whatever a reconcile makes of the spec may be what has crashed it.
                self.tools.reporter(evolve(owner, spec=None), state).report(CRASH)
        return CRASH

    def _prune(self, namespace: str, name: str) -> Result:
        """Remove what an owner has left behind whose finalizer somebody took off."""
        if not self.tools.gatherer.stores.is_current(self.tools.of.resource):
            # That a kind is not served is no proof that its objects are gone, and what runs still needs its rights.
            return Result(kind="waiting", message="its kind cannot be read", after_seconds=UNREADABLE_SECONDS)
        try:
            prune.remove_orphans(self.tools.of, self.tools.gatherer.stores, self.tools.client, namespace, name)
        except Forbidden:
            return Result(kind="gone")  # of an operator whose owners we may not see
        except ApiError as error:
            return result_of(error)
        return Result(kind="gone")

    def _forget(self, namespace: str, name: str) -> None:
        self.states.forget(namespace, name)
        self.tools.usage.forget((self.tools.of.name, namespace, name))
        self.tools.metrics.forget((self.tools.of.name, namespace, name))

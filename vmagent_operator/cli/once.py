"""`--once` and `--dry-run`: sources are converted, then owners are looked at with what came of them, then it is over."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.controller.conversion import ConversionReconciler
from vmagent_operator.controller.engine.controller import Controller, Key
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.result import RULES
from vmagent_operator.controller.manager import Manager, StartError
from vmagent_operator.controller.steps.reconcile import IMPOSSIBLE_SECONDS
from vmagent_operator.controller.system import System
from vmagent_operator.convert.sources import convert
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.errors import Forbidden
from vmagent_operator.kube.http.answer import Event

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.05
"""How long is waited for what is not due yet."""

Named = tuple[str, Key]
"""A controller, by name, and one of its keys."""


@define(eq=False)
class Once:
    """One run. changes: what a dry run would write, in which each key is looked at once; None for a run that writes."""

    manager: Manager
    stop: threading.Event
    changes: Changes | None = None
    failed: set[Named] = field(init=False, factory=set)

    def run(self) -> bool:
        """Do it; whether all of it was done. Raises StartError."""
        manager = self.manager
        manager.discover()
        manager.start_informers()
        if not manager.is_synced() or not self._await_sources():
            return False
        system = manager.system
        sources = set[Named]()
        for each in system.conversions.values():
            named = {(each.name, key) for key in _keys(system, each)}
            if _has_target(system, each):
                sources |= named
            elif named and self.changes is None:  # a dry run tells of each
                logger.error("%s: %s is not served, nothing is converted", each.kind, each.reconciler.target.kind)
                self.failed |= named
        has_targets = bool(sources)
        if not self._work(tuple(system.conversions.values()), sources) or (has_targets and not self._read_targets()):
            return False
        owners = {
            (of.kind.singular, (owner.namespace, owner.name))
            for of in system.mapper.owners
            for owner in system.stores.items(of.resource)
        }
        return self._work(system.controllers, owners) and not self.failed

    def _await_sources(self) -> bool:
        """Wait until it is known which sources there are, as far as we may know; False if the process is to stop."""
        system = self.manager.system
        kinds = [custom(each.reconciler.source.kind) for each in system.conversions.values()]
        return self._await([informer for kind in kinds for informer in system.informers.by_kind[kind]], _is_listed)

    def _read_targets(self) -> bool:
        """Have the stores hold what was converted; False if the process is to stop."""
        system = self.manager.system
        if self.changes is not None:
            for controller in system.conversions.values():
                for source in system.stores.items(custom(controller.reconciler.source.kind)):
                    self._place(controller.reconciler, source, self.changes)
            return True
        converted = [each for each in system.conversions.values() if _has_target(system, each)]
        targets = [each.reconciler.target for each in converted if any(_keys(system, each))]
        informers = [informer for kind in targets for informer in system.informers.by_kind[kind]]
        for informer in informers:
            informer.refresh()
        return self._await(informers, lambda informer: informer.is_fresh)

    def _place(self, reconciler: ConversionReconciler, source: CustomObject[Any], changes: Changes) -> None:
        """Let the store have what a dry run would have written."""
        system, target = self.manager.system, reconciler.target
        made = convert(source, system.settings).manifest
        if made is None or (target.kind, source.namespace, source.name) not in changes.objects:
            return
        live: CustomObject[Any] | None = system.stores.get(target, source.namespace, source.name)
        own = {
            "uid": live.metadata.uid if live else "dry-run",
            "generation": live.metadata.generation + 1 if live else 1,
            "resourceVersion": "dry-run",
            "managedFields": [{"manager": OPERATOR, "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
        }
        status = live.status if live else {}
        manifest = {**made, "metadata": {**made["metadata"], **own}, "status": status}
        for change in system.stores.of(target).apply(Event("MODIFIED", manifest)):
            system.enqueue(target, change)

    def _work(self, controllers: tuple[Controller[Any], ...], pending: set[Named]) -> bool:
        """Work until all that is `pending`, which this empties, is done or has failed and nothing else is due; False if the process is to stop."""
        system = self.manager.system
        while not self.stop.is_set():
            done = system.work(controllers)
            if done is None:
                if not pending:
                    return True
                system.client.clock.wait(self.stop, IDLE_SECONDS)
                continue
            controller, key, result = done
            if controller.name not in system.owners and controller.kind not in system.conversions:
                continue
            named = (controller.name, key)
            is_error = RULES[result.kind].label == "error"
            if is_error and self.changes is not None:
                self.changes.problems.append(f"{controller.kind} {'/'.join(key)}: {result.message}")
            # What is looked at again in a minute waits for nothing that anybody is about to do, such as a kind that is not there.
            if result.kind in ("done", "gone") and not 0 < result.after_seconds < IMPOSSIBLE_SECONDS:
                pending.discard(named)
                self.failed.discard(named)
            elif is_error or self.changes is not None:
                pending.discard(named)
                self.failed.add(named)
        return False

    def _await(self, informers: list[Informer[Any]], is_done: Callable[[Informer[Any]], bool]) -> bool:
        clock, timing = self.manager.system.client.clock, self.manager.timing
        deadline = clock.monotonic() + timing.sync_seconds
        while not self.stop.is_set():
            missing = [informer.name for informer in informers if not is_done(informer)]
            if not missing:
                return True
            if clock.monotonic() > deadline:
                raise StartError(f"not synced in time: {', '.join(missing)}")
            clock.wait(self.stop, IDLE_SECONDS)
        return False


def _keys(system: System, controller: Controller[ConversionReconciler]) -> Iterator[Key]:
    """The sources that there are."""
    for source in system.stores.items(custom(controller.reconciler.source.kind)):
        yield source.namespace, source.name


def _has_target(system: System, controller: Controller[ConversionReconciler]) -> bool:
    """Whether what sources become has a place to be."""
    return system.informers.has_synced(controller.reconciler.target)


def _is_listed(informer: Informer[Any]) -> bool:
    """Whether nothing more is to be had: a kind may be missing, or be none of our business."""
    state = informer.state
    return informer.has_synced or state.phase is Phase.ABSENT or isinstance(state.error, Forbidden)

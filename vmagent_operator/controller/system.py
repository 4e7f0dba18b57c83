"""The operator without its threads: what a change leads to, and what a key leads to.

    informer.step() -> store -> react(change) -> queue -> process(key) -> queue

Nothing here starts a thread or sleeps. `manager.py` puts threads around it: one for each informer, some workers for each
controller. A test or a simulation is its own manager, in one thread and on any clock:

    system = System(...)                          # over a client whose transport is a server in memory
    informers = system.informers()
    while any(informer.step() == 0 ... for informer in informers) or system.work():
        ...                                       # step until nothing new is read, work until nothing is due
    seconds = system.next_due_seconds()           # how far to turn the clock on when all is quiet
"""

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.controller import Controller, Key, Pace
from vmagent_operator.controller.engine.events import Recorder
from vmagent_operator.controller.engine.mapping import Mapper
from vmagent_operator.controller.engine.metrics import OURS, Metrics
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.engine.state import Memories
from vmagent_operator.controller.engine.stores import (
    CLUSTER_RBAC,
    NAMESPACED_RBAC,
    SCRAPES,
    VMAGENTS,
    Source,
    Stores,
    owner_keys,
    parents,
    sources,
)
from vmagent_operator.controller.engine.verdicts import ObjectId, Verdicts
from vmagent_operator.controller.scrapestatus import ScrapeStatus
from vmagent_operator.controller.vmagent import Reconciler
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.absence import Absence, definition_deleted, not_discovered
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.queue import Priority, Queue
from vmagent_operator.kube.resource import Resource
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.settings import Settings

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 300.0
"""How long roles may stand without their agent before somebody looks: it may only be late."""
STATUS_BACKOFF_SECONDS = 600.0
"""A status that is refused is refused again, until the object changes, and that brings it back by itself."""
LEFT_BEHIND = (*CLUSTER_RBAC, *NAMESPACED_RBAC)
UNHEALTHY_SECONDS, ABSENT_SECONDS = 30.0, 60.0
"""How long a source may be in trouble, or must have been absent, before what it lacks counts: nothing is deleted on the word of a store that may be behind."""


@frozen(kw_only=True)
class Options:
    """How the process works, as against what it builds; every default is that of the flag."""

    coalesce_seconds: float = 0.5
    backoff_seconds: float = 2.0
    backoff_max_seconds: float = 120.0
    condition_ttl_seconds: float = 3600.0
    watch_references: bool = True
    page_size: int = 500
    watch_seconds: float = 300.0
    workers: int = 4
    instance: str = ""


@define(eq=False)
class System:
    """Stores and controllers, connected. `slow` is the client for writes that nobody waits for."""

    client: Client
    slow: Client
    settings: Settings
    metrics: Metrics = field(factory=Metrics)
    options: Options = field(factory=Options)
    jitter: Callable[[], float] = field(default=random.random)
    sources: tuple[Source, ...] = field(init=False)
    stores: Stores = field(init=False)
    memories: Memories = field(init=False, factory=Memories)
    verdicts: Verdicts = field(init=False, factory=Verdicts)
    mapper: Mapper = field(init=False)
    recorder: Recorder = field(init=False)
    reconciler: Reconciler = field(init=False)
    agents: Controller = field(init=False)
    statuses: Mapping[str, Controller] = field(init=False)
    """The controller of each scrape kind, by its name."""
    watching: dict[Resource, list[Informer[Any]]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        options, settings = self.options, self.settings
        self.sources = sources(settings, watch_references=options.watch_references)
        self.stores = Stores(self.sources, self.is_healthy)
        self.mapper = Mapper(self.stores, self.memories, settings)
        self.recorder = Recorder(
            self.slow, options.instance, partial(self.metrics.count, OURS + "events_dropped_total")
        )
        self.reconciler = Reconciler(
            self.stores,
            self.client,
            settings,
            self.recorder,
            self.metrics,
            memories=self.memories,
            verdicts=self.verdicts,
            wake=self.wake,
            lists_references=options.watch_references,
        )
        pace = Pace(coalesce_seconds=options.coalesce_seconds, resync_seconds=settings.force_resync_interval_seconds)
        # Whatever one namespace has, one worker is left for the others.
        share = max(1, options.workers - 1)
        self.agents = self._controller(
            kinds.VMAGENT,
            self.reconciler.reconcile,
            self.reconciler.crashed,
            pace,
            share,
            options.backoff_max_seconds,
        )
        self.statuses = {
            kind.name: self._status_controller(kind)
            for kind in kinds.SCRAPE_KINDS
            if kind.name not in settings.disabled_kinds
        }

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """All controllers, the more urgent first."""
        return (self.agents, *self.statuses.values())

    def _controller(
        self,
        kind: kinds.Kind[Any],
        reconcile: Callable[[str, str], Result],
        crashed: Callable[[str, str], Result],
        pace: Pace,
        share: int = 1,
        longest_backoff_seconds: float = STATUS_BACKOFF_SECONDS,
    ) -> Controller:
        clock, options = self.client.clock, self.options
        queue: Queue[Key] = Queue.of(
            clock,
            base_seconds=options.backoff_seconds,
            max_seconds=longest_backoff_seconds,
            meter=self.metrics.of_queue(kind.singular),
            jitter=self.jitter,
            group=_namespace,
            share=share,
        )
        return Controller(kind.singular, queue, reconcile, crashed, self.metrics, clock, pace, self.jitter)

    def _status_controller(self, kind: kinds.Kind[Any]) -> Controller:
        work = ScrapeStatus(
            kind,
            self.stores,
            self.slow,
            self.verdicts,
            self.owners,
            self.options.condition_ttl_seconds,
            self.metrics.status_written,
        )
        return self._controller(kind, work.reconcile, work.crashed, Pace(coalesce_seconds=0.0))

    def owners(self) -> Iterator[ScrapeOwner]:
        """All that select scrape objects, and are to stay."""
        for agent in self.stores.items(VMAGENTS):
            if agent.spec is not None and not agent.is_deleted:
                yield scrape_owner(agent, self.settings)

    def wake(self, objects: Iterable[ObjectId]) -> None:
        """Have the statuses of scrape objects looked at, after everything that somebody waits for."""
        for kind, key in objects:
            if kind in self.statuses:
                namespace, _, name = key.partition("/")
                self.statuses[kind].enqueue_now((namespace, name), "owner", Priority.LOW)

    def work(self) -> tuple[Controller, Key, Result] | None:
        """Process the most urgent key that is due; whose it was and how it ended, None if nothing is due."""
        for controller in self.controllers:
            if (key := controller.queue.pop()) is not None:
                return controller, key, controller.process(key)
        return None

    def next_due_seconds(self) -> float | None:
        """Seconds until the first delayed key is due, None if no key is delayed."""
        due = (controller.queue.next_due_seconds() for controller in self.controllers)
        return min((seconds for seconds in due if seconds is not None), default=None)

    def informers(self, client: Client | None = None) -> tuple[Informer[Any], ...]:
        """One informer for each source and watched namespace, not started; `client` is theirs, if not the common one."""
        namespaces = self.settings.watch_namespaces or (None,)
        for source in self.sources:
            is_custom = source.resource in SCRAPES or source.resource == VMAGENTS
            self.watching[source.resource] = [
                Informer.of(
                    client or self.client,
                    Collection(
                        source.resource,
                        namespace=namespace,
                        selector=source.selector,
                        metadata_only=source.metadata_only,
                        page_size=self.options.page_size,
                        min_timeout_seconds=self.options.watch_seconds,
                        jitter=self.jitter,
                    ),
                    self.stores.of(source.resource),
                    partial(self.enqueue, source.resource),
                    Absence(
                        required=source.is_required and source.resource not in SCRAPES,
                        is_gone=definition_deleted if is_custom else not_discovered,
                    ),
                )
                for namespace in (namespaces if source.resource.namespaced else (None,))
            ]
        return tuple(informer for informers in self.watching.values() for informer in informers)

    def unsynced(self) -> list[Informer[Any]]:
        """The informers that a first pass has to wait for."""
        required = [source.resource for source in self.sources if source.is_required]
        return [informer for kind in required for informer in self.watching.get(kind, ()) if not informer.has_synced]

    def is_healthy(self, kind: Resource) -> bool:
        """Whether something may be removed because a store lacks what would need it."""
        now = self.client.clock.monotonic()
        needed = {kind, *(source.resource for source in self.sources if source.is_required)}
        for informer in (informer for each in needed for informer in self.watching.get(each, ())):
            since, absent_at = informer.state.unhealthy_since, informer.state.absent_at
            if since is not None and now - since > UNHEALTHY_SECONDS:
                return False
            if absent_at is not None and not informer.is_healthy and now - absent_at < ABSENT_SECONDS:
                return False
        return True

    def enqueue(self, kind: Resource, change: Change[Any]) -> None:
        """Have what a change concerns looked at: at once if it is an owner's own, soon if it is another's.

        Roles whose agent is not there are looked at later: it may only be late.
        """
        requests = self.mapper.requests(kind, change)
        if not requests.keys and kind in LEFT_BEHIND and change.new is not None:
            for namespace, _, name in (key.partition("/") for key in owner_keys(change.new)):
                self.agents.queue.add_after((namespace, name), SWEEP_SECONDS, Priority.LOW)
        for key in requests.keys:
            if requests.cause != "spec":
                self.agents.enqueue(key, requests.cause)
                continue
            if _is_new_spec(change):
                self.agents.queue.forget(key)
            # What was there before us may wait for what happens now.
            self.agents.enqueue_now(key, requests.cause, Priority.HIGH if not self.unsynced() else Priority.LOW)
        self.wake(self._told_of(kind, change))

    def _told_of(self, kind: Resource, change: Change[Any]) -> Iterator[ObjectId]:
        """The scrape objects whose statuses a change may concern without any owner's doing."""
        state: Any = change.new or change.old
        if kind in SCRAPES:
            yield state.kind.name, state.key
        elif kind == resource.NAMESPACES and change.old is not None:
            yield from self._unselected(state["metadata"]["name"])
        elif kind == VMAGENTS and (change.old is None or change.new is None or _is_new_spec(change)):
            yield from self._unselected()

    def _unselected(self, namespace: str = "") -> Iterator[ObjectId]:
        """The scrape objects that no owner selects, in one namespace or in all: the nearest miss may be another."""
        for kind in SCRAPES:
            for scrape in self.stores.items(kind):
                if namespace in ("", scrape.namespace) and not parents(scrape):
                    yield scrape.kind.name, scrape.key


def _is_new_spec(change: Change[CustomObject[Any]]) -> bool:
    states = [
        (state.metadata.uid, state.metadata.generation) for state in (change.old, change.new) if state is not None
    ]
    return len(set(states)) > 1


def _namespace(key: Key) -> str:
    return key[0]

"""The operator without its threads: what a change leads to, and what a key leads to.

    informer.step() -> store -> enqueue(change) -> queue -> process(key) -> queue

Nothing here starts a thread or sleeps. `manager.py` puts threads around it: one for each informer, some workers for each
controller. A test or a simulation is its own manager, in one thread and on any clock:

    system = make_system(...)                          # over a client whose transport is a server in memory
    informers = system.watch()
    while any(informer.step() == 0 ... for informer in informers) or system.work():
        ...                                       # step until nothing new is read, work until nothing is due
    seconds = system.next_due_seconds()           # how far to turn the clock on when all is quiet
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import define, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.conversion import SOURCES, TARGETS, ConversionReconciler, is_material
from vmagent_operator.controller.engine.controller import Controller, Key, Pace, R
from vmagent_operator.controller.engine.events import Recorder
from vmagent_operator.controller.engine.informers import Informers, Listing
from vmagent_operator.controller.engine.kind import OwnerKind, custom
from vmagent_operator.controller.engine.mapping import Mapper
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.metrictable import OURS
from vmagent_operator.controller.engine.owners import OwnerIndex
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.engine.state import Usage
from vmagent_operator.controller.engine.stores import CLUSTER_RBAC, NAMESPACED_RBAC, SCRAPES, Stores, parents, sources
from vmagent_operator.controller.engine.verdicts import ObjectId, Verdicts
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.owner import OwnerReconciler
from vmagent_operator.controller.scrapestatus import StatusReconciler
from vmagent_operator.controller.steps.gather import Gatherer
from vmagent_operator.controller.steps.reconcile import Tools
from vmagent_operator.convert.sources import enabled
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.queue import Priority, Queue
from vmagent_operator.kube.resource import Resource
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.settings import Server, Settings

ORPHANS_SECONDS = 300.0
"""How long roles may stand without their owner before somebody looks: it may only be late."""
STATUS_BACKOFF_SECONDS = 600.0
"""A status that is refused is refused again, until the object changes, and that brings it back by itself."""
LEFT_BEHIND = (*CLUSTER_RBAC, *NAMESPACED_RBAC)


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
    """Stores and controllers, connected.

    low_priority: the client for writes that nobody waits for. owners, conversions, statuses: the controllers of the owner
    kinds, of Prometheus kinds and of the scrape kinds, by the names of controllers and, the others, of kinds.
    """

    client: Client
    low_priority: Client
    settings: Settings
    metrics: Metrics
    recorder: Recorder
    stores: Stores
    informers: Informers
    mapper: Mapper
    owners: Mapping[str, Controller[OwnerReconciler]]
    conversions: Mapping[str, Controller[ConversionReconciler]]
    statuses: Mapping[str, Controller[StatusReconciler]]

    @property
    def controllers(self) -> tuple[Controller[Any], ...]:
        """All controllers, the more urgent first."""
        return (*self.owners.values(), *self.conversions.values(), *self.statuses.values())

    def watch(self, client: Client | None = None) -> tuple[Informer[Any], ...]:
        """One informer for each source and watched namespace, not started; `client` is theirs, if not the common one."""
        return self.informers.make(client or self.client, self.stores, self.enqueue)

    @property
    def server(self) -> Server:
        """What the API server offers, as far as is known."""
        return next(iter(self.owners.values())).reconciler.tools.gatherer.server

    def discovered(self, server: Server) -> None:
        """Have the owners built for what the API server offers by now."""
        for controller in self.owners.values():
            controller.reconciler.tools.gatherer.server = server

    def work(self, controllers: Iterable[Controller[Any]] | None = None) -> tuple[Controller[Any], Key, Result] | None:
        """Process the most urgent key that is due, of these controllers; whose it was and how it ended, None if none is due."""
        for controller in self.controllers if controllers is None else controllers:
            if (key := controller.queue.pop()) is not None:
                return controller, key, controller.process(key)
        return None

    def next_due_seconds(self) -> float | None:
        """Seconds until the first delayed key is due, None if no key is delayed."""
        due = (controller.queue.next_due_seconds() for controller in self.controllers)
        return min((seconds for seconds in due if seconds is not None), default=None)

    def enqueue(self, kind: Resource, change: Change[Any]) -> None:
        """Have what a change concerns looked at: at once if it is an owner's own, soon if it is another's.

        Roles whose owner is not there are looked at later: it may only be late.
        """
        self._convert(kind, change)
        if kind in SOURCES:
            return
        requests = self.mapper.requests(kind, change)
        if not requests.keys and kind in LEFT_BEHIND and change.new is not None:
            for of, *key in OwnerIndex(self.mapper.owners).keys(change.new):
                self.owners[of].queue.add_after((key[0], key[1]), ORPHANS_SECONDS, Priority.LOW)
        for of, namespace, name in requests.keys:
            controller, at = self.owners[of], (namespace, name)
            if requests.cause != "spec":
                controller.enqueue(at, requests.cause)
                continue
            if _is_new_spec(change):
                controller.queue.forget(at)
            # What was there before us may wait for what happens now.
            priority = Priority.LOW if self.informers.unsynced() else Priority.HIGH
            controller.enqueue_now(at, requests.cause, priority)
        wake(self.statuses, self._reported_of(kind, change))

    def _convert(self, kind: Resource, change: Change[Any]) -> None:
        """Have a source looked at that has changed, or whose target has."""
        row = SOURCES.get(kind) or TARGETS.get(kind)
        controller = self.conversions.get(row.kind.name) if row else None
        if row is None or controller is None or not is_material(change):
            return
        state: Any = change.new or change.old
        at = (state.namespace, state.name)
        # A target of ours without a source may have lost it while nobody looked.
        is_left = change.new is not None and change.new.is_applied and not change.new.metadata.owner_references
        if kind in SOURCES or is_left or self.stores.get(custom(row.kind), *at) is not None:
            priority = Priority.LOW if self.informers.unsynced() else Priority.HIGH
            controller.enqueue_now(at, "spec" if kind in SOURCES else "child", priority)

    def _reported_of(self, kind: Resource, change: Change[Any]) -> Iterator[ObjectId]:
        """The scrape objects whose statuses a change may concern without any owner's doing."""
        state: Any = change.new or change.old
        if kind in SCRAPES:
            yield state.kind.name, state.key
        elif kind == resource.NAMESPACES and change.old is not None:
            yield from self._unselected(state["metadata"]["name"])
        elif any(kind == of.resource for of in self.mapper.owners) and (
            change.old is None or change.new is None or _is_new_spec(change)
        ):
            yield from self._unselected()

    def _unselected(self, namespace: str = "") -> Iterator[ObjectId]:
        """The scrape objects that no owner selects, in one namespace or in all: the nearest miss may be another."""
        for kind in SCRAPES:
            for scrape in self.stores.items(kind):
                if namespace in ("", scrape.namespace) and not parents(scrape):
                    yield scrape.kind.name, scrape.key


def make_system(
    client: Client,
    low_priority: Client,
    settings: Settings,
    *,
    metrics: Metrics | None = None,
    events: Client | None = None,
    options: Options = Options(),
    jitter: Callable[[], float] = random.random,
    owners: Sequence[OwnerKind] = OWNERS,
) -> System:
    """A system that runs `owners`, wired and idle; `events` is the client for Events, if not that for low priority."""
    metrics = metrics or Metrics()
    listing = Listing(
        namespaces=settings.watch_namespaces or (None,),
        page_size=options.page_size,
        watch_seconds=options.watch_seconds,
        jitter=jitter,
    )
    watched = sources(settings, owners, watch_references=options.watch_references)
    informers = Informers(watched, client.clock, listing)
    stores = Stores(informers.sources, informers.is_healthy, informers.is_current)
    recorder = Recorder(events or low_priority, options.instance, partial(metrics.count, OURS + "events_dropped_total"))
    usage, statuses = Usage(), dict[str, Controller[StatusReconciler]]()
    verdicts, mapper = Verdicts(partial(wake, statuses)), Mapper(stores, owners, usage, settings)
    make = _Controllers(client.clock, metrics, options, jitter)
    for kind in SCRAPE_KINDS:
        if kind.name not in settings.disabled_kinds:
            statuses[kind.name] = make.status(
                StatusReconciler(
                    kind,
                    stores,
                    low_priority,
                    verdicts,
                    partial(_remaining, mapper),
                    OwnerIndex(owners),
                    options.condition_ttl_seconds,
                    metrics.status_written,
                )
            )
    conversions = {
        row.kind.name: make.conversion(
            ConversionReconciler(row, stores, client, settings, recorder, metrics, jitter=jitter)
        )
        for row in enabled(settings)
    }
    by_name = dict[str, Controller[OwnerReconciler]]()
    for of in owners:
        gatherer = Gatherer(of, stores, client, settings, options.watch_references)
        tools = Tools(of, gatherer, client, recorder, metrics, verdicts, usage)
        by_name[of.name] = make.owner(OwnerReconciler(tools), settings.force_resync_interval_seconds)
    controllers = (by_name, conversions, statuses)
    return System(client, low_priority, settings, metrics, recorder, stores, informers, mapper, *controllers)


@frozen
class _Controllers:
    """Makes controllers."""

    clock: Clock
    metrics: Metrics
    options: Options
    jitter: Callable[[], float]

    def owner(self, reconciler: OwnerReconciler, resync_seconds: float) -> Controller[OwnerReconciler]:
        pace = Pace(coalesce_seconds=self.options.coalesce_seconds, resync_seconds=resync_seconds)
        # Whatever one namespace has, one worker is left for the others.
        share = max(1, self.options.workers - 1)
        kind = reconciler.tools.of.kind
        return self._make(kind, reconciler, pace, share, self.options.backoff_max_seconds)

    def status(self, reconciler: StatusReconciler) -> Controller[StatusReconciler]:
        return self._make(reconciler.kind, reconciler, Pace(coalesce_seconds=0.0), 1, STATUS_BACKOFF_SECONDS)

    def conversion(self, reconciler: ConversionReconciler) -> Controller[ConversionReconciler]:
        pace = Pace(coalesce_seconds=0.0)
        return self._make(reconciler.source.kind, reconciler, pace, 1, self.options.backoff_max_seconds)

    def _make(self, kind: Kind[Any], reconciler: R, pace: Pace, share: int, longest_seconds: float) -> Controller[R]:
        queue: Queue[Key] = Queue.of(
            self.clock,
            base_seconds=self.options.backoff_seconds,
            max_seconds=longest_seconds,
            meter=self.metrics.of_queue(kind.singular),
            jitter=self.jitter,
            group=_namespace,
            share=share,
        )
        return Controller(kind.singular, kind.name, queue, reconciler, self.metrics, self.clock, pace, self.jitter)


def wake(statuses: Mapping[str, Controller[StatusReconciler]], objects: Iterable[ObjectId]) -> None:
    """Have the statuses of scrape objects looked at, after everything that somebody waits for."""
    for kind, key in objects:
        if kind in statuses:
            namespace, _, name = key.partition("/")
            statuses[kind].enqueue_now((namespace, name), "owner", Priority.LOW)


def _remaining(mapper: Mapper) -> Iterator[ScrapeOwner]:
    """All that select scrape objects, and are to stay."""
    return (owner for _, owner in mapper.scrape_owners() if not owner.object.is_deleted)


def _is_new_spec(change: Change[CustomObject[Any]]) -> bool:
    states = [
        (state.metadata.uid, state.metadata.generation) for state in (change.old, change.new) if state is not None
    ]
    return len(set(states)) > 1


def _namespace(key: Key) -> str:
    return key[0]

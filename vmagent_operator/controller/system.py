"""The operator without its threads: what a change leads to, and what a key leads to.

    informer.step() -> store -> react(change) -> queue -> process(key) -> queue

Nothing here starts a thread or sleeps. `manager.py` puts threads around it: one for each informer, some workers that call
`process(queue.get())`. A test or a simulation is its own manager, in one thread and on any clock:

    system = System(...)                          # over a client whose transport is a server in memory
    informers = system.informers()
    while any(informer.step() == 0 ... for informer in informers) or (key := system.queue.pop()):
        ...                                       # step until nothing new is read; then system.process(key)
    seconds = system.queue.next_due_seconds()     # how far to turn the clock on when all is quiet
"""

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.events import Recorder
from vmagent_operator.controller.mapping import Cause, Mapper
from vmagent_operator.controller.memory import Key, Memories
from vmagent_operator.controller.metrics import OURS, Metrics
from vmagent_operator.controller.outcome import CRASH, RULES, Outcome
from vmagent_operator.controller.stores import (
    CLUSTER_RBAC,
    NAMESPACED_RBAC,
    SCRAPES,
    VMAGENTS,
    Source,
    Stores,
    owner_keys,
    sources,
)
from vmagent_operator.controller.vmagent import Reconciler
from vmagent_operator.kube.cache.informer import Informer, definition_deleted, not_discovered
from vmagent_operator.kube.cache.store import Change
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.queue import Lane, Queue
from vmagent_operator.kube.resource import Resource
from vmagent_operator.settings import Settings

logger = logging.getLogger(__name__)

QUICK_SECONDS = 0.05
LONGEST_WINDOW_SECONDS = 10.0
RESYNC_JITTER_SECONDS = 10.0
SWEEP_SECONDS = 300.0
LEFT_BEHIND = (*CLUSTER_RBAC, *NAMESPACED_RBAC)
UNHEALTHY_SECONDS, ABSENT_SECONDS = 30.0, 60.0


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
    """Stores, queue and reconciler, connected. `slow` is the client for writes that nobody waits for."""

    client: Client
    slow: Client
    settings: Settings
    metrics: Metrics = field(factory=Metrics)
    options: Options = field(factory=Options)
    jitter: Callable[[], float] = field(default=random.random)
    sources: tuple[Source, ...] = field(init=False)
    stores: Stores = field(init=False)
    memories: Memories = field(init=False, factory=Memories)
    mapper: Mapper = field(init=False)
    queue: Queue[Key] = field(init=False)
    recorder: Recorder = field(init=False)
    reconciler: Reconciler = field(init=False)
    watching: dict[Resource, list[Informer[Any]]] = field(init=False, factory=dict)
    _passed: dict[Key, tuple[float, float]] = field(init=False, factory=dict)
    """When the last pass of a key ended, and how long it took."""
    _rendered: dict[Key, tuple[float, float]] = field(init=False, factory=dict)
    """The same for the last pass that was no repeat."""

    def __attrs_post_init__(self) -> None:
        options, settings = self.options, self.settings
        self.sources = sources(settings, watch_references=options.watch_references)
        self.stores = Stores(self.sources, self.is_healthy)
        self.mapper = Mapper(self.stores, self.memories, settings)
        self.queue = Queue(
            self.client.clock,
            base_seconds=options.backoff_seconds,
            max_seconds=options.backoff_max_seconds,
            observer=self.metrics,
            jitter=self.jitter,
            group=_namespace,
            share=max(1, options.workers - 1),  # whatever one namespace has, one worker is left for the others
        )
        self.recorder = Recorder(
            self.slow, options.instance, partial(self.metrics.count, OURS + "events_dropped_total")
        )
        self.reconciler = Reconciler(
            self.stores,
            self.client,
            self.slow,
            settings,
            self.recorder,
            self.metrics,
            memories=self.memories,
            condition_ttl_seconds=options.condition_ttl_seconds,
            lists_references=options.watch_references,
        )

    def informers(self, client: Client | None = None) -> tuple[Informer[Any], ...]:
        """One informer for each source and watched namespace, not started; `client` is theirs, if not the common one."""
        namespaces = self.settings.watch_namespaces or (None,)
        for source in self.sources:
            is_custom = source.resource in SCRAPES or source.resource == VMAGENTS
            self.watching[source.resource] = [
                Informer(
                    client or self.client,
                    source.resource,
                    self.stores.of(source.resource),
                    on_change=partial(self.react, source.resource),
                    namespace=namespace,
                    selector=source.selector,
                    metadata_only=source.metadata_only,
                    required=source.is_required and source.resource not in SCRAPES,
                    is_gone=definition_deleted if is_custom else not_discovered,
                    page_size=self.options.page_size,
                    min_timeout_seconds=self.options.watch_seconds,
                    jitter=self.jitter,
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
            since, absent_at = informer.unhealthy_since, informer.absent_at
            if since is not None and now - since > UNHEALTHY_SECONDS:
                return False
            if absent_at is not None and not informer.is_healthy and now - absent_at < ABSENT_SECONDS:
                return False
        return True

    def react(self, kind: Resource, change: Change[Any]) -> None:
        """Have the VMAgents that a change concerns looked at: at once if it is their own, soon if it is another's.

        Roles whose agent is not there are looked at later: it may only be late.
        """
        reaction = self.mapper.reaction(kind, change)
        if not reaction.keys and kind in LEFT_BEHIND and change.new is not None:
            for namespace, _, name in (key.partition("/") for key in owner_keys(change.new)):
                self.queue.add_after((namespace, name), SWEEP_SECONDS, Lane.LOW)
        for key in reaction.keys:
            if reaction.cause != "spec":
                is_new = self.queue.add_after(key, self._delay_seconds(key, reaction.cause))
            else:
                if _is_new_spec(change):
                    self.queue.forget(key)
                # What was there before us may wait for what happens now.
                is_new = self.queue.add(key, Lane.HIGH if not self.unsynced() else Lane.LOW)
            if is_new:
                self.metrics.count(OURS + "enqueue_total", reaction.cause)
            elif reaction.cause != "spec":
                self.metrics.count(OURS + "coalesced_events_total", reaction.cause)

    def process(self, key: Key) -> Outcome:
        """One pass for a key that the queue has handed out, which is given back; how it ended."""
        try:
            return self._pass(key)
        finally:
            self.queue.done(key)

    def _pass(self, key: Key) -> Outcome:
        clock = self.client.clock
        started = clock.monotonic()
        try:
            outcome = self.reconciler.reconcile(*key)
        except Exception:  # a bug of ours must not stop the worker, nor the other agents
            logger.exception("vmagent %s/%s: unexpected failure", *key)
            outcome = self._crashed(key)
        seconds = clock.monotonic() - started
        self._passed[key] = ended = (clock.monotonic(), seconds)
        if not outcome.is_repeat:
            self._rendered[key] = ended
        self._follow(key, outcome)
        if outcome.kind != "gone":
            self.memories.of(key).outcome = outcome.kind
        self.metrics.passed(key, outcome, seconds)
        logger.debug("vmagent %s/%s: %s seconds=%.3f %s", *key, outcome.kind, seconds, outcome.message)
        return outcome

    def _crashed(self, key: Key) -> Outcome:
        try:
            return self.reconciler.crashed(*key)
        except Exception:  # telling of a bug may meet the same bug
            logger.exception("vmagent %s/%s: the failure cannot be told of", *key)
            return CRASH

    def _follow(self, key: Key, outcome: Outcome) -> None:
        """Schedule what comes next."""
        then = RULES[outcome.kind].then
        if then == "rate limited":
            self.queue.add_rate_limited(key, outcome.after_seconds)
            self.metrics.count(OURS + "enqueue_total", "retry")
            return
        self.queue.forget(key)
        if outcome.kind == "gone":
            self._passed.pop(key, None)
            self._rendered.pop(key, None)
            return
        interval = self.settings.force_resync_interval_seconds if then == "resync" else 0
        if outcome.after_seconds and not 0 < interval < outcome.after_seconds:
            self.queue.add_after(key, outcome.after_seconds)
            self.metrics.count(OURS + "enqueue_total", "waiting")
        elif interval:
            self.queue.add_after(key, interval + min(interval / 10, RESYNC_JITTER_SECONDS) * self.jitter(), Lane.LOW)
            self.metrics.count(OURS + "enqueue_total", "resync")

    def _delay_seconds(self, key: Key, cause: Cause) -> float:
        """The first cause after a quiet time is acted on at once, later ones once a window.

        Content does not wait because of passes that only tell scrape objects about themselves, which may be hundreds.
        """
        passed = self._passed if cause == "child" else self._rendered
        ended, took = passed.get(key, (float("-inf"), 0.0))
        window = min(max(self.options.coalesce_seconds, took), LONGEST_WINDOW_SECONDS)
        return max(QUICK_SECONDS, ended + window - self.client.clock.monotonic())


def _is_new_spec(change: Change[CustomObject[Any]]) -> bool:
    states = [
        (state.metadata.uid, state.metadata.generation) for state in (change.old, change.new) if state is not None
    ]
    return len(set(states)) > 1


def _namespace(key: Key) -> str:
    return key[0]

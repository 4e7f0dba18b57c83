"""A controller: a queue of one kind's keys, and what a worker does with a key.

All that tells two controllers apart are their name, their reconciler and how urgent they are. Keys of two kinds never
meet, since each has a queue of its own.
"""

import logging
import random
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from attrs import define, field, frozen

from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.metrictable import OURS
from vmagent_operator.controller.engine.result import CRASH, RULES, Result
from vmagent_operator.controller.engine.work import working_on
from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.queue import Priority, Queue

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""

QUICK_SECONDS = 0.005
"""How long a first change waits for what one write of a user's makes of several events; what follows has a window."""
LONGEST_WINDOW_SECONDS = 10.0
"""However long a reconcile takes, changes are not held back longer than this for the sake of merging them."""
RESYNC_JITTER_SECONDS = 10.0
"""Resyncs of many keys drift apart by up to this much, or by a tenth of their interval if that is less."""


@frozen(kw_only=True)
class Pace:
    """How a controller spreads its work, in seconds; without `resync_seconds` a key that is done rests."""

    coalesce_seconds: float = 0.5
    resync_seconds: float = 0.0


class Reconciler(Protocol):
    """What a controller does with a key."""

    def reconcile(self, namespace: str, name: str) -> Result:
        """Bring about what the object asks for, as far as one reconcile goes; safe to call at any time. Only bugs raise."""

    def crashed(self, namespace: str, name: str) -> Result:
        """What a reconcile that has raised comes to."""


R = TypeVar("R", bound=Reconciler)


@define(eq=False)
class Controller(Generic[R]):
    """One kind's work. name: in metrics and in the text of log lines. kind: as objects have it."""

    name: str
    kind: str
    queue: Queue[Key]
    reconciler: R
    metrics: Metrics
    clock: Clock
    pace: Pace = field(factory=Pace)
    jitter: Callable[[], float] = field(default=random.random)
    _last: dict[Key, tuple[float, float]] = field(init=False, factory=dict)
    """When the last reconcile of a key ended, or began if it still runs, and how long the last that ended took; written by the
    worker that holds the key."""

    def enqueue(self, key: Key, cause: str) -> None:
        """Have `key` looked at soon: the first cause after a quiet time quickly, later ones once a window."""
        last, took = self._last.get(key, (float("-inf"), 0.0))
        window = min(max(self.pace.coalesce_seconds, took), LONGEST_WINDOW_SECONDS)
        is_new = self.queue.add_after(key, max(QUICK_SECONDS, last + window - self.clock.monotonic()))
        self.metrics.count(OURS + ("enqueue_total" if is_new else "coalesced_events_total"), cause)

    def enqueue_now(self, key: Key, cause: str, priority: Priority = Priority.HIGH) -> None:
        """Have `key` looked at without delay."""
        if self.queue.add(key, priority):
            self.metrics.count(OURS + "enqueue_total", cause)

    def process(self, key: Key) -> Result:
        """Reconcile a key that the queue has handed out, which is given back whatever happens; how it ended."""
        with working_on(self.kind, *key):
            return self._process(key)

    def _process(self, key: Key) -> Result:
        started = self.clock.monotonic()
        self._last[key] = (started, self._last.get(key, (0.0, 0.0))[1])
        try:
            result = self._reconciled(key)
            ended = self.clock.monotonic()
            self._last[key] = (ended, ended - started)
            if result.kind == "gone":
                del self._last[key]
            # Before the key is given back: another worker may find the object gone, and forget its series.
            self.metrics.reconciled(self.name, key, result, ended - started)
        finally:
            # Else the key would count as being worked on for ever, and never be handed out again.
            self.queue.done(key)
        self._follow(key, result)
        logger.debug("%s %s/%s: %s seconds=%.3f %s", self.name, *key, result.kind, ended - started, result.message)
        return result

    def _reconciled(self, key: Key) -> Result:
        try:
            return self.reconciler.reconcile(*key)
        except Exception:  # a bug of ours must not stop the worker, nor the other objects
            logger.exception("%s %s/%s: unexpected failure", self.name, *key)
        try:
            return self.reconciler.crashed(*key)
        except Exception:  # reporting a bug may meet the same bug
            logger.exception("%s %s/%s: the failure cannot be reported", self.name, *key)
            return CRASH

    def _follow(self, key: Key, result: Result) -> None:
        """Schedule what comes next."""
        then = RULES[result.kind].then
        if then == "rate limited":
            self.queue.add_rate_limited(key, result.after_seconds)
            self.metrics.count(OURS + "enqueue_total", "retry")
            return
        self.queue.forget(key)
        interval = self.pace.resync_seconds if then == "resync" else 0.0
        if result.after_seconds and not 0 < interval < result.after_seconds:
            self.queue.add_after(key, result.after_seconds)
            self.metrics.count(OURS + "enqueue_total", "waiting")
        elif interval:
            drift = min(interval / 10, RESYNC_JITTER_SECONDS) * self.jitter()
            self.queue.add_after(key, interval + drift, Priority.LOW)
            self.metrics.count(OURS + "enqueue_total", "resync")

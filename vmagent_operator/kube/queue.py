"""The work queue: which key a worker looks at next.

After client-go's workqueue (dirty and processing sets, delay, rate limit), with two priorities, and turns between groups in
each: a group with thousands of keys, or with slow ones, keeps no other waiting. There is no delay thread: whoever asks
for a key first moves over what has become due.
"""

import heapq
import random
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Generic, TypeVar

from attrs import define, field, frozen

from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.http.ratelimit import Bucket
from vmagent_operator.kube.meter import Meter

K = TypeVar("K", bound=Hashable)

LOW_EVERY = 10
"""Every so many deliveries low priority goes first: it must wait for people, and must not wait for ever."""
TICK_SECONDS = 10.0
"""The longest sleep of a worker that nobody wakes: a missed wake-up would be a bug, and cost this much and no more."""


class Priority(IntEnum):
    """How urgent a key is: HIGH for what somebody waits for, LOW for the initial list and resync."""

    LOW = 0
    HIGH = 1


@frozen(kw_only=True)
class Snapshot(Generic[K]):
    """What the queue holds at one moment; times are seconds from now, to the past or to the future."""

    waiting: dict[K, Priority]
    processing: dict[K, float]
    delayed: dict[K, float]
    failures: dict[K, int]


def _same(key: Hashable) -> Hashable:
    """The group of every key, where there is but one."""
    return None


@define(eq=False, kw_only=True)
class Queue(Generic[K]):
    """Keys to work on; a key is never handed out twice at the same time, and no add is lost.

    `base_seconds` and `max_seconds` bound the back-off of a failing key, a `bucket` that of all keys of a `group`
    together. `share` is how many keys of a group may be worked on at the same time.
    """

    clock: Clock = field(kw_only=False)
    base_seconds: float = 2.0
    max_seconds: float = 120.0
    bucket: Callable[[], Bucket] = field()
    meter: Meter = field(factory=Meter)
    jitter: Callable[[], float] = random.random
    group: Callable[[K], Hashable] = _same
    share: float = float("inf")
    _waiting: dict[Priority, dict[Hashable, dict[K, float]]] = field(init=False)
    """By priority and group; the group whose turn it is stands first."""
    _busy: Counter[Hashable] = field(init=False, factory=Counter)
    """How many keys of each group are being worked on."""
    _processing: dict[K, float] = field(init=False, factory=dict)
    _again: dict[K, Priority] = field(init=False, factory=dict)
    """Keys that were added while they were worked on: what the worker has read may be older than what the add was about."""
    _due: dict[K, tuple[float, Priority]] = field(init=False, factory=dict)
    """When each delayed key is due. The heap may hold older times of the same key; those that differ from this are stale."""
    _heap: list[tuple[float, int, K]] = field(init=False, factory=list)
    _pushed: int = field(init=False, default=0)
    _failures: dict[K, int] = field(init=False, factory=dict)
    _buckets: dict[Hashable, Bucket] = field(init=False, factory=dict)
    """Of the groups that have ever failed: as many as there are namespaces."""
    _delivered: int = field(init=False, default=0)
    _stopped: bool = field(init=False, default=False)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)
    """Protects all of the above, and wakes workers. Nothing is called under it but clock, jitter and observer."""

    @bucket.default
    def _usual_bucket(self) -> Callable[[], Bucket]:
        return lambda: Bucket(10.0, 100.0, self.clock)

    def __attrs_post_init__(self) -> None:
        self._waiting = {Priority.HIGH: {}, Priority.LOW: {}}

    def add(self, key: K, priority: Priority = Priority.HIGH) -> bool:
        """Have `key` delivered once more, after any delivery that is still being worked on.

        False if it was to come anyway, or the queue has stopped.
        """
        with self._changed:
            return self._add(key, priority)

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.HIGH) -> bool:
        """`add` in `seconds`, or earlier if a delayed add of the key is due earlier.

        False if the key keeps an earlier time, or the queue has stopped.
        """
        with self._changed:
            if seconds <= 0:
                return self._add(key, priority)
            return self._delay(key, self.clock.monotonic() + seconds, priority)

    def add_rate_limited(self, key: K, at_least_seconds: float = 0.0) -> float:
        """`add` after a time that doubles with each failure; that time in seconds."""
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            grown = min(self.base_seconds * 2.0 ** min(failures, 30), self.max_seconds)
            own = min(grown * (0.8 + 0.4 * self.jitter()), self.max_seconds)
            group = self.group(key)
            bucket = self._buckets[group] = self._buckets.get(group) or self.bucket()
        seconds = max(own, bucket.reserve(), at_least_seconds)
        self.meter.retried()
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """Let the next back-off of `key` begin anew; what is scheduled stays."""
        with self._changed:
            self._failures.pop(key, None)

    def pop(self) -> K | None:
        """The next key if there is one now; the caller owes a `done` for it."""
        with self._changed:
            return self._pop()

    def get(self) -> K | None:
        """The next key as soon as there is one, None once the queue has stopped; the caller owes a `done` for a key.

        The wait is on this machine's clock: who drives another one uses `pop` and `next_due_seconds`.
        """
        with self._changed:
            while not self._stopped:
                if (key := self._pop()) is not None:
                    return key
                due = self._next_due()
                self._changed.wait(TICK_SECONDS if due is None else min(due, TICK_SECONDS))
        return None

    def done(self, key: K) -> None:
        """The work on a delivered key has ended, well or not. Raises KeyError if it was not delivered."""
        with self._changed:
            started = self._processing.pop(key)
            seconds = self.clock.monotonic() - started
            self._busy -= Counter((self.group(key),))
            if (priority := self._again.pop(key, None)) is not None and not self._stopped:
                self._put(key, priority, self.clock.monotonic())
            self._changed.notify_all()
        self.meter.worked(seconds)

    def next_due_seconds(self) -> float | None:
        """Seconds until the first delayed key is due, None if no key is delayed."""
        with self._changed:
            return self._next_due()

    def stop(self) -> None:
        """Hand out nothing more and ignore adds; what is being worked on may finish."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is being worked on; False if that takes longer than `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._processing, seconds)

    def depth(self, priority: Priority) -> int:
        """How many keys of the priority wait for a worker."""
        with self._changed:
            self._move_due()
            return sum(map(len, self._waiting[priority].values()))

    def snapshot(self) -> Snapshot[K]:
        """A copy of everything, for people."""
        with self._changed:
            now = self.clock.monotonic()
            return Snapshot(
                waiting={
                    key: priority
                    for priority in (Priority.HIGH, Priority.LOW)
                    for keys in self._waiting[priority].values()
                    for key in keys
                },
                processing={key: now - started for key, started in self._processing.items()},
                delayed={key: due - now for key, (due, _) in self._due.items()},
                failures=dict(self._failures),
            )

    def _add(self, key: K, priority: Priority) -> bool:
        if self._stopped:
            return False
        if key in self._processing:
            known = self._again.get(key)
            self._again[key] = priority if known is None else max(known, priority)
        else:
            group = self.group(key)
            known = next((held for held in Priority if key in self._waiting[held].get(group, ())), None)
            if known is None or known < priority:
                since = self._take(key, known) if known is not None else self.clock.monotonic()
                self._put(key, priority, since)
                self._changed.notify()
        if known is None:
            self.meter.added(priority.name.lower())
        return known is None

    def _delay(self, key: K, due: float, priority: Priority) -> bool:
        if self._stopped:
            return False
        known, known_priority = self._due.get(key, (None, priority))
        is_earlier = known is None or due < known
        self._due[key] = (due if known is None else min(due, known), max(priority, known_priority))
        if is_earlier:
            self._pushed += 1
            heapq.heappush(self._heap, (due, self._pushed, key))
            self._changed.notify()
        return is_earlier

    def _pop(self) -> K | None:
        if self._stopped:
            return None
        self._move_due()
        is_low_turn = self._delivered % LOW_EVERY == LOW_EVERY - 1
        for priority in (Priority.LOW, Priority.HIGH) if is_low_turn else (Priority.HIGH, Priority.LOW):
            for group, keys in self._waiting[priority].items():
                if self._busy[group] < self.share:
                    return self._deliver(next(iter(keys)), priority)
        return None

    def _deliver(self, key: K, priority: Priority) -> K:
        group = self.group(key)
        since = self._take(key, priority)
        if others := self._waiting[priority].pop(group, None):
            self._waiting[priority][group] = others  # behind the other groups
        self._delivered += 1
        self._busy[group] += 1
        now = self._processing[key] = self.clock.monotonic()
        self.meter.delivered(now - since)
        return key

    def _put(self, key: K, priority: Priority, since: float) -> None:
        self._waiting[priority].setdefault(self.group(key), {})[key] = since

    def _take(self, key: K, priority: Priority) -> float:
        """Since when the key has waited, which it does no longer."""
        keys = self._waiting[priority][self.group(key)]
        since = keys.pop(key)
        if not keys:
            del self._waiting[priority][self.group(key)]
        return since

    def _move_due(self) -> None:
        now = self.clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key, (None, None))[0] == due:
                self._add(key, self._due.pop(key)[1])

    def _next_due(self) -> float | None:
        while self._heap and self._due.get(self._heap[0][2], (None, None))[0] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - self.clock.monotonic()) if self._heap else None

"""The work queue: which key a worker looks at next.

After client-go's workqueue (dirty and processing sets, delay, rate limit), with two priorities, and turns between groups in
each: a group with thousands of keys, or with slow ones, keeps no other waiting. There is no delay thread: whoever asks
for a key first moves over what has become due.

What it promises: a key is never worked on twice at the same time; every add is followed by a delivery that begins after it,
if the queue is not stopped; of several adds before a delivery there is one delivery, at the highest priority and the
earliest time among them.
"""

import heapq
import random
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from enum import IntEnum
from functools import partial
from typing import Generic, Self, TypeVar

from attrs import define, field, frozen

from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.http.ratelimit import Bucket
from vmagent_operator.kube.meter import Meter
from vmagent_operator.kube.retry import RateLimiter

K = TypeVar("K", bound=Hashable)

LOW_EVERY = 10
"""Every so many deliveries low priority goes first: it must wait for people, and must not wait for ever."""
TICK_SECONDS = 10.0
"""The longest sleep of a worker that nobody wakes: a missed wake-up would be a bug, and cost this much and no more."""
RETRIES_A_SECOND, RETRIES_AT_ONCE = 10.0, 100.0
"""Of all keys of a group together, as client-go has it for all of a queue."""


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


@define(eq=False)
class Delays(Generic[K]):
    """Keys that are to be added later: each once, at the earliest of its times. Guarded by the lock of its queue."""

    due: dict[K, tuple[float, Priority]] = field(init=False, factory=dict)
    """When each key is due. The heap may hold later times of the same key; those that differ from this are stale."""
    _heap: list[tuple[float, int, K]] = field(init=False, factory=list)
    _pushed: int = field(init=False, default=0)
    """Tells entries of one time apart, first come first: keys need not be comparable."""

    def put(self, key: K, at: float, priority: Priority) -> bool:
        """Have `key` due at `at`; False if it is due earlier anyway. The higher priority counts in any case."""
        earlier_at, earlier_priority = self.due.get(key, (float("inf"), priority))
        self.due[key] = (min(at, earlier_at), max(priority, earlier_priority))
        if at >= earlier_at:
            return False
        self._pushed += 1
        heapq.heappush(self._heap, (at, self._pushed, key))
        return True

    def pop(self, now: float) -> Iterator[tuple[K, Priority]]:
        """The keys that are due by `now`, which wait no longer."""
        while (at := self.next_at()) is not None and at <= now:
            _, _, key = heapq.heappop(self._heap)
            yield key, self.due.pop(key)[1]

    def next_at(self) -> float | None:
        """When the first key is due, None if there is none."""
        while self._heap and self.due.get(self._heap[0][2], (None, None))[0] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


@define(eq=False, kw_only=True)
class Turns(Generic[K]):
    """Keys that wait for a worker: by priority, in turns between groups, and in a group as they came.

    `share` is how many keys of a group may be worked on at the same time. Guarded by the lock of its queue.
    """

    group: Callable[[K], Hashable]
    share: float
    _waiting: dict[Priority, dict[Hashable, dict[K, float]]] = field(
        init=False, factory=lambda: {Priority.HIGH: {}, Priority.LOW: {}}
    )
    """Since when each key waits. The group whose turn it is stands first."""
    _busy: Counter[Hashable] = field(init=False, factory=Counter)
    """How many keys of each group are being worked on."""
    _delivered: int = field(init=False, default=0)

    def put(self, key: K, priority: Priority, now: float) -> bool | None:
        """Have `key` wait. True if it did not yet, None if it did at a lower priority, False if nothing has changed."""
        group = self.group(key)
        earlier = next((each for each in Priority if key in self._waiting[each].get(group, ())), None)
        if earlier is not None and earlier >= priority:
            return False
        since = now if earlier is None else self._take(key, earlier)
        self._waiting[priority].setdefault(group, {})[key] = since
        return True if earlier is None else None

    def pop(self) -> tuple[K, float] | None:
        """The key whose turn it is and since when it has waited; its group has one more worker until `done`."""
        is_low_turn = self._delivered % LOW_EVERY == LOW_EVERY - 1
        for priority in (Priority.LOW, Priority.HIGH) if is_low_turn else (Priority.HIGH, Priority.LOW):
            for group, keys in self._waiting[priority].items():
                if self._busy[group] < self.share:
                    return self._deliver(next(iter(keys)), group, priority)
        return None

    def done(self, key: K) -> None:
        """The work on a key has ended. The counter keeps no group without work: namespaces come and go."""
        self._busy -= Counter((self.group(key),))

    def count(self, priority: Priority) -> int:
        """How many keys of the priority wait."""
        return sum(map(len, self._waiting[priority].values()))

    def waiting(self) -> dict[K, Priority]:
        """All keys that wait, the more urgent first."""
        return {key: priority for priority, groups in self._waiting.items() for keys in groups.values() for key in keys}

    def _deliver(self, key: K, group: Hashable, priority: Priority) -> tuple[K, float]:
        since = self._take(key, priority)
        if others := self._waiting[priority].pop(group, None):
            self._waiting[priority][group] = others  # behind the other groups
        self._delivered += 1
        self._busy[group] += 1
        return key, since

    def _take(self, key: K, priority: Priority) -> float:
        """Since when the key has waited, which it does no longer."""
        group = self.group(key)
        keys = self._waiting[priority][group]
        since = keys.pop(key)
        if not keys:
            del self._waiting[priority][group]
        return since


@define(eq=False, kw_only=True)
class Queue(Generic[K]):
    """Keys to work on; see the promises of this module."""

    clock: Clock
    meter: Meter
    limiter: RateLimiter[K]
    _turns: Turns[K]
    _delays: Delays[K] = field(init=False, factory=Delays)
    _processing: dict[K, float] = field(init=False, factory=dict)
    """Since when each key that was delivered is being worked on."""
    _again: dict[K, Priority] = field(init=False, factory=dict)
    """Keys that were added while they were worked on: what the worker has read may be older than what the add was about."""
    _stopped: bool = field(init=False, default=False)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)
    """Protects all of the above, and wakes workers. Nothing is called under it but clock, jitter, group, bucket and meter."""

    @classmethod
    def of(
        cls,
        clock: Clock,
        *,
        base_seconds: float = 2.0,
        max_seconds: float = 120.0,
        bucket: Callable[[], Bucket] | None = None,
        meter: Meter | None = None,
        jitter: Callable[[], float] = random.random,
        group: Callable[[K], Hashable] = _same,
        share: float = float("inf"),
    ) -> Self:
        """An empty queue; see RateLimiter and Turns."""
        limiter = RateLimiter(
            base_seconds=base_seconds,
            max_seconds=max_seconds,
            bucket=bucket or partial(Bucket, RETRIES_A_SECOND, RETRIES_AT_ONCE, clock),
            jitter=jitter,
            group=group,
        )
        return cls(clock=clock, meter=meter or Meter(), limiter=limiter, turns=Turns(group=group, share=share))

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
            if self._stopped or not self._delays.put(key, self.clock.monotonic() + seconds, priority):
                return False
            self._changed.notify()  # a worker that sleeps until a later key is due must sleep less long
            return True

    def add_rate_limited(self, key: K, at_least_seconds: float = 0.0) -> float:
        """`add` after a time that doubles with each failure; that time in seconds."""
        with self._changed:
            seconds = max(self.limiter.when(key), at_least_seconds)
        self.meter.retried()
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """Let the next back-off of `key` begin anew; what is scheduled stays."""
        with self._changed:
            self.limiter.forget(key)

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
            now = self.clock.monotonic()
            self._turns.done(key)
            if (priority := self._again.pop(key, None)) is not None and not self._stopped:
                self._turns.put(key, priority, now)
            # All, not one: the share that is free now may be that of a group which only some of the waiting keys have,
            # and `drain` waits on the same condition.
            self._changed.notify_all()
        self.meter.worked(now - started)

    def next_due_seconds(self) -> float | None:
        """Seconds until the first delayed key is due, None if no key is delayed."""
        with self._changed:
            return self._next_due()

    def stop(self) -> None:
        """Deliver nothing more and ignore adds; what is being worked on may finish."""
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
            self._add_due()
            return self._turns.count(priority)

    def snapshot(self) -> Snapshot[K]:
        """A copy of everything, for people."""
        with self._changed:
            now = self.clock.monotonic()
            return Snapshot(
                waiting=self._turns.waiting(),
                processing={key: now - started for key, started in self._processing.items()},
                delayed={key: due - now for key, (due, _) in self._delays.due.items()},
                failures=dict(self.limiter.failures),
            )

    def _add(self, key: K, priority: Priority) -> bool:
        if self._stopped:
            return False
        if key in self._processing:
            is_new = key not in self._again
            self._again[key] = max(priority, self._again.get(key, priority))
        else:
            change = self._turns.put(key, priority, self.clock.monotonic())
            is_new = change is True
            if change is not False:
                self._changed.notify()
        if is_new:
            self.meter.added(priority.name.lower())
        return is_new

    def _pop(self) -> K | None:
        if self._stopped:
            return None
        self._add_due()
        turn = self._turns.pop()
        if turn is None:
            return None
        key, since = turn
        now = self._processing[key] = self.clock.monotonic()
        self.meter.delivered(now - since)
        return key

    def _add_due(self) -> None:
        for key, priority in self._delays.pop(self.clock.monotonic()):
            self._add(key, priority)

    def _next_due(self) -> float | None:
        at = self._delays.next_at()
        return None if at is None else max(0.0, at - self.clock.monotonic())

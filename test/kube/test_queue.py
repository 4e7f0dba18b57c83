"""The work queue on virtual time; its two promises as a state machine."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from test.kube.virtual import VirtualClock
from vmagent_operator.kube.http.ratelimit import Bucket
from vmagent_operator.kube.meter import Meter
from vmagent_operator.kube.queue import Priority, Queue

KEYS = st.sampled_from("abcd")


def queue(**options: Any) -> tuple[Queue[str], VirtualClock]:
    clock = VirtualClock()
    return Queue.of(clock, **{"jitter": lambda: 0.5, **options}), clock


def popped(work: Queue[str]) -> list[str]:
    """Everything that is delivered now, each key done at once."""
    keys = []
    while (key := work.pop()) is not None:
        keys.append(key)
        work.done(key)
    return keys


class Promises(RuleBasedStateMachine):
    """Q-2: no key with two workers. Q-3: every add is followed by a delivery that begins after it."""

    def __init__(self) -> None:
        super().__init__()
        self.work, self.clock = queue()
        self.held: set[str] = set()
        self.owed: set[str] = set()
        self.later: dict[str, float] = {}

    def is_free(self, key: str) -> bool:
        """Whether the key's group has a share left."""
        return True

    @rule(key=KEYS, priority=st.sampled_from(Priority))
    def add(self, key: str, priority: Priority) -> None:
        assert self.work.add(key, priority) is (key not in self.owed)
        self.owed.add(key)

    @rule(key=KEYS, seconds=st.integers(1, 30))
    def add_after(self, key: str, seconds: int) -> None:
        due = self.clock.seconds + seconds
        known = self.later.get(key)
        assert self.work.add_after(key, seconds) is (known is None or due < known)
        self.later[key] = due if known is None else min(due, known)

    @rule(key=KEYS)
    def fail(self, key: str) -> None:
        due = self.clock.seconds + self.work.add_rate_limited(key)
        self.later[key] = min(due, self.later.get(key, due))

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.work.forget(key)
        assert self.work.snapshot().failures.get(key, 0) == 0

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.clock.seconds += seconds
        for key in [key for key, due in self.later.items() if due <= self.clock.seconds]:
            del self.later[key]
            self.owed.add(key)

    @rule()
    def take(self) -> None:
        key = self.work.pop()
        ready = {key for key in self.owed - self.held if self.is_free(key)}
        if key is None:
            assert not ready
        else:
            assert key in ready
            self.owed.remove(key)
            self.held.add(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        self.work.done(key)
        self.held.remove(key)

    @invariant()
    def depth_counts_what_waits(self) -> None:
        assert self.work.depth(Priority.HIGH) + self.work.depth(Priority.LOW) == len(self.owed - self.held)

    @invariant()
    def the_next_deadline_is_known(self) -> None:
        due = self.work.next_due_seconds()
        assert (due is None) == (not self.later)
        if due is not None:
            assert due == pytest.approx(min(self.later.values()) - self.clock.seconds)


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_adds_before_a_delivery_make_one() -> None:
    """Q-1"""
    work, _ = queue()
    assert [work.add("a"), work.add("a"), work.add("b"), work.add("a")] == [True, False, True, False]
    assert popped(work) == ["a", "b"]


def test_an_add_during_the_work_makes_another_delivery_after_it() -> None:
    work, _ = queue()
    work.add("a")
    assert work.pop() == "a"
    work.add("a")
    work.add("a")
    assert work.pop() is None
    work.done("a")
    assert popped(work) == ["a"]


def test_done_with_what_was_not_delivered_is_an_error() -> None:
    work, _ = queue()
    with pytest.raises(KeyError):
        work.done("a")


def test_a_plain_add_does_not_cancel_a_delayed_one() -> None:
    """Q-4"""
    work, clock = queue()
    work.add_after("a", 5)
    work.add("a")
    assert popped(work) == ["a"]
    clock.seconds = 5
    assert popped(work) == ["a"]


def test_of_several_delays_the_shortest_counts_and_the_higher_priority() -> None:
    work, clock = queue()
    work.add("other")
    assert [work.add_after("a", 9), work.add_after("a", 3, Priority.LOW), work.add_after("a", 7)] == [True, True, False]
    clock.seconds = 3
    assert work.depth(Priority.HIGH) == 2
    assert popped(work) == ["other", "a"]
    clock.seconds = 60
    assert popped(work) == []


def test_back_off_doubles_to_its_cap_and_begins_anew_when_forgotten() -> None:
    """Q-5, Q-6"""
    work, _ = queue()
    assert [work.add_rate_limited("a") for _ in range(8)] == [2, 4, 8, 16, 32, 64, 120, 120]
    assert work.snapshot().failures["a"] == 8
    work.forget("a")
    assert work.add_rate_limited("a") == 2


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, [1.6, 3.2]), (1.0, [2.4, 4.8])])
def test_back_off_is_spread_by_a_fifth(jitter: float, seconds: list[float]) -> None:
    work, _ = queue(jitter=lambda: jitter)
    assert [work.add_rate_limited("a") for _ in range(2)] == pytest.approx(seconds)


def test_back_off_is_never_shorter_than_the_server_asked_for() -> None:
    work, _ = queue()
    assert work.add_rate_limited("a", at_least_seconds=30) == 30


def test_the_bucket_spreads_mass_failures() -> None:
    options: dict[str, Any] = {"bucket": lambda: Bucket(10, 2, VirtualClock()), "base_seconds": 0.01}
    work, _ = queue(**options)
    waits = [work.add_rate_limited(f"key {number}") for number in range(5)]
    assert waits == pytest.approx([0.01, 0.01, 0.1, 0.2, 0.3])
    work, _ = queue(**options, group=lambda key: key[0])
    waits = [work.add_rate_limited(key) for key in ("a1", "a2", "a3", "a4", "b1")]
    assert waits == pytest.approx([0.01, 0.01, 0.1, 0.2, 0.01])


def test_high_priority_goes_first_but_every_tenth_delivery_is_low() -> None:
    """Q-8, Q-10: first in, first out within a priority."""
    work, _ = queue()
    for number in range(20):
        work.add(f"low{number}", Priority.LOW)
        work.add(f"high{number}")
    order = popped(work)
    assert [index for index, key in enumerate(order) if key.startswith("low")][:2] == [9, 19]
    assert [key for key in order if key.startswith("high")] == [f"high{number}" for number in range(20)]
    assert [key for key in order if key.startswith("low")] == [f"low{number}" for number in range(20)]


def test_a_high_add_moves_a_waiting_key_up() -> None:
    work, _ = queue()
    work.add("a", Priority.LOW)
    work.add("b", Priority.LOW)
    assert work.add("b") is False
    assert (work.depth(Priority.HIGH), work.depth(Priority.LOW)) == (1, 1)
    assert popped(work) == ["b", "a"]


def test_a_stopped_queue_delivers_nothing_and_takes_nothing() -> None:
    """Q-7"""
    work, _ = queue()
    work.add("running")
    work.add("waiting")
    assert work.pop() == "running"
    work.add("running")
    work.stop()
    assert [work.add("c"), work.add_after("d", 5), work.pop(), work.get()] == [False, False, None, None]
    assert work.drain(0) is False
    work.done("running")
    assert work.drain(0) is True
    assert work.snapshot().waiting == {"waiting": Priority.HIGH}


def test_a_snapshot_shows_where_each_key_is() -> None:
    work, clock = queue()
    work.add("a")
    work.pop()
    work.add("b", Priority.LOW)
    work.add_rate_limited("c")
    clock.seconds = 1
    shown = work.snapshot()
    assert (shown.processing, shown.waiting, shown.delayed, shown.failures) == (
        {"a": 1.0},
        {"b": Priority.LOW},
        {"c": 1.0},
        {"c": 1},
    )


def test_metrics_count_accepted_adds_waiting_and_working() -> None:
    """Q-13"""
    counted: list[object] = []

    class Counted(Meter):
        def added(self, priority: str) -> None:
            counted.append(priority)

        def retried(self) -> None:
            counted.append("retried")

        def delivered(self, waited_seconds: float) -> None:
            counted.append(waited_seconds)

        def worked(self, seconds: float) -> None:
            counted.append(seconds)

    work, clock = queue(meter=Counted())
    work.add("a", Priority.LOW)
    work.add("a", Priority.LOW)
    clock.seconds = 3
    work.pop()
    clock.seconds = 7
    work.done("a")
    work.add_rate_limited("a")
    assert counted == ["low", 3.0, 4.0, "retried"]


class Waits(threading.Condition):
    """A condition that shows who has begun to wait, and for how long at most."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: SimpleQueue[float | None] = SimpleQueue()

    def wait(self, timeout: float | None = None) -> bool:
        self.begun.put(timeout)  # with the lock held: nobody can wake us before we wait
        return super().wait(60)


def woken(work: Queue[str], wake: Callable[[], object], workers: int = 1) -> tuple[list[str], list[float | None]]:
    """What waiting workers get when `wake` has been called, "-" for none, and how long they would have waited at most."""
    waits = work._changed = Waits()
    got: SimpleQueue[str] = SimpleQueue()
    for _ in range(workers):
        threading.Thread(target=lambda: got.put(work.get() or "-"), daemon=True).start()
    seconds = [waits.begun.get(timeout=5) for _ in range(workers)]
    wake()
    return sorted(got.get(timeout=5) for _ in range(workers)), seconds


def test_a_waiting_worker_is_woken_by_an_add_a_done_and_the_end() -> None:
    """Threads for once. A worker that nobody needs looks again after ten seconds."""
    work, _ = queue()
    assert woken(work, lambda: work.add("a")) == (["a"], [10.0])
    work.add("a")
    assert woken(work, lambda: work.done("a")) == (["a"], [10.0])
    assert woken(work, work.stop, workers=2) == (["-", "-"], [10.0, 10.0])


def test_a_waiting_worker_waits_until_the_first_delayed_key_is_due() -> None:
    work, clock = queue()
    work.add_after("late", 30)
    clock.seconds = 26
    work.add_after("later", 30)
    clock.seconds = 27

    def earlier() -> None:
        work.add_after("late", 0.5)
        assert work._changed.begun.get(timeout=5) == 0.5  # type: ignore[attr-defined]
        work.stop()

    assert woken(work, earlier) == (["-"], [3.0])
    clock.seconds = 60
    assert work.next_due_seconds() == 0.0


def shared(*keys: str) -> Queue[str]:
    """A queue of keys such as `a1`, whose group is the letter; two of a group at a time."""
    work, _ = queue(group=lambda key: key[0], share=2)
    for key in keys:
        work.add(key)
    return work


def test_groups_take_turns() -> None:
    assert popped(shared("a1", "a2", "a3", "b1", "a4", "b2", "c1")) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_group_has_no_more_than_its_share_at_a_time() -> None:
    work = shared("a1", "a2", "a3", "a4")
    assert [work.pop(), work.pop(), work.pop()] == ["a1", "a2", None]
    work.add("b1", Priority.LOW)
    assert work.pop() == "b1"
    work.done("a2")
    assert [work.pop(), work.pop()] == ["a3", None]
    work.add("a1")
    work.done("a1")
    assert [work.pop(), work.pop()] == ["a4", None]


def test_a_worker_that_waits_is_woken_when_a_share_becomes_free() -> None:
    work = shared("a1", "a2", "a3")
    assert [work.pop(), work.pop()] == ["a1", "a2"]
    assert woken(work, lambda: work.done("a1")) == (["a3"], [10.0])


class SharedPromises(Promises):
    """The same promises with groups; what is ready may have to wait for its share."""

    def __init__(self) -> None:
        super().__init__()
        self.work, self.clock = queue(group=lambda key: key in "ab", share=1)

    def is_free(self, key: str) -> bool:
        return not any((held in "ab") is (key in "ab") for held in self.held)


TestSharedPromises = SharedPromises.TestCase
TestSharedPromises.settings = TestPromises.settings

"""The thread under a source: it goes on, it stops, and it says when it had better not go on."""

import logging
import threading
from collections.abc import Callable

import pytest

from test.kube.virtual import VirtualClock
from vmagent_operator.kube.cache.backoff import Backoff
from vmagent_operator.kube.cache.loop import Loop
from vmagent_operator.kube.meter import Meter


class Restarts(Meter):
    def __init__(self) -> None:
        self.names: list[str] = []

    def restarted(self, name: str) -> None:
        self.names.append(name)


def loop(step: Callable[[], float], stop: threading.Event) -> tuple[Loop, VirtualClock, Restarts]:
    clock, restarts = VirtualClock(), Restarts()
    return Loop("source", step, clock, stop, restarts), clock, restarts


def test_it_steps_at_the_pace_the_step_asks_for_until_stopped() -> None:
    stop, waits = threading.Event(), [1.0, 0.0, 2.5]

    def step() -> float:
        if len(waits) == 1:
            stop.set()
        return waits.pop(0)

    running, clock, _ = loop(step, stop)
    running.start()
    assert running.join(5)
    assert (clock.waits, waits) == ([1.0], [])


def test_it_goes_on_after_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    """C-25, K-36"""
    stop, calls = threading.Event(), list[int]()

    def step() -> float:
        calls.append(1)
        if len(calls) < 3:
            raise KeyError("bug")
        stop.set()
        return 0.0

    running, clock, restarts = loop(step, stop)
    with caplog.at_level(logging.ERROR):
        running.run()
    assert (len(calls), restarts.names) == (3, ["source", "source"])
    assert 0.8 <= clock.waits[0] <= 1.6 <= clock.waits[1] <= 3.2
    assert caplog.messages == ["source: unexpected failure, going on"] * 2


@pytest.mark.parametrize(
    ("at_seconds", "is_healthy"),
    [([0, 1, 2, 3], True), ([0, 1, 2, 3, 4], False), ([0, 150, 300, 450, 599], False), ([0, 550, 570, 590, 600], True)],
)
def test_five_failures_within_ten_minutes_are_too_many(at_seconds: list[float], is_healthy: bool) -> None:
    """The oldest of the last five counts."""
    stop, left = threading.Event(), list(at_seconds)

    def step() -> float:
        clock.seconds = left.pop(0)
        if not left:
            stop.set()
        raise KeyError("bug")

    running, clock, _ = loop(step, stop)
    running.run()
    clock.seconds = at_seconds[-1]
    assert running.is_healthy is is_healthy


def test_a_thread_that_ends_unasked_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    def step() -> float:
        raise SystemExit

    running, _, _ = loop(step, threading.Event())
    assert running.is_healthy
    running.start()
    assert running.join(5)
    assert not running.is_healthy


def test_back_off_grows_to_its_cap_and_forgets_after_two_quiet_minutes() -> None:
    """C-9"""
    clock = VirtualClock()
    backoff = Backoff(clock, lambda: 0.5)
    assert [backoff.next_seconds() for _ in range(8)] == pytest.approx([1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 45, 45])
    clock.seconds = 120
    assert backoff.errors == 8
    clock.seconds = 120.1
    assert (backoff.errors, backoff.longest_seconds(), backoff.errors) == (0, 45, 1)

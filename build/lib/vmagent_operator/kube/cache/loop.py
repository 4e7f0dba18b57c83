"""A thread that keeps calling one function, and survives what that function does not expect."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from attrs import define, field

from vmagent_operator.kube.cache.backoff import Backoff
from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.meter import Meter

logger = logging.getLogger(__name__)

FAILURES = 5
"""So many unexpected failures within that time are more than bad luck: liveness says so, and the process starts anew."""
FAILURES_WITHIN_SECONDS = 600.0
"""Longer than five rounds of the longest back-off, so that a loop which always fails is found out."""


@define(eq=False)
class Loop:
    """Runs `step` in a daemon thread of its own until `stop` is set.

    `step` returns the seconds to wait before its next call. Any exception of it is a bug: it is logged and counted,
    and the loop goes on after a back-off.
    """

    name: str
    step: Callable[[], float]
    clock: Clock
    stop: threading.Event
    meter: Meter = field(factory=Meter)
    _failed_at: deque[float] = field(init=False, factory=lambda: deque(maxlen=FAILURES))
    _backoff: Backoff = field(init=False)
    _thread: threading.Thread = field(init=False)

    @_backoff.default
    def _usual_backoff(self) -> Backoff:
        return Backoff(self.clock)

    @_thread.default
    def _idle_thread(self) -> threading.Thread:
        return threading.Thread(target=self.run, name=self.name, daemon=True)

    def start(self) -> None:
        """Start the thread; once."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end; whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def is_healthy(self) -> bool:
        """False once `step` has failed too often in too short a time, or the thread has ended before `stop`."""
        is_gone = self._thread.ident is not None and not self._thread.is_alive() and not self.stop.is_set()
        often = (
            len(self._failed_at) == FAILURES and self._failed_at[0] > self.clock.monotonic() - FAILURES_WITHIN_SECONDS
        )
        return not is_gone and not often

    def run(self) -> None:
        """What the thread does."""
        while not self.stop.is_set():
            seconds = self._step()
            if seconds > 0:
                self.clock.wait(self.stop, seconds)

    def _step(self) -> float:
        try:
            return self.step()
        except Exception:  # a source must not die of our own bug
            logger.exception("%s: unexpected failure, going on", self.name)
        self._failed_at.append(self.clock.monotonic())
        self.meter.restarted(self.name)
        return self._backoff.next_seconds()

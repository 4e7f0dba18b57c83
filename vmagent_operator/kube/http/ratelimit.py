"""The request budget: token buckets that hand out waiting times, and the wait itself."""

import threading
from typing import Protocol

from attrs import define, field

from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.errors import Cancelled


class Limiter(Protocol):
    """What the client asks before each request."""

    def acquire(self, stop: threading.Event) -> float:
        """Wait for permission; the seconds it took. Raises Cancelled once `stop` is set."""


@define(eq=False)
class Bucket:
    """`rate` tokens a second, at most `burst` at once; full at first. Tokens may be owed, so waiters form a queue."""

    rate: float
    burst: float
    clock: Clock
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst
        self._filled_at = self.clock.monotonic()

    def reserve(self) -> float:
        """Take one token; the seconds until it may be used."""
        with self._lock:
            now = self.clock.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
            self._filled_at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self.rate)

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        seconds = self.reserve()
        if seconds and self.clock.wait(stop, seconds):
            raise Cancelled("stopped while waiting for the request budget")
        return seconds


@define(eq=False)
class Both:
    """Permission of two limiters, one after the other: a low-priority bucket in front of the common one."""

    first: Limiter
    second: Limiter

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        return self.first.acquire(stop) + self.second.acquire(stop)


class Unlimited:
    """Permission at once; for the lease, which must not queue behind anything."""

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        return 0.0

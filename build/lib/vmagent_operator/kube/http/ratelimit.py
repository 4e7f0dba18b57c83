"""The request budget: token buckets that say how long to wait, and the wait itself."""

import threading
from typing import ClassVar, Protocol

from attrs import define, field

from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.errors import Cancelled

_SLIVER = 1e-6
"""A token that only rounding keeps from being whole is a whole one; waiting for the rest could take for ever."""


class Limiter(Protocol):
    """What the client asks before each request; `pool` is its name in metrics."""

    pool: ClassVar[str]

    def acquire(self, stop: threading.Event) -> float:
        """Wait for permission; the seconds it took. Raises Cancelled once `stop` is set."""


@define(eq=False)
class Bucket:
    """`rate` tokens a second, at most `burst` at once; full at first. Tokens may be owed, so waiters form a queue."""

    pool: ClassVar[str] = "normal"
    rate: float
    burst: float
    clock: Clock
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects the two above; nobody sleeps under it."""

    @_tokens.default
    def _full(self) -> float:
        return self.burst

    @_filled_at.default
    def _now(self) -> float:
        return self.clock.monotonic()

    def reserve(self) -> float:
        """Take one token; the seconds until it may be used."""
        with self._lock:
            self._fill()
            self._tokens -= 1
            return max(0.0, -self._tokens / self.rate)

    def take_spare(self, reserved: float) -> float:
        """Take one token if at least `reserved` are left then: 0. Else the seconds until that may be so."""
        with self._lock:
            self._fill()
            missing = reserved + 1 - self._tokens
            if missing > _SLIVER:
                return missing / self.rate
            self._tokens -= 1
            return 0.0

    def _fill(self) -> None:
        now = self._now()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        seconds = self.reserve()
        if seconds and self.clock.wait(stop, seconds):
            raise Cancelled("stopped while waiting for the request budget")
        return seconds


@define(eq=False)
class Spare:
    """What `bucket` leaves over: a token only while more than `reserved` of them are there for others."""

    pool: ClassVar[str] = "low"
    bucket: Bucket
    reserved: float

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        waited = 0.0
        while (seconds := self.bucket.take_spare(self.reserved)) > 0:
            if self.bucket.clock.wait(stop, seconds):
                raise Cancelled("stopped while waiting for the request budget")
            waited += seconds
        return waited


class Unlimited:
    """Permission at once; for the lease, which must not queue behind anything."""

    pool: ClassVar[str] = "none"

    def acquire(self, stop: threading.Event) -> float:
        """See Limiter."""
        return 0.0

"""Leader election over a Lease, and the check before each write that lets only the leader write.

After client-go's `tools/leaderelection`: a candidate never compares the lease's timestamps with its own clock, it
only watches whether the record changes. The machine advances by `step`, which never sleeps. What it promises: no write is
sent once the renew deadline has passed, counted from *before* the request of the last renewal, since that is what the server
may have seen; another candidate takes over the lease duration after it, which is longer; so there are never two writers.
"""

import logging
import math
import random
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Self

from attrs import define, evolve, field, frozen

from vmagent_operator.kube.errors import ApiError, Cancelled, Conflict, NotFound
from vmagent_operator.kube.http.client import Client, Patience
from vmagent_operator.kube.http.ratelimit import Unlimited
from vmagent_operator.kube.resource import LEASES, Manifest

logger = logging.getLogger(__name__)

CANDIDATE_JITTER = 1.2
"""Candidates wait up to this many retry periods more, so that they do not all ask at once when a lease runs out."""
SHORTEST_SECONDS = 0.01
"""A request with less time than this is not worth sending."""
RELEASED_SECONDS = 1
"""What a lease that was given up says of its length: the next candidate need not wait until it has run out."""
RELEASE_PAUSE_SECONDS = 0.1
"""Between two tries to give it up, while somebody else writes to the lease."""


def micro_time(moment: datetime) -> str:
    """A Lease's timestamp: always six digits of a second, for the API server takes no other width."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@frozen(kw_only=True)
class Timing:
    """The three durations of client-go, each longer than the next, with its defaults.

    lease: how long another candidate leaves a record alone that does not change. renew: after so long without a renewal
    we write no more, while others still wait. retry: between two renewals, so that several fit into the renew deadline.
    """

    lease_seconds: float = 15.0
    renew_seconds: float = 10.0
    retry_seconds: float = 2.0


DEFAULT_TIMING = Timing()


def check(lease_seconds: float, renew_seconds: float, retry_seconds: float) -> str:
    """What is wrong with the three durations in relation to each other, "" if nothing is."""
    if lease_seconds <= renew_seconds:
        return "the lease duration must exceed the renew deadline"
    if renew_seconds <= CANDIDATE_JITTER * retry_seconds:
        return f"the renew deadline must exceed {CANDIDATE_JITTER} times the retry period"
    return ""


@frozen(kw_only=True)
class Candidate:
    """Who wants to lead, and the Lease that says who does."""

    namespace: str
    name: str
    identity: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@define(eq=False)
class _Record:
    """The Lease as we have last seen it, and since when it has not changed, by our clock alone."""

    lease: Manifest | None = None
    observed_at: float = 0.0

    def observe(self, lease: Manifest, now: float) -> None:
        if self.lease is None or self.lease.get("spec") != lease.get("spec"):
            self.observed_at = now
        self.lease = lease

    @property
    def _spec(self) -> Manifest:
        return (self.lease or {}).get("spec") or {}

    @property
    def holder(self) -> str:
        return str(self._spec.get("holderIdentity") or "")

    def is_expired(self, now: float, lease_seconds: float) -> bool:
        """Whether we have seen the same record for as long as it wants to be valid."""
        return now >= self.observed_at + float(self._spec.get("leaseDurationSeconds") or lease_seconds)


@define(eq=False, kw_only=True)
class Elector:
    """One candidate for a Lease. Once `lost` is set it is over: the process is to end.

    A request has half a renew deadline at most. `stepped_at` is the time of the last step, for liveness, in monotonic
    seconds.
    """

    client: Client
    candidate: Candidate
    timing: Timing
    jitter: Callable[[], float]
    stepped_at: float
    elected: threading.Event = field(init=False, factory=threading.Event)
    lost: threading.Event = field(init=False, factory=threading.Event)
    _busy: threading.Lock = field(init=False, factory=threading.Lock)
    """A step and a release exclude each other: a renewal that is under way must not take back what was just given up."""
    _record: _Record = field(init=False, factory=_Record)
    _renewed_at: float = field(init=False, default=float("-inf"))

    @classmethod
    def of(
        cls,
        client: Client,
        candidate: Candidate,
        timing: Timing = DEFAULT_TIMING,
        jitter: Callable[[], float] = random.random,
    ) -> Self:
        """A candidate that has not begun.

        Its client asks nobody for permission: it would ask us. And it has no budget: a renewal must not queue behind a
        thousand writes.
        """
        client = evolve(client, before_write=lambda: None, limiter=Unlimited())
        return cls(
            client=client, candidate=candidate, timing=timing, jitter=jitter, stepped_at=client.clock.monotonic()
        )

    @property
    def is_leader(self) -> bool:
        """Whether the last renewal is recent enough for another write."""
        return self.elected.is_set() and not self.lost.is_set() and self._now() < self._deadline

    def before_write(self) -> None:
        """For `Client.before_write`: raises Cancelled unless a write may be sent now."""
        if not self.is_leader:
            raise Cancelled("not sent: this process is not the leader")

    def step(self) -> float:
        """Try once to become or to stay leader; the seconds to wait before the next step."""
        with self._busy:
            self.stepped_at = self._now()
            if self.lost.is_set():
                return self.timing.retry_seconds
            return self._renew() if self.elected.is_set() else self._try_acquire()

    def release(self) -> bool:
        """Give the lease up for the next candidate to take at once; whether that worked within the renew deadline.

        Only for after the last write: from now on `before_write` refuses every other.
        """
        with self._busy:
            was_leader = self.is_leader
            self._stop_leading("released")
            while was_leader and self._now() < self._deadline:
                try:
                    return self._release()
                except ApiError as error:
                    self._failed("release", error)
                    if not isinstance(error, Conflict):
                        return False
                self.client.clock.wait(threading.Event(), RELEASE_PAUSE_SECONDS)
            return False

    @property
    def _in_time(self) -> Client:
        """The client for one request, which must not outlast our leadership."""
        seconds = max(1.0, self.timing.renew_seconds / 2)
        if self.elected.is_set():
            seconds = min(seconds, self._deadline - self._now())
        return evolve(self.client, patience=Patience(tries=1, seconds=seconds, write_seconds=seconds))

    @property
    def _deadline(self) -> float:
        return self._renewed_at + self.timing.renew_seconds

    def _try_acquire(self) -> float:
        if self._acquire():
            logger.info("lease %s: elected identity=%s", self.candidate, self.candidate.identity)
            self.elected.set()
            self.client.meter.leading(True)
            return self.timing.retry_seconds
        return self.timing.retry_seconds * (1 + CANDIDATE_JITTER * self.jitter())

    def _renew(self) -> float:
        if self._deadline - self._now() < SHORTEST_SECONDS:
            self._stop_leading("not renewed in time")
        elif not self._try_renewal() and not self._is_ours:
            self._stop_leading(f"taken over by {self._record.holder}")
        left = self._deadline - self._now()
        return max(0.0, min(self.timing.retry_seconds, left))

    def _try_renewal(self) -> bool:
        """The remembered version first; a read before the write only if that fails."""
        if self._record.lease and self._write(self._record.lease):
            return True
        self.client.meter.slow_renewal()
        return self._acquire()

    def _acquire(self) -> bool:
        """Read the lease; write it if it is ours, free or not there."""
        try:
            lease = self._in_time.get(LEASES, self.candidate.namespace, self.candidate.name)
        except NotFound:
            return self._write(None)
        except ApiError as error:
            self._failed("get", error)
            return False
        self._record.observe(lease, self._now())
        if self._is_ours or self._record.is_expired(self._now(), self.timing.lease_seconds):
            return self._write(lease)
        return False

    def _write(self, lease: Manifest | None) -> bool:
        """Write ourselves as the holder. The renewal counts from before the request."""
        started = self._now()
        try:
            written = self._create() if lease is None else self._in_time.replace(LEASES, self._ours(lease))
        except ApiError as error:
            self._failed("create" if lease is None else "update", error)
            return False
        self._record.observe(written, self._now())
        self._renewed_at = started
        return True

    def _create(self) -> Manifest:
        metadata = {"namespace": self.candidate.namespace, "name": self.candidate.name}
        head = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
        return self._in_time.create(LEASES, self._ours(head))

    def _ours(self, lease: Manifest) -> Manifest:
        now = micro_time(self.client.clock.now())
        spec = dict(lease.get("spec") or {})
        if spec.get("holderIdentity") != self.candidate.identity:
            taken = int(spec.get("leaseTransitions") or 0) + 1 if spec else 0
            spec |= {"holderIdentity": self.candidate.identity, "acquireTime": now, "leaseTransitions": taken}
        return lease | {"spec": spec | {"leaseDurationSeconds": math.ceil(self.timing.lease_seconds), "renewTime": now}}

    def _release(self) -> bool:
        lease = self._in_time.get(LEASES, self.candidate.namespace, self.candidate.name)
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self.candidate.identity:
            return False
        now = micro_time(self.client.clock.now())
        freed = {"holderIdentity": "", "leaseDurationSeconds": RELEASED_SECONDS, "acquireTime": now, "renewTime": now}
        self._in_time.replace(LEASES, lease | {"spec": spec | freed})
        logger.info("lease %s: released", self.candidate)
        return True

    @property
    def _is_ours(self) -> bool:
        """Whether the lease is free, or held by us: perhaps since before a restart, under the same identity."""
        return self._record.holder in ("", self.candidate.identity)

    def _stop_leading(self, why: str) -> None:
        if self.elected.is_set() and not self.lost.is_set():
            self.lost.set()
            self.client.meter.leading(False)
            logger.log(
                logging.INFO if why == "released" else logging.ERROR,
                "lease %s: no longer leader, %s",
                self.candidate,
                why,
            )

    def _failed(self, operation: str, error: ApiError) -> None:
        self.client.meter.lease_failed(operation)
        level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
        logger.log(level, "lease %s: %s failed: %s", self.candidate, operation, error)

    def _now(self) -> float:
        return self.client.clock.monotonic()

"""Leader election over a Lease, and the gate that lets only the leader write.

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

from attrs import define, evolve, field

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


def check(lease_seconds: float, renew_seconds: float, retry_seconds: float) -> str:
    """What is wrong with the three durations in relation to each other, "" if nothing is."""
    if lease_seconds <= renew_seconds:
        return "the lease duration must exceed the renew deadline"
    if renew_seconds <= CANDIDATE_JITTER * retry_seconds:
        return f"the renew deadline must exceed {CANDIDATE_JITTER} times the retry period"
    return ""


@define(eq=False, kw_only=True)
class Elector:
    """One candidate for a Lease. Once `lost` is set it is over: the process is to end.

    `client` is used without its gate and budget; a request has half a renew deadline at most.
    """

    client: Client = field(kw_only=False)
    namespace: str
    name: str
    identity: str
    lease_seconds: float = 15.0
    renew_seconds: float = 10.0
    retry_seconds: float = 2.0
    jitter: Callable[[], float] = random.random

    elected: threading.Event = field(init=False, factory=threading.Event)
    lost: threading.Event = field(init=False, factory=threading.Event)
    stepped_at: float = field(init=False)
    """Monotonic seconds of the last step, for liveness."""
    _busy: threading.Lock = field(init=False, factory=threading.Lock)
    """A step and a release exclude each other: a renewal that is under way must not take back what was just given up."""
    _lease: Manifest | None = field(init=False, default=None)
    _observed_at: float = field(init=False, default=0.0)
    _renewed_at: float = field(init=False, default=float("-inf"))

    def __attrs_post_init__(self) -> None:
        self.client = evolve(self.client, before_write=lambda: None, limiter=Unlimited())
        self.stepped_at = self._now()

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
                return self.retry_seconds
            return self._renew() if self.elected.is_set() else self._try_acquire()

    def release(self) -> bool:
        """Give the lease up for the next candidate to take at once; whether that worked within the renew deadline.

        Only for after the last write: from now on the gate is closed.
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
        seconds = max(1.0, self.renew_seconds / 2)
        if self.elected.is_set():
            seconds = min(seconds, self._deadline - self._now())
        return evolve(self.client, patience=Patience(tries=1, seconds=seconds, write_seconds=seconds))

    @property
    def _deadline(self) -> float:
        return self._renewed_at + self.renew_seconds

    def _try_acquire(self) -> float:
        if self._acquire():
            logger.info("lease %s/%s: elected identity=%s", self.namespace, self.name, self.identity)
            self.elected.set()
            self.client.meter.leading(True)
            return self.retry_seconds
        return self.retry_seconds * (1 + CANDIDATE_JITTER * self.jitter())

    def _renew(self) -> float:
        if self._deadline - self._now() < SHORTEST_SECONDS:
            self._stop_leading("not renewed in time")
        elif not self._try_renewal() and self._holder not in ("", self.identity):
            self._stop_leading(f"taken over by {self._holder}")
        left = self._deadline - self._now()
        return max(0.0, min(self.retry_seconds, left))

    def _try_renewal(self) -> bool:
        """The remembered version first; a read before the write only if that fails."""
        if self._lease and self._write(self._lease):
            return True
        self.client.meter.slow_renewal()
        return self._acquire()

    def _acquire(self) -> bool:
        """Read the lease; write it if it is ours, free or not there."""
        try:
            lease = self._in_time.get(LEASES, self.namespace, self.name)
        except NotFound:
            return self._write(None)
        except ApiError as error:
            self._failed("get", error)
            return False
        self._observe(lease)
        if self._holder in ("", self.identity) or self._is_expired:
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
        self._observe(written)
        self._renewed_at = started
        return True

    def _create(self) -> Manifest:
        metadata = {"namespace": self.namespace, "name": self.name}
        head = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
        return self._in_time.create(LEASES, self._ours(head))

    def _ours(self, lease: Manifest) -> Manifest:
        now = micro_time(self.client.clock.now())
        spec = dict(lease.get("spec") or {})
        if spec.get("holderIdentity") != self.identity:
            taken = int(spec.get("leaseTransitions") or 0) + 1 if spec else 0
            spec |= {"holderIdentity": self.identity, "acquireTime": now, "leaseTransitions": taken}
        return lease | {"spec": spec | {"leaseDurationSeconds": math.ceil(self.lease_seconds), "renewTime": now}}

    def _release(self) -> bool:
        lease = self._in_time.get(LEASES, self.namespace, self.name)
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self.identity:
            return False
        now = micro_time(self.client.clock.now())
        freed = {"holderIdentity": "", "leaseDurationSeconds": RELEASED_SECONDS, "acquireTime": now, "renewTime": now}
        self._in_time.replace(LEASES, lease | {"spec": spec | freed})
        logger.info("lease %s/%s: released", self.namespace, self.name)
        return True

    def _observe(self, lease: Manifest) -> None:
        if self._lease is None or self._lease.get("spec") != lease.get("spec"):
            self._observed_at = self._now()
        self._lease = lease

    @property
    def _holder(self) -> str:
        return str(((self._lease or {}).get("spec") or {}).get("holderIdentity") or "")

    @property
    def _is_expired(self) -> bool:
        """Whether we have seen the same record for as long as it wants to be valid."""
        spec = (self._lease or {}).get("spec") or {}
        return self._now() >= self._observed_at + float(spec.get("leaseDurationSeconds") or self.lease_seconds)

    def _stop_leading(self, why: str) -> None:
        if self.elected.is_set() and not self.lost.is_set():
            self.lost.set()
            self.client.meter.leading(False)
            logger.log(
                logging.INFO if why == "released" else logging.ERROR,
                "lease %s/%s: no longer leader, %s",
                self.namespace,
                self.name,
                why,
            )

    def _failed(self, operation: str, error: ApiError) -> None:
        self.client.meter.lease_failed(operation)
        level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
        logger.log(level, "lease %s/%s: %s failed: %s", self.namespace, self.name, operation, error)

    def _now(self) -> float:
        return self.client.clock.monotonic()

"""When a key that has failed is worked on again."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field

from vmagent_operator.kube.http.ratelimit import Bucket

K = TypeVar("K", bound=Hashable)


@define(eq=False, kw_only=True)
class RateLimiter(Generic[K]):
    """How long a key that has failed waits, the longer the more often it has.

    `base_seconds` and `max_seconds` bound the back-off of one key, a bucket that of all keys of a `group` together. Guarded
    by the lock of its queue.
    """

    base_seconds: float
    max_seconds: float
    bucket: Callable[[], Bucket]
    jitter: Callable[[], float]
    group: Callable[[K], Hashable]
    failures: dict[K, int] = field(init=False, factory=dict)
    _buckets: dict[Hashable, Bucket] = field(init=False, factory=dict)
    """Of the groups that have ever failed: as many as there are namespaces."""

    def when(self, key: K) -> float:
        """Count a failure of `key`; the seconds until it may be tried again."""
        failures = self.failures.get(key, 0)
        self.failures[key] = failures + 1
        grown = min(self.base_seconds * 2.0 ** min(failures, 30), self.max_seconds)
        # Spread by a fifth: keys that one fault has made fail together need not come back together.
        backoff = min(grown * (0.8 + 0.4 * self.jitter()), self.max_seconds)
        group = self.group(key)
        bucket = self._buckets[group] = self._buckets.get(group) or self.bucket()
        return max(backoff, bucket.reserve())

    def forget(self, key: K) -> None:
        """Let the next back-off of `key` begin anew."""
        self.failures.pop(key, None)

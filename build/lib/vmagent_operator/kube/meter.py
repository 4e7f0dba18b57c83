"""What this package lets others watch: called at every event worth counting, does nothing by itself.

`controller/metrics.py` overrides what it counts. Methods are called from any thread and must neither block nor raise.
"""

from datetime import datetime

from attrs import frozen

from vmagent_operator.kube.errors import ApiError


@frozen(kw_only=True)
class Exchange:
    """One request and how it ended.

    `route` is the path with placeholders, `kind` empty for paths that are no resource. `seconds` leave out the wait for
    our own budget. `error` is None for an answer below 400. `date` is the server's clock, if it named it.
    """

    verb: str
    method: str
    route: str
    kind: str
    status: int
    seconds: float
    error: ApiError | None = None
    date: datetime | None = None


class Meter:
    """Ignores everything."""

    def exchange(self, exchange: Exchange) -> None:
        """A request has ended; a watch counts when it is opened."""

    def throttled(self, seconds: float, pool: str, *, by_server: bool) -> None:
        """A request had to wait: for our own budget, or because the server said 429; `pool` is that of its limiter."""

    def listed(self, kind: str, namespace: str, reason: str, result: str) -> None:
        """A source has listed; `reason` is start, expired, bad_stream, unavailable or verify, `result` ok or an error's name."""

    def watched(self, kind: str, namespace: str, result: str) -> None:
        """A watch has ended; `result` is ok or an error's name."""

    def event(self, kind: str, namespace: str, type_: str) -> None:
        """A source has read an event; `type_` is a known event type or `unknown`."""

    def handler_failed(self, kind: str, namespace: str) -> None:
        """A change handler has raised."""

    def differed(self, kind: str, namespace: str, count: int) -> None:
        """A verifying list has found `count` objects of which there should have been an event."""

    def restarted(self, name: str) -> None:
        """A thread has died of an unexpected exception and goes on."""

    def token_failed(self) -> None:
        """Credentials could not be read again; the old ones stay."""

    def added(self, priority: str) -> None:
        """The queue has accepted a key."""

    def retried(self) -> None:
        """A key has been added with back-off."""

    def delivered(self, waited_seconds: float) -> None:
        """The queue has delivered a key."""

    def worked(self, seconds: float) -> None:
        """A worker is done with a key."""

    def leading(self, leading: bool) -> None:
        """This process has become leader or is it no longer."""

    def slow_renewal(self) -> None:
        """A renewal needed a read before its write."""

    def lease_failed(self, operation: str) -> None:
        """A lease request has failed; `operation` is get, create, update or release."""

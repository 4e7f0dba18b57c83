"""One source: list a collection into a store, then follow it for ever.

After client-go's reflector, with these differences: lists are consistent reads, a fault never empties the store, and
nothing is taken for a bookmark or an end that is not one. The machine advances by `step`, which never sleeps, so that
tests and simulations drive it; a Loop is its thread. Several namespaces are several informers over one store.

What it promises: the store has every object as of some moment, and moments only go forward; each handler call finds its
change in the store; after a fault it goes on where it was, and lists anew only if that is impossible.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Self, TypeVar

from attrs import define, evolve, field

from vmagent_operator.kube.cache.absence import PROBE_SECONDS, Absence
from vmagent_operator.kube.cache.backoff import Backoff
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.state import Phase, State
from vmagent_operator.kube.cache.store import Entry, Store
from vmagent_operator.kube.cache.watchpolicy import Failures, sent_error
from vmagent_operator.kube.errors import ApiError, Gone, NotFound, ServerError
from vmagent_operator.kube.http.answer import Event, Watch
from vmagent_operator.kube.http.client import Client, Listing

T = TypeVar("T")

logger = logging.getLogger(__name__)

SHORT_WATCH_SECONDS = 1.0
"""A watch that ends sooner counts as an error: a server that ends each at once would be asked without end."""
VERIFY_SECONDS = (8 * 3600.0, 12 * 3600.0)
"""When everything is listed anew to find out whether there was an event for every change; spread, so that the sources do not
all do it at once, and rare, since none has ever been missing."""


@define(eq=False)
class _OpenWatch:
    """The watch that is open, if any. All but `stop` belongs to the thread that steps."""

    watch: Watch | None = None
    events: Iterator[Event | None] = field(factory=lambda: iter(()))
    opened_at: float = 0.0
    is_stopped: bool = False

    def open(self, watch: Watch, now: float) -> None:
        self.watch, self.events, self.opened_at = watch, iter(watch), now
        # `stop` sets its flag before it looks for a watch, and we look at the flag after there is one: whichever comes
        # first, the watch is closed, and no thread waits in it while the process wants to end.
        if self.is_stopped:
            watch.close()

    def close(self) -> None:
        watch, self.watch, self.events = self.watch, None, iter(())
        if watch:
            watch.close()

    def stop(self) -> None:
        self.is_stopped = True
        self.interrupt()

    def interrupt(self) -> None:
        """Have whoever waits for the next event wait no longer; from any thread."""
        if watch := self.watch:
            watch.close()


@define(eq=False)
class _NextList:
    """Why the next request is a list (empty if it is a watch), and when it is one at the latest.

    is_stale: whether one was asked for that has not begun, by whatever thread; `fresh` is set once it has been applied.
    """

    reason: str = "start"
    verify_at: float = 0.0
    is_stale: bool = False
    fresh: threading.Event = field(factory=threading.Event)


@define(eq=False, kw_only=True)
class Informer(Generic[T]):
    """Keeps `store` as the API server has `collection`; `on_change` is called for every change, one after the other."""

    client: Client
    collection: Collection
    store: Store[T]
    on_change: Callable[[Change[T]], None]
    state: State
    failures: Failures
    absence: Absence
    _open: _OpenWatch = field(init=False, factory=_OpenWatch)
    _next: _NextList = field(init=False, factory=_NextList)

    @classmethod
    def of(
        cls,
        client: Client,
        collection: Collection,
        store: Store[T],
        on_change: Callable[[Change[T]], None],
        absence: Absence | None = None,
    ) -> Self:
        """An informer that has not begun. Its client tries once: the pace of repetition is decided by `failures`."""
        return cls(
            client=evolve(client, patience=evolve(client.patience, tries=1)),
            collection=collection,
            store=store,
            on_change=on_change,
            state=State(client.clock.monotonic()),
            failures=Failures(Backoff(client.clock, collection.jitter)),
            absence=absence or Absence(),
        )

    @property
    def name(self) -> str:
        """The kind, and the namespace if it is one."""
        return self.collection.name

    @property
    def has_synced(self) -> bool:
        """Whether a first complete list has been applied and its handlers called; never turns false again."""
        return self.state.synced.is_set()

    @property
    def is_healthy(self) -> bool:
        """Whether "not in the store" means "does not exist"."""
        return self.state.unhealthy_since is None

    @property
    def is_fresh(self) -> bool:
        """Whether a whole list has been applied since the last `refresh`."""
        return self._next.fresh.is_set()

    def refresh(self) -> None:
        """Have the collection listed anew, from any thread, whatever a watch may have kept to itself."""
        self._next.fresh.clear()
        self._next.is_stale = True
        self._open.interrupt()

    def close(self) -> None:
        """Stop, from any thread; a step that waits for the server returns soon."""
        self._open.stop()

    def step(self) -> float:
        """List, open a watch, or follow one event; the seconds to wait before the next step."""
        try:
            return self._advance()
        except ApiError as error:
            if self._next.is_stale and not self._next.reason:
                return 0.0  # it is we who have broken the watch off
            return self._fail(error)
        except Exception as error:  # a bug, which the loop survives; until then nothing here can be believed
            self._open.close()
            self.state.mark_unhealthy(error, self._now())
            raise

    def _advance(self) -> float:
        if self._open.is_stopped:
            self._open.close()
            self._enter(Phase.STOPPED)
            return 0.0
        if self._next.is_stale:
            self._open.close()
            self._next.is_stale, self._next.reason = False, "refresh"
        if not self._next.reason and self._now() >= self._next.verify_at:
            self._open.close()
            self._next.reason = "verify"
        if self._next.reason:
            return self._list()
        if self._open.watch is None:
            self._open.open(self.collection.watch(self.client, self.state.resource_version), self._now())
            self._enter(Phase.WATCHING)
            return 0.0
        for event in self._open.events:
            if event is not None:
                self._follow(event)
            return 0.0
        return self._ended()

    def _list(self) -> float:
        # A kind that is absent stays so until it is listed, or each look for it would count as a fault of the source.
        self._enter(Phase.ABSENT if self.state.phase is Phase.ABSENT else Phase.LISTING)
        count = self.store.count(self.collection.namespace)
        try:
            listing = self.collection.list(self.client, self.store.decode, count)
        except NotFound as error:
            self._count_list(error)
            return self._missing(error)
        except ApiError as error:
            self._count_list(error)
            raise
        self._count_list(None)
        self._load(listing)
        return 0.0

    def _load(self, listing: Listing[Entry[T]]) -> None:
        if self._next.reason == "verify":
            self._compare(listing)
        changes = self.store.replace(listing.items, self.collection.namespace)
        low, high = VERIFY_SECONDS
        self._next.verify_at = self._now() + low + (high - low) * self.collection.jitter()
        self._next.reason = ""
        self.absence.end()
        self._move(listing.resource_version)
        self._notify(changes)
        self.state.synced.set()
        self._renewed()

    def _compare(self, listing: Listing[Entry[T]]) -> None:
        """Tell of what events should have told of: of states that are older than the last event, for later ones may be on their way.

        What is gone says not since when, and is not told.
        """
        last = self.state.resource_version
        missed = sum(_is_passed(entry.resource_version, last) and not self.store.has(entry) for entry in listing.items)
        if missed:
            self.client.meter.differed(*self._labels, missed)
            logger.error("%s: there was not an event for every change differences=%d", self.name, missed)

    def _renewed(self) -> None:
        if not self._next.is_stale:  # else the list had begun before it was asked for
            self._next.fresh.set()

    def _follow(self, event: Event) -> None:
        is_known = event.type in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
        self.client.meter.event(*self._labels, event.type if is_known else "unknown")
        if event.type == "ERROR":
            raise sent_error(event.object)
        if not is_known:
            return
        changes = [] if event.type == "BOOKMARK" else self.store.apply(event)
        self._move(event.object["metadata"]["resourceVersion"])
        self._notify(changes)

    def _ended(self) -> float:
        """The server has ended the watch in good order; too soon counts as an error."""
        seconds = self._now() - self._open.opened_at
        self._open.close()
        self.client.meter.watched(*self._labels, "ok")
        if seconds >= SHORT_WATCH_SECONDS or self._open.is_stopped or self._next.is_stale:
            self.failures.end()
            return 0.0
        self._enter(Phase.BACKOFF)
        return self.failures.backoff.next_seconds()

    def _fail(self, error: ApiError) -> float:
        if not self._next.reason:
            self.client.meter.watched(*self._labels, type(error).__name__)
        self._open.close()
        reason, seconds = self.failures.count(error, listing=bool(self._next.reason))
        self._next.reason = reason or self._next.reason
        self.state.mark_unhealthy(error, self._now())
        logger.log(
            logging.DEBUG if isinstance(error, Gone) else logging.WARNING,
            "%s: %s, going on in %.1f s: %s",
            self.name,
            type(error).__name__,
            seconds,
            error,
        )
        return seconds

    def _missing(self, error: NotFound) -> float:
        """A list was answered with 404: believed at once only if we never had more than that."""
        resource = self.collection.resource
        # A proxy or an aggregated API that is down says 404 too: without the second look its objects would count as deleted.
        if not self.absence.is_gone(self.client, resource):
            self.absence.forget()
            raise ServerError(f"{resource.plural} are not found, but said to be served") from error
        now = self._now()
        if self.state.phase is not Phase.ABSENT:
            if not self.absence.lasts(now) and self.has_synced:
                self.state.mark_unhealthy(error, now)
                return PROBE_SECONDS
            self._enter(Phase.ABSENT)
            self._notify(self.store.replace((), self.collection.namespace))
            if not self.absence.required:
                self.state.synced.set()
        self._renewed()
        self.state.absent_at = now
        if self.absence.is_worth_a_line(now):
            level = logging.WARNING if self.absence.required else logging.INFO
            logger.log(level, "%s: the API server does not serve it", self.name)
        return PROBE_SECONDS

    def _move(self, resource_version: str) -> None:
        self.state.resource_version = resource_version
        self.state.active_at = self.client.clock.now()
        self.failures.end()

    def _notify(self, changes: list[Change[T]]) -> None:
        for change in changes:
            try:
                self.on_change(change)
            except Exception:  # one handler's bug must not stop the source
                logger.exception("%s: a change handler failed", self.name)
                self.client.meter.handler_failed(*self._labels)

    def _enter(self, phase: Phase) -> None:
        self.state.enter(phase, self._now())

    def _count_list(self, error: ApiError | None) -> None:
        self.client.meter.listed(*self._labels, self._next.reason, type(error).__name__ if error else "ok")

    @property
    def _labels(self) -> tuple[str, str]:
        return self.collection.resource.kind, self.collection.namespace or ""

    def _now(self) -> float:
        return self.client.clock.monotonic()


def _is_passed(resource_version: str, last: str) -> bool:
    """Whether a watch that is at `last` has passed a state. A server whose versions are no numbers gets no benefit of doubt.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """
    if not (resource_version.isdecimal() and last.isdecimal()):
        return True
    return (len(resource_version), resource_version) <= (len(last), last)  # numbers of whatever length

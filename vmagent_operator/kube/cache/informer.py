"""One source: list a collection into a store, then follow it for ever.

After client-go's reflector, with these differences: lists are consistent reads, a fault never empties the store, and
nothing is taken for a bookmark or an end that is not one. The machine advances by `step`, which never sleeps, so that
tests and simulations drive it; a Loop is its thread. Several namespaces are several informers over one store.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from attrs import define, evolve, field

from vmagent_operator.kube.cache.backoff import Backoff
from vmagent_operator.kube.cache.store import Change, Entry, Store
from vmagent_operator.kube.cache.watchpolicy import Wait, error_policy, sent_error
from vmagent_operator.kube.errors import ApiError, Forbidden, Gone, NotFound, ServerError
from vmagent_operator.kube.http.answer import Event, Watch
from vmagent_operator.kube.http.client import PAGE_SIZE, Client, Listing
from vmagent_operator.kube.resource import CUSTOMRESOURCEDEFINITIONS, Resource

T = TypeVar("T")

logger = logging.getLogger(__name__)

SHORT_WATCH_SECONDS = 1.0
"""A watch that ends sooner counts as an error: a server that hangs up at once would be asked without end."""
RETRY_AFTER_CAP_SECONDS = 60.0
"""A server may ask for longer; then it is asked once a minute all the same, and not forgotten for an hour."""
BRIEF_SECONDS = 8.0
"""After a refused token: a new one may lie on disk any moment."""
PROBE_SECONDS = 30.0
"""How often a kind that is not served is looked for: whoever installs it waits for that."""
COMPLAINT_SECONDS = 60.0
"""How often the log says that a kind without which nothing works is not served."""
GONE_ANSWERS, GONE_SECONDS = 3, 60.0
"""So many answers of 404 over so long a time until a kind that was there counts as gone: an aggregated API or a restart says so for moments."""
VERIFY_SECONDS = (8 * 3600.0, 12 * 3600.0)
"""When everything is listed anew to find out whether events have told of every change; spread, so that the sources do not all do it at once."""
LARGE_STORE = 20
"""From so many objects on, a list that lacks half of them is asked for twice: a broken aggregator must not delete targets."""


class Phase(Enum):
    """What a source is at. ABSENT: its kind is not served."""

    ABSENT = "absent"
    LISTING = "listing"
    WATCHING = "watching"
    BACKOFF = "backoff"
    STOPPED = "stopped"


def not_discovered(client: Client, resource: Resource) -> bool:
    """Whether discovery says that the kind is not served."""
    return not client.serves(resource)


def definition_deleted(client: Client, resource: Resource) -> bool:
    """Whether discovery says so and, if we may read it, the CustomResourceDefinition is gone or going too."""
    if client.serves(resource):
        return False
    try:
        definition = client.get(
            CUSTOMRESOURCEDEFINITIONS, None, f"{resource.plural}.{resource.group}", metadata_only=True
        )
    except (NotFound, Forbidden):
        return True
    return "deletionTimestamp" in definition["metadata"]


@define(eq=False, kw_only=True)
class Informer(Generic[T]):
    """Keeps `store` as the API server has `resource`, in one `namespace` or in all.

    `on_change` hears of every change, one after the other, when the store shows it already. `is_gone` confirms that a
    kind which answers 404 has really gone. A kind that is not `required` may be absent: then it counts as synced.

    `phase`, `error`, `unhealthy_since` and `absent_at` (monotonic seconds, None if healthy or never absent),
    `resource_version` and `active_at` may be read from any thread.
    """

    client: Client = field(kw_only=False)
    resource: Resource = field(kw_only=False)
    store: Store[T] = field(kw_only=False)
    on_change: Callable[[Change[T]], None]
    namespace: str | None = None
    selector: str = ""
    metadata_only: bool = False
    required: bool = True
    is_gone: Callable[[Client, Resource], bool] = not_discovered
    page_size: int = PAGE_SIZE
    min_timeout_seconds: float = 300.0
    jitter: Callable[[], float] = random.random

    phase: Phase = field(init=False, default=Phase.LISTING)
    error: Exception | None = field(init=False, default=None)
    unhealthy_since: float | None = field(init=False)
    absent_at: float | None = field(init=False, default=None)
    resource_version: str = field(init=False, default="")
    active_at: datetime | None = field(init=False, default=None)
    synced: threading.Event = field(init=False, factory=threading.Event)
    backoff: Backoff = field(init=False)

    _reason: str = field(init=False, default="start")
    """Why the next request is a list; empty if it is a watch."""
    _watch: Watch | None = field(init=False, default=None)
    _events: Iterator[Event | None] = field(init=False, factory=lambda: iter(()))
    _opened_at: float = field(init=False, default=0.0)
    _verify_at: float = field(init=False, default=0.0)
    _failures: list[type[ApiError]] = field(init=False, factory=list)
    """Errors of one class in a row since the resource version last moved."""
    _missing_at: list[float] = field(init=False, factory=list)
    """When lists in a row were answered with a confirmed 404."""
    _complain_at: float = field(init=False, default=0.0)
    _stopping: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.client = evolve(
            self.client, patience=evolve(self.client.patience, tries=1)
        )  # the pace of repetition is decided here
        self.backoff = Backoff(self.client.clock, self.jitter)
        self.unhealthy_since = self._now()

    @property
    def name(self) -> str:
        """The kind, and the namespace if it is one."""
        return f"{self.resource.kind} {self.namespace}" if self.namespace else self.resource.kind

    @property
    def has_synced(self) -> bool:
        """Whether a first complete list has been applied and told of; never turns false again."""
        return self.synced.is_set()

    @property
    def is_healthy(self) -> bool:
        """Whether "not in the store" means "does not exist"."""
        return self.unhealthy_since is None

    def close(self) -> None:
        """Stop, from any thread; a step that waits for the server returns soon."""
        self._stopping = True
        if watch := self._watch:
            watch.close()

    def step(self) -> float:
        """List, open a watch, or follow one event; the seconds to wait before the next step."""
        try:
            return self._advance()
        except ApiError as error:
            return self._fail(error)
        except Exception as error:  # a bug, which the loop survives; until then nothing here can be believed
            self._close_watch()
            self._unwell(error)
            raise
        except BaseException:
            self._close_watch()
            raise

    def _advance(self) -> float:
        if self._stopping:
            self._close_watch()
            self._enter(Phase.STOPPED)
            return 0.0
        if not self._reason and self._now() >= self._verify_at:
            self._close_watch()
            self._reason = "verify"
        if self._reason:
            return self._list_or_miss()
        if self._watch is None:
            self._open()
            return 0.0
        for event in self._events:
            if event is not None:
                self._follow(event)
            return 0.0
        return self._ended()

    def _list_or_miss(self) -> float:
        self._enter(Phase.ABSENT if self.phase is Phase.ABSENT else Phase.LISTING)
        try:
            listing = self._collect()
        except NotFound as error:
            self._count_list(error)
            return self._missing(error)
        except ApiError as error:
            self._count_list(error)
            raise
        self._count_list(None)
        self._load(listing)
        return 0.0

    def _collect(self) -> Listing[Entry[T]]:
        """The whole collection; asked for twice if much of what we hold seems to have vanished."""
        held = self.store.count(self.namespace)
        for _ in range(2):
            listing = self.client.list_with(
                self.store.decode,
                self.resource,
                self.namespace,
                selector=self.selector,
                metadata_only=self.metadata_only,
                page_size=self.page_size,
            )
            if held < LARGE_STORE or len(listing.items) * 2 >= held:
                break
        return listing

    def _load(self, listing: Listing[Entry[T]]) -> None:
        changes = self.store.replace(listing.items, self.namespace)
        if self._reason == "verify" and changes:
            self.client.meter.differed(self.resource.kind, self.namespace or "", len(changes))
            logger.error("%s: events had not told of every change differences=%d", self.name, len(changes))
        low, high = VERIFY_SECONDS
        self._verify_at = self._now() + low + (high - low) * self.jitter()
        self._reason, self._complain_at = "", 0.0
        self._missing_at.clear()
        self._moved(listing.resource_version)
        self._tell(changes)
        self.synced.set()

    def _open(self) -> None:
        self._watch = self.client.watch(
            self.resource,
            self.namespace,
            resource_version=self.resource_version,
            selector=self.selector,
            metadata_only=self.metadata_only,
            timeout_seconds=self.min_timeout_seconds * (1 + self.jitter()),
        )
        self._events = iter(self._watch)
        self._opened_at = self._now()
        self._enter(Phase.WATCHING)
        if self._stopping:
            self._watch.close()

    def _follow(self, event: Event) -> None:
        known = event.type in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
        self.client.meter.event(self.resource.kind, self.namespace or "", event.type if known else "unknown")
        if event.type == "ERROR":
            raise sent_error(event.object)
        if not known:
            return
        changes = [] if event.type == "BOOKMARK" else self.store.apply(event)
        self._moved(event.object["metadata"]["resourceVersion"])
        self._tell(changes)

    def _ended(self) -> float:
        """The server has ended the watch in good order; too soon counts as an error."""
        lasted = self._now() - self._opened_at
        self._close_watch()
        self.client.meter.watched(self.resource.kind, self.namespace or "", "ok")
        if lasted >= SHORT_WATCH_SECONDS or self._stopping:
            self._failures.clear()
            return 0.0
        self._enter(Phase.BACKOFF)
        return self.backoff.next_seconds()

    def _fail(self, error: ApiError) -> float:
        if not self._reason:
            self.client.meter.watched(self.resource.kind, self.namespace or "", type(error).__name__)
        self._close_watch()
        wanted = error_policy(error, listing=bool(self._reason))
        if self._failures and self._failures[-1] is not type(error):
            self._failures.clear()
        self._failures.append(type(error))
        if wanted.relist and not self._reason and len(self._failures) >= wanted.after:
            self._reason = wanted.relist
            self._failures.clear()
        seconds = self._wait_seconds(wanted.wait, error)
        self._unwell(error)
        logger.log(
            logging.DEBUG if isinstance(error, Gone) else logging.WARNING,
            "%s: %s, going on in %.1f s: %s",
            self.name,
            type(error).__name__,
            seconds,
            error,
        )
        return seconds

    def _wait_seconds(self, wait: Wait, error: ApiError) -> float:
        if wait is Wait.LONGEST:
            return self.backoff.longest_seconds()
        seconds = self.backoff.next_seconds()
        if wait is Wait.FIRST and self.backoff.errors == 1:
            return 0.0
        if wait is Wait.BRIEF:
            return min(seconds, BRIEF_SECONDS)
        asked = min(error.retry_after or 0.0, RETRY_AFTER_CAP_SECONDS)
        return max(seconds, asked) if wait is Wait.SERVER else seconds

    def _missing(self, error: NotFound) -> float:
        """A list was answered with 404: believed at once only if we never had more than that."""
        if not self.is_gone(self.client, self.resource):
            self._missing_at.clear()
            raise ServerError(f"{self.resource.plural} are not found, but said to be served") from error
        now = self._now()
        if self.phase is not Phase.ABSENT:
            self._missing_at.append(now)
            long_gone = len(self._missing_at) >= GONE_ANSWERS and now - self._missing_at[0] >= GONE_SECONDS
            if self.has_synced and not long_gone:
                self._unwell(error)
                return PROBE_SECONDS
            self._enter(Phase.ABSENT)
            self._tell(self.store.replace((), self.namespace))
            if not self.required:
                self.synced.set()
        self.absent_at = now
        if now >= self._complain_at:
            logger.log(
                logging.WARNING if self.required else logging.INFO, "%s: the API server does not serve it", self.name
            )
            self._complain_at = now + (COMPLAINT_SECONDS if self.required else float("inf"))
        return PROBE_SECONDS

    def _moved(self, resource_version: str) -> None:
        self.resource_version = resource_version
        self.active_at = self.client.clock.now()
        self._failures.clear()

    def _tell(self, changes: list[Change[T]]) -> None:
        for change in changes:
            try:
                self.on_change(change)
            except Exception:  # one handler's bug must not stop the source
                logger.exception("%s: a change handler failed", self.name)
                self.client.meter.handler_failed(self.resource.kind, self.namespace or "")

    def _close_watch(self) -> None:
        watch, self._watch = self._watch, None
        self._events = iter(())
        if watch:
            watch.close()

    def _unwell(self, error: Exception) -> None:
        self.error = error
        self._enter(Phase.BACKOFF)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        if phase in (Phase.WATCHING, Phase.ABSENT):
            self.error = self.unhealthy_since = None
        elif self.unhealthy_since is None:
            self.unhealthy_since = self._now()

    def _count_list(self, error: ApiError | None) -> None:
        result = type(error).__name__ if error else "ok"
        self.client.meter.listed(self.resource.kind, self.namespace or "", self._reason, result)

    def _now(self) -> float:
        return self.client.clock.monotonic()

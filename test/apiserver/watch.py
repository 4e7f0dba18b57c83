"""Watches and paged lists: windows on the history of a store."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta

from attrs import define, field, frozen

from test.apiserver import failure, selectors, views
from test.apiserver.kinds import Kind
from test.apiserver.routes import Request
from test.apiserver.store import Change, Json, Store

EXPIRED = ("The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
           "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
           "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
           "first chunk was returned and now may show up in the list.")  # fmt: skip


@frozen
class Selection:
    """Which objects of a kind a list or watch is about."""

    kind: Kind
    namespace: str
    name: str
    test: Callable[[Json], bool]

    def holds(self, value: Json | None) -> bool:
        """Whether `value` is one of them."""
        if value is None:
            return False
        meta = value["metadata"]
        if (self.namespace and meta.get("namespace") != self.namespace) or (self.name and meta["name"] != self.name):
            return False
        return self.test(value)


def selection(request: Request) -> Selection:
    """The selection of a request. Raises Failure for selectors that the server does not understand."""
    kind, query = request.kind, request.raw.query
    by_label = selectors.labels(query.get("labelSelector", ""))
    by_field = selectors.fields(
        kind.plural, kind.api_version, kind.name, query.get("fieldSelector", ""), kind.selectable
    )
    return Selection(kind, request.namespace, request.name, lambda value: by_label(value) and by_field(value))


def version(store: Store, text: str) -> int | None:
    """A resourceVersion parameter; None if it is unset. Raises Failure if it is no number or from the future."""
    if not text:
        return None
    if not text.isdigit():
        raise failure.invalid(
            "",
            "",
            "",
            [
                (
                    "FieldValueInvalid",
                    "resourceVersion",
                    f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax',
                )
            ],
        )
    if int(text) > store.version:
        raise failure.too_large_version(int(text), store.version)
    return int(text)


def page(store: Store, request: Request) -> tuple[list[Json], Json]:
    """The objects of a list request and its metadata. Raises Failure."""
    query, chosen = request.raw.query, selection(request)
    limit, token = int(query.get("limit") or 0), query.get("continue", "")
    at, start = _position(store, token) if token else (version(store, query.get("resourceVersion", "")), None)
    if not token and query.get("resourceVersionMatch", "") != "Exact":
        at = None
    if at is not None and at < store.oldest:
        raise failure.gone(EXPIRED) if token else failure.gone(f"too old resource version: {at} ({store.oldest})")
    at = store.version if at is None else at
    found = [
        item
        for item in store.at(request.kind.storage, at)
        if chosen.holds(item[1]) and (start is None or item[0] > start)
    ]
    meta: Json = {"resourceVersion": str(at)}
    if limit and len(found) > limit:
        last = found[limit - 1][0]
        meta["continue"] = base64.urlsafe_b64encode(
            json.dumps({"v": META_VERSION, "rv": at, "start": last}).encode()
        ).decode()
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return [value for _, value in found], meta


META_VERSION = "meta.k8s.io/v1"


def _position(store: Store, token: str) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token))
        return int(found["rv"]), tuple(found["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise failure.bad_request(f"continue key is not valid: {error}") from error


@define(eq=False)
class Watch:
    """An open watch. `poll` gives what has happened since the last call, as lines; `is_over` says that it has ended."""

    store: Store
    chosen: Selection
    wanted: str
    include: str
    has_bookmarks: bool
    position: int
    is_over: bool = False
    spelled: Callable[[bytes], bytes] = bytes
    _pending: list[bytes] = field(factory=list)
    _is_first: bool = True
    _deadline: float | None = None

    def poll(self) -> list[bytes]:
        """Lines that are due; ends the watch at its timeout."""
        return [self.spelled(line) for line in self._poll()]

    def _poll(self) -> list[bytes]:
        lines, self._pending = self._pending, []
        if self.is_over:
            return lines
        if self.position < self.store.oldest:
            self.is_over = True
            return [
                *lines,
                self.error(failure.gone(f"too old resource version: {self.position} ({self.store.oldest})")),
            ]
        for change in self.store.since(self.position):
            self.position = change.version
            lines.extend(self._seen(change))
        if self._deadline is not None and self.store.now().timestamp() >= self._deadline:
            self.is_over = True
        return lines

    def end_after(self, seconds: float) -> None:
        """End at `seconds` from now."""
        self._deadline = self.store.now().timestamp() + seconds

    def remaining_seconds(self) -> float:
        """Time until the end; an hour if it has none."""
        return 3600.0 if self._deadline is None else self._deadline - self.store.now().timestamp()

    def bookmark(self, annotations: Json | None = None) -> None:
        """Put a bookmark of the present version into the stream."""
        if not self.has_bookmarks or self.is_over:
            return
        lines = self._poll()
        meta: Json = {"resourceVersion": str(self.position), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        value = views.typed(self.chosen.kind, {"metadata": meta})
        shown = views.partial(value) if self.wanted.startswith("Partial") else value
        self._pending = [*lines, json.dumps({"type": "BOOKMARK", "object": shown}, separators=(",", ":")).encode()]

    def start(self, values: list[Json]) -> None:
        """Begin with these objects as ADDED."""
        self._pending.extend(self._line("ADDED", value) for value in values)

    def error(self, refused: failure.Failure) -> bytes:
        """The line of an ERROR event."""
        return json.dumps({"type": "ERROR", "object": refused.body}, separators=(",", ":")).encode()

    def _seen(self, change: Change) -> Iterator[bytes]:
        if change.resource != self.chosen.kind.storage:
            return
        before, after = self.chosen.holds(change.old), self.chosen.holds(change.new)
        if after and change.new is not None:
            yield self._line("MODIFIED" if before else "ADDED", change.new)
        elif before and change.old is not None:
            meta = change.old["metadata"] | {"resourceVersion": str(change.version)}
            yield self._line("DELETED", change.old | {"metadata": meta})

    def _line(self, change: str, value: Json) -> bytes:
        is_first, self._is_first = self._is_first, False
        return views.event(self.chosen.kind, change, value, self.wanted, self.include, self.store.now(), is_first)


def opened(store: Store, request: Request) -> Watch:
    """The watch that a request asks for. Raises Failure."""
    query = request.raw.query
    wanted = views.form(request.raw.headers.get("accept", ""))
    since = version(store, query.get("resourceVersion", ""))
    include = query.get("includeObject", "Metadata")
    initial = query.get("sendInitialEvents")
    if initial == "true" and (
        query.get("resourceVersionMatch") != "NotOlderThan" or query.get("allowWatchBookmarks") != "true"
    ):
        text = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise failure.invalid("meta.k8s.io", "ListOptions", "", [("FieldValueForbidden", "sendInitialEvents", text)])
    chosen = selection(request)
    found = Watch(
        store, chosen, wanted, include, query.get("allowWatchBookmarks") in ("true", "1"), since or store.version
    )
    if initial == "true" or (initial is None and not since):
        found.position = store.version
        found.start([value for _, value in store.items(request.kind.storage) if chosen.holds(value)])
    if initial == "true":
        found.bookmark({"k8s.io/initial-events-end": "true"})
    if query.get("timeoutSeconds"):
        found.end_after(timedelta(seconds=int(query["timeoutSeconds"])).total_seconds())
    return found

"""The API server as functions over JSON dictionaries.

Everything a request needs besides its bytes is decided here: budget, permission to write, repetition of reads, field
manager, preconditions. Watches leave the budget alone.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from attrs import define, field, frozen

from vmagent_operator.kube import errors
from vmagent_operator.kube.clock import Clock, SystemClock
from vmagent_operator.kube.errors import ApiError, BadResponse, Cancelled, Gone, NotFound, TooManyRequests
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.http import answer as answers
from vmagent_operator.kube.http import call as calls
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.kube.http.call import (
    APPLY_TYPE,
    JSON_PATCH_TYPE,
    JSON_TYPE,
    MERGE_PATCH_TYPE,
    Call,
    Discovery,
)
from vmagent_operator.kube.http.ratelimit import Limiter, Unlimited
from vmagent_operator.kube.http.transport import Query, Response, Stream, Transport
from vmagent_operator.kube.meter import Exchange, Meter
from vmagent_operator.kube.resource import PODS, Manifest, Resource

T = TypeVar("T")
Answer = TypeVar("Answer", Response, Stream)

PAGE_SIZE = 500
BACKOFF_SECONDS = 0.1
"""Before a request is repeated within a call, doubling; longer waits are the caller's, who knows what else there is to do."""


@frozen
class Listing(Generic[T]):
    """The objects of a collection, all from the same moment, and its resource version."""

    items: tuple[T, ...]
    resource_version: str


@define(eq=False)
class Watch:
    """The events of a collection as they come; None for a line without one.

    Iterating raises NetworkError, Timeout or BadResponse; after `close`, from any thread, it just ends.
    """

    _stream: Stream
    _resource: Resource
    _metadata_only: bool

    def __iter__(self) -> Iterator[Event | None]:
        for line in self._stream:
            yield answers.event(line, self._resource, self._metadata_only) if line.strip() else None

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _itself(manifest: Manifest) -> Manifest:
    return manifest


def _nothing() -> None:
    """The gate and the check of a client that has none."""


@define(eq=False, kw_only=True)
class Client:
    """One API server; may be shared between threads.

    `before_write` is called right before a mutating request is sent, `before_request` before any request; they raise to prevent it.
    `tries` is how often a request may be sent; sources and the lease take 1, they have loops of their own. Timeouts
    are totals, repetition included. A client for a special purpose is `attrs.evolve(client, ...)`.

    All methods raise ApiError.
    """

    transport: Transport = field(kw_only=False)
    manager: FieldManager
    before_write: Callable[[], None] = _nothing
    before_request: Callable[[], None] = _nothing
    limiter: Limiter = field(factory=Unlimited)
    clock: Clock = field(factory=SystemClock)
    meter: Meter = field(factory=Meter)
    stop: threading.Event = field(factory=threading.Event)
    jitter: Callable[[], float] = random.random
    tries: int = 3
    timeout_seconds: float = 30.0
    write_timeout_seconds: float = 14.0
    list_timeout_seconds: float = 60.0
    idle_timeout_seconds: float = 150.0

    def get(self, resource: Resource, namespace: str | None, name: str, *, metadata_only: bool = False) -> Manifest:
        """The object as it is now; with `metadata_only` nothing of it but `metadata`."""
        call = Call("get", "GET", resource, namespace, name, headers=calls.accept(metadata_only))
        return answers.whole(self._send(call, self.timeout_seconds), resource, metadata_only)

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> Listing[Manifest]:
        """The whole collection."""
        return self.collect(
            _itself, resource, namespace, selector=selector, metadata_only=metadata_only, page_size=page_size
        )

    def collect(
        self,
        keep: Callable[[Manifest], T],
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> Listing[T]:
        """The whole collection, each object turned by `keep` into what is kept of it as soon as its page is in.

        A continue token that has expired starts the list again, once with pages, then without.
        """
        headers = calls.accept(metadata_only, "List")
        base = (("labelSelector", selector),) if selector else ()
        for limit in (page_size, page_size, 0):
            items: list[T] = []
            version, token = "", None
            try:
                while token != "":
                    query = (*base, *_page(limit, token))
                    call = Call("list", "GET", resource, namespace, query=query, headers=headers)
                    found, at, token = _listed(self._send(call, self.list_timeout_seconds), resource)
                    items += (keep(answers.named(raw, resource, metadata_only)) for raw in found)
                    version = version or at
                return Listing(tuple(items), version)
            except Gone:
                if not limit:
                    raise
        raise AssertionError("unreachable: a list without a limit returns or raises")

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        selector: str = "",
        metadata_only: bool = False,
        timeout_seconds: float,
    ) -> Watch:
        """What happens to the collection after `resource_version`, bookmarks included, until the server ends it."""
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", resource_version),
            ("timeoutSeconds", str(round(timeout_seconds))),
        ]
        if selector:
            query.append(("labelSelector", selector))
        call = Call("watch", "GET", resource, namespace, query=query, headers=calls.accept(metadata_only))
        self.before_request()
        return Watch(self._exchange(call, self._open, self.idle_timeout_seconds), resource, metadata_only)

    def apply(self, resource: Resource, manifest: Manifest, *, force: bool = True) -> Manifest:
        """Server-side apply; what comes back is `metadata` only.

        A manifest for an object that exists must carry its UID, or a vanished one would be made again.
        """
        query = (*self._owner, ("force", "true" if force else "false"))
        return self._write("apply", "PATCH", resource, manifest, query, APPLY_TYPE, metadata_only=True)

    def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """The object as the server made it."""
        return self._write("create", "POST", resource, manifest, self._owner, JSON_TYPE)

    def replace(self, resource: Resource, manifest: Manifest, *, subresource: str | None = None) -> Manifest:
        """The object after writing it as a whole. Raises ValueError unless it says which version of which was read."""
        if not (manifest["metadata"].get("uid") and manifest["metadata"].get("resourceVersion")):
            raise ValueError(f"a {resource.kind} to replace needs uid and resourceVersion")
        return self._write("update", "PUT", resource, manifest, self._owner, JSON_TYPE, subresource)

    def json_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """The object after RFC 6902 `operations`; a `test` among them that fails is Invalid."""
        return self._patch(resource, namespace, name, list(operations), JSON_PATCH_TYPE, subresource)

    def merge_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """The object after the RFC 7386 merge of `patch`; a UID or resource version in it is a precondition."""
        return self._patch(resource, namespace, name, patch, MERGE_PATCH_TYPE, subresource)

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: str | None = None,
    ) -> None:
        """Ask for the deletion of that very object; Conflict if it is another one, or another version, by now.

        Raises ValueError without a UID.
        """
        options: Manifest = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": calls.preconditions(uid, resource_version),
        }
        if propagation:
            options["propagationPolicy"] = propagation
        headers = {"content-type": JSON_TYPE}
        call = Call("delete", "DELETE", resource, namespace, name, headers=headers, body=options)
        self._send(call, self.write_timeout_seconds)

    def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """Ask for the eviction of that very pod; TooManyRequests if a disruption budget forbids it now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": calls.preconditions(uid)},
        }
        headers = {"content-type": JSON_TYPE}
        call = Call("evict", "POST", PODS, namespace, name, "eviction", headers=headers, body=eviction)
        self._send(call, self.write_timeout_seconds)

    def server_version(self) -> tuple[int, int]:
        """Major and minor version. Raises BadResponse if they are no numbers; a trailing `+` is fine."""
        raw = self._send(Discovery("/version"), self.timeout_seconds)
        try:
            return int(str(raw["major"]).rstrip("+")), int(str(raw["minor"]).rstrip("+"))
        except (KeyError, ValueError) as error:
            raise BadResponse("the server's version cannot be read") from error

    def groups(self) -> frozenset[str]:
        """Every `group/version` that the server offers, the core group aside."""
        raw = self._send(Discovery("/apis"), self.timeout_seconds)
        try:
            return frozenset(version["groupVersion"] for group in raw["groups"] for version in group["versions"])
        except (KeyError, TypeError) as error:
            raise BadResponse("the server's API groups cannot be read") from error

    def serves(self, resource: Resource) -> bool:
        """Whether discovery knows the kind at this very version."""
        try:
            raw = self._send(Discovery(resource.root), self.timeout_seconds)
            return any(served["name"] == resource.plural for served in raw["resources"])
        except NotFound:
            return False
        except (KeyError, TypeError) as error:
            raise BadResponse(f"the kinds of {resource.api_version} cannot be read") from error

    @property
    def _owner(self) -> Query:
        return (("fieldManager", self.manager.name),)

    def _write(
        self,
        verb: str,
        method: str,
        resource: Resource,
        manifest: Manifest,
        query: Query,
        content_type: str,
        subresource: str | None = None,
        *,
        metadata_only: bool = False,
    ) -> Manifest:
        metadata = manifest["metadata"]
        name = None if method == "POST" else metadata["name"]
        headers = calls.accept(metadata_only) | {"content-type": content_type}
        namespace = metadata.get("namespace")
        call = Call(verb, method, resource, namespace, name, subresource, query=query, headers=headers, body=manifest)
        return answers.whole(self._send(call, self.write_timeout_seconds), resource, metadata_only)

    def _patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Any,
        content_type: str,
        subresource: str | None,
    ) -> Manifest:
        headers = calls.accept(False) | {"content-type": content_type}
        query = self._owner
        call = Call("patch", "PATCH", resource, namespace, name, subresource, query=query, headers=headers, body=patch)
        return answers.whole(self._send(call, self.write_timeout_seconds), resource, False)

    def _send(self, call: Call | Discovery, timeout: float) -> Manifest:
        """The decoded answer, after as many tries as call and time allow."""
        deadline = self.clock.monotonic() + timeout
        tried = 1
        while True:
            try:
                return self._try(call, deadline)
            except ApiError as error:
                seconds = error.retry_after or self.jitter() * BACKOFF_SECONDS * 2 ** (tried - 1)
                late = self.clock.monotonic() + seconds >= deadline
                if tried >= self.tries or late or not calls.may_repeat(call.is_write, error):
                    raise
                if isinstance(error, TooManyRequests):
                    self.meter.throttled(seconds, by_server=True)
                if self.clock.wait(self.stop, seconds):
                    raise Cancelled("stopped before the request was repeated") from error
            tried += 1

    def _try(self, call: Call | Discovery, deadline: float) -> Manifest:
        if waited := self.limiter.acquire(self.stop):
            self.meter.throttled(waited, by_server=False)
        left = deadline - self.clock.monotonic()
        if left <= 0:
            raise errors.NetworkError("the request budget left no time to send it", sent=False)
        self.before_request()
        if call.is_write:
            self.before_write()
        body = self._exchange(call, self._request, left).body
        return answers.decode_list(body) if call.verb == "list" else answers.decode(body)

    def _request(self, call: Call | Discovery, timeout: float) -> Response:
        body = calls.encode(call.body)
        return self.transport.request(
            call.method, call.path, query=call.query, headers=call.headers, body=body, timeout=timeout
        )

    def _open(self, call: Call | Discovery, idle_timeout: float) -> Stream:
        return self.transport.stream(call.path, query=call.query, headers=call.headers, idle_timeout=idle_timeout)

    def _exchange(
        self, call: Call | Discovery, send: Callable[[Call | Discovery, float], Answer], seconds: float
    ) -> Answer:
        """Send once and tell the observer how it went; an answer that is no success becomes its error."""
        started = self.clock.monotonic()
        failure: ApiError | None = None
        status = 0
        headers: Mapping[str, str] = {}
        try:
            answer = send(call, seconds)
            status, headers = answer.status, answer.headers
            if status >= 300:
                raise errors.from_response(status, headers, _body(answer))
            return answer
        except ApiError as error:
            failure = error
            raise
        finally:
            self.meter.exchange(
                Exchange(
                    verb=call.verb,
                    method=call.method,
                    route=call.route,
                    kind=call.kind,
                    status=status,
                    seconds=self.clock.monotonic() - started,
                    error=failure,
                    date=_date(headers.get("date", "")),
                )
            )


def _page(limit: int, token: str | None) -> Iterator[tuple[str, str]]:
    if limit:
        yield "limit", str(limit)
    if token:
        yield "continue", token


def _listed(raw: Manifest, resource: Resource) -> tuple[Sequence[Any], str, str]:
    """The items of a page, the resource version of its list and the token of the next page."""
    metadata, items = raw.get("metadata"), raw.get("items", "")
    is_list = isinstance(metadata, dict) and bool(metadata.get("resourceVersion"))
    if not is_list or not isinstance(items, list | None):
        raise BadResponse(f"the list of {resource.plural} cannot be read")
    return items or [], raw["metadata"]["resourceVersion"], raw["metadata"].get("continue") or ""


def _body(answer: Response | Stream) -> bytes:
    if isinstance(answer, Response):
        return answer.body
    with answer:
        return b"".join(answer)


def _date(header: str) -> datetime | None:
    with suppress(ValueError):
        return parsedate_to_datetime(header)
    return None

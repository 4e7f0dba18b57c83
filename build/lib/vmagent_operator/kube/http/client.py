"""The API server as functions over JSON dictionaries.

Everything a request needs besides its bytes is decided here: budget, permission to write, repetition of reads, field
manager, preconditions. Watches leave the budget alone.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from attrs import define, field, frozen

from vmagent_operator.kube.clock import Clock, SystemClock
from vmagent_operator.kube.errors import ApiError, BadResponse, Cancelled, Gone, NetworkError, NotFound, TooManyRequests
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.http import answer as answers
from vmagent_operator.kube.http import call as calls
from vmagent_operator.kube.http import exchange
from vmagent_operator.kube.http.answer import Watch
from vmagent_operator.kube.http.call import APPLY_TYPE, JSON_PATCH_TYPE, JSON_TYPE, MERGE_PATCH_TYPE, Call
from vmagent_operator.kube.http.ratelimit import Limiter, Unlimited
from vmagent_operator.kube.http.transport import Query, Transport
from vmagent_operator.kube.meter import Meter
from vmagent_operator.kube.resource import PODS, Json, Manifest, Resource

T = TypeVar("T")

PAGE_SIZE = 500
"""As client-go has it: many objects a request, and few enough that no page takes a server minutes."""
BACKOFF_SECONDS = 0.1
"""Before a request is repeated within a call, doubling; longer waits are the caller's, who knows what else there is to do."""


@frozen
class Listing(Generic[T]):
    """The objects of a collection, all from the same moment, and its resource version."""

    items: tuple[T, ...]
    resource_version: str


@frozen(kw_only=True)
class Patience:
    """How often a request may be sent, and for how many seconds at most, repetition and waits between included.

    tries: sources and the lease take 1, they have loops of their own. seconds: of a read. write_seconds: shorter than a
    lease, so that no write of ours arrives when another process leads. list_seconds: of a page. idle_seconds: of silence
    in a watch, in which bookmarks come about every minute.
    """

    tries: int = 3
    seconds: float = 30.0
    write_seconds: float = 14.0
    list_seconds: float = 60.0
    idle_seconds: float = 150.0


def _itself(manifest: Manifest) -> Manifest:
    return manifest


def _nothing() -> None:
    """What a client does before a request if nothing may prevent it."""


@define(eq=False, kw_only=True)
class Client:
    """One API server; may be shared between threads.

    `before_write` is called right before a mutating request is sent, `before_request` before any request; they raise to
    prevent it. A client for a special purpose is `attrs.evolve(client, ...)`.

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
    patience: Patience = Patience()

    def get(self, resource: Resource, namespace: str | None, name: str, *, metadata_only: bool = False) -> Manifest:
        """The object as it is now; with `metadata_only` nothing of it but `metadata`."""
        call = calls.to(resource, namespace, name, verb="get", headers=calls.accept(metadata_only))
        return answers.whole(self._send(call, self.patience.seconds), resource, metadata_only)

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
        return self.list_with(
            _itself, resource, namespace, selector=selector, metadata_only=metadata_only, page_size=page_size
        )

    def list_with(
        self,
        transform: Callable[[Manifest], T],
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> Listing[T]:
        """The whole collection, each object transformed as soon as its page is in: no two pages of JSON are held at once.

        A continue token that has expired starts the list again, once with pages, then without.
        """
        headers = calls.accept(metadata_only, "List")
        selection = (("labelSelector", selector),) if selector else ()
        for limit in (page_size, page_size, 0):
            items: list[T] = []
            version, token = "", None
            try:
                while token != "":
                    query = (*selection, *_page(limit, token))
                    call = calls.to(resource, namespace, verb="list", query=query, headers=headers)
                    page, at, token = answers.page(self._send(call, self.patience.list_seconds), resource)
                    items += (transform(answers.named(raw, resource, metadata_only)) for raw in page)
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
        call = calls.to(resource, namespace, verb="watch", query=query, headers=calls.accept(metadata_only))
        self.before_request()
        stream = exchange.stream(self.transport, call, self.patience.idle_seconds, self.clock, self.meter)
        return Watch(stream, resource, metadata_only)

    def apply(self, resource: Resource, manifest: Manifest, *, force: bool = True) -> Manifest:
        """Server-side apply; what comes back is `metadata` only.

        A manifest for an object that exists must carry its UID, or a vanished one would be made again.
        """
        query = (("force", "true" if force else "false"),)
        place = _place(manifest)
        return self._write("apply", "PATCH", APPLY_TYPE, resource, place, manifest, query=query, metadata_only=True)

    def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """The object as the server made it."""
        return self._write("create", "POST", JSON_TYPE, resource, (manifest["metadata"].get("namespace"),), manifest)

    def replace(self, resource: Resource, manifest: Manifest, *, subresource: str | None = None) -> Manifest:
        """The object after writing it as a whole. Raises ValueError unless it says which version of which was read."""
        # Without them the write would not be a precondition, and undo what somebody else wrote since.
        if not (manifest["metadata"].get("uid") and manifest["metadata"].get("resourceVersion")):
            raise ValueError(f"a {resource.kind} to replace needs uid and resourceVersion")
        return self._write("update", "PUT", JSON_TYPE, resource, (*_place(manifest), subresource), manifest)

    def json_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        operations: Sequence[Mapping[str, Json]],
        *,
        subresource: str | None = None,
        manager: str = "",
    ) -> Manifest:
        """The object after RFC 6902 `operations`, in the name of `manager` if given; a `test` among them that fails is Invalid."""
        place = (namespace, name, subresource)
        return self._write("patch", "PATCH", JSON_PATCH_TYPE, resource, place, list(operations), manager=manager)

    def merge_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Json],
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """The object after the RFC 7386 merge of `patch`; a UID or resource version in it is a precondition."""
        return self._write("patch", "PATCH", MERGE_PATCH_TYPE, resource, (namespace, name, subresource), patch)

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
        call = calls.to(resource, namespace, name, verb="delete", method="DELETE", headers=headers, body=options)
        self._send(call, self.patience.write_seconds)

    def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """Ask for the eviction of that very pod; TooManyRequests if a disruption budget forbids it now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": calls.preconditions(uid)},
        }
        headers = {"content-type": JSON_TYPE}
        call = calls.to(PODS, namespace, name, "eviction", verb="evict", method="POST", headers=headers, body=eviction)
        self._send(call, self.patience.write_seconds)

    def server_version(self) -> tuple[int, int]:
        """Major and minor version. Raises BadResponse if they are no numbers; a trailing `+` is fine."""
        raw = self._send(calls.discovery("/version"), self.patience.seconds)
        try:
            return int(str(raw["major"]).rstrip("+")), int(str(raw["minor"]).rstrip("+"))
        except (KeyError, ValueError) as error:
            raise BadResponse("the server's version cannot be read") from error

    def groups(self) -> frozenset[str]:
        """Every `group/version` that the server offers, the core group aside."""
        raw = self._send(calls.discovery("/apis"), self.patience.seconds)
        try:
            return frozenset(version["groupVersion"] for group in raw["groups"] for version in group["versions"])
        except (KeyError, TypeError) as error:
            raise BadResponse("the server's API groups cannot be read") from error

    def serves(self, resource: Resource) -> bool:
        """Whether discovery knows the kind at this very version."""
        try:
            raw = self._send(calls.discovery(resource.root), self.patience.seconds)
            return any(served["name"] == resource.plural for served in raw["resources"])
        except NotFound:
            return False
        except (KeyError, TypeError) as error:
            raise BadResponse(f"the kinds of {resource.api_version} cannot be read") from error

    def _write(
        self,
        verb: str,
        method: str,
        content_type: str,
        resource: Resource,
        place: tuple[str | None, ...],
        body: Json,
        *,
        query: Query = (),
        metadata_only: bool = False,
        manager: str = "",
    ) -> Manifest:
        """Send `body` to `place` (namespace, name, subresource) in our name; the object that results."""
        headers = calls.accept(metadata_only) | {"content-type": content_type}
        query = (("fieldManager", manager or self.manager.name), *query)
        call = calls.to(resource, *place, verb=verb, method=method, query=query, headers=headers, body=body)
        return answers.whole(self._send(call, self.patience.write_seconds), resource, metadata_only)

    def _send(self, call: Call, timeout: float) -> Manifest:
        """The decoded answer, after as many tries as call and time allow."""
        deadline = self.clock.monotonic() + timeout
        tried = 1
        while True:
            try:
                return self._try(call, deadline)
            except ApiError as error:
                seconds = error.retry_after or self.jitter() * BACKOFF_SECONDS * 2 ** (tried - 1)
                late = self.clock.monotonic() + seconds >= deadline
                if tried >= self.patience.tries or late or not calls.may_repeat(call.is_write, error):
                    raise
                if isinstance(error, TooManyRequests):
                    self.meter.throttled(seconds, self.limiter.pool, by_server=True)
                if self.clock.wait(self.stop, seconds):
                    raise Cancelled("stopped before the request was repeated") from error
            tried += 1

    def _try(self, call: Call, deadline: float) -> Manifest:
        if waited := self.limiter.acquire(self.stop):
            self.meter.throttled(waited, self.limiter.pool, by_server=False)
        left = deadline - self.clock.monotonic()
        if left <= 0:
            raise NetworkError("the request budget left no time to send it", sent=False)
        self.before_request()
        if call.is_write:
            self.before_write()
        body = exchange.request(self.transport, call, left, self.clock, self.meter)
        return answers.decode_list(body) if call.verb == "list" else answers.decode(body)


def _page(limit: int, token: str | None) -> Iterator[tuple[str, str]]:
    if limit:
        yield "limit", str(limit)
    if token:
        yield "continue", token


def _place(manifest: Manifest) -> tuple[str | None, str]:
    return manifest["metadata"].get("namespace"), manifest["metadata"]["name"]

"""An answer after it has come: JSON, objects, pages, events. Opens no connection.

Objects of an answer are read each for itself where they cannot be read together: what is wrong with one of them, be it
nested too deep or no JSON at all, costs neither the others nor the source.
"""

import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from attrs import define, frozen

from vmagent_operator.kube import nesting
from vmagent_operator.kube.errors import BadResponse
from vmagent_operator.kube.http.transport import Stream
from vmagent_operator.kube.resource import Json, Manifest, Remains, Resource
from vmagent_operator.limits import JSON_NESTING

_OBJECT_EVENTS = frozenset({"ADDED", "MODIFIED", "DELETED"})
LIST_LEVELS, EVENT_LEVELS = 2, 1
"""How deep an object is in what it comes in."""


def decode(body: bytes) -> Manifest:
    """The JSON object in an answer; Remains if it is too deep or, in parts, no JSON. Raises BadResponse."""
    try:
        raw = _parsed(body, JSON_NESTING)
    except BadResponse as error:
        return _remains(body, error)
    if not isinstance(raw, dict):
        raise BadResponse("the answer is not a JSON object")
    return raw


def decode_list(body: bytes) -> Manifest:
    """The list in an answer; those of its items that cannot be read are Remains. Raises BadResponse."""
    try:
        raw = _parsed(body, JSON_NESTING + LIST_LEVELS)
    except BadResponse:
        raw, lost = _readable(body, JSON_NESTING)
        if "items" not in lost:
            raise
        raw["items"] = [decode(item) for item in nesting.elements(lost["items"])]
    if not isinstance(raw, dict):
        raise BadResponse("the answer is not a JSON object")
    return raw


def _parsed(text: bytes, levels: int) -> Json:
    """The JSON in `text`. Raises BadResponse."""
    if nesting.exceeds(text, levels):
        raise BadResponse(f"nested deeper than {JSON_NESTING} levels")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadResponse("the answer is not JSON") from error


def _readable(text: bytes, levels: int) -> tuple[Manifest, dict[str, bytes]]:
    """The members of an object that can be read, and those that cannot."""
    readable, lost = Manifest(), dict[str, bytes]()
    for name, part in nesting.members(text).items():
        try:
            readable[name] = _parsed(part, levels - 1)
        except BadResponse:
            lost[name] = part
    return readable, lost


def _remains(text: bytes, error: BadResponse) -> Manifest:
    """What can be read of an object; without its status or managed fields it still counts as whole. Raises `error`."""
    left, lost = _readable(text, JSON_NESTING)
    if "metadata" in lost:
        left["metadata"], _ = _readable(lost.pop("metadata"), JSON_NESTING - 1)
    if not left.get("metadata"):
        raise error
    lost.pop("status", None)
    return Remains(left, f"{', '.join(lost)}: {error}") if lost else left


def whole(raw: Json, resource: Resource, metadata_only: bool) -> Manifest:
    """The object with `apiVersion` and `kind`, which items of a list lack, cut down to its metadata if only that was asked for.

    Raises BadResponse for what is not an object with metadata.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("metadata"), dict):
        raise BadResponse(f"a {resource.kind} of the answer has no metadata")
    head = {"apiVersion": resource.api_version, "kind": resource.kind}
    if metadata_only:
        return head | {"metadata": raw["metadata"]}
    return Remains(head | raw, raw.fault) if isinstance(raw, Remains) else head | raw


def named(raw: Json, resource: Resource, metadata_only: bool) -> Manifest:
    """Like `whole`, for an object that must be a stored one: with what tells it from others and from its former states."""
    manifest = whole(raw, resource, metadata_only)
    metadata = manifest["metadata"]
    if not all(isinstance(metadata.get(key), str) for key in ("name", "resourceVersion")):
        raise BadResponse(f"a {resource.kind} of the answer has no name or resourceVersion")
    if not all(isinstance(metadata.get(key), str | None) for key in ("namespace", "uid")):
        raise BadResponse(f"a {resource.kind} of the answer has a namespace or uid that is no text")
    return manifest


def page(raw: Manifest, resource: Resource) -> tuple[Sequence[Json], str, str]:
    """The items of a page of a list, the resource version of its list and the token of the next page. Raises BadResponse."""
    metadata, items = raw.get("metadata"), raw.get("items", "")
    is_list = isinstance(metadata, dict) and bool(metadata.get("resourceVersion"))
    if not is_list or not isinstance(items, list | None):
        raise BadResponse(f"the list of {resource.plural} cannot be read")
    return items or [], raw["metadata"]["resourceVersion"], raw["metadata"].get("continue") or ""


@frozen
class Event:
    """One event of a watch: ADDED, MODIFIED, DELETED, BOOKMARK, ERROR, or a type newer than this program.

    `object` is a stored object for the first three, has at least a resource version for BOOKMARK, and may be any JSON
    for the others.
    """

    type: str
    object: Json


def _wrapped(line: bytes) -> Manifest:
    """The line of a watch, its object perhaps as Remains. Raises BadResponse."""
    try:
        raw = _parsed(line, JSON_NESTING + EVENT_LEVELS)
    except BadResponse:
        raw, lost = _readable(line, JSON_NESTING)
        if lost.keys() != {"object"}:
            raise
        raw["object"] = decode(lost["object"])
    if not isinstance(raw, dict):
        raise BadResponse("the answer is not a JSON object")
    return raw


def event(line: bytes, resource: Resource, metadata_only: bool) -> Event:
    """The event in a line of a watch. Raises BadResponse for a line that is none."""
    raw = _wrapped(line)
    type_, body = raw.get("type"), raw.get("object")
    if not isinstance(type_, str):
        raise BadResponse("an event has no type")
    if type_ in _OBJECT_EVENTS:
        return Event(type_, named(body, resource, metadata_only))
    if type_ == "BOOKMARK" and not isinstance(whole(body, resource, True)["metadata"].get("resourceVersion"), str):
        raise BadResponse("a bookmark has no resourceVersion")
    return Event(type_, body)


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
            yield event(line, self._resource, self._metadata_only) if line.strip() else None

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""From method and path to what is asked for: a `Request` with its verb, kind, names and options."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import yaml
from attrs import field, frozen

from test.apiserver import failure, protobuf
from test.apiserver.failure import bad_request
from test.apiserver.kinds import Kind
from test.apiserver.store import Name

Json = dict[str, Any]
BODY_TYPES = ("application/json", "application/yaml")
APPLY_TYPES = ("application/apply-patch+yaml", "application/apply-patch+json")
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    *APPLY_TYPES[:1],
)
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
MOST_BODY_BYTES = 3 << 20


@frozen
class Raw:
    """A request as it arrives at either face; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    user: str = "admin"


@frozen
class Request:
    """A request for a resource. `verb` is RBAC's: get, list, watch, create, update, patch, delete, deletecollection."""

    raw: Raw
    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str

    @property
    def key(self) -> Name:
        """The object's name in the store."""
        return self.namespace, self.name

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.raw.headers.get("content-type", "application/json").partition(";")[0].strip()

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set."""
        return self.raw.query.get(name, "") in ("true", "1")

    def body(self) -> Json:
        """The body as an object. Raises Failure: 413, 415, 400."""
        accepted = BODY_TYPES if self.kind.is_custom else (*BODY_TYPES, protobuf.MEDIA_TYPE)
        if self.content_type not in accepted:
            raise failure.unsupported_media_type(self.content_type, accepted)
        value = parsed(self.raw.body, self.content_type)
        if not isinstance(value, dict):
            raise bad_request("couldn't get version/kind; json parse error: the body is no object")
        return value


def parsed(body: bytes, content_type: str = "") -> Any:
    """A JSON, YAML or protobuf document. Raises Failure."""
    if len(body) > MOST_BODY_BYTES:
        raise failure.Failure(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MOST_BODY_BYTES}")
    try:
        if content_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(body)
        return (
            yaml.load(body, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            if body[:1] not in (b"{", b"[")
            else _json(body)
        )
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding: {error}") from error


def _json(body: bytes) -> Any:
    import json

    return json.loads(body)


def split(path: str) -> tuple[str, str, list[str]] | None:
    """(group, version, rest) of a resource path; None for any other path."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) > 3:
        return parts[1], parts[2], parts[3:]
    return None


def resolve(raw: Raw, kinds: Mapping[tuple[str, str, str], Kind]) -> Request | None:
    """The request that `raw` is, if its path is that of a served resource; `kinds` by (group, version, plural)."""
    found = split(raw.path)
    if found is None:
        return None
    group, version, rest = found
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (group, version, rest[2]) in kinds:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.get((group, version, rest[0]))
    if kind is None or len(rest) > 3 or (namespace and not kind.is_namespaced):
        return None
    name, subresource = (*rest[1:], "", "")[:2]
    if subresource and subresource not in kind.subresources:
        return None
    if name and kind.is_namespaced and not namespace:
        return None
    return Request(raw, _verb(raw, name), kind, namespace, name, subresource)


def _verb(raw: Raw, name: str) -> str:
    if raw.method == "GET" and raw.query.get("watch") in ("true", "1"):
        return "watch"
    if not name:
        return {"GET": "list", "DELETE": "deletecollection"}.get(raw.method) or VERBS.get(raw.method, "")
    return VERBS.get(raw.method, "")


def query(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Query parameters by name; the first of several counts."""
    return dict(reversed(pairs))

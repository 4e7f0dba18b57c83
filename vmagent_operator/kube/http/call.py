"""A request before it is sent, and whether it may be sent again: what needs no connection."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from vmagent_operator.kube.errors import ApiError, NetworkError, ServerError, Timeout, TooManyRequests
from vmagent_operator.kube.http.transport import Query
from vmagent_operator.kube.resource import Resource

JSON_TYPE = "application/json"
APPLY_TYPE = "application/apply-patch+yaml"
JSON_PATCH_TYPE = "application/json-patch+json"
MERGE_PATCH_TYPE = "application/merge-patch+json"

PATIENCE_SECONDS = 10.0
"""The longest Retry-After that is waited for inside a call; beyond it the caller learns of the error."""

_REPEATABLE_STATUS = frozenset({429, 500, 502, 503, 504})


@frozen
class Call:
    """One request to a resource: its verb as RBAC names it (but for apply and evict), and what goes out."""

    verb: str
    method: str
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None
    query: Query = field(default=(), kw_only=True)
    headers: Mapping[str, str] = field(factory=dict, kw_only=True)
    body: Any = field(default=None, kw_only=True)

    @property
    def path(self) -> str:
        """The path to ask, quoted."""
        return self.resource.path(self.namespace, self.name, self.subresource)

    @property
    def route(self) -> str:
        """The path with placeholders."""
        return self.resource.route(self.namespace, self.name, self.subresource)

    @property
    def kind(self) -> str:
        """The kind of the resource."""
        return self.resource.kind

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"


@frozen
class Discovery:
    """One request for what the server offers; the same shape as Call, for a path that is no resource."""

    path: str
    verb = "get"
    method = "GET"
    kind = ""
    is_write = False
    query: Query = ()
    headers: Mapping[str, str] = field(factory=dict)
    body: Any = None

    @property
    def route(self) -> str:
        """The path itself: there are few."""
        return self.path


def accept(metadata_only: bool, suffix: str = "") -> dict[str, str]:
    """The header that asks for metadata only; a server that cannot do so sends whole objects.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
    """
    if not metadata_only:
        return {"accept": JSON_TYPE}
    partial = f"{JSON_TYPE};as=PartialObjectMetadata{suffix};g=meta.k8s.io;v=v1"
    return {"accept": f"{partial},{JSON_TYPE}"}


def preconditions(uid: str, resource_version: str | None = None) -> dict[str, str]:
    """What must still hold for an object that is to go away. Raises ValueError without a UID."""
    if not uid:
        raise ValueError("an object is deleted by its UID, never by its name alone")
    return {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})


def encode(body: Any) -> bytes | None:
    """JSON as short as possible; ValueError for NaN, which the server would not take."""
    return None if body is None else json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def may_repeat(is_write: bool, error: ApiError) -> bool:
    """Whether the same request may be sent once more: it has had no effect, or would have none."""
    if isinstance(error, NetworkError) and not error.is_uncertain:
        return True
    if is_write or (error.retry_after or 0) > PATIENCE_SECONDS:
        return False
    return isinstance(error, NetworkError | Timeout | ServerError | TooManyRequests) and (
        error.status == 0 or error.status in _REPEATABLE_STATUS
    )

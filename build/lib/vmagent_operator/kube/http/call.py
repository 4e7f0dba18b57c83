"""A request before it is sent, and whether it may be sent again: what needs no connection."""

import json
from collections.abc import Mapping

from attrs import field, frozen

from vmagent_operator.kube.errors import ApiError, NetworkError, ServerError, Timeout, TooManyRequests
from vmagent_operator.kube.http.transport import Query
from vmagent_operator.kube.resource import Json, Resource

JSON_TYPE = "application/json"
APPLY_TYPE = "application/apply-patch+yaml"
JSON_PATCH_TYPE = "application/json-patch+json"
MERGE_PATCH_TYPE = "application/merge-patch+json"

PATIENCE_SECONDS = 10.0
"""The longest Retry-After that is waited for inside a call; beyond it the caller learns of the error."""

_REPEATABLE_STATUS = frozenset({429, 500, 502, 503, 504})


@frozen(kw_only=True)
class Call:
    """One request: its verb as RBAC names it (but for apply and evict), and what goes out.

    `path` is quoted; `route` is the same path with placeholders, `kind` empty for a path that is no resource.
    """

    verb: str
    method: str = "GET"
    path: str
    route: str
    kind: str = ""
    query: Query = ()
    headers: Mapping[str, str] = field(factory=dict)
    body: Json = None

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"


def to(
    resource: Resource,
    namespace: str | None = None,
    name: str | None = None,
    subresource: str | None = None,
    *,
    verb: str,
    method: str = "GET",
    query: Query = (),
    headers: Mapping[str, str],
    body: Json = None,
) -> Call:
    """A request to a collection, an object or its subresource. Raises ValueError as `Resource.path` does."""
    return Call(
        verb=verb,
        method=method,
        path=resource.path(namespace, name, subresource),
        route=resource.route(namespace, name, subresource),
        kind=resource.kind,
        query=query,
        headers=headers,
        body=body,
    )


def discovery(path: str) -> Call:
    """A request for what the server offers; there are few such paths, so each is its own route."""
    return Call(verb="get", path=path, route=path)


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


def encode(body: Json) -> bytes | None:
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

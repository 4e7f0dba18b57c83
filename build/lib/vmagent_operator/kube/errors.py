"""What can go wrong between us and the API server, as one tree.

Classes follow the API's own reasons; the transport raises the ones without an answer (NetworkError, Timeout), the
client the ones that answers stand for. Nobody above `kube` sees an exception of the HTTP library.
"""
# ruff: noqa: N818 -- the names are the API's own reasons

import json
from collections.abc import Mapping
from http import HTTPStatus

from vmagent_operator.kube import nesting
from vmagent_operator.kube.resource import Json
from vmagent_operator.limits import JSON_NESTING

RETRY_AFTER_MAX_SECONDS = 300.0
"""A server that names a longer time is asked again after this: whoever restarts it does not know what it has promised."""


class ApiError(Exception):
    """A request that did not do what it asked for.

    `status` is the HTTP status, 0 without an answer; `reason` the API's own word for it, "" if it gave none; `causes`
    are (reason, field path) pairs; `retry_after` is in seconds, None if the server named no time. `is_uncertain` says
    that the server may have carried the request out nevertheless.
    """

    is_uncertain = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
        causes: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.causes = causes


class BadRequest(ApiError):
    """The form of the request is refused: 400 and every other 4xx without a class of its own."""


class Unauthorized(ApiError):
    """The credentials are not valid (401)."""


class Forbidden(ApiError):
    """Denied by authorisation, admission or quota (403)."""


class NotFound(ApiError):
    """No such object, namespace or kind (404)."""


class Conflict(ApiError):
    """The object is not what the writer thought it was: resource version, UID or field ownership (409)."""


class AlreadyExists(ApiError):
    """A create met an object of that name (409)."""


class Gone(ApiError):
    """The resource version or continue token is too old (410)."""


class Invalid(ApiError):
    """The object is refused by validation (422)."""


class TooManyRequests(ApiError):
    """Flow control, or an eviction that a disruption budget forbids (429)."""


class ServerError(ApiError):
    """The server, or something in front of it, failed (5xx)."""

    is_uncertain = True


class Timeout(ApiError):
    """No complete answer in time, by our clock or by the server's word."""

    is_uncertain = True


class BadResponse(ApiError):
    """An answer that cannot be read: no JSON, not the promised shape, or too large."""

    is_uncertain = True


class NetworkError(ApiError):
    """The connection could not be made or broke; `sent` is False if surely no byte of the request had left."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.is_uncertain = sent


class Cancelled(ApiError):
    """Not sent: the process is stopping, or may no longer write."""


_BY_REASON: Mapping[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExists,
    "Conflict": Conflict,
    "Expired": Gone,
    "Forbidden": Forbidden,
    "Gone": Gone,
    "Invalid": Invalid,
    "NotFound": NotFound,
    "ServerTimeout": Timeout,
    "Timeout": Timeout,
    "TooManyRequests": TooManyRequests,
    "Unauthorized": Unauthorized,
}

_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error that an answer stands for; the body may be a Status, a proxy's page or nothing at all."""
    try:
        parsed = None if nesting.exceeds(body, JSON_NESTING) else json.loads(body)
    except ValueError:
        parsed = None
    return from_status(parsed, status, retry_after(headers.get("retry-after")))


def from_status(raw: Json, status: int = 0, wait: float | None = None) -> ApiError:
    """The error in a `Status` object, whether it came as a body or as an ERROR event of a watch.

    `status` is the HTTP status if there is one, else the object's own code counts; `wait` is the Retry-After header
    in seconds. Anything that is not a Status counts as one without content.
    """
    raw = raw if isinstance(raw, dict) else {}
    details = raw["details"] if isinstance(raw.get("details"), dict) else {}
    code = status or (raw["code"] if isinstance(raw.get("code"), int) else 0)
    reason = raw["reason"] if isinstance(raw.get("reason"), str) else ""
    message = raw["message"] if isinstance(raw.get("message"), str) else ""
    return (Invalid if _is_untypable(code, message) else _class(code, reason))(
        message or f"{code} {_phrase(code)}",
        status=code,
        reason=reason,
        retry_after=retry_after(details.get("retryAfterSeconds")) if wait is None else wait,
        causes=_causes(details.get("causes")),
    )


def retry_after(value: Json) -> float | None:
    """Seconds to wait, at most five minutes; None for what is no positive whole number (a date, say)."""
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        return None
    return min(float(seconds), RETRY_AFTER_MAX_SECONDS) if seconds > 0 else None


def _is_untypable(code: int, message: str) -> bool:
    """Whether the server says with a 500 what is a fault of the object for good.

    So it does to an apply with two items of one key in a list, or with a field that it does not know.
    """
    return code == 500 and message.startswith("failed to create typed patch object")


def _class(code: int, reason: str) -> type[ApiError]:
    if class_ := _BY_REASON.get(reason) or _BY_STATUS.get(code):
        return class_
    if 400 <= code < 500:
        return BadRequest
    return ServerError if code == 0 or code >= 500 else BadResponse


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "without explanation"


def _causes(raw: Json) -> tuple[tuple[str, str], ...]:
    causes = [cause for cause in raw if isinstance(cause, dict)] if isinstance(raw, list) else []
    return tuple((str(cause.get("reason", "")), str(cause.get("field", ""))) for cause in causes)

"""What a source does about an error: a table, after the reactions of client-go's reflector."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import frozen

from vmagent_operator.kube import errors
from vmagent_operator.kube.errors import (
    ApiError,
    BadRequest,
    BadResponse,
    Forbidden,
    Gone,
    Invalid,
    NetworkError,
    NotFound,
    ServerError,
    Timeout,
    TooManyRequests,
    Unauthorized,
)


class Wait(Enum):
    """How long to wait after an error: its share of the back-off, but for the FIRST one nothing; a BRIEF one where a
    remedy may come any moment; what the SERVER asks for if that is longer; the LONGEST where asking soon gains nothing."""

    FIRST = "first"
    BACKOFF = "backoff"
    BRIEF = "brief"
    SERVER = "server"
    LONGEST = "longest"


@frozen
class ErrorPolicy:
    """What follows an error: the same request again, or, from the `after`-th such error in a row at one version on, a
    list for the reason `relist`."""

    wait: Wait
    relist: str = ""
    after: int = 1


WHILE_WATCHING: Mapping[type[ApiError], ErrorPolicy] = {
    Gone: ErrorPolicy(Wait.FIRST, "expired"),
    TooManyRequests: ErrorPolicy(Wait.SERVER),
    NetworkError: ErrorPolicy(Wait.BACKOFF),
    Timeout: ErrorPolicy(Wait.BACKOFF),
    ApiError: ErrorPolicy(Wait.BACKOFF, "unavailable", after=3),
    BadResponse: ErrorPolicy(Wait.BACKOFF, "bad_stream", after=2),
    BadRequest: ErrorPolicy(Wait.FIRST, "unavailable"),
    Invalid: ErrorPolicy(Wait.FIRST, "unavailable"),
    Unauthorized: ErrorPolicy(Wait.BRIEF),
    Forbidden: ErrorPolicy(Wait.LONGEST),
    NotFound: ErrorPolicy(Wait.FIRST, "unavailable"),
}
"""By the nearest class; ERROR events other than 410 and 429 count as ServerError."""

WHILE_LISTING: Mapping[type[ApiError], ErrorPolicy] = {
    **WHILE_WATCHING,
    BadRequest: ErrorPolicy(Wait.LONGEST),
    Invalid: ErrorPolicy(Wait.LONGEST),
}


def error_policy(error: ApiError, *, listing: bool) -> ErrorPolicy:
    """The reaction to an error of a list or of a watch."""
    table = WHILE_LISTING if listing else WHILE_WATCHING
    return next(table[class_] for class_ in type(error).__mro__ if class_ in table)


def sent_error(raw: Any) -> ApiError:
    """The error in an ERROR event; only what says so clearly is more than a server error."""
    error = errors.from_status(raw)
    if isinstance(error, Gone | TooManyRequests):
        return error
    return ServerError(error.message, status=error.status, reason=error.reason)

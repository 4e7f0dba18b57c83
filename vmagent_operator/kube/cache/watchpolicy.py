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
class Reaction:
    """What follows an error: the same request again, or, from the `after`-th such error in a row at one version on, a
    list for the reason `relist`."""

    wait: Wait
    relist: str = ""
    after: int = 1


WHILE_WATCHING: Mapping[type[ApiError], Reaction] = {
    Gone: Reaction(Wait.FIRST, "expired"),
    TooManyRequests: Reaction(Wait.SERVER),
    NetworkError: Reaction(Wait.BACKOFF),
    Timeout: Reaction(Wait.BACKOFF),
    ApiError: Reaction(Wait.BACKOFF, "unavailable", after=3),
    BadResponse: Reaction(Wait.BACKOFF, "bad_stream", after=2),
    BadRequest: Reaction(Wait.FIRST, "unavailable"),
    Invalid: Reaction(Wait.FIRST, "unavailable"),
    Unauthorized: Reaction(Wait.BRIEF),
    Forbidden: Reaction(Wait.LONGEST),
    NotFound: Reaction(Wait.FIRST, "unavailable"),
}
"""By the nearest class; ERROR events other than 410 and 429 count as ServerError."""

WHILE_LISTING: Mapping[type[ApiError], Reaction] = {
    **WHILE_WATCHING,
    BadRequest: Reaction(Wait.LONGEST),
    Invalid: Reaction(Wait.LONGEST),
}


def reaction(error: ApiError, *, listing: bool) -> Reaction:
    """The reaction to an error of a list or of a watch."""
    table = WHILE_LISTING if listing else WHILE_WATCHING
    return next(table[class_] for class_ in type(error).__mro__ if class_ in table)


def told(raw: Any) -> ApiError:
    """The error in an ERROR event; only what says so clearly is more than a server error."""
    error = errors.from_status(raw)
    if isinstance(error, Gone | TooManyRequests):
        return error
    return ServerError(error.message, status=error.status, reason=error.reason)

"""What a source does about an error: a table, after client-go's reflector, and the count of errors that it is about."""

from collections.abc import Mapping
from enum import Enum

from attrs import define, field, frozen

from vmagent_operator.kube import errors
from vmagent_operator.kube.cache.backoff import Backoff
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
from vmagent_operator.kube.resource import Json

RETRY_AFTER_CAP_SECONDS = 60.0
"""A server may ask for longer; then it is asked once a minute all the same, and not forgotten for an hour."""
BRIEF_SECONDS = 8.0
"""After a refused token: a new one may lie on disk any moment, so no wait of the back-off's later, longer ones."""


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
    """What follows an error of a list or of a watch."""
    table = WHILE_LISTING if listing else WHILE_WATCHING
    return next(table[class_] for class_ in type(error).__mro__ if class_ in table)


def sent_error(raw: Json) -> ApiError:
    """The error in an ERROR event; only what says so clearly is more than a server error."""
    error = errors.from_status(raw)
    if isinstance(error, Gone | TooManyRequests):
        return error
    return ServerError(error.message, status=error.status, reason=error.reason)


@define(eq=False)
class Failures:
    """Errors of one class in a row since the resource version last moved, and what follows each."""

    backoff: Backoff
    _class: type[ApiError] = field(init=False, default=ApiError)
    _in_a_row: int = field(init=False, default=0)

    def end(self) -> None:
        """The next error is the first in a row: the resource version has moved, or a watch has ended in good order."""
        self._in_a_row = 0

    def count(self, error: ApiError, *, listing: bool) -> tuple[str, float]:
        """Why a watch is to be followed by a list, "" if it is not, and the seconds to wait before either."""
        policy = error_policy(error, listing=listing)
        self._in_a_row = self._in_a_row + 1 if self._class is type(error) else 1
        self._class = type(error)
        seconds = self._seconds(policy.wait, error)
        if listing or not policy.relist or self._in_a_row < policy.after:
            return "", seconds
        self.end()
        return policy.relist, seconds

    def _seconds(self, wait: Wait, error: ApiError) -> float:
        if wait is Wait.LONGEST:
            return self.backoff.longest_seconds()
        seconds = self.backoff.next_seconds()
        if wait is Wait.FIRST and self.backoff.errors == 1:
            return 0.0
        if wait is Wait.BRIEF:
            return min(seconds, BRIEF_SECONDS)
        server_seconds = min(error.retry_after or 0.0, RETRY_AFTER_CAP_SECONDS)
        return max(seconds, server_seconds) if wait is Wait.SERVER else seconds

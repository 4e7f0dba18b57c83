"""One request and its answer, measured: sent once, and an answer that is no success is its error."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from vmagent_operator.kube import errors
from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.errors import ApiError
from vmagent_operator.kube.http.call import Call, encode
from vmagent_operator.kube.http.transport import Response, Stream, Transport
from vmagent_operator.kube.meter import Exchange, Meter

Answer = TypeVar("Answer", Response, Stream)


def request(transport: Transport, call: Call, seconds: float, clock: Clock, meter: Meter) -> bytes:
    """The body of the whole answer, at most `seconds` from now. Raises ApiError."""

    def send() -> Response:
        body = encode(call.body)
        return transport.request(
            call.method, call.path, query=call.query, headers=call.headers, body=body, timeout=seconds
        )

    return _measured(call, send, clock, meter).body


def stream(transport: Transport, call: Call, idle_seconds: float, clock: Clock, meter: Meter) -> Stream:
    """An open answer, which may be silent for `idle_seconds`. Raises ApiError."""

    def send() -> Stream:
        return transport.stream(call.path, query=call.query, headers=call.headers, idle_timeout=idle_seconds)

    return _measured(call, send, clock, meter)


def _measured(call: Call, send: Callable[[], Answer], clock: Clock, meter: Meter) -> Answer:
    started = clock.monotonic()
    failure: ApiError | None = None
    status = 0
    headers: Mapping[str, str] = {}
    try:
        answer = send()
        status, headers = answer.status, answer.headers
        if status >= 300:
            raise errors.from_response(status, headers, _body(answer))
        return answer
    except ApiError as error:
        failure = error
        raise
    finally:
        meter.exchange(
            Exchange(
                verb=call.verb,
                method=call.method,
                route=call.route,
                kind=call.kind,
                status=status,
                seconds=clock.monotonic() - started,
                error=failure,
                date=_date(headers.get("date", "")),
            )
        )


def _body(answer: Response | Stream) -> bytes:
    if isinstance(answer, Response):
        return answer.body
    with answer:
        return b"".join(answer)


def _date(header: str) -> datetime | None:
    with suppress(ValueError, OverflowError):  # the latter for a zone that is absurdly far away
        date = parsedate_to_datetime(header)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None

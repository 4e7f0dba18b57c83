"""A Transport that answers from a script, and refuses what the script does not expect."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen

from vmagent_operator.kube.errors import BadResponse, NetworkError, Timeout
from vmagent_operator.kube.http.transport import Query, Response

BREAKS: Mapping[str, Callable[[], Exception]] = {
    "refused": lambda: NetworkError("connection refused", sent=False),
    "reset": lambda: NetworkError("connection reset", sent=True),
    "timeout": lambda: Timeout("read timed out"),
    "too long": lambda: BadResponse("a line is too long"),
}


@frozen
class Sent:
    """A request as the transport saw it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    timeout: float


@define(eq=False)
class Reply:
    """What comes back: lines of a stream (or one body), then an end or `breaks`; `then` is called at the end."""

    status: int = 200
    lines: tuple[bytes, ...] = ()
    headers: Mapping[str, str] = field(factory=dict)
    breaks: str = ""
    then: Callable[[], object] = lambda: None
    stays_open: bool = False
    closed: bool = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.lines
        while self.stays_open and not self.closed:
            yield b""
        self.then()
        if self.breaks and not self.closed:
            raise BREAKS[self.breaks]()

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def reply(body: Any = None, status: int = 200, **headers: str) -> Reply:
    """One JSON body, or text as it stands."""
    text = body if isinstance(body, str) else json.dumps({} if body is None else body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, (text.encode(),), names)


def broken(how: str) -> Reply:
    """No answer at all."""
    return Reply(0, breaks=how)


@define(eq=False)
class ScriptedTransport:
    """Gives its replies in order; a reply may be a function of the request."""

    replies: list[Reply | Callable[[Sent], Reply]] = field(factory=list)
    sent: list[Sent] = field(factory=list)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,
    ) -> Response:
        answer = self._next(Sent(method, path, dict(query), headers or {}, json.loads(body or b"null"), timeout))
        return Response(answer.status, answer.headers, b"".join(answer))

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] | None = None, idle_timeout: float
    ) -> Reply:
        answer = self._next(Sent("GET", path, dict(query), headers or {}, None, idle_timeout))
        if answer.status == 0:
            list(answer)
        return answer

    def _next(self, sent: Sent) -> Reply:
        self.sent.append(sent)
        assert self.replies, f"unexpected {sent.method} {sent.path} {sent.query}"
        answer = self.replies.pop(0)
        return answer if isinstance(answer, Reply) else answer(sent)

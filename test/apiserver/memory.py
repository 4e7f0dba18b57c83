"""The in-memory face: our `Transport` protocol over an `Api`, without threads, sockets or waiting."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from types import TracebackType
from typing import Self

from attrs import define, field

from test.apiserver import routes
from test.apiserver.api import Answer, Api
from test.apiserver.faults import Fault
from test.apiserver.watch import Watch
from vmagent_operator.kube.errors import NetworkError, Timeout
from vmagent_operator.kube.http.transport import Query, Response


def spoil(fault: Fault, timeout_seconds: float) -> None:
    """Raise what a client sees of a fault instead of an answer."""
    if fault.is_lost:
        raise NetworkError("connection reset by peer", sent=True)
    if fault.hangs or fault.delay_seconds > timeout_seconds:
        raise Timeout(f"no answer within {timeout_seconds:g} s")


@define(eq=False)
class MemoryStream:
    """An open answer. A watch yields the lines that are due, then an empty line each time nothing has happened."""

    answer: Answer
    is_closed: bool = False

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.code

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names are lower case."""
        return self.answer.headers

    def __iter__(self) -> Iterator[bytes]:
        watch = self.answer.watch
        if watch is None:
            yield self.answer.body
            return
        if self.answer.fault and self.answer.fault.cut_at is not None:
            yield from self._cut(watch, self.answer.fault.cut_at)
        while not self.is_closed:
            lines = watch.poll() or ([] if watch.is_over else [b""])
            yield from takewhile(lambda _: not self.is_closed, lines)
            if watch.is_over:
                return

    def _cut(self, watch: Watch, budget: int) -> Iterator[bytes]:
        """Lines until `budget` bytes are used up, then the end in the middle of one."""
        while not self.is_closed:
            for line in watch.poll() or [b""]:
                if len(line) + 1 > budget:
                    watch.is_over = True
                    raise NetworkError("the stream ended in the middle of a line", sent=True)
                budget -= len(line) + bool(line)
                yield line

    def close(self) -> None:
        """End the stream."""
        self.is_closed = True
        if self.answer.watch is not None:
            self.answer.watch.is_over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@define(eq=False)
class Memory:
    """A client's connection to `api` as `user`; with a `replica` it reads there."""

    api: Api
    user: str = "admin"
    agent: str = "vmagent-operator"
    replica: Api | None = None
    requests: list[tuple[str, str]] = field(factory=list)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
        timeout: float,
    ) -> Response:
        """The whole answer, at once."""
        answer = self._send(method, path, query, headers, body or b"")
        if answer.fault:
            spoil(answer.fault, timeout)
            if answer.fault.cut_at is not None:
                raise NetworkError("the answer broke off", sent=True)
        return Response(answer.code, answer.headers, answer.body)

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] = {}, idle_timeout: float
    ) -> MemoryStream:
        """An open answer."""
        answer = self._send("GET", path, query, headers, b"")
        if answer.fault:
            spoil(answer.fault, idle_timeout)
        return MemoryStream(answer)

    def _send(self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes) -> Answer:
        self.requests.append((method, path))
        given = {"user-agent": self.agent} | {name.lower(): value for name, value in headers.items()}
        raw = routes.Raw(method, path, routes.query(query), given, body, self.user)
        return (self.replica if self.replica is not None and method == "GET" else self.api).handle(raw)

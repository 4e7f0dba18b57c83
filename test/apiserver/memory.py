"""The in-memory face: our `Transport` protocol over an `Api`, without threads, sockets or waiting."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from types import TracebackType
from typing import Self

from attrs import define, field

from test.apiserver import routes
from test.apiserver.api import Answer, Api
from vmagent_operator.kube.transport import Query, Response


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
        while not self.is_closed:
            lines = watch.poll() or ([] if watch.is_over else [b""])
            yield from takewhile(lambda _: not self.is_closed, lines)
            if watch.is_over:
                return

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
    """A client's connection to `api` as `user`."""

    api: Api
    user: str = "admin"
    agent: str = "vmagent-operator"
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
        return Response(answer.code, answer.headers, answer.body)

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] = {}, idle_timeout: float
    ) -> MemoryStream:
        """An open answer."""
        return MemoryStream(self._send("GET", path, query, headers, b""))

    def _send(self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes) -> Answer:
        self.requests.append((method, path))
        given = {"user-agent": self.agent} | {name.lower(): value for name, value in headers.items()}
        return self.api.handle(routes.Raw(method, path, routes.query(query), given, body), self.user)

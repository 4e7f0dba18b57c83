"""The seam between what we ask of an API server and how bytes get there.

`connection.py` puts the official client's credentials and pool behind it, tests an API server in the same process.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from attrs import field, frozen

from vmagent_operator.kube.errors import BadResponse, NetworkError

Query = Sequence[tuple[str, str]]
MAX_LINE_BYTES = 16 << 20
"""Of a watch: an event is one object, and etcd takes none of more than a few megabytes."""


@frozen
class Response:
    """An answer of any status; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""


class Stream(Protocol):
    """An open answer, read line by line.

    With status 200 it iterates over lines without their end; a line may be empty, which means that nothing happened.
    With any other status it iterates over pieces of the body. Raises NetworkError, Timeout or BadResponse when it
    breaks off; after `close`, which any thread may call at any time, it just ends.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Transport(Protocol):
    """Sends one request; never repeats one, but for a renewed token after 401.

    Every HTTP status is an answer, not an exception. Raises NetworkError or Timeout when there is no (complete) one.
    `path` is quoted, `query` is not.
    """

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] = ...,
        body: bytes | None = None,
        timeout: float,
    ) -> Response:
        """The whole answer, at most `timeout` seconds from now."""

    def stream(self, path: str, *, query: Query = (), headers: Mapping[str, str] = ..., idle_timeout: float) -> Stream:
        """An answer that goes on as long as the server likes; silence of `idle_timeout` seconds ends it as Timeout."""


def lines(pieces: Iterable[bytes], max_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    r"""The lines in a stream of pieces cut anywhere, each without its `\n`.

    Raises BadResponse for a line beyond `max_bytes` before it holds more than one piece too much of it, NetworkError
    if the stream ends inside a line.
    """
    rest: list[bytes] = []
    size = 0
    for piece in pieces:
        *complete, last = piece.split(b"\n")
        for line in complete:
            yield b"".join((*rest, line))
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if size > max_bytes:
            raise BadResponse(f"a line of the stream is longer than {max_bytes} bytes")
    if size:
        raise NetworkError("the stream ended in the middle of a line", sent=True)

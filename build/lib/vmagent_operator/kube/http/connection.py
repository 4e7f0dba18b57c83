"""The official client's pool behind our Transport.

With `credentials` the only module that imports `kubernetes` and urllib3, and as little of them as possible: loading
configurations there, the pool manager made from one here. urllib3 repeats nothing here, its exceptions end here, and every read has a deadline.
"""

import logging
import platform
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import kubernetes
import urllib3
from attrs import define, field, frozen
from kubernetes.client.rest import RESTClientObject
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse

from vmagent_operator.kube.clock import Clock, SystemClock
from vmagent_operator.kube.errors import ApiError, BadResponse, NetworkError, Timeout
from vmagent_operator.kube.http.credentials import Access, Credentials
from vmagent_operator.kube.http.transport import Query, Response, lines

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""A server in the same cluster answers in milliseconds; one that does not is one to be given up for another try."""
PIECE_BYTES = 64 << 10
"""What is read at once: the deadline is looked at between two pieces."""
MAX_REFUSAL_BYTES = 64 << 10
"""Of an answer that says no: it says why within the first lines, and a proxy's page may go on for ever."""
MAX_ANSWER_BYTES = 256 << 20
"""Of any other: a page of 500 objects of half a megabyte, which is more than etcd takes for most."""
REFUSAL_SECONDS = 10.0
"""For the body of a watch that was refused: a watch may be silent for minutes, a refusal may not."""
# Half a minute of silence, then nine probes: a peer that is gone without a word is noticed within three minutes, not after
# two hours, which is the kernel's own default.
KEEP_ALIVE = (
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 9),
)


@frozen
class Connections:
    """One pool for each purpose, so that none waits for, or pushes out, another's connections."""

    watch: "Connection"
    worker: "Connection"
    lease: "Connection"


def connect(access: Access, *, agent: str, watches: int, workers: int) -> Connections:
    """The three pools: one connection for each of `watches` sources, some to spare for `workers`, two for the lease.

    agent: product and version, `name/1.2.3`, that begin the user agent.
    """
    system = f"{platform.system()}/{platform.machine()}".lower()
    agent = f"{agent} ({system}) kubernetes-client/{kubernetes.__version__}"
    return Connections(
        watch=_connection(access, watches, f"{agent}/watch"),
        worker=_connection(access, workers + 4, agent),
        lease=_connection(access, 2, f"{agent}/leader-election"),
    )


@define(eq=False)
class Connection:
    """A Transport over one pool."""

    _pool: urllib3.PoolManager
    _host: str
    _credentials: Credentials
    _user_agent: str
    _clock: Clock = field(factory=SystemClock)

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
        """See Transport."""
        deadline = self._clock.monotonic() + timeout
        answer = self._authorized(method, path, query, headers or {}, body, lambda: self._left(deadline))
        with _translated(), answer:
            return Response(answer.status, _lower(answer.headers), self._whole(answer, deadline))

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] | None = None, idle_timeout: float
    ) -> "OpenStream":
        """See Transport."""
        answer = self._authorized("GET", path, query, headers or {}, None, lambda: idle_timeout)
        if answer.status == 200:
            return OpenStream(answer)
        deadline = self._clock.monotonic() + min(idle_timeout, REFUSAL_SECONDS)
        with _translated(), answer:
            return OpenStream(answer, self._whole(answer, deadline))

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._pool.clear()

    def _authorized(
        self,
        method: str,
        path: str,
        query: Query,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: Callable[[], float],
    ) -> BaseHTTPResponse:
        """The answer, its body unread; asked for once more with credentials read anew if they were refused."""
        url = self._host + path + (f"?{urlencode(query)}" if query else "")
        token = self._credentials.authorization()
        answer = self._send(method, url, headers, body, token, seconds())
        if answer.status != 401:
            return answer
        answer.close()
        self._credentials.renew(token, seconds())
        return self._send(method, url, headers, body, self._credentials.authorization(), seconds())

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, token: str, seconds: float
    ) -> BaseHTTPResponse:
        ours = {"user-agent": self._user_agent} | ({"authorization": token} if token else {})
        with _translated():
            return self._pool.request(
                method,
                url,
                headers={**headers, **ours},
                body=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )

    def _whole(self, answer: BaseHTTPResponse, deadline: float) -> bytes:
        """The body; of a refusal as much as is worth reading. Raises BadResponse for an answer beyond reason."""
        pieces, size = list[bytes](), 0
        is_refusal = answer.status >= 300
        while piece := self._piece(answer, deadline):
            pieces.append(piece)
            size += len(piece)
            if is_refusal and size >= MAX_REFUSAL_BYTES:
                break
            if size > MAX_ANSWER_BYTES:
                raise BadResponse(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return b"".join(pieces)

    def _piece(self, answer: BaseHTTPResponse, deadline: float) -> bytes:
        if sock := _socket(answer):
            sock.settimeout(self._left(deadline))
        return answer.read1(PIECE_BYTES)

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise Timeout("no complete answer in time")
        return left


@define(eq=False)
class OpenStream:
    """A Stream over a connection."""

    _answer: BaseHTTPResponse
    _refusal: bytes = b""
    _closed: bool = field(init=False, default=False)

    @property
    def status(self) -> int:
        """See Stream."""
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """See Stream."""
        return _lower(self._answer.headers)

    def __iter__(self) -> Iterator[bytes]:
        return lines(self._pieces()) if self.status == 200 else iter((self._refusal,))

    def close(self) -> None:
        """See Stream."""
        self._closed = True
        if sock := _socket(self._answer):
            # Wakes a thread that reads, where closing would wait for it; SSLSocket's own shutdown would disturb it.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._answer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pieces(self) -> Iterator[bytes]:
        try:
            while piece := self._answer.read1(PIECE_BYTES):
                yield piece
        except Exception as error:
            if self._closed:
                return
            if isinstance(error, HTTPError | OSError):
                raise _translate(error) from error
            raise


class _translated:  # noqa: N801 -- reads as a statement
    """A block out of which no exception of urllib3 comes."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, HTTPError | OSError):
            raise _translate(error) from error


def _translate(error: HTTPError | OSError) -> ApiError:
    if isinstance(error, ReadTimeoutError | TimeoutError) and not isinstance(error, ConnectTimeoutError):
        return Timeout(str(error))
    unsent = isinstance(error, NewConnectionError | ConnectTimeoutError) or any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in (error.__cause__, *error.args)
    )
    return NetworkError(str(error), sent=not unsent)


def _connection(access: Access, size: int, user_agent: str) -> Connection:
    configuration = access.configuration
    configuration.connection_pool_maxsize = max(1, size)
    configuration.socket_options = list(KEEP_ALIVE)
    pool = RESTClientObject(configuration).pool_manager
    return Connection(pool, configuration.host.rstrip("/"), access.credentials, user_agent, access.credentials.clock)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _socket(answer: BaseHTTPResponse) -> socket.socket | None:
    """The socket an answer still comes from, None once all of it is here."""
    return getattr(answer.connection, "sock", None)

"""Small HTTP servers for probes, metrics and debugging: a table of paths each, with bounds on everything."""

import errno
import hmac
import io
import logging
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, frozen

from vmagent_operator.identity import OPERATOR

logger = logging.getLogger(__name__)

HEAD_SECONDS = 5.0
"""For a whole request, TLS handshake aside: probes and scrapers send theirs at once."""
ANSWER_SECONDS = 10.0
"""For one read or write of an answer: whoever takes nothing in for so long is gone, and its thread is needed."""
CONNECTIONS = 16
"""Of a port at a time: a few probes and scrapers, and as many threads, whoever else may connect."""
CERTIFICATE_SECONDS = 10.0
"""How soon a renewed certificate is used: the old one is still good for days when cert-manager replaces it."""
TOKEN_SECONDS = 60.0
"""The same of a token; the kubelet itself takes a minute to bring a changed Secret into the pod."""

Address = tuple[str | int, ...]
"""Host and port, and what IPv6 has besides."""
Marks = tuple[tuple[int, int, int], ...]
"""Device, inode and time of change of some files."""
Query = Mapping[str, str]
Page = Callable[[Query, Mapping[str, str]], "Answer"]
"""A page gets the query and the headers, whose names are lower case."""


@frozen
class Answer:
    """What a page says."""

    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"


class ServingError(Exception):
    """An address that cannot be listened on, or a certificate that cannot be used."""


@frozen
class CertificateFiles:
    """Where a server certificate is. authority: of the clients, the system's if there is none and they are asked for theirs."""

    certificate: Path
    key: Path
    authority: Path | None = None
    asks_clients: bool = False

    def marks(self) -> Marks:
        """What differs once a file has been replaced. Raises OSError."""
        paths = (self.certificate, self.key, *([self.authority] if self.authority else []))
        return tuple((stat.st_dev, stat.st_ino, stat.st_mtime_ns) for stat in (path.stat() for path in paths))

    def load(self) -> ssl.SSLContext:
        """What they hold. Raises OSError and SSLError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        if self.asks_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            if self.authority:
                context.load_verify_locations(self.authority)
            else:
                context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return context


@define
class Certificate:
    """A server certificate that is read again when its files change; a bad new one leaves the old one in use."""

    files: CertificateFiles
    _context: ssl.SSLContext
    _marks: Marks
    _looked_at: float

    @classmethod
    def read(cls, files: CertificateFiles) -> "Certificate":
        """The certificate in `files`. Raises ServingError."""
        try:
            marks = files.marks()  # first: what is replaced while it is read is read again
            return cls(files, files.load(), marks, time.monotonic())
        except (OSError, ssl.SSLError) as error:
            raise ServingError(f"certificate {files.certificate} cannot be used: {error}") from error

    def context(self) -> ssl.SSLContext:
        """The settings for a new connection."""
        if time.monotonic() - self._looked_at >= CERTIFICATE_SECONDS:
            self._looked_at = time.monotonic()
            try:
                if (marks := self.files.marks()) != self._marks:
                    self._context, self._marks = self.files.load(), marks
            except (OSError, ssl.SSLError) as error:
                path = self.files.certificate
                logger.error("certificate %s: cannot be read again, the old one stays: %s", path, error)
        return self._context


@define
class Token:
    """A bearer token in a file, read again once a minute."""

    path: Path
    _value: bytes = b""
    _read_at: float = float("-inf")

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether a request carries the token."""
        if time.monotonic() - self._read_at >= TOKEN_SECONDS:
            self._read_at = time.monotonic()
            try:
                self._value = self.path.read_bytes().strip()
            except OSError as error:
                logger.error("token file %s: cannot be read: %s", self.path, error.strerror)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return bool(self._value) and scheme == "Bearer" and hmac.compare_digest(given.strip().encode(), self._value)


@define(eq=False)
class Open:
    """A connection that is served: a handle to hang up by, and whether it has not asked for anything yet."""

    handle: socket.socket
    is_idle: bool = True

    def hang_up(self) -> None:
        """End it, so that the thread that reads from it goes on."""
        with suppress(OSError):
            self.handle.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Serves `pages` by path from threads of its own; bound when made, answering after `start`.

    One request a connection. When there are too many connections, the oldest idle one of whoever has most of them goes:
    a probe that asks at once is not turned away by others that say nothing.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, address: str, pages: Mapping[str, Page], certificate: Certificate | None = None, host: str = ""
    ) -> None:
        """Raises ServingError. `host` is listened on if the address names none, else every address of either family."""
        self.pages, self._certificate = pages, certificate
        self._open: dict[Address, Open] = {}
        """By the client's address and port, the oldest first."""
        self._lock = threading.Lock()
        name, _, port = address.rpartition(":")
        name = name.strip("[]") or host
        try:
            self._bind(name, int(port))
        except (OSError, ValueError, OverflowError) as error:
            raise ServingError(f"cannot listen on {address}: {error}") from error

    def _bind(self, name: str, port: int) -> None:
        if name:
            self.address_family = socket.AF_INET6 if ":" in name else socket.AF_INET
            super().__init__((name, port), _Handler)
            return
        try:
            self.address_family = socket.AF_INET6
            super().__init__(("::", port), _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            self.address_family = socket.AF_INET  # there is no IPv6 here
            super().__init__(("", port), _Handler)

    def server_bind(self) -> None:
        """Take both families on the address that stands for all, as Go does."""
        if self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    def start(self, name: str) -> None:
        """Answer from now on."""
        threading.Thread(target=self.serve_forever, name=name, daemon=True).start()

    def process_request(self, request: Any, client_address: Address) -> None:
        """Hand a connection to a thread, making room for it; turn it away if all others are being answered."""
        with self._lock:
            has_room = len(self._open) < CONNECTIONS or self._make_room()
            if has_room:
                self._open[client_address] = Open(request.dup())
        if has_room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def _make_room(self) -> bool:
        idle = [address for address, known in self._open.items() if known.is_idle]
        if not idle:
            return False
        held = Counter(address[0] for address in self._open)
        self._close(max(idle, key=lambda address: held[address[0]]))  # of equals the first
        return True

    def _close(self, address: Address) -> None:
        if known := self._open.pop(address, None):
            known.hang_up()
            known.handle.close()

    def process_request_thread(self, request: Any, client_address: Address) -> None:
        """Serve one connection."""
        try:
            request.settimeout(HEAD_SECONDS)
            if self._certificate is not None:
                request = self._certificate.context().wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError as error:
            logger.debug("connection from %s: %s", client_address, error)
            self.shutdown_request(request)
        finally:
            with self._lock:
                self._close(client_address)

    def answering(self, client_address: Address) -> None:
        """The client has asked for something, and is not idle any more."""
        with self._lock:
            if known := self._open.get(client_address):
                known.is_idle = False

    def handle_error(self, request: Any, client_address: Address) -> None:
        """A client that goes away is no error of ours."""
        logger.debug("connection from %s failed", client_address, exc_info=True)


class _Head(io.RawIOBase):
    """What a client sends, all of it within one deadline, however slowly it comes."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._deadline = connection, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete request in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = OPERATOR, ""

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_Head(self.connection, HEAD_SECONDS))

    def parse_request(self) -> bool:
        is_sound = super().parse_request()
        self.close_connection = True
        self.server.answering(self.client_address)
        self.connection.settimeout(ANSWER_SECONDS)
        return is_sound

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        page = self.server.pages.get(split.path) or _prefixed(self.server.pages, split.path)
        if page is None:
            self._send(Answer(b"not found\n", 404))
            return
        query = {key: values[-1] for key, values in parse_qs(split.query, keep_blank_values=True).items()}
        self._send(page({**query, "": split.path}, {key.lower(): value for key, value in self.headers.items()}))

    do_HEAD = do_GET  # noqa: N815

    def _refuse(self) -> None:
        self._send(Answer(b"method not allowed\n", 405))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("%s %s", self.address_string(), format % args)


def _prefixed(pages: Mapping[str, Page], path: str) -> Page | None:
    """The page whose path, ending in a slash, `path` begins with."""
    return next((page for prefix, page in pages.items() if prefix.endswith("/") and path.startswith(prefix)), None)

"""Small HTTP servers for probes, metrics and debugging: a table of paths each, with bounds on everything."""

import hmac
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen

from vmagent_operator.identity import OPERATOR

logger = logging.getLogger(__name__)

SOCKET_SECONDS = 10.0
CONNECTIONS = 16
CERTIFICATE_SECONDS, TOKEN_SECONDS = 10.0, 60.0

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


@define
class Certificate:
    """A server certificate that is read again when its files change; a bad new one leaves the old one in use."""

    certificate: Path
    key: Path
    authority: Path | None = None
    asks_clients: bool = False
    _context: ssl.SSLContext = field(init=False)
    _marks: tuple[tuple[int, int, int], ...] = field(init=False)
    _looked_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self._marks, self._context = self._stat(), self._load()
        except (OSError, ssl.SSLError) as error:
            raise ServingError(f"certificate {self.certificate} cannot be used: {error}") from error
        self._looked_at = time.monotonic()

    def context(self) -> ssl.SSLContext:
        """The settings for a new connection."""
        if time.monotonic() - self._looked_at >= CERTIFICATE_SECONDS:
            self._looked_at = time.monotonic()
            try:
                if (marks := self._stat()) != self._marks:
                    self._context, self._marks = self._load(), marks
            except (OSError, ssl.SSLError) as error:
                logger.error("certificate %s: cannot be read again, the old one stays: %s", self.certificate, error)
        return self._context

    def _files(self) -> tuple[Path, ...]:
        return (self.certificate, self.key, *([self.authority] if self.authority else []))

    def _stat(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (found.st_dev, found.st_ino, found.st_mtime_ns) for found in (path.stat() for path in self._files())
        )

    def _load(self) -> ssl.SSLContext:
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
class Token:
    """A bearer token in a file, read again once a minute."""

    path: Path
    _value: bytes = field(init=False, default=b"")
    _read_at: float = field(init=False, default=float("-inf"))

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


class Server(ThreadingHTTPServer):
    """Serves `pages` by path from threads of its own; bound when made, answering after `start`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, address: str, pages: Mapping[str, Page], certificate: Certificate | None = None, host: str = ""
    ) -> None:
        """Raises ServingError. `host` is listened on if the address names none."""
        self.pages, self._certificate = pages, certificate
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        name, _, port = address.rpartition(":")
        name = name.strip("[]") or host
        self.address_family = socket.AF_INET6 if ":" in name else socket.AF_INET
        try:
            super().__init__((name, int(port)), _Handler)
        except (OSError, ValueError, OverflowError) as error:
            raise ServingError(f"cannot listen on {address}: {error}") from error

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    def start(self, name: str) -> None:
        """Answer from now on."""
        threading.Thread(target=self.serve_forever, name=name, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread; turn it away if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            request.settimeout(SOCKET_SECONDS)
            if self._certificate is not None:
                request = self._certificate.context().wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError as error:
            logger.debug("connection from %s: %s", client_address, error)
            self.shutdown_request(request)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""
        logger.debug("connection from %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = OPERATOR, ""
    timeout = SOCKET_SECONDS

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
        self.close_connection = True

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("%s %s", self.address_string(), format % args)


def _prefixed(pages: Mapping[str, Page], path: str) -> Page | None:
    """The page whose path, ending in a slash, `path` begins with."""
    return next((page for prefix, page in pages.items() if prefix.endswith("/") and path.startswith(prefix)), None)

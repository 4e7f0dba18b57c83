"""The HTTP face: threads, keep-alive, chunked watches, optionally TLS and bearer tokens, on 127.0.0.1."""

import base64
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import yaml
from attrs import define, field

from test.apiserver import routes
from test.apiserver.api import Answer, Api
from test.apiserver.failure import status

TICK_SECONDS = 0.2
MOST_WAIT_SECONDS = 30.0
"""Of a watch on which nothing happens; a change, a bookmark and the end wake it."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Listener"

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: a test asserts state, not a log."""

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        url = urlsplit(self.path)
        user = self.server.face.user(headers.get("authorization", ""))
        if user is None:
            return self._send(
                Answer(
                    401,
                    json.dumps(status(401, "Unauthorized", "Unauthorized")).encode(),
                    {"content-type": "application/json"},
                )
            )
        if user == "admin":  # who may do everything may do it as somebody else
            user = headers.get("impersonate-user", user)
        query = routes.query(parse_qsl(url.query, keep_blank_values=True))
        raw = routes.Raw(self.command, url.path, query, headers, body, user=user)
        return self._deliver(self.server.face.api.handle(raw))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 -- names of the library

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _deliver(self, answer: Answer) -> None:
        fault = answer.fault
        if fault is None:
            return self._send(answer)
        time.sleep(fault.delay_seconds)
        if fault.hangs:
            self.server.stopping.wait()
        if fault.hangs or fault.is_lost:
            return self._break()
        if fault.cut_at is not None and answer.watch is None:
            self._head(answer, {"Content-Length": str(len(answer.body))})
            self.wfile.write(answer.body[: fault.cut_at])
            return self._break()
        return self._send(answer)

    def _break(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, answer: Answer) -> None:
        if answer.watch is not None:
            self._stream(answer)
            return
        self._head(answer, {"Content-Length": str(len(answer.body))})
        self.wfile.write(answer.body)

    def _head(self, answer: Answer, more: Mapping[str, str]) -> None:
        self.send_response(answer.code)
        for name, value in {**answer.headers, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, answer: Answer) -> None:
        watch, budget = answer.watch, answer.fault.cut_at if answer.fault else None
        assert watch is not None
        self._head(answer, {"Transfer-Encoding": "chunked"})
        try:
            while not self.server.stopping.is_set():
                lock = self.server.face.api.store.lock
                with lock:
                    lines = watch.poll()
                    if not lines and not watch.is_over:
                        lock.wait(max(0.0, min(MOST_WAIT_SECONDS, watch.remaining_seconds())))
                data = b"".join(line + b"\n" for line in lines)
                if budget is not None and len(data) > budget:
                    self._chunk(data[:budget])
                    return self._break()
                if data:
                    self._chunk(data)
                    budget = None if budget is None else budget - len(data)
                if watch.is_over:
                    break
            self._chunk(b"")
        finally:
            watch.is_over = True
        return None

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, face: "Server", port: int) -> None:
        self.face = face
        self.connections: set[socket.socket] = set()
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's fault; anything else is ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@define(eq=False)
class Server:
    """`api` on a port of 127.0.0.1, between `start` and `stop`.

    `certificate` is a file with certificate and key, for TLS. `tokens` maps bearer tokens to user names; without any, everybody
    is `admin`. The dict may change while the server runs.
    """

    api: Api = field(factory=Api)
    port: int = 0
    certificate: Path | None = None
    tokens: dict[str, str] = field(factory=dict)
    bookmark_seconds: float = 60.0
    _listener: _Listener | None = None
    _threads: list[threading.Thread] = field(factory=list)

    def start(self) -> Self:
        """Listen, in threads of its own."""
        self._listener = listener = _Listener(self, self.port)
        self.port = listener.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        work = ((listener.serve_forever, (0.05,)), (self._tick, (listener,)))
        self._threads = [threading.Thread(target=target, args=args, daemon=True) for target, args in work]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End every request and close every connection, idle ones too."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.stopping.set()
        with self.api.store.lock:
            self.api.store.lock.notify_all()
        listener.shutdown()
        for connection in list(listener.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster
        listener.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def kubeconfig(self, path: Path, token: str = "") -> Path:
        """Write a kubeconfig for this server to `path`; with `token`, for its user."""
        cluster: dict[str, Any] = {"server": self.url}
        if self.certificate:
            cluster["certificate-authority-data"] = base64.b64encode(self.certificate.read_bytes()).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def user(self, authorization: str) -> str | None:
        """The user that an Authorization header names; None if it is refused."""
        if not self.tokens:
            return "admin"
        return self.tokens.get(authorization.removeprefix("Bearer "))

    def _tick(self, listener: _Listener) -> None:
        due = time.monotonic() + self.bookmark_seconds
        while not listener.stopping.wait(TICK_SECONDS):
            if self.api.workloads.is_waiting:
                self.api.tick()
            if time.monotonic() >= due:
                due = time.monotonic() + self.bookmark_seconds
                self.api.bookmark()

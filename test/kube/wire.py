"""A server on 127.0.0.1 that sends exactly the bytes that a test says, when it says so."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field, frozen


@frozen
class Seen:
    """A request that arrived; header names are lower case, `connection` counts from 0.

    `released` is set when the test says so, at the latest when the server closes.
    """

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    released: threading.Event


Handler = Callable[[Seen, socket.socket], None]


def answer(body: bytes = b"{}", status: int = 200, *headers: str) -> bytes:
    """A whole answer with a Content-Length."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """An answer in chunks, as the API server sends a watch; without its end it stays open."""
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(chunk(piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


def chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def sends(data: bytes) -> Handler:
    return lambda seen, client: client.sendall(data)


@define(eq=False)
class WireServer:
    """Calls the next handler for each request; the connection stays open until handler or client closes it."""

    handlers: list[Handler]
    certificate: Path | None = None
    seen: list[Seen] = field(factory=list)
    listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    released: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)
    _clients: list[socket.socket] = field(factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def accept(self) -> None:
        with suppress(OSError):
            for number in range(1000):
                client, _ = self.listener.accept()
                self._clients.append(client)
                thread = threading.Thread(target=self.serve, args=(client, number))
                self._threads.append(thread)
                thread.start()

    def serve(self, client: socket.socket, number: int) -> None:
        with suppress(OSError):
            if self.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate)
                client = context.wrap_socket(client, server_side=True)
                self._clients.append(client)
            reader = client.makefile("rb")
            while first := reader.readline().decode().split():
                headers = dict(self._headers(iter(reader.readline, b"\r\n")))
                body = reader.read(int(headers.get("content-length", "0")))
                seen = Seen(number, first[0], first[1], headers, body, self.released)
                self.seen.append(seen)
                self.handlers.pop(0)(seen, client)

    @staticmethod
    def _headers(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
        for line in lines:
            name, _, value = line.decode().partition(":")
            yield name.lower(), value.strip()

    def close(self) -> None:
        self.released.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self._clients:
            with suppress(OSError):
                socket.socket.shutdown(client, socket.SHUT_RDWR)
            client.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serving(*handlers: Handler, certificate: Path | None = None) -> Iterator[WireServer]:
    """A server for these requests; with a file of certificate and key it speaks TLS."""
    server = WireServer(list(handlers), certificate)
    acceptor = threading.Thread(target=server.accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.close()
        acceptor.join(5)

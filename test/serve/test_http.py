"""The HTTP servers: what they answer, and what they hold out."""

import errno
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from test.controlplane.cluster import eventually
from vmagent_operator.serve import http
from vmagent_operator.serve.http import Answer, Page, Server, ServingError, Token
from vmagent_operator.serve.pages import Exposition, Probe


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server("127.0.0.1:0", {"/page": lambda query, headers: Answer(query.get("q", "none").encode())})
    made.start("test")
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_of_pages_that_stand_for_many_paths_the_nearest_answers(server: Server) -> None:
    server.pages = {prefix: _named(prefix) for prefix in ("/", "/a/", "/a/b/", "/c")}
    paths = {"/": "/", "/a": "/", "/a/": "/a/", "/a/x": "/a/", "/a/b/c": "/a/b/", "/c": "/c", "/c/d": "/"}
    assert {path: ask(server, path)[1].decode() for path in paths} == paths


def _named(prefix: str) -> Page:
    return lambda query, headers: Answer(prefix.encode())


def test_pages_are_found_by_path(server: Server) -> None:
    assert ask(server, "/page?q=x&q=y") == (200, b"y")
    assert ask(server, "/page", "HEAD") == (200, b"")
    assert ask(server, "/other") == (404, b"not found\n")
    assert ask(server, "/page", "POST") == (405, b"method not allowed\n")


@contextmanager
def connections(server: Server, count: int, host: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """So many clients, the oldest first, who have begun a request but not ended it."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection((host, server.port), timeout=5)))
            made[-1].sendall(b"GET /page HTTP/1.1\r\n")
        yield made


def busy(server: Server) -> list[http.Open]:
    return [known for known in [*server._open.values()] if not known.is_idle]


def test_the_oldest_idle_connection_makes_room_for_a_new_one(server: Server) -> None:
    with connections(server, http.CONNECTIONS) as held:
        assert ask(server, "/page?q=x") == (200, b"x")
        assert held[0].recv(1) == b""
        held[1].sendall(b"\r\n")
        assert held[1].recv(17) == b"HTTP/1.1 200 OK\r\n"


def test_who_has_most_connections_makes_room(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5, ("127.0.0.9", 0)) as other:
        other.sendall(b"GET /page HTTP/1.1\r\n")
        with connections(server, 3 * http.CONNECTIONS):
            other.sendall(b"\r\n")
            assert other.recv(17) == b"HTTP/1.1 200 OK\r\n"


def test_connections_that_are_being_answered_are_left_alone(server: Server) -> None:
    may_answer = threading.Event()

    def slow(query: Any, headers: Any) -> Answer:
        may_answer.wait(60)
        return Answer(b"late")

    server.pages = {"/page": slow, "/quick": lambda query, headers: Answer(b"")}
    with connections(server, http.CONNECTIONS) as held:
        for client in held:
            client.sendall(b"\r\n")
        eventually(lambda: len(busy(server)) == http.CONNECTIONS)
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as one_more:
            assert one_more.recv(1) == b""
        may_answer.set()
        assert all(client.recv(17) == b"HTTP/1.1 200 OK\r\n" for client in held)


def test_a_request_has_one_deadline_however_it_drips(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.3)
    began = time.monotonic()
    with connections(server, 1) as (client,), suppress(OSError):
        while time.monotonic() < began + 30:
            client.sendall(b"a: b\r\n")
            client.settimeout(0.05)
            with suppress(TimeoutError):
                assert client.recv(1) == b""
                break
    assert time.monotonic() - began < 10


def test_who_says_nothing_is_hung_up_on(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        assert silent.recv(1) == b""
    monkeypatch.setattr(http, "HEAD_SECONDS", 3600.0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
        slow.sendall(b"GET /page?q=late HTTP/1.1\r\n")
        assert ask(server, "/page?q=x") == (200, b"x")
        slow.sendall(b"\r\n")
        assert slow.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_connection_is_for_one_request(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET /page HTTP/1.1\r\nConnection: keep-alive\r\n\r\n")
        with client.makefile("rb") as answer:
            assert b"Connection: close\r\n" in answer.read()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_without_a_host_is_that_of_both_families(host: str) -> None:
    made = Server(":0", {})
    made.start("test")
    try:
        with socket.create_connection((host, made.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 404"
    finally:
        made.shutdown()
        made.server_close()


def test_an_address_without_a_host_is_that_of_the_one_family_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Server) -> None:
        if self.address_family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        bind(self)

    bind = Server.server_bind
    monkeypatch.setattr(Server, "server_bind", refused)
    made = Server(":0", {})
    with made, socket.create_connection(("127.0.0.1", made.port), timeout=5):
        assert made.address_family == socket.AF_INET


def test_an_address_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServingError, match=f"^cannot listen on {address}: "):
            Server(address, {})


def test_a_probe_names_what_is_wrong() -> None:
    faults = {"lease": ""}
    probe = Probe({"threads": lambda: "", "lease": lambda: faults["lease"]})
    assert probe({}, {}) == Answer(b"ok\n")
    assert probe({"verbose": ""}, {}) == Answer(b"threads: ok\nlease: ok\n")
    faults["lease"] = "no step for 40 s"
    assert probe({}, {}) == Answer(b"lease: no step for 40 s\n", 503)


def test_metrics_ask_for_their_token(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    (tmp_path / "token").write_text("secret\n")
    page = Exposition(registry, Token(tmp_path / "token"))
    assert page({}, {}).status == 401
    assert page({}, {"authorization": "Bearer wrong"}).status == 401
    answer = page({}, {"authorization": "Bearer secret"})
    assert b"things_total 1.0" in answer.body
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert (
        "openmetrics"
        in page({}, {"authorization": "Bearer secret", "accept": "application/openmetrics-text"}).content_type
    )

"""The HTTP servers: what they answer, and what they hold out."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from vmagent_operator.serve import http
from vmagent_operator.serve.http import Answer, Server, ServingError, Token
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


def test_pages_are_found_by_path(server: Server) -> None:
    assert ask(server, "/page?q=x&q=y") == (200, b"y")
    assert ask(server, "/page", "HEAD") == (200, b"")
    assert ask(server, "/other") == (404, b"not found\n")
    assert ask(server, "/page", "POST") == (405, b"method not allowed\n")


def test_there_are_never_too_many_connections(server: Server) -> None:
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(http.CONNECTIONS)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as one_more:
        assert one_more.recv(1) == b""
    for connection in held:
        connection.close()


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

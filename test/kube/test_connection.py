"""The connection over real sockets on the loopback interface; `load` with files of all sorts."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.kube.virtual import VirtualClock
from test.kube.wire import Handler, Seen, WireServer, answer, chunk, chunked, sends, serving
from vmagent_operator.kube.clock import SystemClock
from vmagent_operator.kube.errors import BadResponse, NetworkError, Timeout
from vmagent_operator.kube.http import connection
from vmagent_operator.kube.http.connection import MAX_REFUSAL_BYTES, Connection, Connections, connect
from vmagent_operator.kube.http.credentials import Credentials, CredentialsError, load
from vmagent_operator.kube.http.transport import lines
from vmagent_operator.kube.meter import Meter

PATH = "/api/v1/secrets"


def kubeconfig(file: Path, server: str, *, name: str = "it", **user: Any) -> Path:
    """A kubeconfig for `server` whose current context, cluster and user are called `name`."""
    content = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": user or {"token": "t0ken"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Callable[..., tuple[Connections, WireServer]]]:
    """A function from handlers to connections and their server."""
    opened: list[Any] = []

    def start(*handlers: Handler, **user: Any) -> tuple[Connections, WireServer]:
        context = serving(*handlers)
        server = context.__enter__()
        opened.append(context)
        access = load(str(kubeconfig(tmp_path / "config", f"http://127.0.0.1:{server.port}", **user)), environ={})
        connections = connect(access, agent="app/1.2.3", watches=2, workers=1)
        opened.append(connections)
        return connections, server

    yield start
    for thing in reversed(opened):
        if isinstance(thing, Connections):
            for connection in (thing.watch, thing.worker, thing.lease):
                connection.close()
        else:
            thing.__exit__(None, None, None)


Wire = Callable[..., tuple[Connections, WireServer]]


def get(connection: Connection, seconds: float = 5) -> bytes:
    return connection.request("GET", PATH, timeout=seconds).body


def test_a_request_carries_what_it_was_given_and_who_sends_it(wire: Wire) -> None:
    """P-58"""
    connections, server = wire(sends(answer(b'{"a": 1}', 201, "Retry-After: 3")))
    response = connections.worker.request(
        "POST",
        PATH,
        query=(("fieldManager", "me & you"), ("force", "true")),
        headers={"content-type": "application/json"},
        body=b'{"b": 2}',
        timeout=5,
    )
    assert (response.status, response.headers["retry-after"], response.body) == (201, "3", b'{"a": 1}')
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", f"{PATH}?fieldManager=me+%26+you&force=true")
    assert (seen.headers["authorization"], seen.headers["content-type"], seen.body) == (
        "Bearer t0ken",
        "application/json",
        b'{"b": 2}',
    )
    assert seen.headers["user-agent"].startswith("app/1.2.3 (linux/")
    assert " kubernetes-client/3" in seen.headers["user-agent"]


def test_each_pool_says_what_it_is_for(wire: Wire) -> None:
    connections, server = wire(*[sends(answer())] * 3)
    for pool in (connections.watch, connections.worker, connections.lease):
        get(pool)
    assert [seen.headers["user-agent"].rpartition("/")[2] for seen in server.seen][::2] == ["watch", "leader-election"]
    assert [seen.connection for seen in server.seen] == [0, 1, 2]


@pytest.mark.parametrize(
    "data", [answer(b"x" * 200_000), answer(b""), answer(b"no", 404), chunked(b"x" * 70_000, b"y"), chunked()]
)
def test_connections_are_kept_and_used_again(wire: Wire, data: bytes) -> None:
    connections, server = wire(*[sends(data)] * 3)
    assert len({get(connections.worker) for _ in range(3)}) == 1
    assert [seen.connection for seen in server.seen] == [0, 0, 0]


def test_a_pool_keeps_as_many_connections_as_it_is_for(wire: Wire) -> None:
    """P-60, K-09: no handshake is paid twice."""
    together = threading.Barrier(5)

    def wait_for_all(seen: Seen, client: socket.socket) -> None:
        together.wait(5)
        client.sendall(answer())

    connections, server = wire(*[wait_for_all] * 5, *[sends(answer())] * 5)
    threads = [threading.Thread(target=get, args=(connections.worker,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(5):
        get(connections.worker)
    assert max(seen.connection for seen in server.seen) == 4


def test_keep_alive_is_on(wire: Wire) -> None:
    """C-7, K-01"""
    connections, _ = wire(sends(chunked(b"x\n", end=False)))
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        sock = stream._answer.connection.sock  # type: ignore[union-attr]
        options = [
            sock.getsockopt(*option)
            for option in (
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            )
        ]
    assert options == [1, 30, 15, 9]


@pytest.mark.parametrize("status", [301, 429, 500, 503])
def test_nothing_is_followed_or_repeated(wire: Wire, status: int) -> None:
    """K-06"""
    connections, server = wire(sends(answer(b"", status, "Location: /elsewhere", "Retry-After: 1")))
    assert connections.worker.request("PUT", PATH, body=b"{}", timeout=5).status == status
    assert len(server.seen) == 1


def test_a_server_that_does_not_answer(wire: Wire) -> None:
    connections, server = wire(lambda seen, client: None)
    with pytest.raises(Timeout):
        get(connections.worker, 0.5)
    eventually(lambda: server.seen != [])
    assert len(server.seen) == 1


def test_a_server_that_answers_byte_by_byte_does_not_outlast_the_total(wire: Wire) -> None:
    """C-13: every byte restarts the socket's own timeout."""
    connections, _ = wire(drip)
    before = time.monotonic()
    with pytest.raises(Timeout):
        get(connections.worker, 0.3)
    assert time.monotonic() - before < 10


def drip(seen: Seen, client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
    while not seen.released.wait(0.02):
        client.sendall(b"x")


def test_a_refused_connection_has_sent_nothing(wire: Wire) -> None:
    connections, server = wire()
    server.close()
    with pytest.raises(NetworkError) as caught:
        get(connections.worker)
    assert not caught.value.is_uncertain


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{", chunked(b"{", end=False), b"nonsense\r\n\r\n"]
)
def test_an_answer_that_breaks_off_is_uncertain(wire: Wire, data: bytes) -> None:
    connections, _ = wire(lambda seen, client: (client.sendall(data), client.shutdown(socket.SHUT_RDWR))[0])
    with pytest.raises(NetworkError) as caught:
        connections.worker.request("PUT", PATH, body=b"{}", timeout=5)
    assert caught.value.is_uncertain


def test_a_stream_is_cut_into_lines_wherever_its_pieces_end(wire: Wire) -> None:
    connections, _ = wire(sends(chunked(b'{"a":', b'1}\n\n{"b"', b":2}\n")))
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        assert (stream.status, list(stream)) == (200, [b'{"a":1}', b"", b'{"b":2}'])


def test_a_line_comes_when_it_is_complete_and_not_when_a_buffer_is_full(wire: Wire) -> None:
    connections, server = wire(two_lines)
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        read = iter(stream)
        assert next(read) == b"one"
        server.released.set()
        assert next(read) == b"two"


def two_lines(seen: Seen, client: socket.socket) -> None:
    client.sendall(chunked(b"one\n", end=False))
    seen.released.wait(5)
    client.sendall(chunk(b"two\n"))


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"])
def test_a_stream_that_ends_inside_a_line_is_a_fault(wire: Wire, end: bytes) -> None:
    """F-02: what came before it has arrived."""
    data = chunked(b'{"a":1}\n', b'{"b"', end=False) + end
    connections, _ = wire(lambda seen, client: (client.sendall(data), client.shutdown(socket.SHUT_RDWR))[0])
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        read = iter(stream)
        assert next(read) == b'{"a":1}'
        with pytest.raises(NetworkError):
            next(read)


def test_a_stream_is_closed_where_its_block_ends(wire: Wire) -> None:
    connections, _ = wire(sends(chunked(b"one\n", end=False)))
    with connections.watch.stream(PATH, idle_timeout=2) as stream:
        read = iter(stream)
        assert next(read) == b"one"
    assert list(read) == []


def test_silence_ends_a_stream(wire: Wire) -> None:
    """C-7, F-03"""
    connections, _ = wire(sends(chunked(b"one\n", end=False)))
    with connections.watch.stream(PATH, idle_timeout=1) as stream:
        read = iter(stream)
        assert next(read) == b"one"
        with pytest.raises(Timeout):
            next(read)


def test_a_stream_refused_gives_its_body(wire: Wire) -> None:
    connections, _ = wire(sends(answer(b'{"reason": "Expired"}', 410)))
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        assert (stream.status, b"".join(stream)) == (410, b'{"reason": "Expired"}')


ENDLESS = chunk(b"x" * 60_000) * 20


@pytest.mark.parametrize("status", [403, 500, 503])
def test_of_a_refusal_no_more_is_read_than_tells_why(wire: Wire, status: int) -> None:
    data = chunked(ENDLESS, end=False).replace(b"200 X", f"{status} X".encode())
    connections, _ = wire(sends(data), sends(data), sends(answer(b"{}")))
    assert len(connections.worker.request("GET", PATH, timeout=5).body) < 2 * MAX_REFUSAL_BYTES
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        assert (stream.status, len(b"".join(stream)) < 2 * MAX_REFUSAL_BYTES) == (status, True)
    assert get(connections.worker) == b"{}"


def test_an_answer_beyond_reason_is_cut(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 300_000)
    connections, _ = wire(sends(chunked(ENDLESS, end=False)), sends(answer(b"x" * 300_000)))
    with pytest.raises(BadResponse, match=r"^the answer is longer than 300000 bytes$"):
        get(connections.worker)
    assert len(get(connections.worker)) == 300_000


def test_a_watch_that_is_refused_byte_by_byte_has_a_deadline(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def drips(seen: Seen, client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 403 X\r\nContent-Length: 100000\r\n\r\n")
        while not seen.released.wait(0.02):
            client.sendall(b"x")

    monkeypatch.setattr(connection, "REFUSAL_SECONDS", 0.2)
    connections, _ = wire(drips)
    began = time.monotonic()
    with pytest.raises(Timeout):
        connections.watch.stream(PATH, idle_timeout=60)
    assert time.monotonic() - began < 5


def test_closing_a_stream_wakes_the_thread_that_reads_it(wire: Wire) -> None:
    """K-37"""
    connections, _ = wire(sends(chunked(b"one\n", end=False)))
    closes_from_another_thread(connections.watch)


def closes_from_another_thread(connection: Connection) -> None:
    stream = connection.stream(PATH, idle_timeout=60)
    read: list[bytes] = []
    first = threading.Event()

    def follow() -> None:
        for line in stream:
            read.append(line)
            first.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert first.wait(5)
    stream.close()
    thread.join(5)
    assert (thread.is_alive(), read) == (False, [b"one"])


def test_lines_are_bounded() -> None:
    """C-14, F-09: a line is given up before it is all in memory."""
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"x" * 10

    with pytest.raises(BadResponse, match="a line of the stream is longer than 45 bytes"):
        list(lines(pieces(), 45))
    assert len(taken) == 5
    assert list(lines([b"x" * 40 + b"\n", b"x" * 40 + b"\n"], 45)) == [b"x" * 40] * 2


def test_a_line_of_more_than_any_object_is_given_up() -> None:
    taken = list[int]()

    def endless() -> Iterator[bytes]:
        while len(taken) < 64:
            taken.append(1)
            yield b"x" * (1 << 20)

    with pytest.raises(BadResponse, match="a line of the stream is longer than 16777216 bytes"):
        list(lines(endless()))
    assert len(taken) == 17


def test_an_answer_that_comes_to_its_last_byte_as_the_time_ends_is_late(wire: Wire) -> None:
    clock = VirtualClock()

    def answers_in_time(seen: Seen, client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{")
        clock.seconds = 5.0
        seen.released.wait(1)

    connections, _ = wire(answers_in_time)
    connections.worker._clock = clock
    with pytest.raises(Timeout):
        get(connections.worker, 5.0)


def test_a_token_that_is_refused_is_read_again_and_the_request_repeated_once(wire: Wire, tmp_path: Path) -> None:
    """P-63, F-29"""
    token = tmp_path / "token"
    token.write_text("old")

    def rotate(seen: Seen, client: socket.socket) -> None:
        token.write_text("new\n")
        client.sendall(answer(b"", 401))

    connections, server = wire(rotate, sends(answer()), sends(answer()), tokenFile=str(token))
    assert [get(connections.worker), get(connections.lease)] == [b"{}", b"{}"]
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer old", "Bearer new", "Bearer new"]


def test_a_request_that_is_refused_keeps_no_connection_while_it_gets_another_token(wire: Wire) -> None:
    waiting = list[bool]()

    def looks_back(seen: Seen, client: socket.socket) -> None:
        first = server._threads[0]
        first.join(5)
        waiting.append(first.is_alive())
        client.sendall(answer())

    connections, server = wire(sends(answer(b"x" * 1000, 401)), looks_back)
    get(connections.worker)
    assert waiting == [False]


def test_a_second_refusal_is_the_answer(wire: Wire) -> None:
    connections, server = wire(*[sends(answer(b"", 401))] * 2)
    assert connections.worker.request("GET", PATH, timeout=5).status == 401
    assert len(server.seen) == 2


def test_a_watch_renews_its_token_too(wire: Wire) -> None:
    connections, _ = wire(sends(answer(b"", 401)), sends(chunked(b"one\n")))
    with connections.watch.stream(PATH, idle_timeout=5) as stream:
        assert list(stream) == [b"one"]


class Failures(Meter):
    count = 0

    def token_failed(self) -> None:
        self.count += 1


def test_credentials_are_read_again_every_minute_of_the_monotonic_clock() -> None:
    """K-12, F-50"""
    values, clock = iter("abc"), VirtualClock()
    credentials = Credentials.of(lambda refused: next(values), clock)
    clock.seconds, clock.wall_offset_seconds = 59, -3600
    assert credentials.authorization() == "a"
    clock.seconds = 60
    assert [credentials.authorization(), credentials.authorization()] == ["b", "b"]


def test_credentials_that_cannot_be_read_leave_the_old_ones() -> None:
    clock, failures = VirtualClock(), Failures()
    read = iter(["a"]).__next__

    def failing(refused: bool) -> str:
        try:
            return read()
        except StopIteration:
            raise CredentialsError("gone") from None

    credentials = Credentials.of(failing, clock, failures)
    clock.seconds = 60
    assert (credentials.authorization(), failures.count) == ("a", 1)


def test_a_reader_that_hangs_delays_no_request_that_has_something_to_send() -> None:
    """K-13"""
    hang, clock = threading.Event(), VirtualClock()
    calls: list[bool] = []

    def read(refused: bool) -> str:
        calls.append(refused)
        if len(calls) > 1:
            hang.wait(60)
        return f"value {len(calls)}"

    credentials = Credentials.of(read, clock)
    clock.seconds = 60
    assert [credentials.authorization(), credentials.authorization()] == ["value 1", "value 1"]
    credentials.renew("value 1", 0.01)
    eventually(lambda: len(calls) > 1)  # in a thread of its own
    assert calls == [False, False]
    hang.set()
    credentials.renew("value 1", 5)
    assert credentials.authorization() == "value 2"


def test_a_line_may_be_as_long_as_its_limit_and_a_broken_one_is_uncertain() -> None:
    assert list(lines([b"abc", b"\nde", b"f\n"], 3)) == [b"abc", b"def"]
    with pytest.raises(NetworkError, match="the stream ended in the middle of a line") as caught:
        list(lines([b"a\nb"]))
    assert caught.value.is_uncertain


def test_a_service_accounts_token_that_is_empty_for_a_moment_is_not_sent(tmp_path: Path) -> None:
    clock, failures = VirtualClock(), Failures()
    directory = service_account(tmp_path / "pod", "token")
    credentials = load(environ=POD, service_account=directory, clock=clock, meter=failures).credentials
    for number, text in enumerate(("", " \n"), start=1):
        (directory / "token").write_text(text)
        clock.seconds += 60
        credentials.authorization()
        assert credentials._reader is not None
        credentials._reader.join(10)
        assert (credentials.authorization(), failures.count) == ("Bearer token", number)


@pytest.mark.parametrize("is_file", [True, False])
def test_a_token_is_read_again_with_its_kubeconfig_though_nobody_refused_it(tmp_path: Path, is_file: bool) -> None:
    clock, token = VirtualClock(), tmp_path / "token"

    def write(value: str) -> Path:
        token.write_text(value)
        user = {"tokenFile": str(token)} if is_file else {"token": value}
        return kubeconfig(tmp_path / "config", "https://server", **user)

    credentials = load(str(write("one")), environ={}, clock=clock).credentials
    write("two")
    clock.seconds = 59
    assert credentials.authorization() == "Bearer one"
    clock.seconds = 60
    credentials.authorization()
    assert credentials._reader is not None
    credentials._reader.join(10)
    assert credentials.authorization() == "Bearer two"


def test_a_request_without_time_is_not_sent(wire: Callable[..., tuple[Connections, WireServer]]) -> None:
    connections, server = wire()
    with pytest.raises(Timeout, match="no complete answer in time"):
        connections.worker.request("GET", PATH, timeout=0)
    assert server.seen == []


def test_what_another_request_has_renewed_is_not_renewed_again() -> None:
    values = iter("ab")
    credentials = Credentials.of(lambda refused: next(values), VirtualClock())
    credentials.renew("a", 5)
    credentials.renew("a", 5)
    assert credentials.authorization() == "b"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every place credentials may be in, each with a server of its own name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "http://home")
    kubeconfig(tmp_path / "flag", "http://flag")
    kubeconfig(tmp_path / "first", "http://first", name="one")
    kubeconfig(tmp_path / "second", "http://second", name="two")
    service_account(tmp_path / "pod", "token")
    return tmp_path


def service_account(directory: Path, token: str, ca: str = "CA") -> Path:
    directory.mkdir()
    (directory / "token").write_text(token)
    (directory / "ca.crt").write_text(ca)
    return directory


POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.mark.parametrize(
    ("flag", "context", "environ", "host"),
    [
        ("flag", "", {"KUBECONFIG": "{}/first", **POD}, "http://flag"),
        ("", "", {"KUBECONFIG": "{0}/absent:{0}/first:{0}/second", **POD}, "http://second"),
        ("", "one", {"KUBECONFIG": "{0}/first:{0}/second", **POD}, "http://first"),
        ("", "", POD, "https://10.0.0.1:443"),
        ("", "", {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, "https://[fd00::1]:443"),
        ("", "", {}, "http://home"),
    ],
)
def test_where_credentials_come_from(places: Path, flag: str, context: str, environ: dict[str, str], host: str) -> None:
    """P-56: and nothing is written."""
    before = {file: file.read_bytes() for file in places.rglob("*") if file.is_file()}
    access = load(
        str(places / flag) if flag else "",
        context,
        environ={name: value.format(places) for name, value in environ.items()},
        service_account=places / "pod",
    )
    assert access.configuration.host == host
    assert {file: file.read_bytes() for file in places.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"exec": {"token": "plugin"}}, "Bearer plugin"),
    ],
)
def test_what_a_user_of_a_kubeconfig_sends(tmp_path: Path, user: dict[str, Any], header: str) -> None:
    if "exec" in user:
        user = {"exec": plugin(tmp_path / "runs", user["exec"]["token"])}
    access = load(str(kubeconfig(tmp_path / "config", "http://api", **user)), environ={})
    assert access.credentials.authorization() == header


def plugin(log: Path, token: str) -> dict[str, Any]:
    """An exec section whose command notes each run."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": "2199-01-01T00:00:00Z"},
    }
    code = f"open({str(log)!r}, 'a').write('x'); print({json.dumps(credential)!r})"
    return {
        "apiVersion": credential["apiVersion"],
        "command": sys.executable,
        "args": ["-c", code],
        "interactiveMode": "Never",
    }


def test_a_plugin_runs_when_its_credential_is_refused_and_not_every_minute(tmp_path: Path) -> None:
    """K-13"""
    log, clock = tmp_path / "runs", VirtualClock()
    file = kubeconfig(tmp_path / "config", "http://api", exec=plugin(log, "t"))
    credentials = load(str(file), environ={}, clock=clock).credentials
    clock.seconds = 61
    credentials.authorization()
    assert log.read_text() == "x"
    credentials.renew("Bearer t", 60)
    assert log.read_text() == "xx"


def test_a_token_in_a_kubeconfig_follows_the_file(tmp_path: Path) -> None:
    clock = VirtualClock()
    file = kubeconfig(tmp_path / "config", "http://api", token="old")
    credentials = load(str(file), environ={}, clock=clock).credentials
    kubeconfig(file, "http://api", token="new")
    clock.seconds = 60
    credentials.authorization()
    credentials.renew("Bearer old", 5)
    assert credentials.authorization() == "Bearer new"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "config cannot be used: there is no such file"),
        ("", "config cannot be used: the file is empty"),
        ("a: [", "config cannot be used: it is no YAML: line 1, column 5"),
        ("just text", "config cannot be used: it is no kubeconfig"),
        ("a: b", "config cannot be used: it has no current context"),
        ("{contexts: [], current-context: ''}", "config cannot be used: it has no current context"),
        ("{contexts: [1], current-context: x}", "config cannot be used: it is no kubeconfig"),
        ("current-context: it", "config cannot be used: it has no context it"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CredentialsError) as caught:
        load(str(file), environ={})
    assert str(caught.value).startswith(f"{tmp_path}/{message.format(file)}")


def test_a_user_without_credentials_is_told_at_start(tmp_path: Path) -> None:
    """K-11"""
    file = kubeconfig(tmp_path / "config", "http://api", impersonate="me")
    with pytest.raises(CredentialsError) as caught:
        load(str(file), environ={})
    assert str(caught.value) == f"{file} has neither a token nor a client certificate"


@pytest.mark.parametrize("token", ["se\ncret", "se\r\n cret", "s\u00e9cret", "se\x00cret"])
@pytest.mark.parametrize("place", ["token", "tokenFile", "exec"])
def test_a_token_that_is_no_header_is_told_without_it(tmp_path: Path, place: str, token: str) -> None:
    (tmp_path / "token").write_text(token, newline="")
    user: Any = {"token": token, "tokenFile": str(tmp_path / "token"), "exec": plugin(tmp_path / "runs", token)}[place]
    file = kubeconfig(tmp_path / "config", "http://api", **{place: user})
    with pytest.raises(CredentialsError) as caught:
        load(str(file), environ={})
    fault = "holds a line break or another character that no token has"
    assert str(caught.value) == f"{file} cannot be used: {place} of user it {fault}"


def test_a_service_accounts_token_that_is_no_header_is_told_without_it(tmp_path: Path) -> None:
    directory = service_account(tmp_path / "pod", "se\ncret")
    with pytest.raises(CredentialsError) as caught:
        load(environ=POD, service_account=directory)
    assert str(caught.value) == f"{directory}/token holds a line break or another character that no token has"


@pytest.mark.parametrize("place", ["token", "tokenFile"])
def test_a_line_break_after_a_token_is_none_of_it(tmp_path: Path, place: str) -> None:
    (tmp_path / "token").write_text("t\n")
    user = {"token": "t\n", "tokenFile": str(tmp_path / "token")}[place]
    file = kubeconfig(tmp_path / "config", "http://api", **{place: user})
    assert load(str(file), environ={}).credentials.authorization() == "Bearer t"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("token", "the service account in {} cannot be used: Service token file does not exist."),
        ("ca.crt", "the service account in {} cannot be used: Service certification file does not exist."),
    ],
)
def test_a_service_account_that_cannot_be_used(tmp_path: Path, missing: str, message: str) -> None:
    directory = service_account(tmp_path / "pod", "token")
    (directory / missing).unlink()
    with pytest.raises(CredentialsError) as caught:
        load(environ=POD, service_account=directory)
    assert str(caught.value) == message.format(directory)


@pytest.mark.parametrize(
    ("where", "environ", "proxy"),
    [
        ("https://api.example.org", {"HTTPS_PROXY": "http://proxy"}, "http://proxy"),
        ("https://api.example.org", {"https_proxy": "http://proxy"}, "http://proxy"),
        ("https://api.example.org", {"HTTP_PROXY": "http://proxy", "ALL_PROXY": "http://proxy"}, None),
        ("http://api.example.org", {"HTTPS_PROXY": "http://proxy"}, None),
        ("pod", {"HTTPS_PROXY": "http://proxy", **POD}, None),
        ("pod", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "example.org", **POD}, "http://proxy"),
    ],
)
def test_which_proxy_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, environ: dict[str, str], proxy: str | None
) -> None:
    """K-20: never what the client would take from the environment by itself."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if where == "pod":
        access = load(environ=environ, service_account=service_account(tmp_path / "pod", "token"))
    else:
        access = load(str(kubeconfig(tmp_path / "config", where)), environ=environ)
    assert access.configuration.proxy == proxy


def test_a_host_in_no_proxy_is_reached_directly(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}
    with serving() as server:
        port = server.port
    file = kubeconfig(tmp_path / "config", f"https://127.0.0.1:{port}")
    worker = connect(load(str(file), environ=environ), agent="app/1", watches=1, workers=1).worker
    with pytest.raises(NetworkError, match=f"port={port}"):
        get(worker)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two certificates for 127.0.0.1, each its own authority: `a.pem` and `b.pem` with their keys."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    directory = tmp_path_factory.mktemp("authority")
    for name in "ab":
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        names = f"-keyout {name}.key -out {name}.crt -subj /CN={name} -addext subjectAltName=IP:127.0.0.1"
        subprocess.run(f"{command} {names}".split(), cwd=directory, check=True, capture_output=True)
        (directory / f"{name}.pem").write_bytes(
            (directory / f"{name}.crt").read_bytes() + (directory / f"{name}.key").read_bytes()
        )
    return directory


def in_pod(directory: Path, server: WireServer, ca: Path) -> Connections:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    account = service_account(directory / "pod", "token", ca.read_text())
    return connect(load(environ=environ, service_account=account), agent="app/1", watches=1, workers=1)


def test_tls(tmp_path: Path, authority: Path) -> None:
    with serving(*[sends(answer())] * 2, certificate=authority / "a.pem") as server:
        worker = in_pod(tmp_path, server, authority / "a.crt").worker
        assert [get(worker), get(worker)] == [b"{}", b"{}"]
        worker.close()
    assert [(seen.connection, seen.headers["authorization"]) for seen in server.seen] == [(0, "Bearer token")] * 2


def test_a_server_of_another_authority_gets_no_request_until_the_file_is_replaced(
    tmp_path: Path, authority: Path
) -> None:
    """F-59: a certificate authority that is rotated on disk is used by the next connection."""
    with serving(sends(answer()), certificate=authority / "b.pem") as server:
        worker = in_pod(tmp_path, server, authority / "a.crt").worker
        with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            get(worker)
        assert not caught.value.is_uncertain
        shutil.copy(authority / "b.crt", tmp_path / "pod" / "ca.crt")
        assert get(worker) == b"{}"
        worker.close()


def test_closing_a_stream_over_tls_wakes_its_reader(tmp_path: Path, authority: Path) -> None:
    with serving(sends(chunked(b"one\n", end=False)), certificate=authority / "a.pem") as server:
        connections = in_pod(tmp_path, server, authority / "a.crt")
        closes_from_another_thread(connections.watch)


def test_the_system_clock_is_monotonic_and_its_wait_can_be_ended() -> None:
    clock, event = SystemClock(), threading.Event()
    before = clock.monotonic()
    assert clock.wait(event, 0) is False
    event.set()
    assert clock.wait(event, 60) is True
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is not None


def test_a_time_that_is_over_is_not_waited_for() -> None:
    asked = []

    class Never(threading.Event):
        """One that only notes how long it was to be waited for."""

        def wait(self, timeout: float | None = None) -> bool:
            asked.append(timeout)
            return False

    assert [SystemClock().wait(Never(), seconds) for seconds in (-1, 0, 0.5)] == [False] * 3
    assert asked == [0, 0, 0.5]

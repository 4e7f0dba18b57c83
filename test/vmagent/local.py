"""Real processes on the loopback addresses of this machine: vmagent, its storage, and targets to scrape."""

import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from test.controlplane.cluster import eventually
from test.controlplane.process import Process
from test.vmagent import pod

HOST = "127.0.0.1"
Request = tuple[str, Mapping[str, str]]
"""Path with query, and headers by their names in lower case."""


class Target:
    """A server that is scraped and written to. Where it has none of `pages`, it has metrics to read and takes any POST.

    requests: what was read. received: what was written.
    """

    def __init__(self) -> None:
        """A server at a free port, from which `stop` frees it."""
        self.pages: dict[str, str] = {}
        self.requests: list[Request] = []
        self.received: list[Request] = []
        self._news = Condition()
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                number = target._remember(self._request())
                self._answer(target.pages.get(self.path, f"work_total {number}\n"))

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target.received.append(self._request())
                self._answer(target.pages.get(self.path, ""))

            def _request(self) -> Request:
                return self.path, {name.lower(): text for name, text in self.headers.items()}

            def _answer(self, text: str) -> None:
                self.send_response(200 if text else 204)
                self.send_header("Content-Type", "application/json" if self.path in target.pages else "text/plain")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def handle(self) -> None:
                with suppress(ConnectionError):  # a scraper that is killed
                    super().handle()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.address = f"{HOST}:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def wait_for(self, more: int, *, seconds: float = 60) -> None:
        """Until it was asked `more` times from now on."""
        with self._news:
            goal = len(self.requests) + more
            assert self._news.wait_for(lambda: len(self.requests) >= goal, seconds), f"{self.address} is not scraped"

    def stop(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()

    def _remember(self, request: Request) -> int:
        with self._news:
            self.requests.append(request)
            self._news.notify_all()
            return len(self.requests)


@contextmanager
def targets(count: int) -> Iterator[list[Target]]:
    """Servers that stop in the end."""
    found = [Target() for _ in range(count)]
    try:
        yield found
    finally:
        for target in found:
            target.stop()


class Server:
    """A VictoriaMetrics program that can be killed and started again, always at the same address."""

    def __init__(self, binary: Path, arguments: tuple[str, ...], environ: Mapping[str, str], log: Path) -> None:
        """A program that is started by `start`; an argument says where it listens."""
        self.address = f"{HOST}:{_free_port()}"
        command: list[str | Path] = [
            binary,
            *arguments,
            f"-httpListenAddr={self.address}",
            "-memory.allowedBytes=64MiB",
        ]
        self._command, self._environ, self._log = command, environ, log
        self.process: Process | None = None

    def start(self) -> None:
        """Run it, and wait until it serves."""
        process = self.process = Process(self._command, self._log, env=self._environ)
        eventually(lambda: self._is_healthy(process))

    def get(self, path: str) -> str:
        """What it answers."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def _is_healthy(self, process: Process) -> bool:
        process.check()
        try:
            return bool(self.get("/health"))
        except OSError:
            return False


class Agent(Server):
    """vmagent as a pod runs it, but for the address."""

    def __init__(self, binary: Path, command: pod.Command, log: Path) -> None:
        """vmagent with the arguments and files of a pod."""
        arguments = tuple(flag for flag in command.arguments if not flag.startswith("-httpListenAddr="))
        super().__init__(binary, arguments, command.environ, log)

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes now."""
        found: list[dict[str, Any]] = json.loads(self.get("/api/v1/targets"))["data"]["activeTargets"]
        return found


@contextmanager
def stopped(*servers: Server) -> Iterator[None]:
    """Ends `servers` afterwards, those that still run."""
    try:
        yield
    finally:
        for server in servers:
            if server.process is not None:
                server.process.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port

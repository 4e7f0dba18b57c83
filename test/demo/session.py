"""The operator at work in a cluster, and what is told about it: the same for an embedded server and for a real one."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from test.controlplane.process import Process
from test.demo import account
from test.demo.account import Key
from test.demo.examples import ROOT
from test.demo.screen import Screen
from test.demo.watching import Change, Watching
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube.errors import ApiError, Forbidden, Unauthorized
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest

SETTLING_SECONDS = 60
STOP_SECONDS = 25.0
LOG_LINES = 8


class Unusable(Exception):  # noqa: N818
    """It cannot go on; the message is one line."""


@define(eq=False)
class Operator:
    """The operator's process, started as a user would."""

    process: Process
    metrics: str

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.process.log


def connected(kubeconfig: str, context: str, watches: int) -> tuple[Client, Client, str]:
    """A client for work, one for watches, and the server's URL. Raises CredentialsError."""
    access = credentials.load(kubeconfig, context)
    pools = connection.connect(access, agent=f"{OPERATOR}/demo", watches=watches, workers=2)
    clients = [Client(pool, manager=FIELD_MANAGER) for pool in (pools.worker, pools.watch)]
    return clients[0], clients[1], access.configuration.host


def fault(error: ApiError, host: str) -> str:
    """In one line, what is wrong with a server."""
    if isinstance(error, Unauthorized):
        return f"{host} does not accept the credentials: they may have expired"
    if isinstance(error, Forbidden):
        return f"{host} forbids it: {error.message}"
    if not error.status:
        return f"{host} does not answer: {str(error).rpartition(': ')[2]}"
    return f"{host}: {error}"


@contextmanager
def running(folder: Path, arguments: list[str], environ: Mapping[str, str]) -> Iterator[Operator]:
    """The operator, stopped at the end as the kubelet would; it never outlives this process."""
    metrics = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "vmagent_operator", *arguments]
    command += [f"--metrics-bind-address={metrics}", "--health-probe-bind-address=0"]
    log = folder / "operator.log"
    log.unlink(missing_ok=True)
    process = Process(command, log, env={**os.environ, **environ}, cwd=ROOT)
    try:
        yield Operator(process, metrics)
    finally:
        process.stop(timeout_seconds=STOP_SECONDS)


@define(eq=False)
class Session:
    """Tells what the operator does, from the first agents until it ends or somebody interrupts."""

    screen: Screen
    watching: Watching
    operator: Operator
    state: dict[Key, Manifest] = field(factory=dict)
    started: float = field(factory=time.monotonic)

    def run(self, advice: Callable[[], None]) -> int:
        """Look on until the operator ends; its exit code. `advice` is given once everything has settled."""
        self.watching.start()
        threading.Thread(target=self._wait, daemon=True, name="waiting").start()
        self._settle()
        if self.operator.process.returncode is None:
            self._summary()
            advice()
        while self.operator.process.returncode is None:
            before = dict(self.state)
            self._take(self.watching.batch())
            for line in account.changes(before, self.state):
                self.screen.line(line)
        code = self.operator.process.returncode
        self.screen.tell(f"the operator ended with exit code {code}; its log ends so:")
        self.screen.say(self.operator.process.tail(LOG_LINES))
        return max(1, code)

    def _settle(self) -> None:
        """Take everything in until the owners have come to rest, or it takes too long."""
        deadline = self.started + SETTLING_SECONDS
        while self.operator.process.returncode is None and not account.is_settled(self.state):
            if time.monotonic() > deadline:
                break
            self._take(self.watching.batch(1.0))

    def _summary(self) -> None:
        seconds = time.monotonic() - self.started
        lines = account.agents(self.state)
        ready = sum(line.state in account.SETTLED for line in lines)
        self.screen.tell(f"{ready} of {len(lines)} agents settled after {seconds:.1f} s:")
        self.screen.table(lines)
        if stores := account.databases(self.state):
            self.screen.tell("databases:")
            self.screen.table(stores)
        if left := account.scrapes(self.state):
            self.screen.tell("scrape objects that are not scraped:")
            self.screen.table(left)
        self.screen.tell(f"made for them: {account.made(self.state)}")

    def _take(self, changes: list[Change]) -> None:
        for key, manifest in changes:
            if manifest is None:
                self.state.pop(key, None)
            else:
                self.state[key] = manifest

    def _wait(self) -> None:
        self.operator.process.wait()
        self.watching.call()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

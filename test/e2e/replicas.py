"""Processes of the operator, started as a user starts them."""

from __future__ import annotations

import os
import re
import socket
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import URLError

from attrs import define, field

from test.controlplane.cluster import eventually
from test.controlplane.process import Process

ROOT = Path(__file__).parents[2]
LEASE_FLAGS = (  # short, so that a hand-over does not take the test's time
    "--leader-elect-lease-duration=6s",
    "--leader-elect-renew-deadline=5s",
    "--leader-elect-retry-period=500ms",
)


@define(eq=False)
class Replica:
    """One process; `metrics_url` and `health_url` are where it listens."""

    process: Process
    metrics_url: str
    health_url: str

    def is_ready(self) -> bool:
        """Whether its readiness probe succeeds. Raises Exited when it has ended."""
        self.process.check()
        return _fetch(f"{self.health_url}/ready") is not None

    def is_leader(self) -> bool:
        """Whether it holds the lease. Raises Exited when it has ended."""
        self.process.check()
        return self.metric("leader_election_master_status") == 1

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels; 0 when there is none."""
        samples = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", _fetch(f"{self.metrics_url}/metrics") or "", re.MULTILINE)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(value) for given, value in samples if all(pair in given for pair in wanted))


@define(eq=False)
class Replicas:
    """The operator's Deployment, so to speak: `running` replicas that share a kubeconfig and a lease.

    environ: what they find in their environment; with `KUBECONFIG` in it, `kubeconfig` is not given as a flag.
    """

    kubeconfig: Path
    namespace: str
    folder: Path
    lease_flags: Sequence[str] = LEASE_FLAGS
    environ: Mapping[str, str] = field(factory=dict)
    running: list[Replica] = field(factory=list)
    _started: int = 0

    def start(self) -> Replica:
        """A further replica, ready."""
        self._started += 1
        metrics, health = (f"127.0.0.1:{port}" for port in _free_ports())
        command = [sys.executable, "-m", "vmagent_operator", "--leader-elect"]
        command += [] if "KUBECONFIG" in self.environ else [f"--kubeconfig={self.kubeconfig}"]
        command += [f"--leader-elect-namespace={self.namespace}", *self.lease_flags]
        command += [f"--metrics-bind-address={metrics}", f"--health-probe-bind-address={health}"]
        env = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "HTTPS_PROXY")}
        log = self.folder / f"operator-{self._started}.log"
        process = Process(command, log, cwd=ROOT, env={**env, **self.environ})
        replica = Replica(process, f"http://{metrics}", f"http://{health}")
        self.running.append(replica)
        eventually(replica.is_ready)
        return replica

    def leader(self) -> Replica:
        """The replica that works, once there is one."""
        eventually(lambda: any(replica.is_leader() for replica in self.running))
        return next(replica for replica in self.running if replica.is_leader())

    def crash(self, replica: Replica) -> None:
        """End a replica as a power cut would."""
        self.running.remove(replica)
        replica.process.kill()

    def stop(self, replica: Replica) -> int:
        """End a replica as the kubelet would; its exit code."""
        self.running.remove(replica)
        return replica.process.stop(timeout_seconds=30)

    def ensure_one(self) -> Replica:
        """Exactly one replica, the leader: as every scenario begins."""
        for replica in self.running[1:]:
            self.stop(replica)
        if not self.running:
            self.start()
        return self.leader()


def _fetch(url: str) -> str | None:
    """The body of a successful answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (URLError, OSError):
        return None


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]

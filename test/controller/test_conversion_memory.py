"""What thousands of ServiceMonitors cost a whole process, beside the API server in a process of its own."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COUNT = 2500
"""A quarter of what limits are about: memory grows with their number, and the server takes its time for each."""
LIMITS_MIB = {"small": (100.0, 50.0), "large": (200.0, 50.0)}
"""For 10,000, over a process without any: with what they become, and by themselves. Measured: 67 and 24, 155 and 25; most of
it is what VMServiceScrapes take."""
SECONDS = 300.0
RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.M)
QUIET_SECONDS = 5.0
"""For so long nothing has been done: all that was to be done is."""
OFF = {
    f"VM_ENABLEDPROMETHEUSCONVERTER_{kind}": "false"
    for kind in ("SERVICESCRAPE", "PODMONITOR", "PROBE", "SCRAPECONFIG")
}


@contextmanager
def process(*command: str, **environ: str) -> "Iterator[subprocess.Popen[str]]":
    """One that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def sums(metrics: str, name: str, labels: str = "") -> float:
    """The sum of the series of a metric with these labels."""
    lines = re.findall(rf"^{name}{{[^}}]*{labels}[^}}]*}} (\S+)$", metrics, re.M)
    return sum(map(float, lines))


def resident_mib(kubeconfig: Path, sources: int, targets: int, **environ: str) -> float:
    """What an operator has in memory once it knows so many sources and targets and has nothing left to do."""
    port = free_port()
    flags = ("--health-probe-bind-address=0", "--client.qps=5000", "--client.burst=5000", "--zap-log-level=error")
    address = f"127.0.0.1:{port}"
    command = ("vmagent_operator", f"--kubeconfig={kubeconfig}", f"--metrics-bind-address={address}", *flags)
    with process(*command, **environ) as running:
        end, quiet_since, last = time.monotonic() + SECONDS, time.monotonic(), -1.0
        while time.monotonic() < end:
            assert running.poll() is None
            time.sleep(0.5)
            try:
                metrics = urllib.request.urlopen(f"http://{address}/metrics", timeout=30).read().decode()
            except OSError:  # it has not begun to listen, or is busy
                continue
            objects = "operator_controller_objects_count"
            known = (sums(metrics, objects, '"servicemonitor"'), sums(metrics, objects, '"vmservicescrape"'))
            done = sums(metrics, "controller_runtime_reconcile_total")
            is_busy = sums(metrics, "workqueue_depth") > 0 or done != last
            if is_busy or known != (sources, targets):
                quiet_since, last = time.monotonic(), done
            if time.monotonic() - quiet_since > QUIET_SECONDS:
                (kilobytes,) = RESIDENT.findall(Path(f"/proc/{running.pid}/status").read_text())
                return int(kilobytes) / 1024
    pytest.fail(f"known are {known}, and {done} reconciles did not bring it to an end")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("size", LIMITS_MIB)
def test_many_monitors_cost_little(size: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with process("test.controller.crowd", size, str(COUNT), str(kubeconfig)) as server:
        assert server.stdout
        assert server.stdout.readline() == "serving\n"
        nothing = resident_mib(kubeconfig, 0, 0, **OFF)
        converted = resident_mib(kubeconfig, COUNT, COUNT)
        targets_alone = resident_mib(kubeconfig, 0, COUNT, **OFF)
    scale = 10_000 / COUNT
    found = (scale * (converted - nothing), scale * (converted - targets_alone))
    assert all(each < limit for each, limit in zip(found, LIMITS_MIB[size], strict=True)), found

"""`make bench`: how long things take here, without a cluster; `--cluster` adds the end-to-end numbers of test_scale.py.

CPU seconds, the least of several runs: they say the same on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import multiprocessing
import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from test.e2e.replicas import ROOT
from vmagent_operator import settings
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.stages import Desired, Inputs
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.scrape.config import named
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import select

RUNS = 7
SIZES = (1_000, 10_000, 20_000)
LEVELS = (1, 3, 6, 9)
MIB = 1 << 20
Rows = Iterator[tuple[str, str]]


def main() -> int:
    """Print a table of measurements; the exit code is that of the end-to-end tests, if they run."""
    parser = argparse.ArgumentParser(prog="python -m test.bench", description=__doc__)
    parser.add_argument("--cluster", action="store_true", help="also measure the operator on a real server")
    parser.add_argument("--objects", type=int, nargs="*", default=SIZES, help="how many scrape objects")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}", flush=True)
    show("start-up", startup())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for count in options.objects:  # a process each, since memory is measured
            show(f"{count:,} scrape objects, one agent", iter(pool.submit(pure, count).result()))
    if not options.cluster:
        return 0
    return subprocess.call([sys.executable, "-m", "pytest", "-q", "-s", "test/e2e/test_scale.py"], cwd=ROOT)


def show(title: str, rows: Rows) -> None:
    """Print a part of the table, line by line as it is measured."""
    print(f"\n{title}", flush=True)
    for name, value in rows:
        print(f"  {name:<44} {value}", flush=True)


def startup() -> Rows:
    """How long the commands take to start."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, kubeconfig = Path(folder, "agent.yaml"), Path(folder, "kubeconfig")
        manifest.write_text(yaml.safe_dump(agent()))
        kubeconfig.write_text(yaml.safe_dump(nowhere()))
        environ = os.environ | {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        render = ["render", "-f", str(manifest)]
        runs = [_run(render, environ) for _ in range(RUNS + 1)][1:]  # the first one compiles
        yield "render of one agent", f"{min(cpu for cpu, _ in runs):.2f} CPU s, {min(wall for _, wall in runs):.2f} s"
        bound = [_seconds_to_listen(kubeconfig, environ) for _ in range(RUNS)]
        yield "operator: first listener bound", f"{min(bound):.2f} s"


def pure(count: int) -> list[tuple[str, str]]:
    """The pure half with that many VMServiceScrapes: from JSON to every object of the agent."""
    at_start = _peak_bytes()
    raws = [scrape(number) for number in range(count)]
    seconds, objects = timed(lambda: [kinds.read(raw) for raw in raws])
    rows = [("decode", f"{seconds:.2f} CPU s, {seconds / count * 1e6:.0f} µs an object")]
    owner = kinds.read(agent())
    seconds, found = timed(lambda: rendered(owner, objects))
    rows.append(("first configuration", f"{seconds:.2f} CPU s, {seconds / count * 1e6:.0f} µs an object"))
    changes = []
    for run in range(RUNS):
        number = count * run // RUNS
        objects[number] = kinds.read(scrape(number, f"{31 + run}s"))
        changes.append(timed(lambda: rendered(owner, objects))[0])
    rows.append(("one object changed", f"{min(changes):.3f} CPU s"))
    assert found.configuration is not None
    parts = (found.configuration.main, *found.configuration.overflow)
    text = b"".join(part.text for part in parts)
    sizes = f"{len(text) / MIB:.1f} MiB, packed {sum(len(part.packed) for part in parts) / 1024:.0f} KiB"
    rows.append(("configuration", f"{sizes} in {len(parts)} Secrets"))
    for level in LEVELS:
        seconds, packed = timed(lambda: gzip.compress(text, level, mtime=0))  # noqa: B023
        rows.append((f"gzip level {level} of all of it", f"{seconds:.3f} CPU s, {len(packed) / 1024:.0f} KiB"))
    return [*rows, ("peak of memory, the JSON included", f"{at_start / MIB:.0f} -> {_peak_bytes() / MIB:.0f} MiB")]


def rendered(owner: CustomObject[Any], objects: list[CustomObject[Any]]) -> Desired:
    """What a pass over `owner` decides on."""
    effective = settings.load({})
    selection = select(scrape_owner(owner, effective), {kinds.VMSERVICESCRAPE: objects}, {})
    assert not named(scrape_owner(owner, effective), selection)
    values = SecretSnapshot({})
    return desired(
        Inputs(owner=owner, selection=selection, values=values, settings=effective, server=settings.Server())
    )


def agent() -> dict[str, Any]:
    """A VMAgent that picks everything."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VMAgent",
        "metadata": {"name": "main", "namespace": "monitoring", "uid": "main", "generation": 1},
        "spec": {"selectAllByDefault": True, "remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}]},
    }


def scrape(number: int, interval: str = "30s") -> dict[str, Any]:
    """A VMServiceScrape, with a name that compresses as badly as real ones."""
    name = f"app-{hashlib.sha256(str(number).encode()).hexdigest()[:12]}"
    metadata = {"name": name, "namespace": f"team-{number % 50}", "uid": f"uid-{number}", "resourceVersion": "1"}
    endpoint = {"port": "http", "path": "/metrics", "interval": interval}
    return {
        "apiVersion": API_VERSION,
        "kind": "VMServiceScrape",
        "metadata": {**metadata, "generation": 1, "labels": {"app": name}},
        "spec": {"endpoints": [endpoint], "selector": {"matchLabels": {"app": name}}},
    }


def nowhere() -> dict[str, Any]:
    """A kubeconfig that leads to no server."""
    entry = {"name": "none"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**entry, "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{**entry, "user": {"token": "none"}}],
        "contexts": [{**entry, "context": {"cluster": "none", "user": "none"}}],
        "current-context": "none",
    }


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and its result."""
    started = time.process_time()
    result = function()
    return time.process_time() - started, result


def _run(arguments: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """CPU seconds and seconds of one run of the command line."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "vmagent_operator", *arguments]
    subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def _seconds_to_listen(kubeconfig: Path, environ: dict[str, str]) -> float:
    """From the start of the operator to its first open port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    command = [sys.executable, "-m", "vmagent_operator", f"--kubeconfig={kubeconfig}"]
    command += ["--health-probe-bind-address={}:{}".format(*address), "--metrics-bind-address=0"]
    started = time.perf_counter()
    operator = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    try:
        while operator.poll() is None:
            with suppress(ConnectionRefusedError), socket.create_connection(address):
                return time.perf_counter() - started
            time.sleep(0.005)
        raise RuntimeError(f"the operator ended with {operator.returncode}")
    finally:
        operator.kill()
        operator.wait()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())

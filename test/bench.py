"""`make bench`: how long things take here, without a cluster; `--cluster` adds the end-to-end numbers of test_scale.py.

CPU seconds, the least of several runs: they say the same on a machine that has other things to do. What one change costs is set
against two others in the same run: everything made anew, and the least there is to do (read one event, render one fragment,
compress one piece). `--json` writes all of it as JSON, `--docs` the tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import multiprocessing
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from test.e2e.replicas import ROOT
from vmagent_operator import settings
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.stores import read, renew
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.scrape import fragment
from vmagent_operator.scrape.config import Configuration, configuration, keys
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import select_blocks
from vmagent_operator.scrape.text import gzip as pieces

RUNS = 15
SIZES = (1_000, 10_000, 50_000)
MIB = 1 << 20
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: make bench -->", "<!-- end -->"
NONE = SecretSnapshot({})
Rows = Iterator[tuple[str, str]]
Measured = dict[str, float]

TITLES: Mapping[str, tuple[str, str]] = {
    "change_ms": ("one change, event to configuration", "{:.1f} ms"),
    "floor_ms": ("least there is to do for it", "{:.2f} ms"),
    "naive_ms": ("everything made anew instead", "{:,.0f} ms"),
    "fragments": ("fragments rendered for a change", "{:.0f}"),
    "pieces": ("pieces compressed for a change", "{:.1f}"),
    "piece_kib": ("text of these pieces", "{:.0f} KiB"),
    "first_ms": ("first configuration", "{:,.0f} ms"),
    "decode_us": ("reading an object", "{:.0f} µs"),
    "text_mib": ("configuration", "{:.1f} MiB"),
    "packed_kib": ("the same packed", "{:,.0f} KiB"),
    "secrets": ("Secrets that it takes", "{:.0f}"),
    "overhead": ("size against gzip in one go", "{:.3f}"),
    "resident_mib": ("resident memory of all this", "{:.0f} MiB"),
}
"""What is measured for a number of objects, by its name in the JSON: its row in the table, and how a number is shown."""


def main() -> int:
    """Print what is measured; the exit code is that of the end-to-end tests, if they run."""
    parser = argparse.ArgumentParser(prog="python -m test.bench", description=__doc__)
    parser.add_argument("--cluster", action="store_true", help="also measure the operator on a real server")
    parser.add_argument("--objects", type=int, nargs="*", default=SIZES, help="how many scrape objects")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    parser.add_argument("--docs", action="store_true", help="write the tables of docs/performance.md")
    options = parser.parse_args()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(machine, flush=True)
    show("start-up", startup())
    measured = dict[int, Measured]()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for count in options.objects:  # a process each, since memory is measured
            measured[count] = pool.submit(pure, count).result()
            rows = ((TITLES[name][0], TITLES[name][1].format(value)) for name, value in measured[count].items())
            show(f"{count:,} scrape objects, one agent", rows)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "objects": measured}, indent=2))
    if options.docs:
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text("".join((before, BEGIN, "\n", tables(machine, measured), END, rest.split(END)[1])))
    if not options.cluster:
        return 0
    return subprocess.call([sys.executable, "-m", "pytest", "-q", "-s", "test/e2e/test_scale.py"], cwd=ROOT)


def tables(machine: str, measured: Mapping[int, Measured]) -> str:
    """The measurements as Markdown: a table, and what a change costs as bars."""
    lines = [f"{machine}.", "", "| | " + " | ".join(f"{count:,}" for count in measured) + " |"]
    lines.append("|---|" + "---|" * len(measured))
    for name, (title, shape) in TITLES.items():
        lines.append(f"| {title} | " + " | ".join(shape.format(each[name]) for each in measured.values()) + " |")
    most = max(each["naive_ms"] for each in measured.values())
    lines += ["", "| objects | | CPU time |", "|---|---|---|"]
    for count, each in measured.items():
        for name, label in (("change_ms", "one change"), ("naive_ms", "all anew")):
            bar = "█" * max(1, round(60 * each[name] / most))
            lines.append(f"| {count:,} | {label} | {bar} {TITLES[name][1].format(each[name])} |")
    return "\n".join((*lines, ""))


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


@define
class Operator:
    """What lies between an event and the configuration of one agent that scrapes everything."""

    owner: CustomObject[Any]
    store: Store[CustomObject[Any]]
    held: list[Configuration] = field(factory=list)

    @classmethod
    def fresh(cls) -> Operator:
        """One that knows nothing."""
        kind = kinds.VMSERVICESCRAPE
        return cls(kinds.read(agent()), Store(lambda raw: read(kind, raw), renew=renew))

    def follow(self, raw: dict[str, Any]) -> None:
        """Take in the state of an object."""
        self.store.apply(Event("MODIFIED", raw))

    def changed(self, raw: dict[str, Any]) -> Configuration:
        """The configuration with this state of an object."""
        self.follow(raw)
        return self.configured()

    def configured(self) -> Configuration:
        """The configuration as of now; the one before is held until it is there."""
        scrapes = scrape_owner(self.owner, settings.load({}))
        selection = select_blocks(scrapes, {kinds.VMSERVICESCRAPE: self.store.blocks()}, {})
        assert not keys(scrapes, selection)
        self.held = [configuration(scrapes, selection, NONE)]
        return self.held[0]


def pure(count: int) -> Measured:
    """What that many VMServiceScrapes cost, from JSON to the configuration."""
    operator, work = Operator.fresh(), counted()
    decoding = 0.0
    for number in range(count):
        raw = scrape(number)
        decoding += timed(lambda: operator.follow(raw))[0]  # noqa: B023
    first, found = timed(operator.configured)
    changes, before = [], Counter(work)
    for run in range(RUNS):
        raw = scrape(count * run // RUNS, run + 2)
        changes.append(timed(lambda: operator.changed(raw))[0])  # noqa: B023
    done = work - before
    found = operator.configured()
    text = b"".join(bucket.text for bucket in found.packed.buckets)
    size = sum(len(bucket.packed) for bucket in found.packed.buckets)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "change_ms": statistics.median(changes) * 1e3,
        "floor_ms": least(operator, done["bytes"] // max(1, done["pieces"])) * 1e3,
        "naive_ms": anew(operator) * 1e3,
        "fragments": done["fragments"] / RUNS,
        "pieces": done["pieces"] / RUNS,
        "piece_kib": done["bytes"] / RUNS / 1024,
        "first_ms": first * 1e3,
        "decode_us": decoding / count * 1e6,
        "text_mib": len(text) / MIB,
        "packed_kib": size / 1024,
        "secrets": len(found.packed.buckets),
        "overhead": size / len(gzip.compress(text, pieces.LEVEL, mtime=0)),
        "resident_mib": resident,
    }


def counted() -> Counter[str]:
    """Counts what is rendered and compressed from now on."""
    work, render, compress = Counter[str](), fragment._isolated, pieces.piece

    def rendering(*given: Any) -> Any:
        work["fragments"] += 1
        return render(*given)

    def compressing(text: bytes, before: bytes) -> pieces.Piece:
        work["pieces"] += 1
        work["bytes"] += len(text)
        return compress(text, before)

    fragment._isolated, pieces.piece = rendering, compressing  # type: ignore[assignment]
    return work


def anew(operator: Operator) -> float:
    """CPU seconds of one configuration for which nothing is known but the objects."""
    fresh = Operator.fresh()
    fresh.owner = kinds.read({**agent(), "spec": {**agent()["spec"], "minScrapeInterval": "1s"}})  # another context
    fresh.store = operator.store
    return timed(fresh.configured)[0]


def least(operator: Operator, piece_bytes: int) -> float:
    """CPU seconds of one event, one fragment and one piece of that many bytes, whatever else there is."""
    scrapes = scrape_owner(operator.owner, settings.load({}))
    line = json.dumps(scrape(0, 99)).encode()
    text = b"".join(run.text for each in operator.held[0].parts for run in each.runs)[: 2 * piece_bytes]

    def once() -> None:
        obj = kinds.read(json.loads(line))
        assert isinstance(fragment.fragment(obj, context(scrapes), NONE), fragment.Fragment)
        pieces.piece(text[piece_bytes:], text[:piece_bytes])

    return min(timed(once)[0] for _ in range(RUNS))


def agent() -> dict[str, Any]:
    """A VMAgent that picks everything."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VMAgent",
        "metadata": {"name": "main", "namespace": "monitoring", "uid": "main", "generation": 1},
        "spec": {"selectAllByDefault": True, "remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}]},
    }


def scrape(number: int, version: int = 1) -> dict[str, Any]:
    """A VMServiceScrape, with a name that compresses as badly as real ones."""
    name = f"app-{hashlib.sha256(str(number).encode()).hexdigest()[:12]}"
    metadata = {
        "name": name,
        "namespace": f"team-{number % 50}",
        "uid": f"uid-{number}",
        "resourceVersion": str(version),
    }
    rules = [{"sourceLabels": [f"__meta_kubernetes_pod_label_{n}"], "targetLabel": f"label_{n}"} for n in range(3)]
    endpoint = {"port": "http", "path": "/metrics", "interval": f"{30 + version}s", "relabelConfigs": rules}
    return {
        "apiVersion": API_VERSION,
        "kind": "VMServiceScrape",
        "metadata": {**metadata, "generation": version, "labels": {"app": name}},
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


if __name__ == "__main__":
    sys.exit(main())

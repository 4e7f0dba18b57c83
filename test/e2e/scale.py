"""Measures one operator process with many scrape objects on a real server, by what a user sees of it from outside."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import asdict, define, field, frozen

from test.controlplane.cluster import eventually
from test.e2e.replicas import Replica, Replicas
from test.e2e.world import OWN, World

CHANGES = 20
EARLY = 12
"""Changes right after the start; with their rests they take about as long as the statuses of 1,000 objects."""
BURSTS = (200, 5_000)
"""How many objects are changed at once, if there are as many."""
REST_SECONDS = 1.5  # between two changes: longer than the window in which the operator gathers changes
QUIET_SECONDS = 75.0  # a resync is within
MIB = 1 << 20
REQUESTS = re.compile(r'^rest_client_request_duration_seconds_count{api="(.*)",method="(.*)"} (.*)$', re.MULTILINE)


@frozen(kw_only=True)
class Burst:
    """Many changes at once. seconds: from the first request to the last change seen; of these `requests` until all were answered.

    writes: of the Secrets. cpu: seconds of the operator, statuses included.
    """

    seconds: float
    requests: float
    writes: int
    cpu: float


@frozen(kw_only=True)
class Twins:
    """Further agents over the same objects, each with a context of its own. Times are seconds; `changed` until all Secrets have a change."""

    first: float
    changed: float
    changed_cpu: float
    resident: float


@frozen(kw_only=True)
class Measured:
    """How one operator did. Times are seconds, `cpu` ones those of its process, sizes bytes.

    early: changes while statuses are still being written. quiet: requests while nothing happened, by method and path, without `lease`,
    those for the lease, and quiet_cpu, CPU seconds of a second. ready: from the start of a process until it may work, with all objects there. twins: None if none were asked for.
    """

    objects: int
    first: float
    first_cpu: float
    told: float
    early: tuple[float, ...]
    changes: tuple[float, ...]
    change_cpu: float
    bursts: Mapping[int, Burst]
    resident: float
    quiet: Counter[str]
    quiet_cpu: float
    lease: int
    ready: float
    ready_cpu: float
    twins: Twins | None

    def __str__(self) -> str:
        rows = {
            "VMAgent created -> Deployment": f"{self.first:.2f} s",
            "VMAgent created -> every status written": f"{self.told:.1f} s, {self.first_cpu:.2f} CPU s",
            "object changed meanwhile -> Secret, worst": f"{max(self.early):.3f} s",
            "object changed -> Secret while statuses are written, median": f"{statistics.median(self.early):.3f} s",
            "object changed -> Secret, median": f"{statistics.median(self.changes):.3f} s",
            f"object changed -> Secret, worst of {CHANGES}": f"{max(self.changes):.3f} s",
            "CPU of a change": f"{self.change_cpu:.3f} s",
            **{f"{count} changed at once -> Secrets": _burst_row(burst) for count, burst in self.bursts.items()},
            "resident memory": f"{self.resident / MIB:.0f} MiB",
            f"requests of {QUIET_SECONDS:.0f} quiet seconds": f"{self.quiet.total()}, and {self.lease} for the lease",
            "CPU of a quiet second": f"{self.quiet_cpu * 1_000:.1f} ms",
            "started -> ready": f"{self.ready:.2f} s, {self.ready_cpu:.2f} CPU s",
        }
        if twins := self.twins:
            rows |= {
                "further agents created -> all Secrets": f"{twins.first:.1f} s",
                "object changed -> all Secrets": f"{twins.changed:.2f} s, {twins.changed_cpu:.2f} CPU s",
                "resident memory with them": f"{twins.resident / MIB:.0f} MiB",
            }
        return "\n".join([f"{self.objects} scrape objects", *(f"  {name:<42} {value}" for name, value in rows.items())])

    def as_json(self) -> str:
        """The same as one line of JSON."""
        return json.dumps(asdict(self))


def _burst_row(burst: Burst) -> str:
    answered = f"{burst.requests:.2f} s of them until all requests were answered"
    return f"{burst.seconds:.2f} s, {answered}, {burst.writes} writes, {burst.cpu:.2f} CPU s"


@define(eq=False)
class Scale:
    """`count` VMServiceScrapes in a namespace `shop`, and agents beside it that select all of these."""

    world: World
    replicas: Replicas
    count: int
    agents: str = field(factory=lambda: f"scale-agents-{os.getpid()}")
    shop: str = field(factory=lambda: f"scale-shop-{os.getpid()}")

    def measured(self, twins: int) -> Measured:
        """Everything, in the order in which a cluster would see it; `twins` is the number of further agents."""
        operator = self.replicas.ensure_one()
        for name in (self.agents, self.shop):
            self.world.create("Namespace", "", name, labels={"scale": self.shop})
        self._each(range(self.count), lambda number: self._create(number))
        eventually(lambda: _known(operator) >= self.count, every_seconds=1)
        cpu, started = _cpu(operator), time.perf_counter()
        deployments = f"/apis/apps/v1/namespaces/{self.agents}/deployments"
        first = self._until(deployments, lambda: self._agent("main"), lambda item: _name(item) == "vmagent-main")
        early = tuple(self._change(number, "45s") for number in range(EARLY))
        # What was created before the agent has a status that says so, which may be written before or after.
        all_told = lambda: _told(operator) >= self.count and _pending(operator) == 0  # noqa: E731
        eventually(all_told, seconds=60 + self.count / 4, every_seconds=1)
        eventually(lambda: self.world.is_operational(self.agents, "main"), seconds=60)
        told, first_cpu = time.perf_counter() - started, _cpu(operator) - cpu
        time.sleep(REST_SECONDS)
        cpu = _cpu(operator)
        changes = tuple(self._change(number, f"{31 + number}s") for number in range(CHANGES))
        change_cpu = (_cpu(operator) - cpu) / CHANGES
        bursts = {size: self._burst(operator, size) for size in BURSTS if size <= self.count}
        time.sleep(10)  # statuses, and events that wait for the like of them
        resident = operator.metric("process_resident_memory_bytes")
        quiet, lease, quiet_cpu = _quiet(operator)
        ready, ready_cpu = self._restart(operator)
        return Measured(
            objects=self.count,
            first=first,
            first_cpu=first_cpu,
            told=told,
            early=early,
            changes=changes,
            change_cpu=change_cpu,
            bursts=bursts,
            resident=resident,
            quiet=quiet,
            quiet_cpu=quiet_cpu,
            lease=lease,
            ready=ready,
            ready_cpu=ready_cpu,
            twins=self._twins(twins) if twins else None,
        )

    def remove(self) -> None:
        """Everything that was created, and the operator."""
        self.world.delete("Namespace", "", self.shop)  # first: an agent that goes takes its conditions off every object
        path = f"{OWN}/namespaces/{self.shop}/vmservicescrapes"
        eventually(lambda: self.world.api.items(path, limit="1") == [], seconds=60 + self.count / 10, every_seconds=1)
        owners = f"{OWN}/namespaces/{self.agents}/vmagents"
        for owner in self.world.api.items(owners):
            self.world.delete("VMAgent", self.agents, _name(owner))
        eventually(lambda: self.world.api.items(owners) == [], seconds=60)
        self.world.delete("Namespace", "", self.agents)
        for replica in [*self.replicas.running]:
            assert self.replicas.stop(replica) == 0, replica.process.tail()

    def _create(self, number: int) -> None:
        self.world.create("VMServiceScrape", self.shop, _scrape(number), _spec(number))

    def _agent(self, name: str, **spec: Any) -> None:
        base = {
            "remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}],
            "serviceScrapeNamespaceSelector": {"matchLabels": {"scale": self.shop}},
            "replicaCount": 1,
            "resources": {"limits": {"memory": "16Gi"}},  # room for all: that not all of them fit is another matter
        }
        self.world.create("VMAgent", self.agents, name, base | spec)

    def _each(self, numbers: range, act: Callable[[int], object]) -> None:
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(act, numbers):
                pass

    def _merge(self, number: int, interval: str) -> None:
        self.world.merge("VMServiceScrape", self.shop, _scrape(number), {"spec": _spec(number, interval)})

    def _change(self, number: int, interval: str) -> float:
        at = number * self.count // CHANGES
        path = f"/api/v1/namespaces/{self.agents}/secrets"
        seconds = self._until(path, lambda: self._merge(at, interval), lambda item: _has_configuration(item, "main"))
        time.sleep(REST_SECONDS)
        return seconds

    def _burst(self, operator: Replica, size: int) -> Burst:
        """Change `size` objects at once, to an interval that none has had."""
        changes = self._changes(f"/api/v1/namespaces/{self.agents}/secrets")
        cpu, started = _cpu(operator), time.perf_counter()
        interval, held, writes = f"{size}ms", dict[str, int](), 0
        with ThreadPoolExecutor(1) as pool:
            requests = pool.submit(self._timed, lambda: self._each(range(size), lambda n: self._merge(n, interval)))
            for item in changes:
                if _has_configuration(item, "main"):
                    held[_name(item)] = _text(item).count(f"scrape_interval: {interval}\n")
                    writes += 1
                if sum(held.values()) >= size:
                    break
            seconds = time.perf_counter() - started
            answered = requests.result()
        eventually(lambda: _pending(operator) == 0, seconds=60 + size / 20, every_seconds=1)
        return Burst(seconds=seconds, requests=answered, writes=writes, cpu=_cpu(operator) - cpu)

    def _restart(self, operator: Replica) -> tuple[float, float]:
        """Seconds, and CPU seconds, from the start of a process to its being ready."""
        assert self.replicas.stop(operator) == 0, operator.process.tail()
        started = time.perf_counter()
        operator = self.replicas.start()
        ready, cpu = time.perf_counter() - started, _cpu(operator)
        self.replicas.leader()
        return ready, cpu

    def _twins(self, count: int) -> Twins:
        operator = self.replicas.leader()
        secrets, names = f"/api/v1/namespaces/{self.agents}/secrets", {f"vmagent-twin-{n}" for n in range(count)}
        started = time.perf_counter()
        for number in range(count):
            self._agent(f"twin-{number}", minScrapeInterval=f"{number + 1}ms")
        there = lambda: names <= {_name(item) for item in self.world.api.items(secrets)}  # noqa: E731
        eventually(there, seconds=120 + count * self.count / 1_000, every_seconds=2)
        first = time.perf_counter() - started
        eventually(lambda: _pending(operator) == 0, seconds=600, every_seconds=1)
        time.sleep(2 * REST_SECONDS)
        changes = self._changes(secrets)
        cpu, started = _cpu(operator), time.perf_counter()
        self._merge(0, "77s")
        waiting = names | {"vmagent-main"}
        for item in changes:
            if "scrape_interval: 77s\n" in _text(item):
                waiting.discard(_name(item))
            if not waiting:
                break
        changed = time.perf_counter() - started
        time.sleep(REST_SECONDS)
        resident = operator.metric("process_resident_memory_bytes")
        return Twins(first=first, changed=changed, changed_cpu=_cpu(operator) - cpu, resident=resident)

    def _until(self, path: str, act: Callable[[], object], is_it: Callable[[Any], bool]) -> float:
        """Seconds from before `act` until the server shows a change of such an object."""
        changes, started = self._changes(path), time.perf_counter()
        act()
        for item in changes:
            if is_it(item):
                return time.perf_counter() - started
        raise AssertionError(f"{path} did not change")

    def _changes(self, path: str) -> Iterator[Any]:
        """What changes of a collection from now on, for a few minutes; now, and not when the first change is asked for."""
        version = self.world.api.get(path, limit="1")["metadata"]["resourceVersion"]
        return (item for _, item in self.world.api.watch(path, resource_version=version, timeout_seconds=300))

    def _timed(self, act: Callable[[], object]) -> float:
        started = time.perf_counter()
        act()
        return time.perf_counter() - started


def _scrape(number: int) -> str:
    return f"app-{number:05}"


def _spec(number: int, interval: str = "30s") -> dict[str, Any]:
    endpoints = [{"port": "http", "path": "/metrics", "interval": interval}]
    return {"endpoints": endpoints, "selector": {"matchLabels": {"app": _scrape(number)}}}


def _name(item: Any) -> str:
    return str(item["metadata"]["name"])


def _has_configuration(item: Any, agent: str) -> bool:
    """Whether a Secret is one that holds jobs of an agent."""
    return _name(item).startswith(f"vmagent-{agent}") and any(key.endswith(".yaml.gz") for key in item.get("data", ()))


def _text(item: Any) -> str:
    """The configuration in a Secret."""
    data = item.get("data") or {}
    packed = (base64.b64decode(text) for key, text in data.items() if key.endswith(".gz"))
    return "".join(gzip.decompress(each).decode() for each in packed)


def _quiet(operator: Replica) -> tuple[Counter[str], int, float]:
    """The requests of a while in which nothing happens, how many there are for the lease, and CPU seconds of a second."""
    before, cpu = _requests(operator), _cpu(operator)
    time.sleep(QUIET_SECONDS)
    cpu = (_cpu(operator) - cpu) / QUIET_SECONDS
    quiet = _requests(operator) - before
    lease = sum(quiet.pop(request) for request in [*quiet] if "/leases/" in request)
    for request in [request for request in quiet if "monitoring.coreos.com" in request]:
        # Every half minute for each of the four; three of them are of one version, which is asked for as often as all three.
        assert quiet.pop(request) <= 9, "kinds that are not installed are looked for now and then"
    # A watch lasts for five to ten minutes, and is counted when it ends.
    quiet -= Counter({request: 1 for request in quiet if request.startswith("GET ")})
    return quiet, lease, cpu


def _known(operator: Replica) -> float:
    return operator.metric("operator_controller_objects_count", controller="vmservicescrape")


def _told(operator: Replica) -> float:
    return operator.metric("vmagent_operator_status_writes_total", kind="vmservicescrape", result="ok")


def _pending(operator: Replica) -> float:
    return operator.metric("workqueue_depth") + operator.metric("workqueue_unfinished_work_seconds")


def _requests(operator: Replica) -> Counter[str]:
    """How many requests were answered, by method and path; watches are not among them before they end."""
    with urllib.request.urlopen(f"{operator.metrics_url}/metrics", timeout=5) as answer:
        found = REQUESTS.findall(answer.read().decode())
    return Counter({f"{method} {path}": int(float(count)) for path, method, count in found})


def _cpu(operator: Replica) -> float:
    return operator.metric("process_cpu_seconds_total")

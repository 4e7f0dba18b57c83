"""The promises about speed and size, with a thousand scrape objects on a real server.

Every number is printed (`-s` shows them), and asserted with room for a machine that has other things to do.
`SCALE_OBJECTS` changes how many objects there are.
"""

from __future__ import annotations

import os
import re
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve, frozen

from test.controlplane.api import Api
from test.controlplane.cluster import eventually
from test.e2e.replicas import Replica
from test.e2e.world import OWN, World

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("installed", ["real"], indirect=True)]

OBJECTS = int(os.environ.get("SCALE_OBJECTS", "1000"))
CHANGES = 20
EARLY = 12
"""Changes right after the start; with their rests they take about as long as the statuses of 1,000 objects."""
REST_SECONDS = 1.5  # between two changes: longer than the window in which the operator gathers changes
QUIET_SECONDS = 75.0  # a resync is within
ROOM = 3
MIB = 1 << 20
REQUESTS = re.compile(r'^rest_client_request_duration_seconds_count{api="(.*)",method="(.*)"} (.*)$', re.MULTILINE)


@frozen(kw_only=True)
class Measured:
    """How one operator did. Times are seconds, `cpu` ones those of its process, sizes bytes.

    early: changes while statuses are still being written. quiet: requests while nothing happened, by method and path, without `lease`, those for the lease.
    """

    first: float
    first_cpu: float
    told: float
    early: tuple[float, ...]
    changes: tuple[float, ...]
    change_cpu: float
    resident: float
    quiet: Counter[str]
    lease: int

    def __str__(self) -> str:
        rows = {
            "VMAgent created -> Deployment": f"{self.first:.2f} s",
            "VMAgent created -> every status written": f"{self.told:.1f} s, {self.first_cpu:.2f} CPU s",
            "object changed meanwhile -> Secret, worst": f"{max(self.early):.3f} s",
            "object changed -> Secret while statuses are written, median": f"{statistics.median(self.early):.3f} s",
            "object changed -> Secret, median": f"{statistics.median(self.changes):.3f} s",
            f"object changed -> Secret, worst of {CHANGES}": f"{max(self.changes):.3f} s",
            "CPU of a change": f"{self.change_cpu:.3f} s",
            "resident memory": f"{self.resident / MIB:.0f} MiB",
            f"requests of {QUIET_SECONDS:.0f} quiet seconds": f"{self.quiet.total()}, and {self.lease} for the lease",
        }
        return "\n".join([f"{OBJECTS} scrape objects", *(f"  {name:<42} {value}" for name, value in rows.items())])


@pytest.fixture(scope="module")
def measured(installed: World) -> Iterator[Measured]:
    """What a fresh process of the operator makes of an agent with all these objects."""
    for replica in [*installed.replicas.running]:
        installed.replicas.stop(replica)
    replicas = evolve(installed.replicas, lease_flags=(), running=[])  # the defaults, as they are shipped
    operator = replicas.ensure_one()
    agents, shop = (f"scale-{name}-{os.getpid()}" for name in ("agents", "shop"))
    for name in (agents, shop):
        installed.create("Namespace", "", name, labels={"scale": shop})
    found = _measure(installed, operator, agents, shop)
    print(f"\n{found}")
    yield found
    installed.delete("Namespace", "", shop)  # first: an agent that goes takes its conditions off every object
    path = f"{OWN}/namespaces/{shop}/vmservicescrapes"
    eventually(lambda: installed.api.items(path) == [], seconds=60 + OBJECTS / 10, every_seconds=1)
    installed.delete("VMAgent", agents, "main")
    eventually(lambda: installed.find("VMAgent", agents, "main") is None)
    installed.delete("Namespace", "", agents)
    assert replicas.stop(operator) == 0


def test_the_workload_does_not_wait_for_statuses(measured: Measured) -> None:
    assert measured.first < 3 * ROOM


def test_a_change_does_not_wait_for_statuses(measured: Measured) -> None:
    assert statistics.median(measured.early) < 0.2 * ROOM


def test_every_status_is_written_soon(measured: Measured) -> None:
    assert measured.told < max(30, OBJECTS / 33) * ROOM


def test_a_change_reaches_the_configuration(measured: Measured) -> None:
    assert statistics.median(measured.changes) < 0.5 * ROOM
    assert max(*measured.changes, *measured.early) < 0.5 * ROOM


def test_a_change_costs_little(measured: Measured) -> None:
    assert measured.change_cpu < 0.15 * ROOM


def test_memory_is_bounded(measured: Measured) -> None:
    assert measured.resident < 200 * MIB


def test_a_quiet_cluster_is_left_alone(measured: Measured) -> None:
    assert measured.quiet == {}


def _measure(world: World, operator: Replica, agents: str, shop: str) -> Measured:
    _create(world, shop)
    eventually(lambda: _known(operator) >= OBJECTS, every_seconds=1)
    cpu, started = _cpu(operator), time.perf_counter()
    first = _until_seen(
        world.api, f"/apis/apps/v1/namespaces/{agents}/deployments", lambda: _agent(world, agents, shop)
    )
    early = tuple(_change(world, agents, shop, number, "45s") for number in range(EARLY))
    eventually(lambda: _told(operator) >= OBJECTS, seconds=60 + OBJECTS / 4, every_seconds=1)
    eventually(lambda: world.is_operational(agents, "main"))
    told, first_cpu = time.perf_counter() - started, _cpu(operator) - cpu
    _rest()
    cpu = _cpu(operator)
    changes = tuple(_change(world, agents, shop, number, f"{31 + number}s") for number in range(CHANGES))
    change_cpu = (_cpu(operator) - cpu) / CHANGES
    time.sleep(10)  # statuses, and events that wait for the like of them
    resident = operator.metric("process_resident_memory_bytes")
    before = _requests(operator)
    time.sleep(QUIET_SECONDS)
    quiet = _requests(operator) - before
    lease = sum(quiet.pop(request) for request in [*quiet] if "/leases/" in request)
    for request in [request for request in quiet if "monitoring.coreos.com" in request]:
        # Every half minute for each of the four; three of them are of one version, which is asked for as often as all three.
        assert quiet.pop(request) <= 9, "kinds that are not installed are looked for now and then"
    return Measured(
        first=first,
        first_cpu=first_cpu,
        told=told,
        early=early,
        changes=changes,
        change_cpu=change_cpu,
        resident=resident,
        quiet=quiet,
        lease=lease,
    )


def _create(world: World, shop: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda number: world.create("VMServiceScrape", shop, _name(number), _spec(number)), range(OBJECTS)
        ):
            pass


def _name(number: int) -> str:
    return f"app-{number:05}"


def _spec(number: int, interval: str = "30s") -> dict[str, Any]:
    endpoints = [{"port": "http", "path": "/metrics", "interval": interval}]
    return {"endpoints": endpoints, "selector": {"matchLabels": {"app": _name(number)}}}


def _agent(world: World, agents: str, shop: str) -> None:
    spec = {
        "remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}],
        "serviceScrapeNamespaceSelector": {"matchLabels": {"scale": shop}},
        "replicaCount": 1,
        "resources": {"limits": {"memory": "16Gi"}},  # room for all: that not all of them fit is another matter
    }
    world.create("VMAgent", agents, "main", spec)


def _change(world: World, agents: str, shop: str, number: int, interval: str) -> float:
    spec = _spec(number * OBJECTS // CHANGES, interval)
    act = lambda: world.merge("VMServiceScrape", shop, _name(number * OBJECTS // CHANGES), {"spec": spec})  # noqa: E731
    seconds = _until_seen(world.api, f"/api/v1/namespaces/{agents}/secrets", act, name="vmagent-main")
    _rest()
    return seconds


def _until_seen(api: Api, path: str, act: Callable[[], object], *, name: str = "vmagent-main") -> float:
    """Seconds from before `act` until the server shows a change of the object `name` in the collection."""
    version = api.get(path, limit="1")["metadata"]["resourceVersion"]
    started = time.perf_counter()
    act()
    for _, item in api.watch(path, resource_version=version):
        if item["metadata"]["name"] == name:
            return time.perf_counter() - started
    raise AssertionError(f"{path}/{name} did not change")


def _known(operator: Replica) -> float:
    return operator.metric("operator_controller_objects_count", controller="vmservicescrape")


def _told(operator: Replica) -> float:
    return operator.metric("vmagent_operator_status_writes_total", kind="vmservicescrape", result="ok")


def _requests(operator: Replica) -> Counter[str]:
    """How many requests were answered, by method and path; watches are not among them before they end."""
    with urllib.request.urlopen(f"{operator.metrics_url}/metrics", timeout=5) as answer:
        found = REQUESTS.findall(answer.read().decode())
    return Counter({f"{method} {path}": int(float(count)) for path, method, count in found})


def _cpu(operator: Replica) -> float:
    return operator.metric("process_cpu_seconds_total")


def _rest() -> None:
    time.sleep(REST_SECONDS)

"""What a tenant may store in a shared cluster, and what everybody else notices of it: nothing."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, field

from test.controlplane.cluster import Cluster, eventually
from test.e2e.conftest import NAMESPACE
from test.e2e.test_scenarios import REMOTE, scrape
from test.e2e.world import OWN, World

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("installed", ["real"], indirect=True)]

LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
DEEP = {
    "arrays-1100": "[" * 1100 + "]" * 1100,
    "arrays-9000": "[" * 9000 + "]" * 9000,
    "objects-9000": '{"a":' * 9000 + "1" + "}" * 9000,
}
FAILING = 20
TOO_DEEP = "spec: nested deeper than 100 levels"


@define
class Probes:
    """How long a probe took each time, None for those that failed."""

    url: str
    seconds: list[float | None] = field(factory=list)
    ended: threading.Event = field(factory=threading.Event)

    def run(self) -> None:
        while not self.ended.wait(0.2):
            began = time.monotonic()
            took = None
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                answer.read()
                took = time.monotonic() - began
            self.seconds.append(took)


@contextmanager
def probing(url: str) -> Iterator[Probes]:
    probes = Probes(url)
    thread = threading.Thread(target=probes.run)
    thread.start()
    try:
        yield probes
    finally:
        probes.ended.set()
        thread.join(5)


def deep(kind: str, name: str, value: str) -> bytes:
    """An object that nests `value` where its definition leaves everything open."""
    head = (
        f'{{"apiVersion":"operator.victoriametrics.com/v1beta1","kind":"{kind}","metadata":{{"name":"{name}"}},"spec":'
    )
    rules = f'[{{"targetLabel":"a","regex":{value}}}]'
    if kind == "VMAgent":
        return f'{head}{{"remoteWrite":[{{"url":"http://a"}}],"inlineRelabelConfig":{rules}}}}}'.encode()
    return f'{head}{{"selector":{{}},"endpoints":[{{"port":"http","relabelConfigs":{rules}}}]}}}}'.encode()


def reasons(cluster: Cluster, namespace: str) -> list[str]:
    """What the statuses of the deep objects say, which only kubectl can read."""
    return [
        cluster.kubectl("get", kind, name, f"--namespace={namespace}", "--output=jsonpath={.status.reason}")
        for kind in ("VMServiceScrape", "VMAgent")
        for name in DEEP
    ]


def lease(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.api.items(LEASES)[0]["spec"]
    return found


def test_nobody_notices_what_a_tenant_stores(world: World, namespaces: tuple[str, str], controllers: Cluster) -> None:
    agents, shop = namespaces
    tenant = f"tenant-{shop}"
    operator = world.replicas.leader()
    scenario = {"scenario": world.get("Namespace", "", shop)["metadata"]["labels"]["scenario"]}
    world.create("Namespace", "", tenant, labels=scenario)
    in_scenario = {"matchLabels": scenario}
    world.create("VMAgent", agents, "main", REMOTE | {"serviceScrapeNamespaceSelector": in_scenario})
    eventually(lambda: world.is_operational(agents, "main"))
    paths = {kind: f"{OWN}/namespaces/{tenant}/{kind.lower()}s" for kind in ("VMServiceScrape", "VMAgent")}
    before = lease(world)
    with probing(operator.health_url) as probes:
        for kind, path in paths.items():
            for name, value in DEEP.items():
                world.api.create(path, deep(kind, name, value))
        for number in range(FAILING):
            missing = {"remoteWrite": [{"url": "http://a", "bearerTokenSecret": {"name": "none", "key": "none"}}]}
            world.create("VMAgent", tenant, f"failing-{number:02}", missing)
        edited = {"status": {"lastAppliedSpec": {"managedMetadata": "x", "serviceSpec": [1]}}}
        world.api.merge(f"{paths['VMAgent']}/failing-00/status", edited)
        began = time.monotonic()
        world.create("VMServiceScrape", shop, "cart", scrape())
        eventually(lambda: f"serviceScrape/{shop}/cart/0" in world.jobs(agents, "main"), seconds=10)
        arrived = time.monotonic() - began
        patience = time.monotonic() + 60
        while set(told := reasons(controllers, tenant)) != {TOO_DEEP} and time.monotonic() < patience:
            time.sleep(0.5)
        assert told == [TOO_DEEP] * len(DEEP) * len(paths), operator.process.tail()
        time.sleep(5)  # five leases
    for path in paths.values():
        for name in DEEP:
            world.api.delete(f"{path}/{name}")
    for number in range(FAILING):
        world.delete("VMAgent", tenant, f"failing-{number:02}")
    after = lease(world)
    answered = [seconds for seconds in probes.seconds if seconds is not None]
    print(f"\nprobes: {len(answered)}, slowest {max(answered):.3f} s; a neighbour's object: {arrived:.2f} s")
    assert None not in probes.seconds
    assert (after["holderIdentity"], after["leaseTransitions"]) == (
        before["holderIdentity"],
        before["leaseTransitions"],
    )
    assert (datetime.now(UTC) - datetime.fromisoformat(after["renewTime"])).total_seconds() < 3
    operator.process.check()
    eventually(lambda: world.find("VMAgent", tenant, "failing-00") is None, seconds=60)

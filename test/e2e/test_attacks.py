"""What tenants store to do harm, live, one object after the other: nobody else notices, under the memory that we ship with."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from test.controlplane.api import Json, Refused
from test.controlplane.cluster import eventually
from test.e2e.attacks import AGENTS, ATTACKS, Attack, encoded
from test.e2e.replicas import Replica
from test.e2e.test_scenarios import REMOTE, scrape
from test.e2e.test_tenants import lease, probing
from test.e2e.world import OWN, World
from test.manifests.built import build, one
from test.scrape.hostile import OBJECTS

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("installed", ["real"], indirect=True)]

ARRIVAL_SECONDS = 2
UNTOLD = ("scrape classes",)
"""Over the status of these 20,000 the API server itself takes longer than the short leases of these tests leave for a write."""
TOLD_SECONDS = 20
SHARED: Json = {
    **REMOTE,
    "arbitraryFSAccessThroughSMs": {"deny": True},
    "minScrapeInterval": "30s",
    "extraEnvs": [{"name": "REMOTE_TOKEN", "value": "secret"}],
}


def shipped_bytes() -> int:
    """The memory limit of the operator as we ship it."""
    (container,) = one(build("base"), "Deployment")["spec"]["template"]["spec"]["containers"]
    text: str = container["resources"]["limits"]["memory"]
    return int(text.removesuffix("Mi")) << 20


def peak_bytes(replica: Replica) -> int:
    """The most memory that the operator ever had."""
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10


def large() -> Iterator[tuple[str, Attack]]:
    """Objects just below the size that the API server stores."""
    for name, (build_object, given, told) in OBJECTS.items():
        raw = build_object()
        secrets = {reference.name: texts for reference, texts in given.items()}
        yield name, Attack(raw["kind"], raw["spec"], told, secrets)


@define
class Shop:
    """A neighbour, whose new objects have to arrive, and the tenant. slowest: seconds of the slowest arrival.

    wrong: what fell short, with what was found.
    """

    world: World
    agents: str
    shop: str
    tenant: str
    slowest: float = 0.0
    refused: list[str] = field(factory=list)
    wrong: list[tuple[str, Any]] = field(factory=list)
    serial: Iterator[int] = field(factory=count)

    def strike(self, name: str, attack: Attack) -> None:
        """Store the object, see that the neighbour is served and what the tenant is told, and take it away."""
        path = f"{OWN}/namespaces/{self.tenant}/{attack.kind.lower()}s"
        for secret, texts in attack.secrets.items():
            self.world.create("Secret", self.tenant, secret, data=encoded(texts))
        raw = {"apiVersion": OWN.removeprefix("/apis/"), "kind": attack.kind, "metadata": {"name": "evil"}}
        try:
            # Otherwise the server warns of every unknown field, in more headers than a client reads.
            self.world.api.request("POST", path, {**raw, "spec": attack.spec}, fieldValidation="Ignore")
        except Refused:
            self.refused.append(name)
        else:
            self.served(name)
            if name not in UNTOLD:
                self.told(name, attack, f"{path}/evil")
            if attack.spoils and attack.spoils in self.jobs():
                self.wrong.append((name, attack.spoils))
            self.world.api.delete(f"{path}/evil")
            eventually(lambda: self.world.api.find(f"{path}/evil") is None)
        for secret in attack.secrets:
            self.world.delete("Secret", self.tenant, secret)

    def served(self, name: str) -> None:
        """A new object of the neighbour's becomes a job."""
        cart = f"cart-{next(self.serial)}"
        began = time.monotonic()
        self.world.create("VMServiceScrape", self.shop, cart, scrape())
        eventually(lambda: f"serviceScrape/{self.shop}/{cart}/0" in self.jobs(), seconds=TOLD_SECONDS)
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        self.world.delete("VMServiceScrape", self.shop, cart)

    def told(self, name: str, attack: Attack, path: str) -> None:
        """The status of the object comes to say what is wrong with it, if it should."""
        found: dict[str, Any] = {}

        def is_told() -> bool:
            found.clear()
            found.update(self.world.api.get(path).get("status") or {})
            if not attack.told:  # a VMAgent may take its time to become what it is
                return found.get("updateStatus") == "operational" or attack.kind == "VMAgent"
            return found.get("updateStatus") == "failed" and attack.told in found.get("reason", "")

        try:
            eventually(is_told, seconds=TOLD_SECONDS)
        except AssertionError:
            self.wrong.append((name, (found.get("updateStatus"), found.get("reason"))))

    def jobs(self) -> str:
        """The configuration that all share."""
        return self.world.text(self.agents, "vmagent-main")


def test_nothing_that_a_tenant_stores_is_noticed_by_others(world: World, namespaces: tuple[str, str]) -> None:
    agents, shop = namespaces
    tenant = f"tenant-{shop}"
    operator = world.replicas.leader()
    scenario = {"scenario": world.get("Namespace", "", shop)["metadata"]["labels"]["scenario"]}
    world.create("Namespace", "", tenant, labels=scenario)
    selectors = {
        f"{kind}NamespaceSelector": {"matchLabels": scenario}
        for kind in ("serviceScrape", "podScrape", "probe", "nodeScrape", "staticScrape", "scrapeConfig")
    }
    world.create("VMAgent", agents, "main", {**SHARED, **selectors})
    eventually(lambda: world.is_operational(agents, "main"))
    place = Shop(world, agents, shop, tenant)
    began, before = peak_bytes(operator), lease(world)
    with probing(operator.health_url) as probes:
        for name, attack in (*ATTACKS.items(), *AGENTS.items(), *large()):
            place.strike(name, attack)
        time.sleep(2)
    after, peak = lease(world), peak_bytes(operator)
    answered = [seconds for seconds in probes.seconds if seconds is not None]
    print(
        f"\n{len(ATTACKS) + len(AGENTS) + len(OBJECTS)} objects, {len(place.refused)} not stored; {len(answered)} probes, "
        f"slowest {max(answered):.3f} s; a neighbour's object: at most {place.slowest:.2f} s; "
        f"memory {began >> 20} -> {peak >> 20} MiB"
    )
    assert place.wrong == []
    assert place.slowest < ARRIVAL_SECONDS
    assert None not in probes.seconds
    assert peak < shipped_bytes()
    assert {name for name, attack in (*ATTACKS.items(), *AGENTS.items()) if attack.is_refused} == set(
        place.refused
    ) - OBJECTS.keys()
    holder = ("holderIdentity", "leaseTransitions")
    assert [after[key] for key in holder] == [before[key] for key in holder]
    assert (datetime.now(UTC) - datetime.fromisoformat(after["renewTime"])).total_seconds() < 3
    operator.process.check()
    assert "FORGED LINE" not in {line[:11] for line in operator.process.log.read_text().splitlines()}

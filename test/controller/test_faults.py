"""What goes wrong around one child, one source or one status stops nothing else, and is said."""

import base64
import gzip
import logging
from typing import Any

import pytest

from test.apiserver.faults import Fault
from test.controller.world import World, agent, scrape
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Manifest

AGENTS, SCRAPES = (f"{kind.plural}.operator.victoriametrics.com" for kind in (kinds.VMAGENT, kinds.VMSERVICESCRAPE))
BASE = "/apis/operator.victoriametrics.com/v1beta1"
PATH = f"{BASE}/namespaces/monitoring/vmagents/main"
KEY = ("monitoring", "main")


def settled(environ: dict[str, str] | None = None, **spec: Any) -> World:
    world = World(environ or {})
    world.add(scrape())
    world.add(agent(selectAllByDefault=True, **spec))
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    return world


def status(world: World) -> Manifest:
    found: Manifest = world.get(AGENTS, *KEY).get("status") or {}
    return found


def replicas(world: World) -> int:
    found: int = world.get("deployments.apps", "monitoring", "vmagent-main")["spec"]["replicas"]
    return found


def configuration(world: World) -> str:
    data = world.get("secrets", "monitoring", "vmagent-main")["data"]
    return gzip.decompress(base64.b64decode(data["vmagent.yaml.gz"])).decode()


def doubts(world: World) -> str:
    return "; ".join(each.get("message", "") for each in status(world)["conditions"] if each["type"] == "Degraded")


def unserve(world: World, kind: str) -> None:
    """Take a kind out of what the server offers, and let the operator see it; its objects stay."""
    for key, served in list(world.api.served.items()):
        if served.name == kind:
            del world.api.served[key]
    world.api.faults.add(Fault(verb="get", resource="customresourcedefinitions.*", times=0, status=403))
    for informer in world.informers:
        if informer.collection.resource.kind == kind:
            informer.close()
    world.informers = world.system.watch()


# Statuses.


@pytest.mark.parametrize(("code", "reason"), [(500, "InternalError"), (403, "Forbidden"), (422, "Invalid")])
def test_a_status_that_is_refused_keeps_no_child_from_being_written(
    code: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.api.faults.add(Fault(verb="patch", resource=f"{AGENTS}/status", times=0, status=code, reason=reason))
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert replicas(world) == 1
    with caplog.at_level(logging.WARNING):
        world.patch(PATH, {"spec": {"replicaCount": 3}})
        world.settle(60)
    assert replicas(world) == 3
    assert "status not written" in caplog.text


def test_a_deletion_that_cannot_proceed_says_so(caplog: pytest.LogCaptureFixture) -> None:
    world = settled()
    roles = "clusterroles.rbac.authorization.k8s.io"
    world.api.faults.add(Fault(verb="delete", resource=roles, times=0, status=403, reason="Forbidden"))
    with caplog.at_level(logging.WARNING):
        world.delete(PATH)
        world.settle(600)
    assert status(world)["updateStatus"] == "failed"
    assert status(world)["reason"] == "fault injected"
    assert len([record for record in caplog.records if "denied" in record.message]) == 1
    world.api.faults.faults.clear()
    world.settle(300)
    assert world.names(AGENTS) == []


# Children.


def test_a_child_that_hangs_in_its_deletion_freezes_nothing_else() -> None:
    world = settled()
    place = f"{BASE}/namespaces/monitoring/vmservicescrapes/vmagent-main"
    world.patch(place, {"metadata": {"finalizers": ["example.com/hold"]}})
    world.delete(place)
    world.add(scrape("late"))
    world.patch(PATH, {"spec": {"replicaCount": 2}})
    world.settle(60)
    assert "serviceScrape/apps/late" in configuration(world)
    assert replicas(world) == 2
    assert status(world)["updateStatus"] == "expanding"
    assert status(world)["reason"] == "VMServiceScrape monitoring/vmagent-main is being deleted"
    world.patch(place, {"metadata": {"finalizers": None}})
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    assert "vmagent-main" in world.names(SCRAPES)


@pytest.mark.parametrize("name", ["ghost", "apps"])
def test_a_watched_namespace_that_is_not_there_stops_no_agent(name: str) -> None:
    world = World({"WATCH_NAMESPACE": f"monitoring,{name}"})
    world.add(agent(selectAllByDefault=True))
    if name == "apps":
        world.add(scrape())
        world.settle(60)
        world.delete("/api/v1/namespaces/apps")
    world.settle(60)
    world.add(scrape("more", "monitoring"))
    world.patch(PATH, {"spec": {"replicaCount": 2}})
    world.settle(60)
    assert replicas(world) == 2
    assert "monitoring/more" in configuration(world)
    assert status(world)["updateStatus"] == "operational"
    assert f"there is no namespace {name}" in doubts(world)
    world.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    world.settle(120)
    assert "no namespace" not in doubts(world)
    world.delete(PATH)
    world.settle(120)
    assert world.names(AGENTS) == []


def test_a_kind_that_is_not_installed_is_left_out_until_it_is() -> None:
    world = World()
    served = {key: kind for key, kind in world.api.served.items() if kind.name == "VMServiceScrape"}
    unserve(world, "VMServiceScrape")
    world.add(agent(podScrapeSelector={}))
    world.settle(120)
    assert replicas(world) == 1
    assert status(world)["updateStatus"] == "operational"
    assert "VMServiceScrape is not installed" in doubts(world)
    world.patch(PATH, {"spec": {"replicaCount": 2}})
    world.settle(60)
    assert replicas(world) == 2
    world.api.served.update(served)
    world.settle(300)
    assert "vmagent-main" in world.names(SCRAPES)
    assert "not installed" not in doubts(world)


@pytest.mark.parametrize("kind", ["VMAgent", "VMSingle", "VMCluster"])
def test_an_owner_kind_that_is_not_installed_keeps_no_operator_from_beginning(kind: str) -> None:
    world = World()
    unserve(world, kind)
    world.start()
    world.read()
    assert world.system.informers.unsynced() == []


# Sources.


def test_a_secret_is_looked_for_where_its_source_fails() -> None:
    world = settled()
    world.api.faults.add(Fault(verb="list", resource="secrets", times=0, status=403, reason="Forbidden"))
    world.api.faults.add(Fault(verb="watch", resource="secrets", times=0, status=403, reason="Forbidden"))
    for informer in world.informers:
        if informer.collection.resource == resource.SECRETS:
            informer.close()
    world.informers = world.system.watch()
    world.settle(5)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "apps", "name": "token"}}
    world.add({**secret, "data": {"t": base64.b64encode(b"key").decode()}})
    late = scrape("late")
    late["spec"]["endpoints"][0]["bearerTokenSecret"] = {"name": "token", "key": "t"}
    world.add(late)
    world.settle(30)
    assert "serviceScrape/apps/late" in configuration(world)


def test_rights_stay_while_their_owners_cannot_be_read() -> None:
    world = settled()
    unserve(world, "VMAgent")
    before = len(world.writes())
    for _ in range(60):
        world.clock.seconds += 10
        world.read()
        while world.system.work() is not None:
            pass
    assert world.writes()[before:] == []
    assert "monitoring:monitoring:vmagent-main" in world.names("clusterroles.rbac.authorization.k8s.io")


def test_roles_of_an_owner_that_may_not_be_seen_are_looked_at_once() -> None:
    world = settled()
    role = world.get("clusterroles.rbac.authorization.k8s.io", "", "monitoring:monitoring:vmagent-main")
    name = "monitoring:elsewhere:vmagent-main"
    labels = role["metadata"]["labels"]
    world.api.faults.add(Fault(verb="get", resource=AGENTS, namespace="elsewhere", times=0, status=403))
    world.add({**role, "metadata": {"name": name, "labels": labels}}, FIELD_MANAGER.name)
    before = len(world.transport.requests)
    world.settle(3600)
    looks = [path for method, path in world.transport.requests[before:] if "namespaces/elsewhere/vmagents" in path]
    assert len(looks) == 1
    assert name in world.names("clusterroles.rbac.authorization.k8s.io")


# Wars and drift.


def test_a_war_over_a_role_is_seen_and_pauses() -> None:
    world = settled()
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/monitoring:monitoring:vmagent-main"
    before = len(world.writes())
    for _ in range(600):
        rules = world.get("clusterroles.rbac.authorization.k8s.io", "", path.rpartition("/")[2])["rules"]
        if len(rules) > 1:
            world.patch(path, {"rules": rules[:1]})
        world.settle(2)
    assert len(world.writes()) - before < 100
    assert any(reason == "ConflictingController" for _, reason, _ in world.events())
    wars = {key: state.conflicts.until for key, state in world.system.owners["vmagent"].reconciler.states.items()}
    assert wars[KEY] > world.clock.seconds
    world.settle(1200)
    assert wars[KEY] < world.clock.seconds


def test_a_war_over_the_finalizer_is_seen_and_pauses() -> None:
    world = settled()
    before = len(world.writes())
    for _ in range(300):
        if world.get(AGENTS, *KEY)["metadata"].get("finalizers"):
            world.patch(PATH, {"metadata": {"finalizers": None}})
        world.settle(1)
    assert len(world.writes()) - before < 60
    assert any(reason == "ConflictingController" for _, reason, _ in world.events())


def test_what_somebody_makes_of_the_self_scrapes_metadata_is_repaired_at_once() -> None:
    world = settled({"VM_FORCERESYNCINTERVAL": "0"})
    path = f"{BASE}/namespaces/monitoring/vmservicescrapes/vmagent-main"
    world.patch(path, {"metadata": {"ownerReferences": None}})
    world.settle(5)
    assert world.get(SCRAPES, "monitoring", "vmagent-main")["metadata"]["ownerReferences"]


# Memory.


def test_nothing_is_remembered_of_children_that_are_gone() -> None:
    world = settled(shardCount=8, statefulMode=True)
    world.settle(120)
    state = world.system.owners["vmagent"].reconciler.states.of(*KEY)
    many = len(state.children.verified)
    world.patch(PATH, {"spec": {"shardCount": 1}})
    world.settle(300)
    assert len(state.children.verified) == many - 7
    assert {child.name for child in state.rollout.inspected} == {"vmagent-main-0"}
    written = {child.name for child in state.conflicts.rewrites}
    assert {"vmagent-main-0", KEY[1]} <= written, "what is there, and the owner's finalizer"
    assert not any(name.startswith("vmagent-main-7") for name in written)


def test_what_comes_and_goes_by_itself_is_no_war() -> None:
    world = settled()
    for _ in range(30):
        world.add(scrape("now"))
        world.settle(3)
        assert "serviceScrape/apps/now" in configuration(world)
        world.delete(f"{BASE}/namespaces/apps/vmservicescrapes/now")
        world.settle(3)
        assert "serviceScrape/apps/now" not in configuration(world)
    assert not any(reason == "ConflictingController" for _, reason, _ in world.events())

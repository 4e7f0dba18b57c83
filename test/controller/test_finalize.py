"""The end of an owner: what is asked of the cluster for it, what it waits for, and what it leaves alone."""

from typing import Any

import pytest

from test.apiserver.faults import Fault
from test.controller.test_old_finalizers import held, referred
from test.controller.test_ownership import restarted
from test.controller.test_passes import AGENTS, KEY, SCRAPES, change
from test.controller.test_vmcluster import cluster
from test.controller.world import World, agent, scrape
from vmagent_operator.identity import FINALIZER
from vmagent_operator.limits import OBJECT_LABELS

BASE = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring"
PATH = f"{BASE}/vmagents/main"
ROLES = "/apis/rbac.authorization.k8s.io/v1"
LEAVE = ("PATCH", PATH)


def settled(*manifests: dict[str, Any], environ: dict[str, str] | None = None) -> World:
    """A world in which nothing is left to do for these."""
    world = World(environ or {})
    for manifest in manifests:
        world.add(manifest)
    world.settle(60)
    return world


def asked(world: World, path: str, seconds: float = 60) -> list[tuple[str, str]]:
    """What the operator asks about single objects when the one at `path` is deleted: no lists, watches and Events."""
    world.transport.requests.clear()
    world.delete(path)
    world.settle(seconds)
    single = [(method, place) for method, place in world.transport.requests if not place.endswith("/events")]
    return [
        (method, place)
        for method, place in single
        if method != "GET" or "monitoring:" in place or "/namespaces/" in place
    ]


def test_an_end_asks_for_what_nobody_else_removes_and_for_nothing_more() -> None:
    rules: dict[str, Any] = {
        "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
        "podDisruptionBudget": {"minAvailable": 1},
    }
    rights = [
        f"{ROLES}/{plural}/monitoring:monitoring:{name}"
        for plural in ("clusterrolebindings", "clusterroles")
        for name in ("vmagent-main", "main")
    ]
    found = asked(settled(agent(**rules)), PATH)
    looks = [place for method, place in found if method == "GET" and place != PATH]
    assert looks == rights
    assert [each for each in found if each[0] != "GET"] == [("DELETE", rights[0]), ("DELETE", rights[2]), LEAVE]


def test_a_cluster_that_scrapes_nothing_has_no_rights_to_look_for() -> None:
    world = settled(cluster())
    assert asked(world, f"{BASE}/vmclusters/main") == [("PATCH", f"{BASE}/vmclusters/main")]


def test_nothing_of_the_clusters_own_is_asked_for_in_namespaced_mode() -> None:
    found = asked(settled(agent(), environ={"WATCH_NAMESPACE": "monitoring"}), PATH)
    assert [place for _, place in found if "/namespaces/" not in place] == []
    assert LEAVE in found


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_what_is_only_referred_to_is_freed_without_being_watched(kind: str) -> None:
    key = "relabelConfig" if kind == "ConfigMap" else "additionalScrapeConfigs"
    world = World()
    world.add(referred(kind, "rules", **{"rules.yaml": "[]"}))
    restarted(world, watch_references=False)
    spec: dict[str, Any] = {key: {"name": "rules", "key": "rules.yaml"}}
    world.add(agent(**spec))
    world.settle(60)
    assert len(held(world)) == 2
    world.delete(PATH)
    world.settle(60)
    assert held(world) == []


def test_what_is_referred_to_and_not_there_is_not_asked_for() -> None:
    reference = {"name": "gone", "key": "token"}
    world = settled(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": reference}]))
    assert [place for _, place in asked(world, PATH) if "/secrets/" in place] == []
    assert world.names(AGENTS) == []


def test_what_an_unreadable_spec_referred_to_when_it_was_applied_is_freed() -> None:
    rules: dict[str, Any] = {"relabelConfig": {"name": "rules", "key": "rules.yaml"}}
    world = settled(referred("ConfigMap", "rules", **{"rules.yaml": "[]"}), agent(**rules))
    change(
        world, AGENTS, *KEY, nodeSelector={str(number): "" for number in range(OBJECT_LABELS + 1)}, relabelConfig=None
    )
    world.settle(60)
    assert world.get(AGENTS, *KEY)["status"]["updateStatus"] == "failed"
    world.delete(PATH)
    world.settle(60)
    assert (world.names(AGENTS), held(world)) == ([], [])


def test_an_owner_stays_until_no_scrape_object_says_that_it_is_selected() -> None:
    world = settled(scrape(), agent(selectAllByDefault=True))
    world.api.faults.add(
        Fault(verb="update", resource=f"{SCRAPES}/status", status=500, reason="InternalError", times=0)
    )
    world.delete(PATH)
    world.settle(25)
    assert world.names(AGENTS) == ["main"]
    world.api.faults.clear()
    world.settle(60)
    assert world.names(AGENTS) == []
    assert "conditions" not in world.get(SCRAPES, "apps", "app")["status"]


def test_an_owner_does_not_stay_for_ever_for_statuses_that_are_refused() -> None:
    world = settled(scrape(), agent(selectAllByDefault=True))
    world.api.faults.add(Fault(verb="update", resource=f"{SCRAPES}/status", status=403, reason="Forbidden", times=0))
    world.delete(PATH)
    world.settle(29)
    assert world.names(AGENTS) == ["main"]
    world.settle(10)
    assert world.names(AGENTS) == []


def test_an_owner_that_selects_nothing_goes_at_once() -> None:
    world = settled(agent())
    world.delete(PATH)
    world.settle(1)
    assert world.names(AGENTS) == []


@pytest.mark.parametrize("theirs", [["example.com/mine"], ["example.com/mine", FINALIZER, "example.com/more"]])
def test_finalizers_of_others_stay_in_their_order(theirs: list[str]) -> None:
    world = settled({**agent(), "metadata": {**agent()["metadata"], "finalizers": theirs}})
    assert FINALIZER in world.get(AGENTS, *KEY)["metadata"]["finalizers"]
    world.delete(PATH)
    world.settle(60)
    assert world.get(AGENTS, *KEY)["metadata"]["finalizers"] == [name for name in theirs if name != FINALIZER]
    before = len(world.writes())
    world.patch(PATH, {"metadata": {"annotations": {"still": "there"}}})
    world.settle(600)
    assert len(world.writes()) == before, "what we have taken leave of is not written to"


def test_a_finalizer_that_somebody_puts_there_meanwhile_is_not_taken_off() -> None:
    world = settled(agent())
    world.delete(PATH)
    world.read()
    world.patch(PATH, {"metadata": {"finalizers": [FINALIZER, "example.com/mine"]}})
    done = world.system.work()
    assert done is not None
    assert done[2].message == "the finalizers have changed meanwhile"
    assert world.get(AGENTS, *KEY)["metadata"]["finalizers"] == [FINALIZER, "example.com/mine"]
    world.settle(60)
    assert world.outcomes[-1].kind == "gone"
    assert world.get(AGENTS, *KEY)["metadata"]["finalizers"] == ["example.com/mine"]

"""What the tools of those who wait for an object say of it, in every state that it can have."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from test.apiserver.pods import Fate
from test.controller.world import World, agent, scrape
from test.status.observers import argo_cd, kstatus, kubectl_wait
from vmagent_operator.identity import API_VERSION

GROUP = "operator.victoriametrics.com"
BASE = f"/apis/{GROUP}/v1beta1/namespaces"
AGENTS, SCRAPES, SINGLES, CLUSTERS = (
    f"{plural}.{GROUP}" for plural in ("vmagents", "vmservicescrapes", "vmsingles", "vmclusters")
)
MAIN, APP = (AGENTS, "monitoring", "main"), (SCRAPES, "apps", "app")
PATH = f"{BASE}/monitoring/vmagents/main"
Place = tuple[str, str, str]


@frozen
class Seen:
    """What an object says of itself, and what Flux and Helm, Argo CD and `kubectl wait` make of it.

    conditions: `Ready`, `Reconciling` and `Stalled`, as far as they are there, with their reasons.
    """

    state: str
    conditions: str
    kstatus: str
    argo_cd: str
    is_ready: bool


def seen(world: World, place: Place) -> Seen:
    obj = world.get(*place)
    status = obj.get("status") or {}
    found = {each["type"]: f"{each['status']} {each['reason']}" for each in status.get("conditions") or []}
    told = [f"{kind}={found[kind]}" for kind in ("Ready", "Reconciling", "Stalled") if kind in found]
    return Seen(status.get("updateStatus", ""), ", ".join(told), kstatus(obj), argo_cd(obj), kubectl_wait(obj))


def owner(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": "main", "namespace": "monitoring"},
        "spec": spec,
    }


def pods(world: World, fate: Fate) -> None:
    world.api.workloads.set("Deployment monitoring/*", fate)


def unseen(world: World) -> Place:
    world.add(agent())
    return MAIN


def operational(world: World) -> Place:
    world.add(agent())
    world.settle()
    return MAIN


def expanding(world: World) -> Place:
    pods(world, Fate.NEVER)
    return operational(world)


def crashing(world: World) -> Place:
    pods(world, Fate.CRASHING)
    world.add(agent())
    world.settle(1200)
    return MAIN


def past_its_deadline(world: World) -> Place:
    pods(world, Fate.STUCK)
    world.add(agent())
    world.settle(1200)
    return MAIN


def invalid(world: World) -> Place:
    world.add(agent(remoteWrite=[{"url": ""}]))
    world.settle()
    return MAIN


def without_its_secret(world: World) -> Place:
    world.add(agent(relabelConfig={"name": "missing", "key": "rules"}))
    world.settle()
    return MAIN


def mended(world: World) -> Place:
    place = invalid(world)
    world.patch(PATH, {"spec": {"remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}]}})
    world.settle()
    return place


def changed(world: World) -> Place:
    place = operational(world)
    world.patch(PATH, {"spec": {"replicaCount": 2}})
    return place


def paused(world: World) -> Place:
    place = operational(world)
    world.patch(PATH, {"spec": {"paused": True}})
    world.settle()
    return place


def paused_while_expanding(world: World) -> Place:
    place = expanding(world)
    world.patch(PATH, {"spec": {"paused": True}})
    world.settle()
    return place


def paused_while_failing(world: World) -> Place:
    place = invalid(world)
    world.patch(PATH, {"spec": {"paused": True}})
    world.settle()
    return place


def paused_from_the_start(world: World) -> Place:
    world.add(agent(paused=True))
    world.settle()
    return MAIN


def undone(world: World, seconds: int = 80) -> Place:
    if not world.get(*MAIN):
        world.add(agent(replicaCount=1))
        world.settle()
    for _ in range(seconds // 2):
        world.patch("/apis/apps/v1/namespaces/monitoring/deployments/vmagent-main", {"spec": {"replicas": 5}})
        world.settle(2)
    return MAIN


def no_longer_undone(world: World) -> Place:
    place = undone(world)
    world.settle(180)
    return place


def somebody_elses(world: World) -> Place:
    world.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "vmagent-main", "namespace": "monitoring"},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    return operational(world)


def deleted(world: World) -> Place:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    world.delete(PATH)
    return MAIN


def single(world: World) -> Place:
    world.add(owner("VMSingle", retentionPeriod="1"))
    world.settle(120)
    return SINGLES, "monitoring", "main"


def single_without_its_rules(world: World) -> Place:
    world.add(owner("VMSingle", relabelConfig={"name": "missing", "key": "rules"}))
    world.settle()
    return SINGLES, "monitoring", "main"


def cluster(world: World) -> Place:
    world.add(owner("VMCluster", vmstorage={"replicaCount": 1}, vmselect={"replicaCount": 1}))
    world.settle(300)
    return CLUSTERS, "monitoring", "main"


def unseen_scrape(world: World) -> Place:
    world.add(scrape())
    return APP


def scraped(world: World) -> Place:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    return APP


def rejected(world: World) -> Place:
    world.add(scrape(endpoints=[{"port": "http", "interval": "soon"}]))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    return APP


def rejected_by_one(world: World) -> Place:
    world.add(scrape(scrapeClass="special"))
    world.add(agent("other", selectAllByDefault=True))
    world.add(agent(selectAllByDefault=True, scrapeClasses=[{"name": "special"}]))
    world.settle()
    return APP


def mended_scrape(world: World) -> Place:
    place = rejected(world)
    world.patch(f"{BASE}/apps/vmservicescrapes/app", {"spec": {"endpoints": [{"port": "http"}]}})
    world.settle()
    return place


def changed_scrape(world: World) -> Place:
    place = scraped(world)
    world.patch(f"{BASE}/apps/vmservicescrapes/app", {"spec": {"endpoints": [{"port": "https"}]}})
    return place


def selected_by_nobody(world: World) -> Place:
    world.add(scrape())
    world.add(agent(serviceScrapeSelector={"matchLabels": {"app": "shop"}}))
    world.settle()
    return APP


def without_any_owner(world: World) -> Place:
    world.add(scrape())
    world.settle()
    return APP


def no_longer_selected(world: World) -> Place:
    place = scraped(world)
    world.patch(PATH, {"spec": {"selectAllByDefault": False}})
    world.settle()
    return place


def of_an_owner_that_fails(world: World) -> Place:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True, remoteWrite=[{"url": ""}]))
    world.settle()
    return APP


CONVERGED, CONVERGING = "Ready=True Converged", "Ready=False Converging, Reconciling=True Converging"
FAILED = "Ready=False ReconcileFailed, Stalled=True ReconcileFailed"
STATES: dict[Callable[[World], Place], Seen] = {
    unseen: Seen("", "", "InProgress", "Progressing", False),
    operational: Seen("operational", CONVERGED, "Current", "Healthy", True),
    expanding: Seen("expanding", CONVERGING, "InProgress", "Progressing", False),
    crashing: Seen("expanding", CONVERGING, "InProgress", "Progressing", False),
    past_its_deadline: Seen("failed", FAILED, "Failed", "Degraded", False),
    invalid: Seen("failed", FAILED, "Failed", "Degraded", False),
    without_its_secret: Seen("failed", FAILED, "Failed", "Degraded", False),
    mended: Seen("operational", CONVERGED, "Current", "Healthy", True),
    changed: Seen("operational", CONVERGED, "InProgress", "Progressing", False),
    paused: Seen("paused", CONVERGED, "Current", "Suspended", False),
    paused_while_expanding: Seen("paused", "Ready=Unknown Paused", "InProgress", "Suspended", False),
    paused_while_failing: Seen("paused", FAILED, "Failed", "Suspended", False),
    paused_from_the_start: Seen("paused", "Ready=Unknown Paused", "InProgress", "Suspended", False),
    undone: Seen("failed", FAILED, "Failed", "Degraded", False),
    no_longer_undone: Seen("operational", CONVERGED, "Current", "Healthy", True),
    somebody_elses: Seen("failed", FAILED, "Failed", "Degraded", False),
    deleted: Seen("operational", CONVERGED, "Terminating", "Progressing", False),
    single: Seen("operational", CONVERGED, "Current", "Healthy", True),
    single_without_its_rules: Seen("failed", FAILED, "Failed", "Degraded", False),
    cluster: Seen("operational", CONVERGED, "Current", "Healthy", True),
    unseen_scrape: Seen("", "", "InProgress", "Progressing", False),
    scraped: Seen("operational", "Ready=True Applied", "Current", "Healthy", True),
    rejected: Seen("failed", "Ready=False Rejected, Stalled=True Rejected", "Failed", "Degraded", False),
    rejected_by_one: Seen("operational", "Ready=True PartlyApplied", "Current", "Healthy", True),
    mended_scrape: Seen("operational", "Ready=True Applied", "Current", "Healthy", True),
    changed_scrape: Seen("operational", "Ready=True Applied", "InProgress", "Progressing", False),
    selected_by_nobody: Seen("ignored", "", "Current", "Progressing", False),
    without_any_owner: Seen("ignored", "", "Current", "Progressing", False),
    no_longer_selected: Seen("ignored", "", "Current", "Progressing", False),
    of_an_owner_that_fails: Seen("", "", "InProgress", "Progressing", False),
}


@pytest.mark.parametrize("bring_about", STATES, ids=lambda function: function.__name__)
def test_what_tools_say(bring_about: Callable[[World], Place]) -> None:
    world = World()
    assert seen(world, bring_about(world)) == STATES[bring_about]


AT_REST = [
    operational,
    past_its_deadline,
    invalid,
    paused_while_expanding,
    single,
    scraped,
    rejected,
    selected_by_nobody,
    without_any_owner,
]


@pytest.mark.parametrize("bring_about", AT_REST, ids=lambda function: function.__name__)
def test_a_second_look_writes_nothing(bring_about: Callable[[World], Place]) -> None:
    world = World()
    place = bring_about(world)
    before = world.get(*place)["status"]
    world.clock.seconds += 60
    world.start()
    world.settle(600)
    assert [write for write in world.writes() if write[1].endswith("/status")] == []
    assert world.get(*place)["status"] == before


def test_times_move_with_what_is_said() -> None:
    world = World()
    operational(world)
    first = transitions(world)
    world.settle(60)
    world.patch(PATH, {"spec": {"remoteWrite": [{"url": ""}]}})
    world.settle(60)
    failed = transitions(world)
    world.patch(PATH, {"spec": {"remoteWrite": [{"url": "http://vm"}, {"url": ""}]}})
    world.settle(60)
    assert first["Ready"] < failed["Ready"] == failed["Stalled"]
    assert transitions(world) == failed, "another reason, the same state"


def transitions(world: World) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"] for each in world.get(*MAIN)["status"]["conditions"]}


def test_who_undoes_our_writes_is_named_and_the_state_does_not_flicker() -> None:
    world = World()
    undone(world)
    reason = world.get(*MAIN)["status"]["reason"]
    assert reason == "somebody else (kubectl) keeps changing Deployment monitoring/vmagent-main: spec.replicas"
    before = sum(path.endswith("/status") for _, path in world.writes())
    undone(world, 300)
    assert sum(path.endswith("/status") for _, path in world.writes()) - before <= 2
    assert seen(world, MAIN).kstatus == "Failed"


def test_two_operators_do_not_gainsay_each_other_over_an_object_that_nobody_selects() -> None:
    world = World()
    selected_by_nobody(world)
    said = world.get(*APP)["status"]["reason"]
    world.environ = {"WATCH_NAMESPACE": "apps"}
    world.start()
    world.settle(600)
    assert world.get(*APP)["status"]["reason"] == said
    assert "the nearest, monitoring/main" in said

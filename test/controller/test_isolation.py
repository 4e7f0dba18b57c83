"""What one tenant, one object or one bug can do, and whom it hurts: nobody but itself."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from test.apiserver.faults import Fault
from test.controller.test_passes import AGENTS, KEY, SCRAPES, change, configuration, status
from test.controller.world import World, agent, scrape
from vmagent_operator import settings
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller import owner as controllers
from vmagent_operator.controller.engine import controller, owners, stores
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.manager import Manager, Timing
from vmagent_operator.controller.steps import reconcile
from vmagent_operator.controller.steps.claims import VolumeExpander
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.desired.vmagent.features import scale
from vmagent_operator.kube.http.client import Listing
from vmagent_operator.kube.http.ratelimit import Bucket, Spare
from vmagent_operator.kube.resource import Remains
from vmagent_operator.limits import OBJECT_LABELS
from vmagent_operator.status.conditions import conditions
from vmagent_operator.status.owner import owner_status
from vmagent_operator.status.scrape import scrape_status

PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces"
PARENT = "main.monitoring.vmagent.victoriametrics.com/Applied"
TOO_DEEP = "spec: nested deeper than 100 levels"
NOW = datetime(2026, 1, 2, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026", ""])


def mostly(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of these keys, with anything behind them."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, JSON))


METADATA = mostly("labels", "annotations") | JSON
APPLIED = st.fixed_dictionaries(
    {},
    optional={
        "managedMetadata": METADATA,
        "podMetadata": METADATA,
        "serviceSpec": st.fixed_dictionaries({"metadata": METADATA}) | JSON,
    },
)
CONDITION = st.fixed_dictionaries(
    {"type": st.just(PARENT) | st.just("x" + PARENT) | JSON},
    optional={
        "status": st.sampled_from(["True", "False"]) | JSON,
        "message": JSON,
        "lastUpdateTime": TIMES | JSON,
        "lastTransitionTime": TIMES | JSON,
    },
)
STATUS = st.fixed_dictionaries(
    {},
    optional={
        "lastAppliedSpec": APPLIED | JSON,
        "conditions": st.lists(CONDITION | JSON, max_size=4) | JSON,
        **dict.fromkeys(("updateStatus", "observedGeneration", "reason", "shards", "replicas", "selector"), JSON),
    },
)


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def poison(name: str = "deep") -> dict[str, Any]:
    """A scrape object that the API server stores and no parser should have to read."""
    rules = [{"targetLabel": "a", "regex": deep(200)}]
    return scrape(name, "tenant", endpoints=[{"port": "http", "relabelConfigs": rules}])


def test_a_nested_object_is_told_so_and_disturbs_no_other() -> None:
    world = World()
    for manifest in (scrape("app"), poison(), agent(selectAllByDefault=True)):
        world.add(manifest)
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    assert "job_name: serviceScrape/apps/app/0" in configuration(world)
    told = world.get(SCRAPES, "tenant", "deep")["status"]
    assert (told["updateStatus"], told["reason"]) == ("failed", TOO_DEEP)
    assert {condition["message"] for condition in told["conditions"]} == {TOO_DEEP}
    passes = len(world.outcomes)
    world.add(scrape("late"))
    world.settle()
    assert "job_name: serviceScrape/apps/late/0" in configuration(world)
    world.patch(f"{PATH}/tenant/vmservicescrapes/deep", {"spec": {"endpoints": [{"port": "http"}]}})
    world.settle()
    assert world.get(SCRAPES, "tenant", "deep")["status"]["updateStatus"] == "operational"
    assert len(world.outcomes) - passes < 12


def test_a_nested_agent_fails_alone() -> None:
    world = World()
    world.add(agent(affinity={"nodeAffinity": deep(200)}))
    world.add(agent("other"))
    world.settle()
    assert (status(world)["updateStatus"], status(world)["reason"]) == ("failed", TOO_DEEP)
    assert world.get(AGENTS, "monitoring", "other")["status"]["updateStatus"] == "operational"
    world.delete(f"{PATH}/monitoring/vmagents/main")
    world.settle()
    assert world.get(AGENTS, *KEY) == {}


def test_an_agent_gets_its_own_scrape_object_back_whatever_somebody_made_of_it() -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    world.settle()
    own = ("monitoring", "vmagent-main")
    spec = world.get(SCRAPES, *own)["spec"]
    change(world, SCRAPES, *own, endpoints=poison()["spec"]["endpoints"])
    world.settle(120)
    assert world.get(SCRAPES, *own)["spec"] == spec
    assert status(world)["updateStatus"] == "operational"
    assert {outcome.kind for outcome in world.outcomes} <= {"done", "waiting"}


@pytest.mark.parametrize(
    "kind", [source.resource.kind for source in stores.sources(settings.load({}), OWNERS, watch_references=True)]
)
def test_every_source_can_keep_what_is_left_of_an_object(kind: str) -> None:
    source = next(
        each for each in stores.sources(settings.load({}), OWNERS, watch_references=True) if each.resource.kind == kind
    )
    identity = {"namespace": "ns", "name": "a", "uid": "u", "resourceVersion": "1"}
    for metadata in (identity, {key: identity[key] for key in ("name", "resourceVersion")}):
        left = source.transform(Remains({"apiVersion": "x/v1", "kind": kind, "metadata": metadata}, "spec: why"))
        assert [list(index(left)) for index in source.indexes.values()] == [[] for _ in source.indexes]
        if isinstance(left, CustomObject):
            assert (left.name, left.spec, str(left.error)) == ("a", None, "spec: why")


@given(STATUS | JSON)
def test_whatever_a_status_says_a_pass_can_read_it(found: Any) -> None:
    metadata = {"name": "main", "namespace": "monitoring", "uid": "u", "resourceVersion": "1"}
    owner = stores.read(kinds.VMAGENT, {**agent(), "metadata": metadata, "status": found})
    owners.migration(VMAGENT, owner)
    for state in ("operational", "expanding", "failed", "paused"):
        written = owner_status(evolve(owner, spec=None), state, "why", NOW, scale=scale(evolve(owner, spec=None)))
        assert written["updateStatus"] == state
        owner_status(owner, state, "why", NOW, scale=scale(owner), warnings=("doubt",), is_available=True)
    assert all(isinstance(condition["type"], str) for condition in conditions(owner))
    read = stores.read(kinds.VMSERVICESCRAPE, {**scrape(), "metadata": metadata, "status": found})
    stores.parents(read)
    scrape_status(read, {PARENT: None}, (), NOW)
    scrape_status(read, {PARENT: "fault"}, (), NOW)
    scrape_status(read, {}, {PARENT}, NOW)


ODD = {
    "managedMetadata": {"managedMetadata": "x"},
    "labels": {"managedMetadata": {"labels": ["a"]}},
    "a number": {"managedMetadata": {"labels": 5}},
    "serviceSpec": {"serviceSpec": [1]},
    "service metadata": {"serviceSpec": {"metadata": 7}},
    "podMetadata": {"podMetadata": ["x"]},
    "nested": {"managedMetadata": deep(200)},
}


@pytest.mark.parametrize("name", ODD)
def test_a_status_that_somebody_has_edited_stops_nothing(name: str) -> None:
    world = World()
    world.add(agent())
    world.settle()
    world.patch(f"{PATH}/monitoring/vmagents/main/status", {"status": {"lastAppliedSpec": ODD[name]}})
    change(world, AGENTS, *KEY, replicaCount=2)
    world.settle()
    assert (status(world)["updateStatus"], status(world)["replicas"]) == ("operational", 2)
    assert {outcome.kind for outcome in world.outcomes} <= {"done", "waiting"}


def bug(*_: Any) -> Any:
    raise RuntimeError("a bug")


def test_a_bug_in_a_pass_is_told_from_the_metadata_and_the_key_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.add(agent())
    monkeypatch.setattr(reconcile, "migration", bug)
    world.settle(10)
    assert {outcome.kind for outcome in world.outcomes} == {"crash"}
    assert status(world)["reason"] == "internal error, see the operator's log"
    assert world.system.owners["vmagent"].queue.snapshot().processing == {}
    monkeypatch.undo()
    world.settle(30)
    assert status(world)["updateStatus"] == "operational"


def test_an_agent_that_runs_tells_of_a_spec_that_can_no_longer_be_read() -> None:
    world = World()
    world.add(agent())
    world.settle()
    change(world, AGENTS, *KEY, nodeSelector={str(number): "" for number in range(OBJECT_LABELS + 1)})
    world.settle()
    assert (status(world)["updateStatus"], status(world)["reason"]) == (
        "failed",
        f"spec.nodeSelector: {OBJECT_LABELS.exceeded}",
    )
    change(world, AGENTS, *KEY, nodeSelector=None)
    world.settle()
    assert status(world)["updateStatus"] == "operational"


def test_an_agent_that_runs_tells_of_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.add(agent())
    world.settle()
    monkeypatch.setattr(reconcile, "migration", bug)
    change(world, AGENTS, *KEY, replicaCount=2)
    world.settle()
    assert (status(world)["updateStatus"], status(world)["reason"]) == (
        "failed",
        "internal error, see the operator's log",
    )


def test_a_bug_in_telling_of_a_bug_costs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("reconcile", "crashed"):
        monkeypatch.setattr(controllers.OwnerReconciler, name, bug)
    world = World()
    world.add(agent())
    world.settle(10)
    assert {outcome.kind for outcome in world.outcomes} == {"crash"}
    assert world.system.owners["vmagent"].queue.snapshot().processing == {}
    assert world.system.owners["vmagent"].queue.snapshot().failures.keys() == {KEY}


def test_a_worker_survives_whatever_a_key_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.settle(0)
    manager = Manager(world.system, world.system.client, None, Timing(), threading.Event(), threading.Event())
    worked = list[tuple[str, str]]()

    def process(_: Any, key: tuple[str, str]) -> Any:
        worked.append(key)
        world.system.owners["vmagent"].queue.done(key)
        if len(worked) == 2:
            world.system.owners["vmagent"].queue.stop()
        bug()

    monkeypatch.setattr(controller.Controller, "process", process)
    for name in ("a", "b"):
        world.system.owners["vmagent"].queue.add(("ns", name))
    manager._work(world.system.owners["vmagent"])
    assert worked == [("ns", "a"), ("ns", "b")]


def test_one_namespace_leaves_a_worker_to_the_others() -> None:
    world = World()
    for number in range(10):
        world.system.owners["vmagent"].queue.add(("tenant", f"agent-{number}"))
    world.system.owners["vmagent"].queue.add(("neighbour", "main"))
    taken = [world.system.owners["vmagent"].queue.pop() for _ in range(5)]
    assert [key[0] for key in taken if key] == ["tenant", "neighbour", "tenant", "tenant"]
    assert taken[4] is None


def told(world: World) -> set[str]:
    return {
        f"{namespace}/{name}"
        for (namespace, name), value in world.api.store.items(SCRAPES)
        if any(condition["type"] == PARENT for condition in value.get("status", {}).get("conditions", ()))
    }


def refusing(*names: str, times: int = 0) -> World:
    """A world of 30 scrape objects, in which the statuses of some are refused."""
    world = World()
    for number in range(30):
        world.add(scrape(f"app-{number:02}"))
    for name in names:
        world.api.faults.add(
            Fault(verb="update", resource=f"{SCRAPES}/status", name=name, times=times, status=422, reason="Invalid")
        )
    return world


def test_a_status_that_is_refused_waits_alone() -> None:
    world = refusing("app-03")
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert len(told(world)) == 30  # all but one, and the agent's own
    before, passes = len(world.writes()), len(world.outcomes)
    world.settle(1200)
    assert 0 < len(world.writes()) - before < 6
    assert len(world.outcomes) - passes < 26  # those of resyncs, and not one a second


def test_a_status_that_was_refused_is_written_once_that_works() -> None:
    world = refusing("app-03", times=2)
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert "apps/app-03" in told(world)
    before = len(world.writes())
    world.settle(1200)
    assert len(world.writes()) == before


def test_an_agent_goes_without_the_condition_that_cannot_be_taken_off() -> None:
    world = World()
    for number in range(30):
        world.add(scrape(f"app-{number:02}"))
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    world.api.faults.add(
        Fault(verb="update", resource=f"{SCRAPES}/status", name="app-03", times=0, status=422, reason="Invalid")
    )
    world.delete(f"{PATH}/monitoring/vmagents/main")
    world.settle(60)
    assert world.get(AGENTS, *KEY) == {}
    assert told(world) == {"apps/app-03"}


def test_a_namespace_with_many_objects_or_busy_ones_keeps_no_other_untold() -> None:
    world = World()
    world.system.low_priority.limiter = Spare(Bucket(20, 20, world.clock), 10)
    for number in range(100):
        world.add(scrape(f"app-{number:02}", "aaa"))
    world.add(scrape("only", "zzz"))
    world.add(agent(selectAllByDefault=True))
    world.settle(2)
    assert "zzz/only" in told(world)
    assert len(told(world)) < 60
    for number in range(60):
        world.patch(
            f"{PATH}/aaa/vmservicescrapes/app-{number % 20:02}",
            {"spec": {"selector": {"matchLabels": {"n": f"{number}"}}}},
        )
        world.settle(1)
    assert len(told(world)) == 102


def test_claims_are_looked_at_as_many_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    names = [
        "data-set-0",
        "data-set-2",
        "data-set-7",
        "data-set-x",
        "data-set-01",
        "other-set-1",
        "data-set-" + "9" * 5000,
    ]
    spec = {"resources": {"requests": {"storage": "1Gi"}}}
    claims = [{"metadata": {"name": name, "namespace": "ns"}, "spec": spec} for name in names]
    monkeypatch.setattr(type(world.system.client), "list", lambda *_, **__: Listing(tuple(claims), "1"))
    grower = VolumeExpander(world.system.client, False, lambda: None)
    seen = list[str]()
    monkeypatch.setattr(VolumeExpander, "_label", lambda _, claim, template: seen.append(claim["metadata"]["name"]))
    template = {"metadata": {"name": "data"}, "spec": spec}
    workload: dict[str, Any] = {
        "metadata": {"name": "set", "namespace": "ns"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "volumeClaimTemplates": [template], "replicas": 2**31 - 1},
    }
    assert grower.ensure(workload).complete is False
    assert seen == ["data-set-0", "data-set-2", "data-set-7"]
    workload["spec"]["replicas"] = 1
    assert grower.ensure(workload).complete is True

"""Whose an object with the name of a source is: what was converted is taken over, and what is somebody's own stays."""

import json
from typing import Any

import pytest

from test.apiserver.memory import Memory
from test.controller.test_conversion import (
    DEFINITIONS,
    GROUP,
    MONITOR,
    MONITORS,
    REFERENCES,
    TARGET,
    TARGETS,
    monitor,
    ports,
    target,
    target_writes,
    told,
    world_with,
)
from test.controller.world import World, agent

GO_NAMES = ["app", "manager", "operator"]
"""Of executables that the Go operator has had, and thousands of others have."""


def by_go(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """The target of `monitor()` as the Go operator makes it, but for these fields."""
    made = target(labels=labels or {"team": "a"}, finalizers=["apps.victoriametrics.com/finalizer"])
    made["spec"] = {
        "selector": {"matchLabels": {"app": "app"}},
        "endpoints": [{"port": "http", "attach_metadata": {}}],
        "attach_metadata": {},
        "namespaceSelector": {},
        **spec,
    }
    return made


def beside(found: dict[str, Any], manager: str, source: dict[str, Any] | None = None, **environ: str) -> World:
    """A cluster with a source that comes upon `found`, which `manager` has written."""
    world = World(environ, definitions=DEFINITIONS)
    world.add(found, manager=manager)
    world.add(source or monitor())
    world.settle()
    return world


def refuses(world: World) -> str:
    """Why an object of the source's name was left as it is; it was, as far as `beside` is about."""
    ((reason, message),) = told(world)
    assert reason == "NotConverted"
    assert target_writes(world) == []
    assert message.startswith("VMServiceScrape apps/app ")
    return message.removeprefix("VMServiceScrape apps/app ")


def is_taken_over(world: World) -> bool:
    """Whether the target is as converted, ours, and said to be nothing else."""
    made = world.get(TARGETS, "apps", "app")
    is_said = {reason for reason, _ in told(world)} <= {"PartlyConverted"}
    is_ours = any(each["manager"] == "vmagent-operator" for each in made["metadata"]["managedFields"])
    world.start()
    world.settle()
    has_marks = made["metadata"].get("finalizers") or made["metadata"].get("annotations")
    return is_ours and is_said and not has_marks and ports(world) == ["http"] and target_writes(world) == []


@pytest.mark.parametrize("manager", GO_NAMES)
def test_what_the_go_operator_converted_is_taken_over(manager: str) -> None:
    world = beside(by_go(), manager)
    assert world.get(TARGETS, "apps", "app")["metadata"]["labels"] == {"team": "a"}
    assert is_taken_over(world)


def test_it_is_taken_over_without_what_the_go_operator_loses() -> None:
    source = monitor(bodySizeLimit="1MB", endpoints=[{"port": "http", "filterRunning": True}])
    world = beside(by_go(), "app", source)
    assert world.get(TARGETS, "apps", "app")["spec"]["endpoints"][0]["max_scrape_size"] == "1MiB"
    assert is_taken_over(world)


def test_people_may_have_put_labels_on_it() -> None:
    world = World(definitions=DEFINITIONS)
    world.add(by_go(), manager="app")
    world.patch(TARGET, {"metadata": {"labels": {"mine": "x"}, "annotations": {"note": "y"}}})
    world.add(monitor())
    world.settle()
    assert world.get(TARGETS, "apps", "app")["metadata"]["labels"] == {"team": "a"}
    assert is_taken_over(world)


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TRACKING = "argocd.argoproj.io/tracking-id"
OUTDATED = by_go(labels={"team": "old", "gone": "x"}, jobLabel="gone")


@pytest.mark.parametrize(
    "annotations",
    [
        {LAST_APPLIED: json.dumps(monitor() | {"spec": {}})},
        {TRACKING: "shop:monitoring.coreos.com/ServiceMonitor:apps/app"},
    ],
)
def test_what_says_to_have_been_the_source_is_taken_over_however_old_it_is(annotations: dict[str, str]) -> None:
    found = {**OUTDATED, "metadata": {**OUTDATED["metadata"], "annotations": annotations}}
    world = beside(found, "app")
    made = world.get(TARGETS, "apps", "app")
    assert ("jobLabel" in made["spec"], made["metadata"]["labels"]) == (False, {"team": "a"})
    assert is_taken_over(world)


def test_one_that_only_the_go_operator_can_have_written_is_taken_over_however_old_it_is() -> None:
    assert is_taken_over(beside(OUTDATED, "vm-operator"))


@pytest.mark.parametrize("manager", ["app", "kubectl"])
def test_one_that_says_how_it_is_merged_is_handed_over(manager: str) -> None:
    world = beside(OUTDATED, manager)
    assert "NotConverted" in {reason for reason, _ in told(world)}
    notes = {f"{GROUP}/merge-meta-strategy": "prefer-prometheus"}
    world.patch(TARGET, {"metadata": {"annotations": notes}})
    world.settle()
    made = world.get(TARGETS, "apps", "app")
    assert (ports(world), made["metadata"]["labels"], made["metadata"]["annotations"]) == (
        ["http"],
        {"team": "a"},
        notes,
    )
    assert "jobLabel" not in made["spec"]
    world.start()
    world.settle()
    assert target_writes(world) == []


@pytest.mark.parametrize("manager", GO_NAMES)
@pytest.mark.parametrize(
    ("found", "why"),
    [
        (target(labels={"team": "a"}), "its spec.endpoints[0].port is not what the Go operator makes of the source"),
        (by_go(jobLabel="x"), "its spec.jobLabel is not what the Go operator makes of the source"),
        (by_go({"team": "b"}), "its labels.team is not what the Go operator makes of the source"),
        (by_go({"team": "a", "more": "x"}), "its labels.more is not what the Go operator makes of the source"),
    ],
)
def test_what_any_program_of_such_a_name_made_stays(manager: str, found: dict[str, Any], why: str) -> None:
    world = beside(found, manager)
    assert refuses(world) == (
        f"exists and is not shown to be converted from ServiceMonitor app (any program may write as '{manager}', "
        f"and {why}): delete or rename it"
    )
    assert world.get(TARGETS, "apps", "app")["spec"] == found["spec"]
    world.delete(TARGET)
    world.settle(1.0)
    assert ports(world) == ["http"]


@pytest.mark.parametrize(
    "annotations",
    [
        {LAST_APPLIED: json.dumps({**target(), "metadata": {"name": "app"}})},
        {LAST_APPLIED: json.dumps(monitor("other"))},
        {LAST_APPLIED: "{"},
        {LAST_APPLIED: "[" * 100_000},
        {LAST_APPLIED: "[]"},
        {TRACKING: "shop:operator.victoriametrics.com/VMServiceScrape:apps/app"},
        {"meta.helm.sh/release-name": "shop"},
    ],
)
def test_what_its_annotations_show_to_be_something_else_stays(annotations: dict[str, str]) -> None:
    found = {**OUTDATED, "metadata": {**OUTDATED["metadata"], "annotations": annotations}}
    assert "any program may write as 'manager'" in refuses(beside(found, "manager"))


def test_what_refers_to_another_owner_stays_even_if_it_says_the_same() -> None:
    world = World(definitions=DEFINITIONS)
    world.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": "apps"}})
    uid = world.get("configmaps", "apps", "shop")["metadata"]["uid"]
    found = by_go()
    found["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "shop", "uid": uid}]
    world.add(found, manager="manager")
    world.add(monitor())
    world.settle()
    assert "and it refers to ConfigMap shop)" in refuses(world)


def test_an_object_without_a_hold_on_the_spec_proves_nothing() -> None:
    """What a program of such a name adds to somebody's own object is no conversion."""
    world = World(definitions=DEFINITIONS)
    world.add(target(), manager="kubectl")
    live = world.get(TARGETS, "apps", "app")
    body = json.dumps({"metadata": {"labels": {"seen": "1"}, "resourceVersion": live["metadata"]["resourceVersion"]}})
    headers = {"content-type": "application/merge-patch+json"}
    answer = Memory(world.api, agent="app/v0.74").request(
        "PATCH", TARGET, headers=headers, body=body.encode(), timeout=5
    )
    assert answer.status == 200, answer.body
    world.add(monitor())
    world.settle()
    assert refuses(world) == "exists and is not converted from ServiceMonitor app: delete or rename it"


def test_somebody_elses_object_of_that_name_stays_and_the_source_says_so_once() -> None:
    world = World(definitions=DEFINITIONS)
    world.add(target(), manager="kubectl")
    world.add(monitor())
    world.settle()
    world.patch(MONITOR, {"metadata": {"labels": {"team": "b"}}})
    world.settle()
    assert ports(world) == ["own"]
    assert told(world) == {
        (
            "NotConverted",
            "VMServiceScrape apps/app exists and is not converted from ServiceMonitor app: delete or rename it",
        )
    }
    world.delete(TARGET)
    world.settle(1.0)
    assert ports(world) == ["http"]


def test_an_object_that_belongs_to_somebody_stays() -> None:
    world = World(definitions=DEFINITIONS)
    world.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "apps"}})
    uid = world.get("configmaps", "apps", "app")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "app", "uid": uid, "controller": True}
    world.add(target(ownerReferences=[owner]), manager="manager")
    world.add(monitor())
    world.settle()
    assert ports(world) == ["own"]
    assert told(world) == {("NotConverted", "VMServiceScrape apps/app belongs to ConfigMap app")}


def test_the_object_by_which_an_agent_is_scraped_is_no_target() -> None:
    world = world_with(agent(namespace="apps"))
    before = world.get(TARGETS, "apps", "vmagent-main")
    world.add(monitor("vmagent-main"))
    world.settle()
    assert world.get(TARGETS, "apps", "vmagent-main")["spec"] == before["spec"]
    assert told(world) == {("NotConverted", "VMServiceScrape apps/vmagent-main belongs to VMAgent main")}


def test_a_target_that_is_going_is_let_go_and_made_anew() -> None:
    world = World(definitions=DEFINITIONS)
    world.add(by_go(), manager="app")
    before = world.get(TARGETS, "apps", "app")["metadata"]["uid"]
    world.delete(TARGET)
    assert world.get(TARGETS, "apps", "app")["metadata"]["deletionTimestamp"]
    world.add(monitor())
    world.settle(10.0)
    made = world.get(TARGETS, "apps", "app")["metadata"]
    assert made["uid"] != before
    assert "finalizers" not in made
    assert told(world) == set()


def test_what_belongs_to_another_source_stays() -> None:
    world = World(REFERENCES, definitions=DEFINITIONS)
    world.add(monitor("other"))
    other = world.get(MONITORS, "apps", "other")["metadata"]["uid"]
    reference = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "name": "other", "uid": other}
    world.add(target(ownerReferences=[reference]), manager="app")
    world.add(monitor())
    world.settle()
    assert ports(world) == ["own"]
    assert "VMServiceScrape apps/app belongs to ServiceMonitor other" in {message for _, message in told(world)}


def test_changes_of_what_others_may_change_on_a_target_are_neither_undone_nor_a_war() -> None:
    notes = {f"{GROUP}/merge-meta-strategy": "merge-prometheus-priority"}
    world = world_with(target(annotations=notes), monitor())
    before = target_writes(world)
    for number in range(12):
        world.patch(TARGET, {"metadata": {"labels": {"round": str(number)}}})
        world.settle(2)
    assert world.get(TARGETS, "apps", "app")["metadata"]["labels"]["round"] == "11"
    assert (target_writes(world), told(world)) == (before, set())


def test_somebodys_own_is_not_asked_for_again_until_it_or_what_the_source_says_changes() -> None:
    world = world_with(target())
    world.add(monitor())
    world.settle()

    def looks(path: str, **metadata: Any) -> int:
        world.transport.requests.clear()
        world.patch(path, {"metadata": metadata})
        world.settle(2)
        return world.transport.requests.count(("GET", TARGET))

    assert looks(MONITOR, finalizers=["example.org/backup"]) == 0
    assert looks(MONITOR, labels={"another": "label"}) == 1
    assert looks(TARGET, labels={"another": "label"}) == 1

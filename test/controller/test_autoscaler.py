"""A user's own autoscaler sets how many pods run; where the agent says no number, it is left alone."""

import json
from typing import Any

import pytest

from test.apiserver.memory import Memory
from test.controller.world import World, agent

KINDS = {
    "deployments": {},
    "statefulsets": {"statefulMode": True},
}
PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"


def workload(world: World, plural: str) -> dict[str, Any]:
    return world.get(f"{plural}.apps", "monitoring", "vmagent-main")


def scale(world: World, plural: str, replicas: int) -> None:
    """What an autoscaler does, through the subresource and under its own name."""
    path = f"/apis/apps/v1/namespaces/monitoring/{plural}/vmagent-main/scale"
    query = (("fieldManager", "kube-controller-manager"),)
    headers = {"content-type": "application/merge-patch+json"}
    body = json.dumps({"spec": {"replicas": replicas}}).encode()
    answer = Memory(world.api, agent="hpa").request("PATCH", path, query=query, headers=headers, body=body, timeout=5)
    assert answer.status == 200, answer.body
    world.api.settle()


def started(mode: dict[str, Any]) -> World:
    world = World()
    world.add(agent(selectAllByDefault=True, **mode))
    world.settle()
    return world


def status(world: World) -> str:
    return str(world.get("vmagents.operator.victoriametrics.com", "monitoring", "main")["status"]["updateStatus"])


@pytest.mark.parametrize(("plural", "mode"), KINDS.items())
def test_its_number_stays_for_an_hour(plural: str, mode: dict[str, Any]) -> None:
    world = started(mode)
    assert workload(world, plural)["spec"]["replicas"] == 1
    scaled = 0
    for _ in range(60):
        if workload(world, plural)["spec"]["replicas"] != 3:
            scaled += 1
            scale(world, plural, 3)
        world.settle(60)
    assert scaled == 1
    path = f"/apis/apps/v1/namespaces/monitoring/{plural}/vmagent-main"
    assert [method for method, where in world.writes() if where.startswith(path)] == ["PATCH"]  # it was made
    assert "ConflictingController" not in {reason for _, reason, _ in world.events()}
    assert status(world) == "operational"


@pytest.mark.parametrize(("plural", "mode"), KINDS.items())
def test_its_number_outlives_changes_and_restarts(plural: str, mode: dict[str, Any]) -> None:
    world = started(mode)
    scale(world, plural, 3)
    world.patch(PATH, {"spec": {"logLevel": "WARN"}})
    world.settle()
    world.start()
    world.settle()
    live = workload(world, plural)
    assert "-loggerLevel=WARN" in str(live["spec"]["template"])
    assert live["spec"]["replicas"] == 3


@pytest.mark.parametrize(("plural", "mode"), KINDS.items())
def test_a_number_of_the_agent_is_kept(plural: str, mode: dict[str, Any]) -> None:
    world = started(mode)
    scale(world, plural, 3)
    world.patch(PATH, {"spec": {"replicaCount": 2}})
    world.settle(60)
    assert workload(world, plural)["spec"]["replicas"] == 2
    scale(world, plural, 5)
    world.settle(60)
    assert workload(world, plural)["spec"]["replicas"] == 2


@pytest.mark.parametrize("holders", ["theirs", "both", "nobody"])
@pytest.mark.parametrize(("plural", "mode"), KINDS.items())
def test_nothing_jumps_at_a_take_over(plural: str, mode: dict[str, Any], holders: str) -> None:
    world = started(mode)
    scale(world, plural, 3)
    live = workload(world, plural)
    entries = live["metadata"]["managedFields"]
    for entry in entries:
        if entry["manager"] == "vmagent-operator":  # as the Go operator would have left it
            entry["manager"], entry["operation"] = "app", "Update"
            if holders == "both":
                entry["fieldsV1"]["f:spec"]["f:replicas"] = {}
    live["metadata"]["managedFields"] = [] if holders == "nobody" else entries
    world.api.store.put(f"{plural}.apps", ("monitoring", "vmagent-main"), live)
    world.start()
    world.settle(300)
    assert workload(world, plural)["spec"]["replicas"] == 3
    assert status(world) == "operational"
    world.patch(PATH, {"spec": {"logLevel": "WARN"}})
    world.settle(300)
    assert workload(world, plural)["spec"]["replicas"] == 3


@pytest.mark.parametrize(("plural", "mode"), KINDS.items())
def test_a_number_that_only_an_earlier_operator_set_becomes_ours(plural: str, mode: dict[str, Any]) -> None:
    world = started({**mode, "replicaCount": 2})
    live = workload(world, plural)
    for entry in live["metadata"]["managedFields"]:
        if entry["manager"] == "vmagent-operator":
            entry["manager"], entry["operation"] = "app", "Update"
    world.api.store.put(f"{plural}.apps", ("monitoring", "vmagent-main"), live)
    world.patch(PATH, {"spec": {"replicaCount": None}})
    world.start()
    world.settle(300)
    assert workload(world, plural)["spec"]["replicas"] == 1

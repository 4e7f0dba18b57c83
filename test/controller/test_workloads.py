"""What people write where a number belongs."""

from typing import Any

import pytest

from test.controller.world import World, agent
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.steps import rollout
from vmagent_operator.controller.steps.rollout import Rollout

STATEFUL: dict[str, Any] = {"statefulMode": True, "statefulStorage": {"emptyDir": {}}}


@pytest.mark.parametrize(
    ("text", "batch"), [("25%", 2), ("100%", 8), ("999999%", 8), ("0%", 1), ("abc", 1), ("", 1), ("-5%", 1), (3, 3)]
)
def test_a_batch_is_a_number_whatever_is_written(text: str | int, batch: int) -> None:
    found = Rollout(World().system.client, {}, [], text)
    assert found._limit(8) == batch


def test_an_agent_with_a_word_for_a_batch_still_gets_its_pods() -> None:
    world = World()
    world.add(agent(**STATEFUL, statefulRollingUpdateStrategyBehavior={"maxUnavailable": "abc"}))
    world.settle()
    world.patch(
        "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main",
        {"spec": {"extraArgs": {"memory.allowedPercent": "50"}}},
    )
    world.settle(300.0)
    assert {result.kind for result in world.outcomes} <= {"done", "waiting"}
    assert world.get("vmagents.operator.victoriametrics.com", "monitoring", "main")["status"]["updateStatus"] == (
        "operational"
    )


def test_a_held_agent_that_goes_is_held_no_longer() -> None:
    metrics, world = Metrics(), World()
    world.add(agent())
    world.settle()
    held = ("vmagent", "monitoring", "main")
    metrics.hold(held, True)
    assert metrics.registry.get_sample_value("vmagent_operator_destructive_hold") == 1
    metrics.forget(held)
    assert metrics.registry.get_sample_value("vmagent_operator_destructive_hold") == 0


@pytest.mark.parametrize(
    ("kind", "spec", "status", "want"),
    [
        ("Deployment", {"replicas": 4}, {"replicas": 2}, 4),
        ("Deployment", {}, {}, 1),
        ("StatefulSet", {"replicas": 0}, {}, 0),
        ("DaemonSet", {}, {"desiredNumberScheduled": 7}, 7),
        ("DaemonSet", {}, None, 0),
    ],
)
def test_how_many_pods_a_workload_is_to_have(kind: str, spec: dict[str, int], status: object, want: int) -> None:
    assert rollout.replicas({"kind": kind, "spec": spec, "status": status}) == want

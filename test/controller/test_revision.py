"""The current revision of a StatefulSet that the operator rolls itself: written by nobody else, and overwritten by one."""

from test.apiserver.faults import Fault
from test.controller.world import World, agent

SET = ("statefulsets.apps", "monitoring", "vmagent-main")
PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
STATUS = "/apis/apps/v1/namespaces/monitoring/statefulsets/vmagent-main/status"


def rolled(*faults: Fault) -> World:
    """A world in which the pods of a StatefulSet have been replaced once, with these faults meanwhile."""
    world = World()
    world.add(agent(statefulMode=True, replicaCount=2))
    world.settle(60)
    for fault in faults:
        world.api.faults.add(fault)
    world.patch(PATH, {"spec": {"image": {"tag": "v1.140.0"}}})
    world.settle(120)
    return world


def is_recorded(world: World) -> bool:
    status = world.get(*SET)["status"]
    return bool(status["currentRevision"] == status["updateRevision"])


def test_a_rollout_that_is_over_is_recorded() -> None:
    world = rolled()
    assert is_recorded(world)
    assert [path for _, path in world.writes() if path == STATUS] == [STATUS]


def test_a_record_that_met_a_conflict_is_made_with_the_next_look() -> None:
    world = rolled(Fault(verb="patch", resource="statefulsets.apps/status", status=409, reason="Conflict"))
    world.patch(
        STATUS.removesuffix("/status"), {"metadata": {"annotations": {"a": "b"}}}
    )  # what the conflict was about
    world.settle(60)
    assert is_recorded(world)


def test_a_record_that_the_controller_overwrites_is_made_again() -> None:
    world = rolled()
    world.patch(STATUS, {"status": {"currentRevision": "vmagent-main-before"}})
    world.settle(60)
    assert is_recorded(world)
    before = len(world.writes())
    world.settle(1200)
    assert len(world.writes()) == before

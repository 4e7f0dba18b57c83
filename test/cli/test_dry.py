"""A dry run: it reads, says what it would write, and the plan goes on as if it had."""

import pytest

from test.controller.world import World, agent
from vmagent_operator.cli.dry import Dry

MAIN = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
SERVICE = "/api/v1/namespaces/monitoring/services/vmagent-main"
WORKLOADS = "/apis/apps/v1/namespaces/monitoring/deployments"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was not sent, less the statuses."""
    prefix = "dry run: not sent: "
    lines = [record.getMessage() for record in caplog.records]
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix) and not line.endswith("/status")]


def test_the_plan_goes_on_behind_what_is_deleted_to_be_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.add(
        agent(
            selectAllByDefault=True,
            serviceSpec={"useAsDefault": True, "spec": {"type": "ClusterIP", "clusterIP": "None"}},
        )
    )
    world.settle()
    service = {"useAsDefault": True, "spec": {"type": "NodePort", "clusterIP": None}}
    dry = Dry(world.transport)
    world.connect(dry)
    caplog.set_level("INFO", "vmagent_operator.cli.dry")
    world.patch(MAIN, {"spec": {"serviceSpec": service, "shardCount": 2}})
    sent = len(world.writes())
    world.read()
    while world.system.work() is not None:
        pass
    plan = said(caplog)
    assert plan.count(f"DELETE {SERVICE}") == 1
    assert plan.index(f"DELETE {SERVICE}") < plan.index(f"PATCH {SERVICE}")
    assert {f"PATCH {WORKLOADS}/vmagent-main-{shard}" for shard in (0, 1)} <= set(plan)
    assert len(world.writes()) == sent
    assert list(dry.changes.lines()) == [
        "+ Deployment monitoring/vmagent-main-0",
        "+ Deployment monitoring/vmagent-main-1",
        "! Service monitoring/vmagent-main (deleted and made again)",
        "    spec.clusterIP: None -> (none)",
        "    spec.externalTrafficPolicy: (none) -> Cluster",
        "    spec.type: ClusterIP -> NodePort",
        "",
        "Pods restart: no",
        "Pods start: Deployment monitoring/vmagent-main-0",
        "Pods start: Deployment monitoring/vmagent-main-1",
    ]

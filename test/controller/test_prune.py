"""What is no longer wanted goes, and nothing else does."""

from typing import Any

import pytest

from test.apiserver.pods import Fate
from test.controller import test_vmcluster
from test.controller.test_passes import AGENTS, KEY, change, status
from test.controller.world import World, agent
from vmagent_operator.identity import API_VERSION, OVERFLOW_LABEL
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Resource

PATH = f"/apis/{API_VERSION}/namespaces/monitoring/vmagents/main"
LABELS = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}


def settled(**spec: Any) -> World:
    """An agent at rest."""
    world = World()
    world.add(agent(**spec))
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    return world


def add(world: World, kind: str, name: str, *, is_referring: bool = True, **metadata: Any) -> None:
    """An object that says that it is the agent's."""
    own = world.get(AGENTS, *KEY)["metadata"]["uid"]
    reference = {"apiVersion": API_VERSION, "kind": "VMAgent", "name": "main", "uid": own, "controller": True}
    given = {"name": name, "namespace": "monitoring", "labels": LABELS, **metadata}
    references = {"ownerReferences": [reference]} if is_referring else {}
    world.add({"apiVersion": "v1", "kind": kind, "metadata": given | references})


def removals(world: World) -> list[str]:
    """The names of what has been deleted since the last time."""
    found = [path.rpartition("/")[2] for method, path in world.transport.requests if method == "DELETE"]
    world.transport.requests.clear()
    return found


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount"])
def test_what_is_not_asked_for_goes_unless_it_is_another_ones(kind: str) -> None:
    world = settled()
    other = {"apiVersion": API_VERSION, "kind": "VMAgent", "name": "main", "uid": "u", "controller": True}
    plural = f"{kind.lower()}s"
    add(world, kind, "old")
    add(world, kind, "of-nobody", is_referring=False)
    add(world, kind, "of-another", labels={**LABELS, "app.kubernetes.io/instance": "other"})
    add(world, kind, "shared", is_referring=False, ownerReferences=[{**other, "kind": "Database", "apiVersion": "v1"}])
    removals(world)
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert removals(world) == ["old"]
    assert {"of-nobody", "of-another"} <= set(world.names(plural))


def test_the_account_that_an_agent_is_given_stays_though_it_says_that_it_is_its_own() -> None:
    world = settled()
    change(world, AGENTS, *KEY, serviceAccountName="vmagent-main")
    world.settle(60)
    assert "vmagent-main" in world.names("serviceaccounts")
    change(world, AGENTS, *KEY, serviceAccountName="other")
    world.settle(60)
    assert "vmagent-main" not in world.names("serviceaccounts")


def test_an_overflow_secret_goes_by_its_label_whoever_has_taken_the_reference_away() -> None:
    world = settled()
    for name, label in (("ours", "vmagent-main"), ("theirs", "vmagent-other")):
        add(world, "Secret", name, is_referring=False, labels={**LABELS, OVERFLOW_LABEL: label})
    removals(world)
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert removals(world) == ["ours"]


def test_what_is_going_already_is_not_asked_to_go() -> None:
    world = settled()
    add(world, "ConfigMap", "slow", finalizers=["example.com/slow"])
    world.settle(60)
    world.delete("/api/v1/namespaces/monitoring/configmaps/slow")
    world.transport.requests.clear()
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert [path for _, path in world.transport.requests if path.endswith("/slow")] == []


def test_what_is_held_back_while_a_source_is_in_trouble_goes_when_that_is_over() -> None:
    world = settled()
    troubled: set[Resource] = {resource.CONFIGMAPS}
    world.system.stores.is_healthy = lambda kind: kind not in troubled
    for kind in ("ConfigMap", "Secret"):
        add(world, kind, f"old-{kind.lower()}")
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert removals(world) == ["old-secret"]
    held = world.system.metrics.registry.get_sample_value
    assert held("vmagent_operator_destructive_hold") == 1
    troubled.clear()
    change(world, AGENTS, *KEY, logLevel="ERROR")
    world.settle(60)
    assert removals(world) == ["old-configmap"]
    assert held("vmagent_operator_destructive_hold") == 0


def test_of_a_component_that_stays_everything_stays_until_it_runs_and_of_one_that_goes_nothing() -> None:
    more = {"serviceSpec": {"metadata": {"name": "more"}, "spec": {"ports": [{"port": 80, "name": "x"}]}}}
    world = test_vmcluster.world(vmselect={"replicaCount": 2, **more})
    assert "more" in world.names("services")
    world.api.workloads.set("* monitoring/vm*-main", Fate.CRASHING)
    world.patch(
        test_vmcluster.PATH, {"spec": {"clusterVersion": "v1.151.0-cluster", "vmselect": {"serviceSpec": None}}}
    )
    world.settle(60)
    assert "more" in world.names("services")
    world.patch(test_vmcluster.PATH, {"spec": {"vmselect": None}})
    world.settle(60)
    assert test_vmcluster.status(world)["updateStatus"] == "expanding"
    assert [name for name in world.names("services") if name in ("more", "vmselect-main")] == []

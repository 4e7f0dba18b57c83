"""When a cluster's workloads and their pods change: in which order, and who waits for whom."""

import pytest

from test.desired.test_vmcluster import PARTS, built, found
from vmagent_operator.model.decode import Manifest


def order(spec: Manifest, replicas: dict[str, int] | None = None) -> list[tuple[list[str], list[str]]]:
    """For each stage the workloads in it, and those that it waits for."""
    out = []
    for stage in built(spec, replicas).stages:
        running = [each["metadata"]["name"] for each in stage.objects if each["apiVersion"] == "apps/v1"]
        until = [each["metadata"]["name"] for each in stage.gate.until] if stage.gate else []
        out.append((running, until))
    return out


def test_storage_then_select_then_insert() -> None:
    storage, select, insert = "vmstorage-main", "vmselect-main", "vminsert-main"
    assert order(PARTS) == [([storage], []), ([select], [storage]), ([insert], [storage, select])]
    assert order(PARTS, {storage: 4}) == [([insert], []), ([select], [insert]), ([storage], [insert, select])]
    services = {each["metadata"]["name"] for each in built(PARTS).stages[0].objects if each["kind"] == "Service"}
    assert services == {storage, select, insert}


def test_a_cluster_that_is_not_there_yet_has_nothing_to_shrink() -> None:
    without = {**PARTS, "vmstorage": {"replicaCount": 0}}
    assert order(without) == order(without, {"vmstorage-main": 0}) != order(without, {"vmstorage-main": 1})


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        ({}, "Parallel"),
        ({"minReadySeconds": 1}, "OrderedReady"),
        ({"rollingUpdateStrategy": "RollingUpdate"}, "OrderedReady"),
        ({"rollingUpdateStrategy": "OnDelete"}, "Parallel"),
    ],
    ids=str,
)
def test_pods_come_one_by_one_where_each_has_to_prove_itself(spec: Manifest, policy: str) -> None:
    for name in ("vmstorage", "vmselect"):
        assert found({**PARTS, name: spec})[f"StatefulSet/{name}-main"]["spec"]["podManagementPolicy"] == policy


def test_the_balancer_changes_at_once_and_nobody_waits_for_it_but_what_leads_to_it() -> None:
    storage, select, insert, balancer = "vmstorage-main", "vmselect-main", "vminsert-main", "vmclusterlb-main"
    assert order({**PARTS, "requestsLoadBalancer": {"enabled": True}}) == [
        ([balancer, storage], []),
        ([select], [storage]),
        ([insert], [storage, select]),
        ([], [balancer, select]),
        ([], [balancer, insert]),
    ]


def test_what_clients_know_leads_to_the_balancer_once_that_runs() -> None:
    stages = built({**PARTS, "requestsLoadBalancer": {"enabled": True}}).stages
    fronts = {stage.objects[0]["metadata"]["name"]: stage.gate for stage in stages[3:]}
    assert fronts.keys() == {"vmselect-main", "vminsert-main"}
    for name, gate in fronts.items():
        assert gate is not None
        assert gate.since is not None
        assert [each["metadata"]["name"] for each in gate.until] == ["vmclusterlb-main", name]
        assert gate.since["metadata"]["name"] == name.replace("-", "internal-")

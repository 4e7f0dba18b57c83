"""What a user does with a VMCluster, on the real control plane, with the rights that we ship."""

from __future__ import annotations

from functools import partial

import pytest

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.test_scenarios import REMOTE, Names
from test.e2e.world import COLLECTIONS, World

pytestmark = pytest.mark.cluster
PATIENCE_SECONDS = 120.0
SPEC: Json = {
    "replicationFactor": 2,
    "vmstorage": {
        "replicaCount": 2,
        "storage": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}},
        "podDisruptionBudget": {"maxUnavailable": 1},
    },
    "vmselect": {"replicaCount": 2},
    "vminsert": {"replicaCount": 1},
}
WORKLOADS = (("StatefulSet", "vmstorage-main"), ("StatefulSet", "vmselect-main"), ("Deployment", "vminsert-main"))


def is_operational(world: World, namespace: str) -> bool:
    cluster = world.get("VMCluster", namespace, "main")
    status = cluster.get("status") or {}
    is_current = status.get("observedGeneration") == cluster["metadata"]["generation"]
    return is_current and status.get("updateStatus") == "operational"


def settled(world: World, namespace: str) -> None:
    eventually(partial(is_operational, world, namespace), seconds=PATIENCE_SECONDS)


def pods(world: World, namespace: str) -> dict[str, str]:
    items = world.api.items(f"/api/v1/namespaces/{namespace}/pods")
    return {item["metadata"]["name"]: item["spec"]["containers"][0]["image"] for item in items}


def test_a_cluster_comes_grows_changes_and_goes(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMAgent", namespace, "main", REMOTE)
    eventually(lambda: world.is_operational(namespace, "main"), seconds=PATIENCE_SECONDS)
    agent = world.get("Deployment", namespace, "vmagent-main")["metadata"]
    world.create("VMCluster", namespace, "main", SPEC)
    settled(world, namespace)
    made = [world.get(kind, namespace, name)["metadata"]["creationTimestamp"] for kind, name in WORKLOADS]
    assert made == sorted(made)

    world.merge("VMCluster", namespace, "main", {"spec": {"vmstorage": {"replicaCount": 3}}})
    settled(world, namespace)
    assert {"vmstorage-main-0", "vmstorage-main-1", "vmstorage-main-2"} <= pods(world, namespace).keys()
    world.merge("VMCluster", namespace, "main", {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    settled(world, namespace)
    eventually(
        lambda: all(":v1.151.0" in image for name, image in pods(world, namespace).items() if "vmagent" not in name)
    )

    eventually(lambda: world.versions(namespace) == world.versions(namespace, after_seconds=3))
    assert world.versions(namespace) == world.versions(namespace, after_seconds=5)
    world.delete("VMCluster", namespace, "main")
    eventually(lambda: world.find("VMCluster", namespace, "main") is None)
    eventually(lambda: all(world.find(kind, namespace, name) is None for kind, name in WORKLOADS))
    claims = world.api.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
    assert len(claims) == 3
    left = world.get("Deployment", namespace, "vmagent-main")["metadata"]
    assert (left["uid"], left["generation"]) == (agent["uid"], agent["generation"])


def storage(size: str) -> Json:
    return {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": size}}}}}


def test_claims_grow_under_running_pods_and_do_not_shrink(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMCluster", namespace, "main", SPEC)
    settled(world, namespace)
    before = uids(world, "Pod", namespace), uids(world, "PersistentVolumeClaim", namespace)
    assert len(before[1]) == 2
    world.merge("VMCluster", namespace, "main", {"spec": {"vmstorage": {"storage": storage("2Gi")}}})
    settled(world, namespace)
    assert sizes(world, namespace) == ["2Gi", "2Gi"]
    world.merge("VMCluster", namespace, "main", {"spec": {"vmstorage": {"storage": storage("1Gi")}}})
    settled(world, namespace)
    assert sizes(world, namespace) == ["2Gi", "2Gi"]
    assert (uids(world, "Pod", namespace), uids(world, "PersistentVolumeClaim", namespace)) == before


def uids(world: World, kind: str, namespace: str) -> dict[str, str]:
    items = world.api.items(COLLECTIONS[kind].format(namespace))
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}


def sizes(world: World, namespace: str) -> list[str]:
    """What each claim has, once that is what it asks for."""

    def claims() -> list[Json]:
        return world.api.items(COLLECTIONS["PersistentVolumeClaim"].format(namespace))

    eventually(
        lambda: all(each["status"].get("capacity") == each["spec"]["resources"]["requests"] for each in claims())
    )
    return [each["spec"]["resources"]["requests"]["storage"] for each in claims()]


def test_storage_nodes_are_replaced_as_their_budget_allows_and_in_order(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    forbidding = {**SPEC, "vmstorage": {**SPEC["vmstorage"], "podDisruptionBudget": {"maxUnavailable": 0}}}
    world.create("VMCluster", namespace, "main", forbidding)
    settled(world, namespace)
    before = uids(world, "Pod", namespace)
    world.merge("VMCluster", namespace, "main", {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    eventually(lambda: "budget forbids it" in lacking(world, namespace, "VMStorageReady"), seconds=PATIENCE_SECONDS)
    assert lacking(world, namespace, "VMSelectReady") == "waits for its turn"
    assert uids(world, "Pod", namespace) == before
    world.merge("VMCluster", namespace, "main", {"spec": {"vmstorage": {"podDisruptionBudget": {"maxUnavailable": 1}}}})
    settled(world, namespace)
    began = {item["metadata"]["name"]: item["metadata"]["creationTimestamp"] for item in pods_of(world, namespace)}
    stateful = [f"{name}-{ordinal}" for name in ("vmstorage-main", "vmselect-main") for ordinal in (0, 1)]
    assert [began[name] for name in stateful] == sorted(began[name] for name in stateful)
    # an old pod of the Deployment goes after the new one is ready
    eventually(lambda: not before.items() & uids(world, "Pod", namespace).items())


def pods_of(world: World, namespace: str) -> list[Json]:
    return world.api.items(COLLECTIONS["Pod"].format(namespace))


def lacking(world: World, namespace: str, condition: str) -> str:
    conditions = world.status("VMCluster", namespace, "main").get("conditions", ())
    return next((str(each.get("message", "")) for each in conditions if each["type"] == condition), "")


def test_a_balancer_comes_and_goes_and_clients_keep_their_addresses(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMCluster", namespace, "main", SPEC)
    settled(world, namespace)

    def leads_to(service: str) -> str:
        return str(world.get("Service", namespace, service)["spec"]["selector"]["app.kubernetes.io/name"])

    world.merge("VMCluster", namespace, "main", {"spec": {"requestsLoadBalancer": {"enabled": True}}})
    settled(world, namespace)
    eventually(lambda: leads_to("vmselect-main") == leads_to("vminsert-main") == "vmclusterlb-vmauth-balancer")
    assert world.get("StatefulSet", namespace, "vmselect-main")["spec"]["serviceName"] == "vmselectinternal-main"
    subdomains = {each["spec"].get("subdomain") for each in pods_of(world, namespace)}
    assert subdomains - {None} == {"vmstorage-main", "vmselectinternal-main"}
    world.merge("VMCluster", namespace, "main", {"spec": {"requestsLoadBalancer": None}})
    settled(world, namespace)
    eventually(lambda: world.find("Deployment", namespace, "vmclusterlb-main") is None)
    eventually(lambda: world.find("Service", namespace, "vmselectinternal-main") is None)
    assert (leads_to("vmselect-main"), leads_to("vminsert-main")) == ("vmselect", "vminsert")
    eventually(lambda: world.versions(namespace) == world.versions(namespace, after_seconds=3))
    assert world.versions(namespace) == world.versions(namespace, after_seconds=5)

"""What a user does with a VMCluster, on the real control plane, with the rights that we ship."""

from __future__ import annotations

from functools import partial

import pytest

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.test_scenarios import REMOTE, Names
from test.e2e.world import World

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

    before = world.versions(namespace, after_seconds=3)
    assert world.versions(namespace, after_seconds=5) == before
    world.delete("VMCluster", namespace, "main")
    eventually(lambda: world.find("VMCluster", namespace, "main") is None)
    eventually(lambda: all(world.find(kind, namespace, name) is None for kind, name in WORKLOADS))
    claims = world.api.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
    assert len(claims) == 3
    left = world.get("Deployment", namespace, "vmagent-main")["metadata"]
    assert (left["uid"], left["generation"]) == (agent["uid"], agent["generation"])

"""The control plane does what tests rely on: controllers work, permissions hold, volumes grow, broken pods stay broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from test.controlplane.api import Api, Refused
from test.controlplane.cluster import Cluster, eventually

pytestmark = pytest.mark.cluster


@pytest.fixture
def namespace(controllers: Cluster) -> Iterator[str]:
    with controllers.namespace() as name:
        yield name


def workload(kind: str, name: str, image: str = "web:1", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def test_workloads_of_every_kind_become_ready(controllers: Cluster, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}"
    controllers.api.create(f"{path}/deployments", workload("Deployment", "d", replicas=2))
    controllers.api.create(f"{path}/statefulsets", workload("StatefulSet", "s", replicas=2, serviceName="s"))
    controllers.api.create(f"{path}/daemonsets", workload("DaemonSet", "e"))
    eventually(
        lambda: (
            status(controllers, "deployments/d", namespace).get("readyReplicas") == 2
            and status(controllers, "statefulsets/s", namespace).get("readyReplicas") == 2
            and status(controllers, "daemonsets/e", namespace).get("numberReady") == 1
        )
    )


def test_a_pod_that_crashes_keeps_its_deployment_unavailable(controllers: Cluster, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    controllers.api.create(path, workload("Deployment", "d", image="web:crash-loop", replicas=1))
    eventually(lambda: any(container["restartCount"] for container in containers(controllers, namespace)))
    eventually(lambda: status(controllers, "deployments/d", namespace).get("unavailableReplicas") == 1)


def test_what_an_owner_leaves_behind_is_collected(controllers: Cluster, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    controllers.api.create(path, workload("Deployment", "d", replicas=1))
    pods = f"/api/v1/namespaces/{namespace}/pods"
    eventually(lambda: len(controllers.api.items(pods)) == 1)
    controllers.api.delete(f"{path}/d")
    eventually(lambda: controllers.api.items(pods) == [])


def test_a_claim_is_bound_and_grows(controllers: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}
    controllers.api.create(path, claim)
    eventually(lambda: controllers.api.get(f"{path}/data")["status"].get("capacity") == {"storage": "1Gi"})
    controllers.api.merge(f"{path}/data", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    eventually(lambda: controllers.api.get(f"{path}/data")["status"]["capacity"] == {"storage": "2Gi"})


def test_a_service_account_may_only_what_it_was_granted(controllers: Cluster, namespace: str) -> None:
    kubeconfig = controllers.service_account(namespace, "reader")
    account = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    controllers.api.create(f"{path}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    binding = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [account]}
    controllers.api.create(f"{path}/rolebindings", binding)
    eventually(lambda: controllers.may(kubeconfig, "list", "secrets", namespace=namespace))
    with pytest.raises(Refused) as refusal:
        Api(kubeconfig).get(f"/api/v1/namespaces/{namespace}/configmaps")
    assert refusal.value.status == 403


def status(cluster: Cluster, name: str, namespace: str) -> dict[str, Any]:
    found = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/{name}")
    return dict(found.get("status", {}))


def containers(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    pods = cluster.api.items(f"/api/v1/namespaces/{namespace}/pods")
    return [container for pod in pods for container in pod["status"].get("containerStatuses", ())]

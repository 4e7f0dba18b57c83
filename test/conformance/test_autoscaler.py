"""The number of pods that somebody's autoscaler sets through the scale subresource, on a server whose records are its own."""

from typing import Any

import pytest

from test.conformance.test_edits import applier, manifests, path_of
from test.controlplane.api import JSON_PATCH, MERGE_PATCH, Api
from vmagent_operator.kube.write.apply import Applier
from vmagent_operator.kube.write.managedfields import Migration

__all__ = ["applier"]

YIELDING = Migration(yielded=frozenset({"spec.replicas"}))


def workload(namespace: str, **more: Any) -> dict[str, Any]:
    spec = {"nodeSelector": {"there": "is-none"}, **more}
    return next(one for one in manifests(spec, namespace) if one["kind"] in ("Deployment", "StatefulSet"))


def scale(api: Api, path: str, replicas: int) -> None:
    body = {"spec": {"replicas": replicas}}
    api.request("PATCH", f"{path}/scale", body, content_type=MERGE_PATCH, fieldManager="kube-controller-manager")


@pytest.mark.parametrize("mode", [{}, {"statefulMode": True}], ids=["Deployment", "StatefulSet"])
@pytest.mark.parametrize("predecessor", [None, "app", ""], ids=["ours", "taken over", "of nobody known"])
def test_its_number_stays(
    cluster: Api, namespace: str, applier: Applier, mode: dict[str, Any], predecessor: str | None
) -> None:
    desired = workload(namespace, **mode)
    path = path_of(desired)
    applier.ensure(desired, YIELDING)
    assert cluster.get(path)["spec"]["replicas"] == 1
    scale(cluster, path, 3)
    if predecessor is not None:
        entries = cluster.get(path)["metadata"]["managedFields"]
        for entry in entries:
            if entry["manager"] == "vmagent-operator":
                entry |= {"manager": predecessor, "operation": "Update"}
        value = entries if predecessor else [{}]
        operations = [{"op": "replace", "path": "/metadata/managedFields", "value": value}]
        cluster.request("PATCH", path, operations, content_type=JSON_PATCH)
    for wanted in (desired, workload(namespace, **mode, logLevel="WARN")):
        for _ in range(3):
            last = applier.ensure(wanted, YIELDING)
            assert cluster.get(path)["spec"]["replicas"] == 3
        assert last.action == ""
    scale(cluster, path, 5)
    assert applier.ensure(wanted, YIELDING).action == ""
    applier.ensure(workload(namespace, **mode, replicaCount=2))
    assert cluster.get(path)["spec"]["replicas"] == 2

"""A Service keeps its addresses, whoever is recorded as having written it, and is made anew only if it must be."""

from typing import Any

import pytest

from test.conformance.test_edits import applier, manifests, path_of
from test.controlplane.api import JSON_PATCH, Api
from vmagent_operator.kube.write.apply import Applier

__all__ = ["applier"]

Json = dict[str, Any]
GIVEN = {"useAsDefault": True, "spec": {"type": "LoadBalancer"}}
BY_OTHERS: Json = {"example.com/target": "nlb-1"}


def service(namespace: str, **more: Any) -> Json:
    """The Service of an agent."""
    spec = {"replicaCount": 0, "serviceSpec": GIVEN, **more}
    return next(one for one in manifests(spec, namespace) if one["kind"] == "Service")


def kept(live: Json) -> Json:
    """What must not change."""
    spec, metadata = live["spec"], live["metadata"]
    given = {key: spec[key] for key in ("clusterIP", "clusterIPs", "loadBalancerClass", "ipFamilies")}
    return {**given, "nodePort": spec["ports"][0]["nodePort"], "uid": metadata["uid"], "by": metadata["annotations"]}


def recorded(api: Api, path: str, manager: str) -> None:
    """Let `managedFields` say that `manager` has written all of it; nobody, if it is empty."""
    live = api.get(path)
    fields: Json = {}
    for entry in live["metadata"]["managedFields"]:
        fields = _union(fields, entry["fieldsV1"]) if not entry.get("subresource") else fields
    given: Json = {
        f"f:{key}": {} for key in ("clusterIP", "clusterIPs", "loadBalancerClass", "ipFamilies", "ipFamilyPolicy")
    }
    port: Json = {"f:nodePort": {}}
    ports = {item: {**tree, **port} for item, tree in fields["f:spec"]["f:ports"].items() if item != "."}
    fields["f:spec"] = {**fields["f:spec"], **given, "f:ports": ports}
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    value = [{**entry, "time": "2024-01-01T00:00:00Z"}] if manager else [{}]
    operations = [{"op": "replace", "path": "/metadata/managedFields", "value": value}]
    api.request("PATCH", path, operations, content_type=JSON_PATCH, fieldManager="tool")


def _union(one: Json, other: Json) -> Json:
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}


@pytest.mark.parametrize(
    "manager", ["", "app", "velero-server", "kubectl-edit", "before-first-apply", "vmagent-operator"]
)
def test_it_keeps_what_it_was_given(cluster: Api, namespace: str, applier: Applier, manager: str) -> None:
    desired = service(namespace)
    path = path_of(desired)
    made = {**desired, "metadata": {**desired["metadata"], "annotations": BY_OTHERS}}
    made["spec"] = {**desired["spec"], "loadBalancerClass": "example.com/a"}
    cluster.create(path.rpartition("/")[0], made)
    recorded(cluster, path, manager)
    before = kept(cluster.get(path))
    told = list[str]()
    applier.before_recreation = told.append
    assert desired["metadata"]["annotations"] == {}  # which is no claim to those of others
    assert applier.ensure(desired).action
    assert kept(cluster.get(path)) == before
    applier.ensure(desired)  # what nobody was recorded for is now, and becomes ours
    assert applier.ensure(desired).action == ""
    applier.ensure(service(namespace, port="9000"))
    live = cluster.get(path)
    assert kept(live) == before
    assert [port["port"] for port in live["spec"]["ports"]] == [9000]
    assert told == []


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort"])
def test_another_type_needs_no_other_object(cluster: Api, namespace: str, applier: Applier, type_: str) -> None:
    applier.ensure(service(namespace))
    before = cluster.get(path_of(service(namespace)))
    desired = service(namespace, serviceSpec={"useAsDefault": True, "spec": {"type": type_}})
    applier.ensure(desired)
    live = cluster.get(path_of(desired))
    assert live["metadata"]["uid"] == before["metadata"]["uid"]
    assert live["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert live["spec"]["type"] == type_
    assert applier.ensure(desired).action == ""


@pytest.mark.parametrize(
    "change", [{"clusterIP": "None"}, {"type": "LoadBalancer", "loadBalancerClass": "example.com/b"}]
)
def test_what_is_refused_is_told_and_made_anew(
    cluster: Api, namespace: str, applier: Applier, change: dict[str, str]
) -> None:
    first = (
        {"type": "LoadBalancer", "loadBalancerClass": "example.com/a"} if "type" in change else {"type": "ClusterIP"}
    )
    for spec, count in ((first, 0), (change, 1), (first, 2)):
        if count == 0:
            told = list[str]()
            applier.before_recreation = told.append
        desired = service(namespace, serviceSpec={"useAsDefault": True, "spec": spec})
        applier.ensure(desired)
        assert applier.ensure(desired).action == ""
        assert len(told) == count, told


def test_one_of_somebody_else_that_is_handed_over_is_made_as_desired(
    cluster: Api, namespace: str, applier: Applier
) -> None:
    desired = service(namespace, serviceSpec=None)
    metadata = {key: desired["metadata"][key] for key in ("name", "namespace", "labels")}
    theirs = {"selector": {"app": "old"}, "ports": [{"port": 80, "targetPort": 8429}]}
    path = path_of(desired)
    cluster.create(
        path.rpartition("/")[0], {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": theirs}
    )
    before = cluster.get(path)
    applier.ensure(desired)
    live = cluster.get(path)
    assert [(port["name"], port["port"]) for port in live["spec"]["ports"]] == [("http", 8429)]
    assert (live["spec"]["clusterIP"], live["metadata"]["uid"]) == (
        before["spec"]["clusterIP"],
        before["metadata"]["uid"],
    )
    assert applier.ensure(desired).action == ""

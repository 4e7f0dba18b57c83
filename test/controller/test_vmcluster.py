"""Clusters in a whole operator: order, rest, what goes, autoscalers, and a process that dies at any of its writes."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from test.apiserver.pods import Fate
from test.controller.test_crashes import Fragile, Killed
from test.controller.world import World, agent
from vmagent_operator.api import kinds
from vmagent_operator.controller.vmcluster import VMCLUSTER
from vmagent_operator.identity import API_VERSION, FINALIZER

KEY = NAMESPACE, NAME = ("monitoring", "main")
PATH = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/vmclusters/{NAME}"
AGENTS = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/vmagents"
SETS, DEPLOYMENTS = "statefulsets.apps", "deployments.apps"
PARTS: dict[str, Any] = {
    "replicationFactor": 2,
    "vmstorage": {"replicaCount": 3},
    "vmselect": {"replicaCount": 2},
    "vminsert": {"replicaCount": 2},
}


def cluster(**spec: Any) -> dict[str, Any]:
    """A VMCluster of three components."""
    metadata = {"namespace": NAMESPACE, "name": NAME}
    return {"apiVersion": API_VERSION, "kind": "VMCluster", "metadata": metadata, "spec": {**PARTS, **spec}}


def world(**spec: Any) -> World:
    """A cluster beside an agent of the same name, at rest."""
    found = World()
    found.add(agent())
    found.add(cluster(**spec))
    found.settle(120)
    return found


def status(at: World) -> dict[str, Any]:
    found: dict[str, Any] = at.get("vmclusters.operator.victoriametrics.com", *KEY).get("status", {})
    return found


def conditions(at: World) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status(at).get("conditions", ())}


def image(at: World, resource: str, name: str) -> str:
    found: str = at.get(resource, NAMESPACE, name)["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def test_it_is_brought_about_beside_an_agent_of_the_same_name() -> None:
    at = world()
    assert status(at)["updateStatus"] == "operational"
    assert at.get("vmclusters.operator.victoriametrics.com", *KEY)["metadata"]["finalizers"] == [FINALIZER]
    assert at.names(SETS) == ["vmselect-main", "vmstorage-main"]
    assert at.names(DEPLOYMENTS) == ["vmagent-main", "vminsert-main"]
    ready = {name: conditions(at)[name] for name in ("VMStorageReady", "VMSelectReady", "VMInsertReady")}
    assert ready == {"VMStorageReady": "True", "VMSelectReady": "True", "VMInsertReady": "True"}


def test_workloads_are_made_one_after_the_other() -> None:
    at = world()
    paths = [path for method, path in at.writes() if "/apps/v1/" in path and "vmagent" not in path]
    first = list(dict.fromkeys(path.split("?")[0].rpartition("/")[2] for path in paths))
    assert first[:3] == ["vmstorage-main", "vmselect-main", "vminsert-main"]


def test_a_failing_storage_node_holds_the_others_where_they_are() -> None:
    at = world()
    before = image(at, DEPLOYMENTS, "vminsert-main")
    at.api.workloads.set("StatefulSet monitoring/vmstorage-main", Fate.CRASHING)
    at.patch(PATH, {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    at.settle(30)
    assert image(at, SETS, "vmstorage-main").endswith(":v1.151.0-cluster")
    assert image(at, SETS, "vmselect-main").endswith(":v1.150.0-cluster")
    assert image(at, DEPLOYMENTS, "vminsert-main") == before
    assert conditions(at)["VMStorageReady"] == "False"
    at.api.workloads.set("StatefulSet monitoring/vmstorage-main", Fate.READY)
    at.settle(600)
    assert image(at, DEPLOYMENTS, "vminsert-main").endswith(":v1.151.0-cluster")
    assert status(at)["updateStatus"] == "operational"


def test_at_rest_nothing_is_written() -> None:
    at = world(requestsLoadBalancer={"enabled": True})
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []
    at.start()
    at.settle(300)
    assert at.writes() == []


REMOVALS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "component": ({}, {"vminsert": None}, DEPLOYMENTS, "vminsert-main"),
    "budget": (
        {"vmstorage": {"replicaCount": 3, "podDisruptionBudget": {"maxUnavailable": 1}}},
        {"vmstorage": {"podDisruptionBudget": None}},
        "poddisruptionbudgets.policy",
        "vmstorage-main",
    ),
    "service": (
        {"vmselect": {"replicaCount": 2, "serviceSpec": {"spec": {"type": "NodePort"}}}},
        {"vmselect": {"serviceSpec": None}},
        "services",
        "vmselect-main-additional-service",
    ),
    "self scrape": (
        {},
        {"vminsert": {"disableSelfServiceScrape": True}},
        "vmservicescrapes.operator.victoriametrics.com",
        "vminsert-main",
    ),
    "balancer": (
        {"requestsLoadBalancer": {"enabled": True}},
        {"requestsLoadBalancer": None},
        DEPLOYMENTS,
        "vmclusterlb-main",
    ),
    "policy": (
        {"vminsert": {"replicaCount": 2, "networkPolicy": {"ingress": [{}]}}},
        {"vminsert": {"networkPolicy": None}},
        "networkpolicies.networking.k8s.io",
        "vminsert-main",
    ),
    "autoscaler": (
        {"vminsert": {"replicaCount": 2, "hpa": {"maxReplicas": 3}}},
        {"vminsert": {"hpa": None}},
        "horizontalpodautoscalers.autoscaling",
        "vminsert-main",
    ),
    "account": ({}, {"serviceAccountName": "theirs"}, "serviceaccounts", "vmcluster-main"),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_what_is_no_longer_asked_for_goes(name: str) -> None:
    before, after, resource, child = REMOVALS[name]
    at = world(**before)
    assert child in at.names(resource)
    at.patch(PATH, {"spec": after})
    at.settle(600)
    assert child not in at.names(resource)
    assert status(at)["updateStatus"] == "operational"
    assert "vmagent-main" in at.names(DEPLOYMENTS)


def test_a_budget_that_forbids_the_rollout_goes_when_it_is_no_longer_asked_for() -> None:
    at = world(vmstorage={"replicaCount": 3, "podDisruptionBudget": {"maxUnavailable": 0}})
    at.patch(PATH, {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    at.settle(60)
    assert "a disruption budget forbids it" in status(at)["reason"]
    at.patch(PATH, {"spec": {"vmstorage": {"podDisruptionBudget": None}}})
    at.settle(600)
    assert at.names("poddisruptionbudgets.policy") == []
    assert status(at)["updateStatus"] == "operational"
    assert image(at, DEPLOYMENTS, "vminsert-main").endswith(":v1.151.0-cluster")


def test_what_nothing_depends_on_goes_while_storage_nodes_fail() -> None:
    at = world(vminsert={"replicaCount": 1, "podDisruptionBudget": {"maxUnavailable": 1}}, serviceAccountName="old")
    at.api.workloads.set("StatefulSet monitoring/vmstorage-main", Fate.CRASHING)
    at.patch(PATH, {"spec": {"clusterVersion": "v1.151.0-cluster", "serviceAccountName": None, "vminsert": None}})
    at.settle(60)
    assert conditions(at)["VMStorageReady"] == "False"
    assert at.names(DEPLOYMENTS) == ["vmagent-main"]
    assert at.names("poddisruptionbudgets.policy") == []
    assert at.names("services") == ["vmagent-main", "vmselect-main", "vmstorage-main"]
    at.patch(PATH, {"spec": {"vmstorage": None, "vmselect": {"extraArgs": {"storageNode": "elsewhere:8401"}}}})
    at.api.workloads.set("StatefulSet monitoring/vmselect-main", Fate.CRASHING)
    at.settle(60)
    assert at.names(SETS) == ["vmselect-main", "vmstorage-main"]  # read until nobody is told of it
    at.api.workloads.set("StatefulSet monitoring/vmselect-main", Fate.READY)
    at.settle(600)
    assert at.names(SETS) == ["vmselect-main"]
    assert status(at)["updateStatus"] == "operational"


def test_the_number_of_pods_is_the_autoscalers() -> None:
    at = world(vmselect={"replicaCount": 2, "hpa": {"maxReplicas": 5}})
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/vmselect-main"
    at.patch(path, {"spec": {"replicas": 4}})
    at.patch(PATH, {"spec": {"vmselect": {"podMetadata": {"labels": {"a": "b"}}}}})
    at.settle(600)
    assert at.get(SETS, NAMESPACE, "vmselect-main")["spec"]["replicas"] == 4
    assert at.get(SETS, NAMESPACE, "vmselect-main")["spec"]["template"]["metadata"]["labels"]["a"] == "b"
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []


def test_where_no_number_is_asked_for_that_of_somebody_else_stays() -> None:
    at = World()
    at.add({**cluster(), "spec": {"vmstorage": {}, "vmselect": {}, "vminsert": {}}})
    at.settle(120)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}"
    for name in ("statefulsets/vmstorage-main", "statefulsets/vmselect-main", "deployments/vminsert-main"):
        at.patch(f"{path}/{name}", {"spec": {"replicas": 3}})
    at.patch(PATH, {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    at.settle(600)
    found = {name: at.get(SETS, NAMESPACE, name)["spec"]["replicas"] for name in ("vmstorage-main", "vmselect-main")}
    found["vminsert-main"] = at.get(DEPLOYMENTS, NAMESPACE, "vminsert-main")["spec"]["replicas"]
    assert found == {"vmstorage-main": 3, "vmselect-main": 3, "vminsert-main": 3}
    at.patch(PATH, {"spec": {"vminsert": {"replicaCount": 2}}})
    at.settle(600)
    assert at.get(DEPLOYMENTS, NAMESPACE, "vminsert-main")["spec"]["replicas"] == 2


HOSTS = ["vminsert-main", "vminsert-main.monitoring", "vminsert-main.monitoring.svc.cluster.local"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_pair_of_agents_is_told_of_while_nothing_makes_one_of_its_samples(host: str) -> None:
    at = world()
    url = f"http://{host}:8480/insert/0/prometheus/api/v1/write"
    at.patch(f"{AGENTS}/main", {"spec": {"replicaCount": 2, "remoteWrite": [{"url": url}]}})
    at.settle(120)
    wanted = "several pods each of monitoring/main write the same samples, and dedup.minScrapeInterval is 1ms"
    assert wanted in doubts(at)
    interval = {"extraArgs": {"dedup.minScrapeInterval": "30s"}}
    at.patch(PATH, {"spec": {"vmselect": interval, "vmstorage": interval}})
    at.settle(300)
    assert doubts(at) == ""


@pytest.mark.parametrize(
    "agent_spec",
    [
        {"replicaCount": 1, "remoteWrite": [{"url": "http://vminsert-main:8480/"}]},
        {"replicaCount": 2, "remoteWrite": [{"url": "http://vminsert-main.other:8480/"}]},
        {"replicaCount": 2, "remoteWrite": [{"url": "http://vminsert-other:8480/"}, {"url": "http://[a:8480/"}]},
    ],
    ids=["one pod", "elsewhere", "another"],
)
def test_other_agents_are_not(agent_spec: dict[str, Any]) -> None:
    at = world()
    at.patch(f"{AGENTS}/main", {"spec": agent_spec})
    at.settle(120)
    assert doubts(at) == ""


def doubts(at: World) -> str:
    """What is doubtful about the cluster, by its status."""
    found = (each for each in status(at).get("conditions", ()) if each.get("reason") == "DoubtfulSpec")
    return "".join(str(each["message"]) for each in found)


def test_it_goes_and_leaves_the_agent_alone() -> None:
    at = world()
    uids = at.uids(DEPLOYMENTS)
    at.delete(PATH)
    at.settle(60)
    assert at.names("vmclusters.operator.victoriametrics.com") == []
    assert at.names(DEPLOYMENTS) == ["vmagent-main"]
    assert at.uids(DEPLOYMENTS)["vmagent-main"] == uids["vmagent-main"]


CRASHES: Mapping[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "create": (None, {}),
    "scale down": ({}, {"vmstorage": {"replicaCount": 2}}),
    "balance": ({}, {"requestsLoadBalancer": {"enabled": True}}),
    "stop to balance": ({"requestsLoadBalancer": {"enabled": True}}, {"requestsLoadBalancer": None}),
    "image": ({}, {"clusterVersion": "v1.151.0-cluster"}),
    "fewer components": (
        {"vminsert": {"podDisruptionBudget": {"maxUnavailable": 1}, "hpa": {"maxReplicas": 3}}},
        {"vminsert": None, "serviceAccountName": "theirs"},
    ),
    "volumes": (
        {},
        {"vmstorage": {"storage": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}}},
    ),
}


def begun(before: dict[str, Any] | None, after: dict[str, Any]) -> World:
    at = World()
    if before is None:
        at.add(cluster(**after))
        return at
    at.add(cluster(**before))
    at.settle(60)
    at.patch(PATH, {"spec": after})
    return at


def outcome(at: World) -> str:
    return json.dumps([sorted(map(str, at.children().items())), status(at).get("updateStatus")])


@pytest.mark.slow
@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_at_any_write_changes_nothing_in_the_end(name: str) -> None:
    before, after = CRASHES[name]
    undisturbed = begun(before, after)
    undisturbed.settle(600)
    wanted = outcome(undisturbed)
    for at in range(1, 80):
        for late in (False, True):
            found = begun(before, after)
            found.connect(Fragile(found.transport, at, late))
            try:
                found.settle(600)
            except Killed:
                found.start()
                found.settle(600)
                assert outcome(found) == wanted, f"killed at write {at}, {'after' if late else 'before'} its effect"
            else:
                assert at > 1
                return
    raise AssertionError("more writes than expected")


def _claimed(name: str = "vmstorage-db", size: str = "1Gi") -> dict[str, Any]:
    template = {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": size}}}}
    return {"vmstorage": {"replicaCount": 2, "storage": {"volumeClaimTemplate": template}}}


@pytest.mark.parametrize(
    "storage",
    [None, {"emptyDir": {}}, _claimed("other")["vmstorage"]["storage"]],
    ids=["dropped", "a directory", "another name"],
)
def test_the_data_of_storage_nodes_do_not_go_out_of_sight(storage: dict[str, Any] | None) -> None:
    at = world(**_claimed())
    before = at.get(SETS, NAMESPACE, "vmstorage-main")
    assert before["spec"]["volumeClaimTemplates"]
    at.patch(PATH, {"spec": {"vmstorage": {"storage": None}}})
    at.patch(PATH, {"spec": {"vmstorage": {"storage": storage}}})
    at.settle(120)
    assert status(at)["updateStatus"] == "failed"
    assert status(at)["reason"].startswith("spec.vmstorage.storage: the data are in claims called vmstorage-db")
    assert at.get(SETS, NAMESPACE, "vmstorage-main")["metadata"]["uid"] == before["metadata"]["uid"]
    assert at.get(SETS, NAMESPACE, "vmstorage-main")["spec"] == before["spec"]


def test_a_storage_node_that_nobody_counts_any_more_stays() -> None:
    at = world(vmstorage={"hpa": {"minReplicas": 2, "maxReplicas": 6}})
    at.api.settle()
    body = json.dumps({"spec": {"replicas": 5}}).encode()
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/vmstorage-main/scale"
    at._request("PATCH", path, headers={"content-type": "application/merge-patch+json"}, body=body)
    at.settle(120)
    at.patch(PATH, {"spec": {"vmstorage": {"hpa": None}}})
    at.settle(120)
    assert at.get(SETS, NAMESPACE, "vmstorage-main")["spec"]["replicas"] == 5
    assert "horizontalpodautoscalers.autoscaling" not in status(at).get("reason", "")
    at.patch(PATH, {"spec": {"vmstorage": {"replicaCount": 2}}})
    at.settle(120)
    assert at.get(SETS, NAMESPACE, "vmstorage-main")["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("part", "name", "yields"),
    [
        ({"replicaCount": 2}, "vmselect-main", False),
        ({"replicaCount": None}, "vmselect-main", True),
        ({"replicaCount": 2, "hpa": {"minReplicas": 1, "maxReplicas": 3}}, "vmselect-main", True),
        ({"replicaCount": None}, "vmselect-other", False),
        ({"replicaCount": None}, "vmstorage-main", False),
    ],
)
def test_a_number_of_pods_is_anothers_to_say_where_nobody_says_it_here(
    part: dict[str, Any], name: str, yields: bool
) -> None:
    component = name.partition("-")[0]
    owner = kinds.read(cluster(**{component: part}))
    manifest = {"kind": "StatefulSet", "metadata": {"name": name}}
    assert VMCLUSTER.yields(owner, manifest) == (frozenset({"spec.replicas"}) if yields else frozenset())
    assert VMCLUSTER.yields(owner, {**manifest, "kind": "Service"}) == frozenset()

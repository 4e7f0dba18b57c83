"""The shipped role is exactly what the operator needs: nothing is refused, and every right is used in the life of owners."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from attrs import frozen

from test.controlplane.api import Json
from test.controlplane.cluster import Cluster, eventually
from test.controlplane.servers import AUDIT
from test.e2e import prometheus
from test.e2e.world import OWN, World
from test.manifests.built import build, one
from vmagent_operator.api.kinds import OWNER_KINDS
from vmagent_operator.identity import API_VERSION, GROUP

pytestmark = pytest.mark.cluster
Right = tuple[str, str, str]
"""API group, resource with subresource, verb."""


@frozen
class Life:
    """What the audit log tells of the operator's account."""

    used: frozenset[Right]
    refused: tuple[str, ...]


def life(log: Path) -> Life:
    """What was asked for, and what was refused."""
    used: set[Right] = set()
    refused = []
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["responseStatus"].get("code") == 403:
            refused.append(f"{event['verb']} {event['requestURI']}")
        used |= set(rights(event))
    return Life(frozenset(used), tuple(refused))


def rights(event: Json) -> Iterator[Right]:
    """The rights that a request needed; an apply that makes the object needs two."""
    if where := event.get("objectRef"):
        resource = "/".join(filter(None, (where["resource"], where.get("subresource"))))
        yield where.get("apiGroup", ""), resource, event["verb"]
        if event["verb"] == "patch" and event["responseStatus"].get("code") == 201:
            yield where.get("apiGroup", ""), resource, "create"


@pytest.mark.parametrize("installed", ["real"], indirect=True)
def test_every_right_is_used_and_none_is_missing(
    world: World, namespaces: tuple[str, str], controllers: Cluster
) -> None:
    roles = live(world, *namespaces)
    found = life(controllers.kubeconfig.parent / AUDIT)
    assert found.refused == ()
    assert granted() - found.used - passed_on(roles) == UNSEEN.keys()


def granted() -> frozenset[Right]:
    """Every right of the shipped role over objects."""
    return frozenset(of_rules(one(build("base"), "ClusterRole")["rules"]))


def of_rules(rules: list[Json]) -> Iterator[Right]:
    """The rights over objects that rules give."""
    for rule in rules:
        for group, resource in product(rule.get("apiGroups", ()), rule.get("resources", ())):
            yield from ((group, resource, verb) for verb in rule["verbs"])


def passed_on(objects: list[Json]) -> frozenset[Right]:
    """What the operator must hold because it grants it on to vmagent."""
    return frozenset(right for item in objects for right in of_rules(item["rules"]))


_READ_AGAIN = "read again after a conflict on its status"
UNSEEN: dict[Right, str] = {
    **{
        (
            GROUP,
            f"{kind.plural}/finalizers",
            "update",
        ): "asked for by admission, without a request, of who names an owner"
        for kind in OWNER_KINDS
    },
    ("storage.k8s.io", "storageclasses", "list"): "for claims older than the default class, which name none",
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "get",
    ): "whether a kind that is no longer served is being deleted",
    **{
        (GROUP, f"{kind}s", "get"): _READ_AGAIN
        for kind in ("vmprobe", "vmnodescrape", "vmstaticscrape", "vmscrapeconfig")
    },
}
"""Rights of which the audit log shows nothing, and what they are for."""

REMOTE = [{"url": "http://vm.example.com/api/v1/write"}]
STORAGE = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
FULL: Json = {
    "remoteWrite": [{**REMOTE[0], "inlineUrlRelabelConfig": [{"targetLabel": "a", "replacement": "b"}]}],
    "remoteWriteSettings": {"maxDiskUsagePerURL": "500MB"},
    "selectAllByDefault": True,
    "statefulMode": True,
    "replicaCount": 2,
    "statefulStorage": {"volumeClaimTemplate": {"spec": STORAGE}},
    "statefulRollingUpdateStrategy": "OnDelete",
    "podDisruptionBudget": {"minAvailable": 1},
    "networkPolicy": {"ingress": [{"from": [{"podSelector": {}}]}]},
    "hpa": {"minReplicas": 2, "maxReplicas": 2, "metrics": []},
}
BARE: Json = {"podDisruptionBudget": None, "networkPolicy": None, "hpa": None}
SCRAPES: dict[str, Json] = {
    "VMServiceScrape": {"selector": {}, "endpoints": [{"port": "http"}]},
    "VMPodScrape": {"selector": {}, "podMetricsEndpoints": [{"port": "http"}]},
    "VMProbe": {"vmProberSpec": {"url": "prober"}, "targets": {"staticConfig": {"targets": ["a"]}}},
    "VMNodeScrape": {"port": "9100"},
    "VMStaticScrape": {"targetEndpoints": [{"targets": ["a"]}]},
    "VMScrapeConfig": {"staticConfigs": [{"targets": ["a"]}]},
}


def is_recorded(world: World, namespace: str) -> bool:
    """Whether the StatefulSet, whose pods the operator has replaced, says so itself."""
    status = world.status("StatefulSet", namespace, "vmagent-main")
    return bool(status["currentRevision"] == status["updateRevision"])


def live(world: World, namespace: str, _: str) -> list[Json]:
    """A VMAgent with everything is made, changed, scaled, reduced and deleted, with scrape objects of each kind around it.

    Its roles come back.
    """

    def becomes(**spec: object) -> None:
        world.merge("VMAgent", namespace, "main", {"spec": spec})
        eventually(lambda: world.is_operational(namespace, "main"), seconds=60)

    world.create("ServiceAccount", namespace, "own")
    for kind, spec in SCRAPES.items():
        manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "x"}, "spec": spec}
        world.api.create(f"{OWN}/namespaces/{namespace}/{kind.lower()}s", manifest)
    world.create("VMAgent", namespace, "main", FULL)
    eventually(lambda: world.is_operational(namespace, "main"), seconds=60)
    name = f"monitoring:{namespace}:vmagent-main"
    roles = [world.get(kind, namespace, name) for kind in ("ClusterRole", "Role")]
    becomes(extraEnvs=[{"name": "A", "value": "b"}])
    eventually(lambda: is_recorded(world, namespace))
    becomes(extraEnvs=None, statefulRollingUpdateStrategyBehavior={"maxUnavailable": "100%"})
    bigger = {**STORAGE, "resources": {"requests": {"storage": "2Gi"}}}
    becomes(statefulStorage={"volumeClaimTemplate": {"spec": bigger}})
    becomes(**BARE, replicaCount=1, shardCount=2)
    becomes(shardCount=1, serviceSpec={"metadata": {"name": "more"}, "spec": {"ports": [{"port": 80, "name": "http"}]}})
    becomes(
        shardCount=None,
        statefulMode=None,
        daemonSetMode=True,
        serviceSpec=None,
        remoteWrite=REMOTE,
        statefulStorage=None,
    )
    becomes(daemonSetMode=None, serviceAccountName="own")
    becomes(statefulMode=True)
    becomes(statefulMode=None)
    becomes(ingestOnlyMode=True, replicaCount=2)
    becomes(ingestOnlyMode=None, serviceAccountName=None)
    world.delete("VMAgent", namespace, "main")
    eventually(lambda: world.find("VMAgent", namespace, "main") is None)
    single(world, namespace)
    replicated(world, namespace)
    with prometheus.defined(world.api):
        prometheus.convert_each(world, namespace)
    return roles


def single(world: World, namespace: str) -> None:
    """A VMSingle with a claim is made, grown and deleted; its claim stays."""
    world.create("VMSingle", namespace, "main", {"storage": STORAGE})
    eventually(lambda: world.is_operational(namespace, "main", "VMSingle"), seconds=60)
    bigger = {**STORAGE, "resources": {"requests": {"storage": "2Gi"}}}
    world.merge("VMSingle", namespace, "main", {"spec": {"storage": bigger}})
    eventually(lambda: world.is_operational(namespace, "main", "VMSingle"), seconds=60)
    world.delete("VMSingle", namespace, "main")
    eventually(lambda: world.find("VMSingle", namespace, "main") is None)


def replicated(world: World, namespace: str) -> None:
    """A VMCluster with claims is made, changed, grown, reduced and deleted."""
    disk = {"storage": {"volumeClaimTemplate": {"spec": STORAGE}}, "podDisruptionBudget": {"maxUnavailable": 1}}
    parts = {"vmstorage": {"replicaCount": 2, **disk}, "vmselect": {"replicaCount": 1}, "vminsert": {"replicaCount": 1}}

    def becomes(**spec: object) -> None:
        world.merge("VMCluster", namespace, "main", {"spec": spec})
        eventually(lambda: world.is_operational(namespace, "main", "VMCluster"), seconds=120)

    world.create("VMCluster", namespace, "main", parts)
    becomes(requestsLoadBalancer={"enabled": True}, clusterVersion="v1.151.0-cluster")
    bigger = {**STORAGE, "resources": {"requests": {"storage": "2Gi"}}}
    becomes(vmstorage={"storage": {"volumeClaimTemplate": {"spec": bigger}}, "podDisruptionBudget": None})
    becomes(requestsLoadBalancer=None, vminsert=None)
    world.delete("VMCluster", namespace, "main")
    eventually(lambda: world.find("VMCluster", namespace, "main") is None)

"""Removing what was installed, in any order: nothing hangs, and where it must, manifests/README.md says what helps."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from test.apiserver.http import Server
from test.apiserver.loading import load
from test.controlplane.api import Api
from test.controlplane.cluster import Cluster, cluster, eventually
from test.controlplane.kubelet import STORAGE_CLASS
from test.e2e.conftest import NAMESPACE, SERVERS, install, shipped
from test.e2e.replicas import Replicas
from test.e2e.test_scenarios import REMOTE
from test.e2e.world import CHILD_KINDS, COLLECTIONS, World
from test.manifests.built import MANIFESTS

OWN_CHILDREN = [kind for kind in CHILD_KINDS if not kind.startswith("VM")]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OWNERS: dict[str, dict[str, Any]] = {
    "VMAgent": REMOTE | {"selectAllByDefault": True},
    "VMSingle": {"retentionPeriod": "1"},
    "VMCluster": {"retentionPeriod": "1", "vmstorage": {"replicaCount": 1}, "vmselect": {"replicaCount": 1}},
}
TENANT = "team"


@define(eq=False)
class Place(World):
    """A world with the administrator's kubeconfig."""

    kubeconfig: Path


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A cluster of its own: elsewhere nobody may remove the CRDs."""
    with cluster() as found:
        yield found


@pytest.fixture(params=SERVERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A cluster with a running operator and one owner of each kind, operational, in its namespace and in a team's."""
    if request.param == "real":
        found = request.getfixturevalue("own_cluster")
        yield from furnished(found.kubeconfig, install(found, shipped()), tmp_path)
        return
    with Server() as server:  # without accounts, since kubectl tells an http server none
        server.api.workloads.makes_pods = True
        load(server.api, [STORAGE_CLASS, *shipped()])
        server.api.settle()
        kubeconfig = server.kubeconfig(tmp_path / "kubeconfig", token="any")
        yield from furnished(kubeconfig, kubeconfig, tmp_path)


def furnished(administrator: Path, operator: Path, folder: Path) -> Iterator[Place]:
    # with the lease that a Deployment has: nobody starts a replica again that loses a short one while CRDs go
    world = Place(Api(administrator), Replicas(operator, NAMESPACE, folder, lease_flags=()), administrator)
    try:
        world.replicas.start()
        # vmagents are not restricted unless they are told to, and the operator's namespace takes no other pods
        world.merge(
            "Namespace", "", NAMESPACE, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
        )
        world.create("Namespace", "", TENANT)
        for namespace in (NAMESPACE, TENANT):
            for kind, spec in OWNERS.items():
                world.create(kind, namespace, "main", spec)
        for namespace in (NAMESPACE, TENANT):
            for kind in OWNERS:
                eventually(lambda at=(namespace, "main", kind): world.is_operational(*at), seconds=90)  # type: ignore[misc]
        yield world
    finally:
        for replica in [*world.replicas.running]:
            world.replicas.stop(replica)
        for namespace in (NAMESPACE, TENANT):
            for kind in OWNERS:
                if not is_gone(world, kind, namespace):
                    world.merge(kind, namespace, "main", {"metadata": {"finalizers": None}})
            if world.find("Namespace", "", namespace):
                world.delete("Namespace", "", namespace)
        eventually(lambda: not any(world.find("Namespace", "", name) for name in (NAMESPACE, TENANT)), seconds=60)


def left(world: World, *namespaces: str) -> list[str]:
    """What there still is of owners in these namespaces."""
    found = []
    for kind in OWN_CHILDREN:
        for namespace in namespaces:
            items = world.api.items(COLLECTIONS[kind].format(namespace), labelSelector="managed-by=vm-operator")
            names = [item["metadata"]["name"] for item in items]
            found += [f"{kind} {name}" for name in names if not kind.startswith("Cluster") or f":{namespace}:" in name]
    return found


def is_gone(world: World, kind: str, namespace: str) -> bool:
    return world.find(kind, namespace, "main") is None


def remove_crds(world: World) -> list[str]:
    """Ask for the removal of our CRDs; their names."""
    names = [item["metadata"]["name"] for item in world.api.items(CRDS)]
    ours = [name for name in names if name.endswith(".operator.victoriametrics.com")]
    for name in ours:
        world.api.delete(f"{CRDS}/{name}")
    return ours


def remove_operator(world: World) -> None:
    """End the processes, and take what they may do away."""
    for replica in [*world.replicas.running]:
        assert world.replicas.stop(replica) == 0
    for item in shipped():
        if item["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            world.delete(item["kind"], "", item["metadata"]["name"])


def cure(world: Place) -> None:
    """Type what the page says for owners that no operator is left for."""
    page = (MANIFESTS / "README.md").read_text()
    section = page.partition("## Removing it")[2].partition("\n## ")[0]
    (script,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    environ = os.environ | {"KUBECONFIG": str(world.kubeconfig)}
    done = subprocess.run(["bash", "-ec", script], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_owners_first(world: World) -> None:
    for namespace in (NAMESPACE, TENANT):
        for kind in OWNERS:
            world.delete(kind, namespace, "main")
    eventually(lambda: all(is_gone(world, kind, at) for kind in OWNERS for at in (NAMESPACE, TENANT)), seconds=60)
    eventually(lambda: left(world, NAMESPACE, TENANT) == [], seconds=60)
    remove_operator(world)
    names = remove_crds(world)
    eventually(lambda: not any(world.api.find(f"{CRDS}/{name}") for name in names), seconds=60)


def test_crds_first(world: World) -> None:
    names = remove_crds(world)
    eventually(lambda: not any(world.api.find(f"{CRDS}/{name}") for name in names), seconds=90)
    eventually(lambda: left(world, NAMESPACE, TENANT) == [], seconds=60)
    remove_operator(world)


def test_a_teams_namespace_first(world: World) -> None:
    world.delete("Namespace", "", TENANT)
    eventually(lambda: world.find("Namespace", "", TENANT) is None, seconds=90)
    assert [name for name in left(world, TENANT) if name.startswith("Cluster")] == []
    assert all(world.is_operational(NAMESPACE, "main", kind) for kind in OWNERS)


def test_the_operator_first_needs_a_hand(world: Place) -> None:
    remove_operator(world)
    for kind in OWNERS:
        world.delete(kind, TENANT, "main")
    assert not any(is_gone(world, kind, TENANT) for kind in OWNERS)
    cure(world)
    eventually(lambda: all(is_gone(world, kind, TENANT) for kind in OWNERS), seconds=60)
    eventually(lambda: left(world, TENANT) == [], seconds=60)
    assert all(not is_gone(world, kind, NAMESPACE) for kind in OWNERS)  # nobody asked for their removal


def test_the_operators_namespace_with_owners_in_it_needs_a_hand(world: Place) -> None:
    world.delete("Namespace", "", NAMESPACE)
    remove_operator(world)
    eventually(lambda: all(marked(world, kind, NAMESPACE) for kind in OWNERS), seconds=60)
    cure(world)
    eventually(lambda: world.find("Namespace", "", NAMESPACE) is None, seconds=90)
    assert all(not is_gone(world, kind, TENANT) for kind in OWNERS)


def test_an_operator_that_comes_back_ends_what_hangs(world: World) -> None:
    for replica in [*world.replicas.running]:
        world.replicas.stop(replica)
    world.delete("Namespace", "", TENANT)
    for kind in OWNERS:
        eventually(lambda kind=kind: marked(world, kind), seconds=60)  # type: ignore[misc]
    world.replicas.start()
    eventually(lambda: world.find("Namespace", "", TENANT) is None, seconds=90)


def marked(world: World, kind: str, namespace: str = TENANT) -> bool:
    """Whether the owner is being deleted, or gone."""
    found = world.find(kind, namespace, "main")
    return found is None or "deletionTimestamp" in found["metadata"]

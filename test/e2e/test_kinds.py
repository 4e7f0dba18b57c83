"""Any kind of owner may not be installed, or be switched off, and the others work: on a real server, one kind at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test.controlplane.api import Json, Refused
from test.controlplane.cluster import Cluster, cluster, eventually
from test.e2e.replicas import LEASE_FLAGS, Replica, Replicas
from test.e2e.world import OWN, World
from vmagent_operator.api import crd
from vmagent_operator.api.kinds import KINDS, OWNER_KINDS, Kind
from vmagent_operator.identity import GROUP

pytestmark = pytest.mark.cluster
PATIENCE_SECONDS = 120.0
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SPECS: dict[str, Json] = {
    "VMAgent": {"remoteWrite": [{"url": "http://vm.example.com/api/v1/write"}]},
    "VMSingle": {},
    "VMCluster": {"vmstorage": {}, "vmselect": {"replicaCount": 1}, "vminsert": {}},
}
CHILDREN = {"VMAgent": "vmagent-main", "VMSingle": "vmsingle-main", "VMCluster": "vminsert-main"}
EACH = pytest.mark.parametrize("kind", OWNER_KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A cluster of its own, whose kinds come and go."""
    with cluster() as own:
        yield own


@pytest.fixture
def namespace(server: Cluster) -> Iterator[str]:
    """A namespace, and every definition, since the test before may have left one out."""
    for kind in KINDS:
        install(server, kind)
    with server.namespace("owners") as name:
        yield name


@contextmanager
def operator(server: Cluster, folder: Path, *flags: str) -> Iterator[tuple[World, Replica]]:
    """One replica with these flags, and what it works on; no owner is left, since a definition would wait for it."""
    replicas = Replicas(server.kubeconfig, "default", folder, lease_flags=(*LEASE_FLAGS, *flags))
    world = World(server.api, replicas)
    try:
        replica = replicas.start()
        yield world, replica
        replica.process.check()
        for kind in OWNER_KINDS:
            if is_served(server, kind):
                server.kubectl("delete", kind.plural, "--all", "--all-namespaces", "--timeout=60s")
    finally:
        codes = [replicas.stop(replica) for replica in [*replicas.running]]
    assert codes == [0]


def install(server: Cluster, kind: Kind[object]) -> None:
    """Have the kind served."""
    name = f"{kind.plural}.{GROUP}"
    if server.api.find(f"{DEFINITIONS}/{name}") is None:
        server.api.create(DEFINITIONS, crd.manifest(kind))
    eventually(lambda: is_served(server, kind))


def is_served(server: Cluster, kind: Kind[object]) -> bool:
    """Whether objects of the kind can be asked for."""
    try:
        return server.api.find(f"{OWN}/{kind.plural}") is not None
    except Refused:  # the server is getting ready for a new kind
        return False


def remove(server: Cluster, kind: Kind[object]) -> None:
    """Have it served no longer."""
    name = f"{kind.plural}.{GROUP}"
    server.kubectl("delete", "crd", name, "--wait=true", "--timeout=60s")


def works(world: World, namespace: str, kind: str) -> None:
    """An owner of the kind becomes what it asks for, or becomes it anew."""
    if world.find(kind, namespace, "main") is None:
        world.create(kind, namespace, "main", SPECS[kind])
    else:
        world.merge(kind, namespace, "main", {"spec": {"managedMetadata": {"labels": {"again": "yes"}}}})
    eventually(lambda: world.is_operational(namespace, "main", kind), seconds=PATIENCE_SECONDS)
    assert world.get("Deployment", namespace, CHILDREN[kind])


@EACH
def test_a_kind_that_is_not_installed_is_missed_by_nobody(
    server: Cluster, namespace: str, kind: Kind[object], tmp_path: Path
) -> None:
    others = [each.name for each in OWNER_KINDS if each is not kind]
    remove(server, kind)
    with operator(server, tmp_path) as (world, replica):
        for each in others:
            works(world, namespace, each)
        install(server, kind)
        works(world, namespace, kind.name)
        world.delete(kind.name, namespace, "main")
        eventually(lambda: world.find(kind.name, namespace, "main") is None)
        remove(server, kind)
        for each in others:
            works(world, namespace, each)
        assert replica.is_ready()


@EACH
def test_a_kind_that_is_switched_off_is_left_alone(
    server: Cluster, namespace: str, kind: Kind[object], tmp_path: Path
) -> None:
    with operator(server, tmp_path, f"--controller.disableReconcileFor={kind.name}") as (world, _):
        world.create(kind.name, namespace, "main", SPECS[kind.name])
        for each in OWNER_KINDS:
            if each is not kind:
                works(world, namespace, each.name)
        left = world.get(kind.name, namespace, "main")
        assert left["status"] == crd.UNSEEN
        assert "finalizers" not in left["metadata"]
        assert world.find("Deployment", namespace, CHILDREN[kind.name]) is None

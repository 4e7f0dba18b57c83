"""`world`: a cluster with the operator installed as we ship it, ours and, in tests marked `cluster`, a real one."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.apiserver.http import Server
from test.apiserver.loading import load
from test.apiserver.rbac import Authorizer
from test.controlplane.api import Api
from test.controlplane.cluster import Cluster, eventually
from test.controlplane.kubelet import STORAGE_CLASS
from test.e2e.replicas import Replicas
from test.e2e.world import OWN, World
from test.manifests.built import build

NAMESPACE = ACCOUNT = "vmagent-operator"
SERVERS = ["in-process", pytest.param("real", marks=pytest.mark.cluster)]
_serial = itertools.count(1)


def shipped() -> list[dict[str, Any]]:
    """What `kubectl apply -k manifests` creates, but for the pods, which are processes here."""
    return [item for item in build(".") if item["kind"] not in ("Deployment", "PodDisruptionBudget", "Service")]


@pytest.fixture(scope="package", params=SERVERS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world, whose replicas go with it.

    It ends with the last scenario: the server in this process answers late while other tests keep the interpreter to themselves,
    and a leader that hears nothing for its renew deadline ends with 1, as it should.
    """
    folder = tmp_path_factory.mktemp(request.param)
    make = _real if request.param == "real" else _in_process
    for administrator, operator in make(request, folder):
        replicas = Replicas(operator, NAMESPACE, folder)
        world = World(Api(administrator), replicas)
        yield world
        for replica in [*replicas.running]:
            assert replicas.stop(replica) == 0, replica.process.tail()
        # not earlier: a namespace that is going forbids every write, which would look like a missing right
        for namespace in world.api.items("/api/v1/namespaces", labelSelector="scenario"):
            world.delete("Namespace", "", namespace["metadata"]["name"])


def _in_process(_: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Path, Path]]:
    tokens = {"administrator": "admin", "operator": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"}
    with Server(tokens=tokens) as server:
        server.api.workloads.makes_pods = True
        load(server.api, [STORAGE_CLASS, *shipped()])
        server.api.settle()
        authorizer = Authorizer(server.api)
        authorizer.install()
        yield tuple(server.kubeconfig(folder / f"{name}.kubeconfig", token=name) for name in tokens)  # type: ignore[misc]
        assert authorizer.refused == []


def _real(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Path, Path]]:
    cluster = request.getfixturevalue("controllers")
    yield cluster.kubeconfig, install(cluster, shipped())


def install(cluster: Cluster, objects: list[dict[str, Any]], namespace: str = NAMESPACE) -> Path:
    """The kubeconfig of the operator's account in `namespace`, once all of `objects` are there and it may work."""
    crds = [item for item in objects if item["kind"] == "CustomResourceDefinition"]
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(crds))
    cluster.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))
    operator = cluster.service_account(namespace, ACCOUNT)
    eventually(lambda: _may_own(cluster, namespace), seconds=60, every_seconds=1)
    return operator


def _may_own(cluster: Cluster, namespace: str) -> bool:
    """Whether a VMAgent may be named as an owner: admission looks for kinds that are new to it every 30 s only.

    Until then it answers 403, as it does to a missing right, which is what the scenarios count. Asked in the operator's name, which
    leaves nothing in its audit log.
    """
    owner = {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMAgent",
        "name": "main",
        "uid": "00000000-0000-0000-0000-000000000000",
        "blockOwnerDeletion": True,
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "vmagent-main", "namespace": namespace, "ownerReferences": [owner]},
    }
    user = f"--as=system:serviceaccount:{namespace}:{ACCOUNT}"
    try:
        cluster.kubectl("create", "--dry-run=server", user, "-f", "-", stdin=json.dumps(account))
    except AssertionError:
        return False
    return True


@pytest.fixture
def world(installed: World) -> Iterator[World]:
    """A cluster in which one replica works; what our role does not allow fails the scenario."""
    installed.replicas.ensure_one()
    yield installed
    for replica in installed.replicas.running:
        assert replica.metric("rest_client_requests_total", code="403") == 0, replica.process.tail()


@pytest.fixture
def namespaces(world: World) -> Iterator[tuple[str, str]]:
    """Two fresh namespaces, for agents and for scrape objects; nothing of their VMAgents is left afterwards."""
    serial = f"{os.getpid()}-{next(_serial)}"
    names = (f"agents-{serial}", f"shop-{serial}")
    for name in names:
        world.create("Namespace", "", name, labels={"scenario": serial})
    yield names
    for agent in world.api.items(f"{OWN}/namespaces/{names[0]}/vmagents"):
        world.delete("VMAgent", names[0], agent["metadata"]["name"])
    eventually(lambda: world.api.items(f"{OWN}/namespaces/{names[0]}/vmagents") == [])

"""The two ways to test on other servers than our own: `KUBECONFIG` and `KUBEBUILDER_ASSETS`."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.controlplane.api import Api
from test.controlplane.binaries import controlplane
from test.controlplane.cluster import Cluster, cluster, eventually
from test.e2e.replicas import Replicas
from test.e2e.world import World
from test.manifests.built import MANIFESTS

pytestmark = pytest.mark.cluster

REMOTE_WRITE = [{"url": "http://db:8428/api/v1/write"}]


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A folder as envtest fills it: etcd and kube-apiserver, and nothing that would make pods."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for name in ("etcd", "kube-apiserver"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{controlplane()}" {name} "$@"\n')
        program.chmod(0o755)
    return folder


def works(found: Cluster, folder: Path) -> None:
    """Fail unless the operator works on the cluster for an agent, as far as it goes without a controller."""
    found.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "crd"))
    found.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    with found.namespace("given") as namespace:
        replicas = Replicas(found.kubeconfig, namespace, folder, environ={"KUBECONFIG": str(found.kubeconfig)})
        world = World(Api(found.kubeconfig), replicas)
        world.create("VMAgent", namespace, "main", {"selectAllByDefault": True, "remoteWrite": REMOTE_WRITE})
        replica = replicas.start()
        try:
            eventually(lambda: world.find("Deployment", namespace, "vmagent-main") is not None, seconds=60)
            if found.has_controllers:
                eventually(lambda: world.is_operational(namespace, "main"), seconds=60)
            else:
                eventually(lambda: world.status("VMAgent", namespace, "main").get("updateStatus") == "expanding")
            assert world.text(namespace, "vmagent-main").startswith("global:")
            world.delete("VMAgent", namespace, "main")
            eventually(lambda: world.find("VMAgent", namespace, "main") is None, seconds=60)
        finally:
            assert replicas.stop(replica) == 0


def test_servers_of_a_folder(assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    with cluster() as found:
        assert not found.has_controllers
        works(found, tmp_path)


def test_the_cluster_of_a_kubeconfig(controllers: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(controllers.kubeconfig))
    with cluster() as found:
        assert (found.kubeconfig, found.has_controllers) == (controllers.kubeconfig, True)
        works(found, tmp_path)
    assert controllers.api.find("/api/v1/namespaces/default") is not None  # it goes on without us

"""The namespaced installation on a real server, its operator told where to work by `KUBECONFIG` and `WATCH_NAMESPACE`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.controlplane.api import Api
from test.controlplane.cluster import Cluster, cluster, eventually
from test.e2e.conftest import install
from test.e2e.replicas import Replicas
from test.e2e.world import World
from test.manifests.built import build
from vmagent_operator.api.crd import UNSEEN

pytestmark = pytest.mark.cluster

PROCESSES = ("Deployment", "PodDisruptionBudget", "Service")
REMOTE_WRITE = [{"url": "http://db:8428/api/v1/write"}]
STATIC = "/apis/operator.victoriametrics.com/v1beta1/namespaces/{}/vmstaticscrapes"


def namespaced(own: str, watched: str) -> list[dict[str, Any]]:
    """CRDs, `manifests/namespaced` in one namespace and `namespaced/watched` in the other, as overlays make them."""
    objects = [*build("crd")]
    for folder, namespace in (("namespaced", own), ("namespaced/watched", watched)):
        for item in build(folder):
            if item["kind"] in (*PROCESSES, "Namespace"):
                continue
            metadata = {**item["metadata"], "namespace": namespace}
            subjects = [{**subject, "namespace": own} for subject in item.get("subjects", ())]
            objects.append({**item, "metadata": metadata, **({"subjects": subjects} if subjects else {})})
    return objects


@pytest.fixture(scope="module")
def controllers() -> Iterator[Cluster]:
    """A cluster of its own: an operator that watches all of another one would work on these agents as well."""
    with cluster() as own:
        yield own


@pytest.fixture
def places(controllers: Cluster) -> Iterator[tuple[str, str, str]]:
    """The operator's namespace, another that it watches, and one that it does not."""
    with (
        controllers.namespace("operator") as own,
        controllers.namespace("watched") as watched,
        controllers.namespace("unwatched") as unwatched,
    ):
        yield own, watched, unwatched


def test_what_is_watched_works_and_nothing_else_is_looked_at(
    controllers: Cluster, places: tuple[str, str, str], tmp_path: Path
) -> None:
    own, watched, unwatched = places
    kubeconfig = install(controllers, namespaced(own, watched), own)
    environ = {"KUBECONFIG": str(kubeconfig), "WATCH_NAMESPACE": f"{own},{watched}"}
    replicas = Replicas(kubeconfig, own, tmp_path, environ=environ)
    world = World(Api(controllers.kubeconfig), replicas)
    for namespace in places:
        spec = {"targetEndpoints": [{"targets": ["host:9100"]}]}
        manifest = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMStaticScrape"}
        world.api.create(STATIC.format(namespace), {**manifest, "metadata": {"name": "hosts"}, "spec": spec})
    for namespace in (watched, unwatched):
        world.create("VMAgent", namespace, "main", {"selectAllByDefault": True, "remoteWrite": REMOTE_WRITE})
    replica = replicas.start()
    try:
        eventually(lambda: world.is_operational(watched, "main"), seconds=60)
        assert {*world.jobs(watched, "main")} == {f"staticScrape/{place}/hosts/0" for place in (own, watched)}
        assert [role["metadata"]["namespace"] for role in roles(world, watched)] == sorted((own, watched))
        assert world.status("VMAgent", unwatched, "main") == UNSEEN
        assert world.children(unwatched, "main") == {}
        assert not [key for key in world.children(watched, "main") if key.startswith("ClusterRole")]
        world.merge("VMAgent", watched, "main", {"spec": {"statefulMode": True, "shardCount": 2}})
        eventually(lambda: world.is_operational(watched, "main"), seconds=60)
        assert {f"StatefulSet vmagent-main-{shard}" for shard in (0, 1)} <= {*world.children(watched, "main")}
        world.delete("VMAgent", watched, "main")
        eventually(lambda: world.find("VMAgent", watched, "main") is None, seconds=60)
        eventually(lambda: roles(world, watched) == [], seconds=60)
        assert replica.metric("rest_client_requests_total", code="403") == 0, replica.process.tail()
    finally:
        assert replicas.stop(replica) == 0


def roles(world: World, agents: str) -> list[dict[str, Any]]:
    """The Roles of the agent `main` in the namespace `agents`, wherever they are, by namespace."""
    found = world.api.items("/apis/rbac.authorization.k8s.io/v1/roles", labelSelector="managed-by=vm-operator")
    own = [role for role in found if role["metadata"]["name"].endswith(f":{agents}:vmagent-main")]
    return sorted(own, key=lambda role: str(role["metadata"]["namespace"]))

"""The life of a VMSingle beside a VMAgent that nothing of it disturbs, with the rights that we ship."""

from __future__ import annotations

from collections.abc import Callable

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.world import World

Names = tuple[str, str]
KIND, CHILD = "VMSingle", "vmsingle-main"
DEDUPLICATION = {"dedup.minScrapeInterval": "30s"}
REMOTE = {"remoteWrite": [{"url": "http://vm.example.com/api/v1/write"}]}


def storage(size: str) -> Json:
    return {"storage": {"resources": {"requests": {"storage": size}}}}


def editor(world: World, namespace: str) -> Callable[..., None]:
    """Changes the spec, and waits until all is as it asks."""

    def becomes(**spec: object) -> None:
        world.merge(KIND, namespace, "main", {"spec": spec})
        eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)

    return becomes


def claim(world: World, namespace: str) -> Json | None:
    return world.find("PersistentVolumeClaim", namespace, CHILD)


def image(world: World, namespace: str) -> str:
    pod = world.get("Deployment", namespace, CHILD)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def test_it_is_made_changed_grown_and_deleted_and_its_data_stay(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMAgent", namespace, "main", REMOTE)
    eventually(lambda: world.is_operational(namespace, "main"), seconds=60)
    agent = world.get("Deployment", namespace, "vmagent-main")["metadata"]["resourceVersion"]
    world.create(KIND, namespace, "main", {"extraArgs": DEDUPLICATION, **storage("1Gi")})
    eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)
    becomes = editor(world, namespace)
    becomes(image={"tag": "v1.149.0"})
    assert image(world, namespace).endswith(":v1.149.0")
    becomes(**storage("2Gi"))
    found = claim(world, namespace)
    assert found is not None
    assert found["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert "ownerReferences" not in found["metadata"]
    becomes(ingestOnlyMode=False, selectAllByDefault=True)
    assert "scrape_configs" in world.text(namespace, CHILD, "scrape.yaml.gz")
    becomes(ingestOnlyMode=None, replicaCount=0)
    assert world.find("Secret", namespace, CHILD) is None
    before = world.versions(namespace, after_seconds=2)
    assert world.versions(namespace, after_seconds=3) == before
    assert world.get("Deployment", namespace, "vmagent-main")["metadata"]["resourceVersion"] == agent
    world.delete(KIND, namespace, "main")
    eventually(lambda: world.find(KIND, namespace, "main") is None)
    eventually(lambda: world.find("Deployment", namespace, CHILD) is None, seconds=60)
    kept = claim(world, namespace)
    assert kept is not None
    assert "deletionTimestamp" not in kept["metadata"]


def test_its_data_go_with_it_if_that_is_asked_for(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create(KIND, namespace, "main", {"removePvcAfterDelete": True, **storage("1Gi")})
    eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)
    assert claim(world, namespace) is not None
    world.delete(KIND, namespace, "main")
    eventually(lambda: claim(world, namespace) is None, seconds=60)

"""The life of a VMSingle beside a VMAgent that nothing of it disturbs, with the rights that we ship."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.test_ownership import made
from test.e2e.test_scenarios import STILL_SECONDS, Names, comparable
from test.e2e.world import World

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
    # the controllers of workloads write for a while yet
    eventually(lambda: world.versions(namespace) == world.versions(namespace, after_seconds=STILL_SECONDS))
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
    eventually(lambda: world.find("Secret", namespace, CHILD) is None)
    eventually(lambda: world.find("ClusterRole", "", f"monitoring:{namespace}:{CHILD}") is None)
    assert world.get("Deployment", namespace, CHILD)["spec"]["replicas"] == 0
    becomes(replicaCount=1)
    assert world.status("Deployment", namespace, CHILD)["readyReplicas"] == 1
    eventually(lambda: world.versions(namespace) == world.versions(namespace, after_seconds=STILL_SECONDS))
    assert world.versions(namespace) == world.versions(namespace, after_seconds=3)
    assert world.get("Deployment", namespace, "vmagent-main")["metadata"]["resourceVersion"] == agent
    world.delete(KIND, namespace, "main")
    eventually(lambda: world.find(KIND, namespace, "main") is None)
    eventually(lambda: world.find("Deployment", namespace, CHILD) is None, seconds=60)
    kept = claim(world, namespace)
    assert kept is not None
    assert "deletionTimestamp" not in kept["metadata"]


@pytest.mark.parametrize(
    "child", ["Deployment", "Service", "ServiceAccount", "Secret", "VMServiceScrape", "ClusterRole"]
)
def test_a_child_that_is_deleted_or_edited_is_as_before(world: World, namespaces: Names, child: str) -> None:
    namespace, _ = namespaces
    world.create(KIND, namespace, "main", {"ingestOnlyMode": False, "selectAllByDefault": True, **storage("1Gi")})
    eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)
    before = comparable(world.children(namespace, "main"))
    name = f"monitoring:{namespace}:{CHILD}" if child == "ClusterRole" else CHILD
    uid = world.get(child, namespace, name)["metadata"]["uid"]
    world.merge(child, namespace, name, {"metadata": {"labels": {"app.kubernetes.io/component": "another"}}})
    eventually(lambda: comparable(world.children(namespace, "main")) == before)
    assert world.get(child, namespace, name)["metadata"]["uid"] == uid
    world.delete(child, namespace, name)
    eventually(lambda: comparable(world.children(namespace, "main")) == before)
    assert world.get(child, namespace, name)["metadata"]["uid"] != uid


POD = {"metadata": {"labels": {"app": "mine"}}, "spec": {"containers": [{"name": "c", "image": "mine"}]}}
THEIRS: dict[str, Json] = {
    "PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    "Deployment": {"spec": {"replicas": 0, "selector": {"matchLabels": {"app": "mine"}}, "template": POD}},
    "Secret": {"stringData": {"password": "x"}},
}


@pytest.mark.parametrize("kind", THEIRS)
def test_an_object_of_somebody_else_outlives_a_database_that_wants_its_name(
    world: World, namespaces: Names, kind: str
) -> None:
    namespace, _ = namespaces
    world.create(kind, namespace, CHILD, labels={"app": "mine"}, **THEIRS[kind])
    if kind == "PersistentVolumeClaim":  # a volume comes for it, whoever asks
        eventually(lambda: world.status(kind, namespace, CHILD).get("phase") == "Bound")
    before = made(world, kind, namespace, CHILD)
    world.create(KIND, namespace, "main", {"ingestOnlyMode": False, "selectAllByDefault": True, **storage("2Gi")})
    eventually(lambda: world.status(KIND, namespace, "main").get("updateStatus") == "failed")
    reason = world.status(KIND, namespace, "main")["reason"]
    assert reason.startswith(f"{kind} {namespace}/{CHILD} exists and is not this VMSingle's")
    world.delete(KIND, namespace, "main")
    eventually(lambda: world.find(KIND, namespace, "main") is None)
    time.sleep(STILL_SECONDS)  # for the garbage collector
    assert made(world, kind, namespace, CHILD) == before


CHANGES: tuple[Json, ...] = (
    {"image": {"tag": "v1.149.0"}},
    {"ingestOnlyMode": False, "selectAllByDefault": True},
    storage("2Gi"),
    {"ingestOnlyMode": None, "removePvcAfterDelete": True},
    {"replicaCount": 0, "removePvcAfterDelete": None},
)


@pytest.mark.slow  # each crash is waited for as long as the lease lasts
def test_a_crash_in_the_middle_of_each_change_is_made_good(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create(KIND, namespace, "main", storage("1Gi"))
    for spec in CHANGES:
        world.replicas.crash(world.replicas.leader())
        world.replicas.start()
        world.merge(KIND, namespace, "main", {"spec": spec})
    eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)
    found = claim(world, namespace)
    assert found is not None
    assert found["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert "ownerReferences" not in found["metadata"]
    assert image(world, namespace).endswith(":v1.149.0")
    eventually(lambda: world.find("Secret", namespace, CHILD) is None)
    world.replicas.crash(world.replicas.leader())
    world.delete(KIND, namespace, "main")
    world.replicas.start()
    eventually(lambda: world.find(KIND, namespace, "main") is None, seconds=60)
    eventually(lambda: world.children(namespace, "main") == {}, seconds=60)
    assert claim(world, namespace) is not None


def test_its_data_go_with_it_if_that_is_asked_for(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create(KIND, namespace, "main", {"removePvcAfterDelete": True, **storage("1Gi")})
    eventually(lambda: world.is_operational(namespace, "main", KIND), seconds=60)
    assert claim(world, namespace) is not None
    world.delete(KIND, namespace, "main")
    eventually(lambda: claim(world, namespace) is None, seconds=60)

"""Objects that were there before a VMAgent gave their name a meaning: nobody's is written to, and all outlive it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.test_scenarios import REMOTE, STILL_SECONDS, Names
from test.e2e.world import World

ALL: Json = REMOTE | {
    "selectAllByDefault": True,
    "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
    "podDisruptionBudget": {"minAvailable": 1},
    "serviceSpec": {"metadata": {"name": "postgres"}, "spec": {"ports": [{"port": 5432, "name": "x"}]}},
}
MINE = {"matchLabels": {"app": "mine"}}
SET: Json = {
    "serviceName": "",
    "replicas": 0,
    "selector": MINE,
    "template": {"metadata": {"labels": {"app": "mine"}}, "spec": {"containers": [{"name": "c", "image": "mine"}]}},
}
REVISION = "deployment.kubernetes.io/revision"
"""Written by the Deployment controller whenever it comes to it, so perhaps after a first look."""
HANDED_OVER = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}

TAKEN: list[tuple[str, str, Json, Json]] = [
    ("Secret", "vmagent-main", {"stringData": {"vmagent.yaml.gz": "theirs", "password": "x"}}, {}),
    ("Secret", "tls-assets-vmagent-main", {"stringData": {"password": "x"}}, {}),
    ("ConfigMap", "relabelings-assets-vmagent-main", {"data": {"mine": "1"}}, {}),
    ("Service", "postgres", {"spec": {"selector": {"app": "mine"}, "ports": [{"port": 5432}]}}, {}),
    ("Service", "vmagent-main", {"spec": {"selector": {"app": "mine"}, "ports": [{"port": 80}]}}, {}),
    ("ServiceAccount", "vmagent-main", {}, {}),
    ("PodDisruptionBudget", "vmagent-main", {"spec": {"minAvailable": 1, "selector": MINE}}, {}),
    ("Deployment", "vmagent-main", {"spec": {key: SET[key] for key in ("replicas", "selector", "template")}}, {}),
    ("StatefulSet", "vmagent-main", {"spec": SET}, {"statefulMode": True}),
    ("VMServiceScrape", "vmagent-main", {"spec": {"selector": MINE, "endpoints": [{"port": "mine"}]}}, {}),
    ("Role", "monitoring:{}:vmagent-main", {"rules": []}, {}),
    ("ClusterRole", "monitoring:{}:vmagent-main", {"rules": []}, {}),
]


def made(world: World, kind: str, namespace: str, name: str) -> Json:
    """The object, without what other controllers keep in it: its status, and a Deployment's revision."""
    found = dict(world.get(kind, namespace, name))
    metadata = {key: part for key, part in found["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    if theirs := {key: text for key, text in metadata.pop("annotations", {}).items() if key != REVISION}:
        metadata["annotations"] = theirs
    kept = {key: part for key, part in found.items() if key not in ("metadata", "status")}
    return {**kept, "metadata": metadata}


@pytest.mark.parametrize(
    ("kind", "name", "body", "mode"), TAKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_object_of_somebody_else_outlives_a_vmagent_that_wants_its_name(
    world: World, namespaces: Names, kind: str, name: str, body: dict[str, Any], mode: Json
) -> None:
    namespace, _ = namespaces
    name = name.format(namespace)
    world.create(kind, namespace, name, labels={"app": "mine"}, **body)
    before = made(world, kind, namespace, name)
    world.create("VMAgent", namespace, "main", ALL | mode)
    eventually(lambda: world.status("VMAgent", namespace, "main").get("updateStatus") == "failed")
    where = name if kind == "ClusterRole" else f"{namespace}/{name}"
    reason = world.status("VMAgent", namespace, "main")["reason"]
    assert reason.startswith(f"{kind} {where} exists and is not this VMAgent's: delete or rename it, or")
    if kind in ("PodDisruptionBudget", "Service", "VMServiceScrape", "Role", "ClusterRole"):
        eventually(lambda: world.find("Deployment", namespace, "vmagent-main") is not None)
    world.delete("VMAgent", namespace, "main")
    eventually(lambda: world.find("VMAgent", namespace, "main") is None)
    time.sleep(STILL_SECONDS)  # for the garbage collector
    assert made(world, kind, namespace, name) == before
    if kind == "ClusterRole":
        world.delete(kind, namespace, name)


def test_an_object_is_handed_over_by_its_labels(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("ConfigMap", namespace, "relabelings-assets-vmagent-main", data={"mine": "1"})
    world.create("VMAgent", namespace, "main", ALL)
    eventually(lambda: world.status("VMAgent", namespace, "main").get("updateStatus") == "failed")
    world.merge("ConfigMap", namespace, "relabelings-assets-vmagent-main", {"metadata": {"labels": HANDED_OVER}})
    eventually(lambda: world.is_operational(namespace, "main"))
    owners = world.get("ConfigMap", namespace, "relabelings-assets-vmagent-main")["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in owners] == ["main"]


def test_a_configuration_that_comes_with_its_vmagent_is_used_and_survives_it(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    agents = [f"u{number}" for number in range(5)]
    for name in agents:
        world.create("Secret", namespace, f"vmagent-{name}", stringData={"vmagent.yaml.gz": "# mine", "other": "x"})
        world.create("VMAgent", namespace, name, REMOTE)
    before = [made(world, "Secret", namespace, f"vmagent-{name}") for name in agents]
    eventually(lambda: all(world.is_operational(namespace, name) for name in agents))
    assert [made(world, "Secret", namespace, f"vmagent-{name}") for name in agents] == before
    world.merge("VMAgent", namespace, "u0", {"spec": {"selectAllByDefault": True}})
    eventually(lambda: world.text(namespace, "vmagent-u0").startswith("global:"))
    world.merge("VMAgent", namespace, "u0", {"spec": {"selectAllByDefault": None}})
    eventually(lambda: world.is_operational(namespace, "u0"))
    for name in agents:
        world.delete("VMAgent", namespace, name)
    eventually(lambda: all(world.find("VMAgent", namespace, name) is None for name in agents))
    time.sleep(STILL_SECONDS)
    after = [made(world, "Secret", namespace, f"vmagent-{name}") for name in agents]
    assert after[1:] == before[1:]
    assert world.text(namespace, "vmagent-u0", "other") == "x"
    assert after[0]["metadata"].keys() == before[0]["metadata"].keys()

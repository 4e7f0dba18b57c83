"""Objects that have the name of a child of a VMSingle are somebody else's unless something shows the contrary, and outlive it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from test.controller.test_ownership import Json, bare, content, described, live
from test.controller.test_vmsingle import FULL, PATH, SINGLES, single, status, storage
from test.controller.world import World, scrape
from test.simulate import VERTICAL, _defined

SPEC = FULL | storage("1Gi")
LABELS = "app.kubernetes.io/instance=main, app.kubernetes.io/name=vmsingle, managed-by=vm-operator"
FOREIGN = f"exists and is not this VMSingle's: delete or rename it, or hand it over by the labels {LABELS}"


def cluster() -> World:
    """One with a VerticalPodAutoscaler kind and something to scrape."""
    world = World({"VM_VPA_API_ENABLED": "true"})
    _defined(world.api, VERTICAL)
    world.add(scrape(namespace="monitoring"))
    world.start()
    return world


@cache
def children() -> dict[str, Json]:
    """`Kind name` -> what an undisturbed VMSingle has of it, its claim included."""
    world = cluster()
    world.add(single(**SPEC))
    world.settle(120)
    assert status(world)["updateStatus"] == "operational"
    claim = world.get("persistentvolumeclaims", "monitoring", "vmsingle-main")
    found = [*live(world), {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim}]
    return {f"{each['kind']} {each['metadata']['name']}": each for each in found}


def test_there_is_one_of_each_kind() -> None:
    assert {name.split()[0] for name in children()} == {
        *(
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "Role",
            "RoleBinding",
            "Service",
            "Secret",
            "ConfigMap",
        ),
        *("PersistentVolumeClaim", "VerticalPodAutoscaler", "NetworkPolicy", "VMServiceScrape", "Deployment"),
    }


@pytest.mark.parametrize("name", children())
def test_what_somebody_made_before_is_left_alone(name: str) -> None:
    child, world = children()[name], cluster()
    world.add(bare(child, labels={"app": "mine"}), "kubectl")
    before = content(world, child)
    world.add(single(**SPEC))
    world.settle(60)
    assert status(world)["updateStatus"] == "failed"
    assert status(world)["reason"] == f"{described(child)} {FOREIGN}"
    assert content(world, child) == before
    world.delete(PATH)
    world.settle(300)
    assert world.names(SINGLES) == []
    assert content(world, child) == before


@pytest.mark.parametrize("name", children())
def test_what_is_handed_over_by_its_labels_is_taken(name: str) -> None:
    child, world = children()[name], cluster()
    labels: dict[str, Any] = dict(pair.split("=") for pair in LABELS.split(", "))
    world.add(bare(child, labels=labels), "kubectl")
    uid = content(world, child)["metadata"]["uid"]
    world.add(single(**SPEC))
    world.settle(120)
    assert status(world)["updateStatus"] == "operational"
    found = content(world, child)
    assert found["metadata"]["uid"] == uid
    assert found["metadata"]["labels"]["app.kubernetes.io/component"] == "monitoring"

"""A kind of owner that is not installed, or that another operator looks after, keeps no other from its work."""

from typing import Any

import pytest

from test.controller.test_faults import unserve
from test.controller.world import World, agent, scrape
from vmagent_operator.identity import API_VERSION

PLURALS = {
    "VMAgent": "vmagents.operator.victoriametrics.com",
    "VMSingle": "vmsingles.operator.victoriametrics.com",
    "VMCluster": "vmclusters.operator.victoriametrics.com",
}
MAIN: dict[str, dict[str, Any]] = {
    "VMAgent": agent(),
    "VMSingle": {"spec": {"ingestOnlyMode": False, "selectAllByDefault": True}},
    "VMCluster": {"spec": {"vmselect": {}, "vmstorage": {}, "vminsert": {}}},
}


def owner(kind: str) -> dict[str, Any]:
    metadata = {"name": "main", "namespace": "monitoring"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": MAIN[kind]["spec"]}


def status(world: World, kind: str) -> str | None:
    found = world.get(PLURALS[kind], "monitoring", "main").get("status") or {}
    text: str | None = found.get("updateStatus")
    return text


def filled(world: World, kinds: list[str]) -> None:
    world.add(scrape(namespace="monitoring"))
    for kind in kinds:
        world.add(owner(kind))
    world.settle(120)


@pytest.mark.parametrize("absent", PLURALS)
def test_a_kind_that_is_not_installed_is_not_missed_until_it_is(absent: str) -> None:
    world = World()
    served = {key: kind for key, kind in world.api.served.items() if kind.name == absent}
    unserve(world, absent)
    world.start()
    others = [kind for kind in PLURALS if kind != absent]
    filled(world, others)
    assert [status(world, kind) for kind in others] == ["operational"] * 2
    world.api.served.update(served)
    world.add(owner(absent))
    world.settle(600)
    assert status(world, absent) == "operational"


@pytest.mark.parametrize("disabled", PLURALS)
def test_a_kind_that_is_switched_off_is_left_to_others(disabled: str) -> None:
    world = World(disabled=frozenset({disabled}))
    filled(world, list(PLURALS))
    for kind in PLURALS:
        assert status(world, kind) == (None if kind == disabled else "operational")
    assert not [name for _, _, name in world.children() if name.startswith(disabled.lower())]

"""Claims are looked at one by one, however many replicas somebody asks for."""

import resource
from typing import Any

import pytest

from test.controller.world import World
from vmagent_operator.controller.steps.claims import Claims, VolumeExpander

SECONDS = 1.0


def settled(replicas: int, *names: str) -> Claims:
    """What becomes of the claims of a StatefulSet `db` with one template `data`."""
    world = World()
    for name in names:
        metadata = {"name": name, "namespace": "mon", "labels": {"app": "db"}}
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        world.add(claim | {"status": {"capacity": {"storage": "1Gi"}}})
    template: dict[str, Any] = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    workload = {
        "metadata": {"name": "db", "namespace": "mon"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "db"}},
            "volumeClaimTemplates": [template],
        },
    }
    return VolumeExpander(world.system.client, reads_classes=False, before_write=lambda: None).ensure(workload)


def test_a_number_of_replicas_that_nobody_has_costs_nothing() -> None:
    started = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    found = settled(2**31 - 1, "data-db-0")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - started < SECONDS + _world_seconds()
    assert not found.complete
    assert found.notes == ("claim data-db-0 cannot grow to 2Gi: storage classes are not read in namespaced mode",)


@pytest.mark.parametrize(
    "other",
    ["data-db-2", "data-db-01", "data-db-x", "other-db-0", "data-other-0", "data-db--1", "db-0", "data-db-" + "1" * 50],
)
def test_claims_of_others_are_left_alone(other: str) -> None:
    found = settled(2, "data-db-0", other)
    assert [note.split()[1] for note in found.notes] == ["data-db-0"]
    assert not found.complete


def test_all_claims_make_it_complete() -> None:
    assert settled(2, "data-db-0", "data-db-1", "data-db-2").complete


def _world_seconds() -> float:
    started = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    World()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - started

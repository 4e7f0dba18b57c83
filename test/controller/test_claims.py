"""Claims are looked at one by one, however many replicas somebody asks for."""

import resource
from typing import Any

import pytest

from test.apiserver.faults import Fault
from test.controller.world import World
from vmagent_operator.controller.steps.claims import LEGACY_CLASS, Claims, OwnClaims, VolumeExpander
from vmagent_operator.identity import ALLOW_EXPANSION, API_VERSION
from vmagent_operator.kube.write.ownership import REFERENCES_ONLY

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


def storage_class(name: str, *, expands: bool | None = True, is_default: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if is_default:
        metadata["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    found = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": "x"}
    return found if expands is None else {**found, "allowVolumeExpansion": expands}


@pytest.mark.parametrize(
    ("claim", "classes", "want"),
    [
        ({"annotations": {ALLOW_EXPANSION: "true"}}, [], ""),
        ({"annotations": {ALLOW_EXPANSION: "no"}}, [storage_class("fast")], f"annotation {ALLOW_EXPANSION} says 'no'"),
        ({"class": "fast"}, [storage_class("fast")], ""),
        ({"class": "fast"}, [storage_class("fast", expands=False)], "storage class fast does not allow it"),
        ({"class": "fast"}, [storage_class("fast", expands=None)], "storage class fast does not allow it"),
        ({"class": "fast"}, [storage_class("slow", is_default=True)], "storage class fast cannot be read"),
        ({}, [storage_class("slow", expands=False), storage_class("fast", is_default=True)], ""),
        ({}, [storage_class("slow", expands=False, is_default=True)], "storage class slow does not allow it"),
        ({}, [storage_class("slow")], "storage class (default) cannot be read"),
        ({"annotations": {LEGACY_CLASS: "fast"}, "class": "slow"}, [storage_class("fast")], ""),
    ],
    ids=[
        "its user allows it",
        "or forbids it",
        "the class allows it",
        "or does not",
        "or says nothing",
        "the class is not there",
        "the default counts where none is named",
        "whatever it says",
        "there is no default",
        "the annotation of old comes first",
    ],
)
def test_whether_a_claim_may_grow(claim: dict[str, Any], classes: list[dict[str, Any]], want: str) -> None:
    world = World()
    for each in classes:
        world.add(each)
    spec = {"storageClassName": claim["class"]} if "class" in claim else {}
    found = {"metadata": {"name": "data", "annotations": claim.get("annotations")}, "spec": spec}
    assert VolumeExpander(world.system.client, reads_classes=True, before_write=lambda: None).refusal(found) == want


def test_a_class_that_may_not_be_read_forbids_it() -> None:
    world = World()
    world.add(storage_class("fast"))
    world.api.faults.add(Fault(verb="get", resource="storageclasses.*", times=0, status=403, reason="Forbidden"))
    expander = VolumeExpander(world.system.client, reads_classes=True, before_write=lambda: None)
    claim = {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}
    assert expander.refusal(claim) == "storage class fast cannot be read"


def grown(
    wanted: str, asked: str, capacity: str, *conditions: dict[str, str], owner: str = "", is_going: bool = False
) -> tuple[Claims, Any]:
    """One step with a claim of `db`, and what it asks for then."""
    world = World()
    world.api.workloads.is_on = False
    metadata: dict[str, Any] = {"name": "data-db-0", "namespace": "mon", "labels": {"app": "db"}}
    metadata["annotations"] = {ALLOW_EXPANSION: "true"}
    if owner:
        reference = {"apiVersion": "v1", "kind": owner, "name": "x", "uid": "x", "controller": True}
        metadata["ownerReferences"] = [reference]
        world.api.collector.is_on = False
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": asked}}}
    world.add({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    path = "/api/v1/namespaces/mon/persistentvolumeclaims/data-db-0"
    world.patch(f"{path}/status", {"status": {"capacity": {"storage": capacity}, "conditions": [*conditions]}})
    if is_going:
        world.patch(path, {"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}})
        world.delete(path)
    template = {
        "metadata": {"name": "data", "labels": {"team": "a"}},
        "spec": {"resources": {"requests": {"storage": wanted}}},
    }
    workload = {
        "metadata": {"name": "db", "namespace": "mon"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}, "volumeClaimTemplates": [template]},
    }
    found = VolumeExpander(world.system.client, reads_classes=True, before_write=lambda: None).ensure(workload)
    live = world.get("persistentvolumeclaims", "mon", "data-db-0")
    return found, (live["spec"]["resources"]["requests"]["storage"], live["metadata"]["labels"].get("team"))


def test_a_claim_that_is_going_is_counted_and_left_alone() -> None:
    found, live = grown("2Gi", "1Gi", "1Gi", is_going=True)
    assert (found.waiting, found.complete) == ("", True)
    assert live == ("1Gi", None)


RESIZING = ("claim data-db-0 is being resized", False)


@pytest.mark.parametrize(
    ("sizes", "conditions", "waiting", "size"),
    [
        (("2Gi", "1Gi", "1Gi"), [], RESIZING, "2Gi"),
        (("2Gi", "2Gi", "1Gi"), [], RESIZING, "2Gi"),
        (("2Gi", "2Gi", "2Gi"), [], ("", True), "2Gi"),
        (("2Gi", "2Gi", "2Gi"), [{"type": "Resizing", "status": "True"}], RESIZING, "2Gi"),
        (("1Gi", "2Gi", "2Gi"), [], ("", True), "2Gi"),
        (("2048Mi", "2Gi", "2Gi"), [], ("", True), "2Gi"),
        (("large", "2Gi", "2Gi"), [], ("", True), "2Gi"),
    ],
    ids=["it is to grow", "it grows", "it has grown", "its file system grows", "it is never made smaller",
         "written otherwise", "no size at all"],
)  # fmt: skip
def test_claims_grow_and_are_waited_for(
    sizes: tuple[str, str, str], conditions: list[dict[str, str]], waiting: tuple[str, bool], size: str
) -> None:
    found, live = grown(*sizes, *conditions)
    assert (found.waiting, found.complete) == waiting
    assert live == (size, "a")
    assert found.notes == ()


@pytest.mark.parametrize(("owner", "size"), [("StatefulSet", "2Gi"), ("Pod", "2Gi"), ("Backup", "1Gi")])
def test_a_claim_that_something_else_looks_after_is_left_alone(owner: str, size: str) -> None:
    found, live = grown("2Gi", "1Gi", "1Gi", owner=owner)
    assert live == (size, "a" if size == "2Gi" else None)
    assert not found.complete


PATH = "/api/v1/namespaces/mon/persistentvolumeclaims/data"
KEPT = "claim data stays at {} instead of {}: {}"


@pytest.mark.parametrize(
    ("live", "size", "note"),
    [
        (None, "2Gi", ""),
        ({"size": "2Gi"}, "2Gi", ""),
        ({"size": "3Gi"}, "3Gi", KEPT.format("3Gi", "2Gi", "a volume never becomes smaller")),
        ({"size": "1Gi"}, "2Gi", ""),
        ({"size": "1Gi", "allowed": "no"}, "1Gi", KEPT.format("1Gi", "2Gi", f"annotation {ALLOW_EXPANSION} says 'no'")),
        ({"size": "1Gi", "phase": "Pending"}, "1Gi", KEPT.format("1Gi", "2Gi", "it is not bound yet")),
        (
            {"size": "2Gi", "deletionTimestamp": "now"},
            None,
            "claim data is being deleted, with its data; save the volume, or make another claim",
        ),
    ],
    ids=[
        "it is still to come",
        "it is there",
        "it is larger",
        "it may grow",
        "it may not",
        "it has no volume yet",
        "it is going",
    ],
)
@pytest.mark.parametrize("is_stored", [True, False], ids=["as the store says", "as the server says"])
def test_a_claim_of_an_owners_own_asks_for_what_it_can_have(
    live: dict[str, str] | None, size: str | None, note: str, is_stored: bool
) -> None:
    def claim(size: str, **metadata: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "mon", "ownerReferences": [owner], **metadata},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        }

    owner = {"apiVersion": API_VERSION, "kind": "VMSingle", "name": "main", "uid": "u", "controller": True}
    world, notes = World(), list[str]()
    world.api.collector.is_on = world.api.workloads.is_on = False
    known = None
    if live is not None:
        allowed = {ALLOW_EXPANSION: live.get("allowed", "true")}
        world.add(claim(live["size"], annotations=allowed, finalizers=["example.org/backup"]))
        world.patch(f"{PATH}/status", {"status": {"phase": live.get("phase", "Bound")}})
        if "deletionTimestamp" in live:
            world.delete(PATH)
        known = world.get("persistentvolumeclaims", "mon", "data") if is_stored else None
    expander = VolumeExpander(world.system.client, reads_classes=False, before_write=lambda: None)
    found = OwnClaims(expander, REFERENCES_ONLY, notes.append).prepared(claim("2Gi"), known)
    assert (found and found["spec"]["resources"]["requests"]["storage"], "; ".join(notes)) == (size, note)

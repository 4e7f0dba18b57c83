"""Whose an object is: found by what it says of itself, and removed only if that leaves no doubt."""

from typing import Any

import pytest

from test.controller.test_vmcluster import cluster
from test.controller.world import agent
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine import owners
from vmagent_operator.controller.engine.kind import Owner
from vmagent_operator.controller.engine.owners import OwnerIndex
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.controller.vmcluster import VMCLUSTER
from vmagent_operator.identity import API_VERSION, OPERATOR, OVERFLOW_LABEL

LABELS = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}
SINGLE = {**LABELS, "app.kubernetes.io/name": "vmsingle"}
OURS = {"apiVersion": API_VERSION, "kind": "VMAgent", "name": "main", "uid": "uid-main", "controller": True}
THEIRS = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "main", "uid": "other", "controller": True}


def without(labels: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key != name}


def owner(status: dict[str, Any] | None = None, **spec: Any) -> Owner:
    """An agent as its store has it."""
    raw = agent(**spec)
    raw["metadata"] |= {"uid": "uid-main", "resourceVersion": "1", "generation": 1}
    return kinds.read({**raw, "status": status or {}})


def child(kind: str = "Service", name: str = "x", namespace: str = "monitoring", **metadata: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **place, **metadata}}


@pytest.mark.parametrize(
    ("found", "keys"),
    [
        (child(ownerReferences=[OURS]), {("vmagent", "monitoring", "main")}),
        (child(ownerReferences=[THEIRS, OURS]), {("vmagent", "monitoring", "main")}),
        (child(ownerReferences=[{**OURS, "kind": "VMCluster"}]), {("vmcluster", "monitoring", "main")}),
        (child(ownerReferences=[{**OURS, "apiVersion": "operator.victoriametrics.com/v9"}]), {("vmagent", "monitoring", "main")}),
        (child(ownerReferences=[{**OURS, "apiVersion": "example.com/v1"}]), set()),
        (child(ownerReferences=[{**OURS, "kind": "VMAlert"}]), set()),
        (child(ownerReferences=[THEIRS], labels=LABELS), set()),
        (child(labels=LABELS), set()),
        (child(), set()),
        (child("ClusterRole", "monitoring:apps:vmagent-main", "", labels=LABELS), {("vmagent", "apps", "main")}),
        (child("RoleBinding", "monitoring:apps:main", "other", labels=LABELS), {("vmagent", "apps", "main")}),
        (child("ClusterRole", "other:apps:vmagent-main", "", labels=LABELS), set()),
        (child("ClusterRole", "monitoring:apps", "", labels=LABELS), set()),
        (child("ClusterRole", "monitoring:apps:main", "", labels=without(LABELS, "managed-by")), set()),
        (child("ClusterRole", "monitoring:apps:main", "", labels=without(LABELS, "app.kubernetes.io/instance")), set()),
        (child("ClusterRole", "monitoring:apps:main", "", labels={**LABELS, "app.kubernetes.io/name": "vmalert"}), set()),
        (child("PersistentVolumeClaim", "vmsingle-main", labels=SINGLE), {("vmsingle", "monitoring", "main")}),
        (child("PersistentVolumeClaim", "main", labels=SINGLE), {("vmsingle", "monitoring", "main")}),
        (child("PersistentVolumeClaim", "data-vmsingle-main-0", labels=SINGLE), set()),
        (child("PersistentVolumeClaim", "main", labels=without(SINGLE, "managed-by")), set()),
        (child("Secret", "vmsingle-main", labels=SINGLE), set()),
    ],
)  # fmt: skip
def test_a_child_is_found_by_its_reference_or_by_labels_and_name(found: dict[str, Any], keys: set[Any]) -> None:
    assert set(OwnerIndex(OWNERS).keys(found)) == keys
    assert set(OwnerIndex(OWNERS).texts(found)) == {"/".join(key) for key in keys}


def test_an_overflow_secret_tells_its_owner_by_its_label_alone() -> None:
    found = OwnerIndex((VMAGENT,)).keys(child("Secret", labels={OVERFLOW_LABEL: "vmagent-main"}))
    assert set(found) == {("vmagent", "monitoring", "main"), ("vmagent", "monitoring", "vmagent-main")}


@pytest.mark.parametrize(
    ("found", "is_removable"),
    [
        (child(labels=LABELS, ownerReferences=[OURS]), True),
        (child(labels=LABELS, ownerReferences=[OURS, {**THEIRS, "controller": False}]), True),
        (child(labels=LABELS, ownerReferences=[OURS, THEIRS]), False),
        (child(labels=LABELS, ownerReferences=[THEIRS]), False),
        (child(labels=LABELS, ownerReferences=[{**OURS, "name": "other"}]), False),
        (child(labels=LABELS, ownerReferences=[{**OURS, "kind": "VMCluster"}]), False),
        (child(labels={**LABELS, "app.kubernetes.io/instance": "other"}, ownerReferences=[OURS]), False),
        (child(labels={**LABELS, "app.kubernetes.io/name": "vmalert"}, ownerReferences=[OURS]), False),
        (child(labels=without(LABELS, "managed-by"), ownerReferences=[OURS]), False),
        (child(ownerReferences=[OURS]), False),
        (child(labels=LABELS), False),
        (child("ClusterRole", "monitoring:monitoring:main", "", labels=LABELS), True),
        (child("ClusterRole", "monitoring:monitoring:vmagent-main", "", labels=LABELS), True),
        (child("Role", "monitoring:monitoring:vmagent-main", "apps", labels=LABELS), True),
        (child("Role", "monitoring:monitoring:vmagent-main", "monitoring", labels=LABELS), False),
        (child("ClusterRole", "monitoring:apps:vmagent-main", "", labels=LABELS), False),
        (child("ClusterRole", "monitoring:monitoring:vmagent-other", "", labels=LABELS), False),
    ],
)
def test_only_what_is_surely_an_owners_own_may_be_removed(found: dict[str, Any], is_removable: bool) -> None:
    assert owners.is_removable(VMAGENT, found["metadata"], "monitoring", "main") == is_removable


def test_all_children_of_all_kinds_are_watched_by_one_selector() -> None:
    names = "vmcluster,vmstorage,vmselect,vminsert"
    found = owners.child_selector((VMAGENT, VMCLUSTER))
    assert found.startswith("managed-by=vm-operator,app.kubernetes.io/name in (vmagent,")
    assert set(names.split(",")[1:]) < set(found.partition("(")[2].rstrip(")").split(","))


def test_what_an_earlier_operator_may_have_put_on_children_is_known_from_what_it_applied() -> None:
    spec = {
        "managedMetadata": {"labels": {"a": "1"}, "annotations": {"b": "1"}},
        "podMetadata": {"labels": {"c": "1"}, "annotations": {"d": "1"}},
        "serviceSpec": {"metadata": {"labels": {"e": "1"}, "annotations": {"f": "1"}}, "spec": {}},
        "statefulStorage": {
            "podMetadata": {"labels": {"g": "1"}},
            "spec": {"podMetadata": {"annotations": {"h": "1"}}},
        },
    }
    found = owners.migration(VMAGENT, owner({"lastAppliedSpec": spec}))
    assert (sorted(found.labels), sorted(found.annotations)) == (["a", "c", "e", "g"], ["b", "d", "f", "h"])


@pytest.mark.parametrize("raw", [cluster(vmstorage="none"), agent(shardCount="none")], ids=["cluster", "agent"])
def test_a_spec_that_cannot_be_read_has_no_parts(raw: dict[str, Any]) -> None:
    of = VMAGENT if raw["kind"] == "VMAgent" else VMCLUSTER
    found = owners.migration(of, kinds.read(raw))
    assert found.released == frozenset()


@pytest.mark.parametrize("spec", [None, [], "spec", {"podMetadata": ["a"]}, {"podMetadata": {"labels": "a"}}])
def test_whatever_a_status_says_of_the_spec_is_no_fault(spec: Any) -> None:
    found = owners.migration(VMAGENT, owner({"lastAppliedSpec": spec}))
    assert (found.labels, found.annotations) == (frozenset(), frozenset())


@pytest.mark.parametrize(("spec", "released"), [({"selectAllByDefault": True}, set()), ({}, {"vmagent.yaml.gz"})])
def test_a_configuration_that_is_the_users_is_let_go(spec: dict[str, Any], released: set[str]) -> None:
    unmanaged = {"ingestOnlyMode": False, **spec}
    assert owners.migration(VMAGENT, owner(**unmanaged)).released == released
    assert owners.config_secret(VMAGENT, owner(**unmanaged), None).is_foreign is False


def secret(**metadata: Any) -> dict[str, Any]:
    found = child("Secret", "vmagent-main", uid="s", resourceVersion="1", **metadata)
    return {**found, "data": {"vmagent.yaml.gz": ""}}


def held(*, labels: bool) -> list[dict[str, Any]]:
    fields: dict[str, Any] = {"f:data": {"f:vmagent.yaml.gz": {}}, "f:metadata": {"f:labels": {}} if labels else {}}
    entry = {"manager": OPERATOR, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    return [{**entry, "fieldsV1": fields}]


@pytest.mark.parametrize(
    ("before", "after", "live", "want"),
    [
        ({}, {}, secret(), (True, True, False)),
        ({}, {}, secret(labels=LABELS), (True, True, False)),
        ({}, {}, secret(ownerReferences=[OURS]), (True, False, False)),
        ({}, {"selectAllByDefault": True}, secret(), (True, True, True)),
        ({}, {"selectAllByDefault": True}, secret(labels=LABELS), (True, True, True)),
        (None, {"selectAllByDefault": True}, secret(), (True, True, False)),
        (None, {"selectAllByDefault": True}, secret(labels=LABELS), (True, False, False)),
        (None, {"selectAllByDefault": True}, secret(ownerReferences=[{**OURS, "name": "other"}]), (True, False, False)),
        (None, {"selectAllByDefault": True}, secret(managedFields=held(labels=False)), (True, True, True)),
        (None, {"selectAllByDefault": True}, secret(labels=LABELS, managedFields=held(labels=True)), (True, False, False)),
        ({}, {}, {**secret(), "data": {"other": ""}}, (False, True, False)),
        ({}, {}, {**secret(), "data": None}, (False, True, False)),
    ],
    ids=[
        "what a user has made serves an agent that selects nothing",
        "whatever its labels",
        "unless it was made for the agent",
        "given a selection, the agent shares it",
        "whatever its labels",
        "an agent that always selected does not touch what is a user's",
        "what has all labels is its own",
        "another agent's is refused like any other object",
        "what we have written but never labelled stays shared",
        "and what we have labelled is ours",
        "there is no configuration in it",
        "nor anything at all",
    ],
)  # fmt: skip
def test_what_the_secret_of_the_configurations_name_is(
    before: dict[str, Any] | None, after: dict[str, Any], live: dict[str, Any], want: tuple[bool, bool, bool]
) -> None:
    status = None if before is None else {"lastAppliedSpec": agent(**before)["spec"]}
    found = owners.config_secret(VMAGENT, owner(status, **after), live)
    assert (found.exists, found.is_foreign, found.is_shared) == want

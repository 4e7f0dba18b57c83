"""Whose an object is, by what is on it."""

from typing import Any

import pytest

from vmagent_operator.kube.write.ownership import Policy, objection

POLICY = Policy(
    marks=("by", "app", "of"),
    seal="seal",
    finalizer="theirs/finalizer",
    managers=frozenset({"app"}),
    traces=frozenset({"made"}),
)
OWNER: dict[str, Any] = {"apiVersion": "g/v1", "kind": "K", "name": "main", "uid": "u", "controller": True}
OTHER: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d", "controller": True}
LABELS: dict[str, Any] = {"by": "us", "app": "k", "of": "main"}
REFERRED: dict[str, Any] = {"name": "x", "labels": {**LABELS, "seal": "x"}, "ownerReferences": [OWNER]}
UNREFERRED: dict[str, Any] = {"name": "x", "labels": LABELS}
FOREIGN = "exists and is not ours: delete or rename it, or hand it over by the labels app=k, by=us, of=main"


def entry(manager: str, **held: Any) -> dict[str, Any]:
    metadata = {f"f:{key}": {f"f:{name}": dict[str, Any]() for name in names} for key, names in held.items()}
    return {"manager": manager, "operation": "Update", "fieldsV1": {"f:metadata": metadata}}


@pytest.mark.parametrize(
    "live",
    [
        {"ownerReferences": [OWNER]},
        {"ownerReferences": [{**OWNER, "uid": "of-another-life"}]},
        {"ownerReferences": [{**OWNER, "apiVersion": "g/v2"}]},
        {"ownerReferences": [{**OWNER, "controller": False}, {**OTHER, "controller": False}]},
        {"labels": LABELS},
        {"labels": LABELS | {"more": "x"}, "ownerReferences": [{**OTHER, "controller": False}]},
        {"labels": {"seal": "x"}},
        {"finalizers": ["theirs/finalizer"], "labels": {"app": "mine"}},
        {"labels": {"by": "us"}, "managedFields": [entry("app", labels=["by"])]},
        {"annotations": {"made": "x"}, "managedFields": [entry("app", annotations=["made"])]},
    ],
)
def test_ours_is_what_shows_it(live: dict[str, Any]) -> None:
    assert objection({"metadata": REFERRED}, {"metadata": live}, POLICY) == ""


@pytest.mark.parametrize(
    ("live", "why"),
    [
        ({}, FOREIGN),
        ({"labels": {"by": "us", "app": "k"}}, FOREIGN),
        ({"labels": {**LABELS, "of": "other"}}, FOREIGN),
        ({"labels": {"seal": "y"}}, FOREIGN),
        ({"ownerReferences": [{**OWNER, "apiVersion": "other/v1", "controller": False}]}, FOREIGN),
        ({"ownerReferences": [{**OWNER, "apiVersion": "v1", "controller": False}]}, FOREIGN),
        ({"ownerReferences": [{**OWNER, "kind": "L", "controller": False}]}, FOREIGN),
        ({"labels": {"by": "us", "app": "else"}, "finalizers": ["theirs/finalizer"]}, FOREIGN),
        ({"labels": {"by": "helm"}, "managedFields": [entry("app", labels=["by"])]}, FOREIGN),
        ({"labels": {"by": "us"}, "managedFields": [entry("kubectl", labels=["by"])]}, FOREIGN),
        ({"managedFields": [entry("app", labels=["x"], annotations=["x"])]}, FOREIGN),
        ({"annotations": {"made": "x"}, "managedFields": [entry("kubectl", annotations=["made"])]}, FOREIGN),
        ({"labels": LABELS, "ownerReferences": [OTHER]}, "belongs to Deployment d"),
        ({"labels": LABELS, "ownerReferences": [OWNER, OTHER]}, "belongs to Deployment d"),
        (
            {"labels": LABELS, "ownerReferences": [{**OWNER, "name": "other", "controller": False}]},
            "belongs to K other",
        ),
    ],
)
def test_all_else_is_somebody_elses(live: dict[str, Any], why: str) -> None:
    assert objection({"metadata": REFERRED}, {"metadata": live}, POLICY) == why


@pytest.mark.parametrize("live", [{"ownerReferences": [{**OWNER, "controller": False}]}, {}, {"labels": {"seal": "x"}}])
def test_what_can_have_no_owner_is_known_by_its_labels_alone(live: dict[str, Any]) -> None:
    assert objection({"metadata": UNREFERRED}, {"metadata": live}, POLICY) == FOREIGN
    labelled = {key: part for key, part in live.items() if key != "labels"} | {"labels": LABELS}
    assert objection({"metadata": UNREFERRED}, {"metadata": labelled}, POLICY) == ""


def test_to_anybodys_object_something_may_be_added_unless_a_controller_has_it() -> None:
    share = {"metadata": {"name": "x"}}
    assert objection(share, {"metadata": {"labels": {"app": "mine"}}}, POLICY) == ""
    assert objection(share, {"metadata": {"ownerReferences": [OTHER]}}, POLICY) == "belongs to Deployment d"

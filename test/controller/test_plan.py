"""A plan is a function of what is desired and what is there."""

from collections.abc import Mapping
from typing import Any

import pytest

from vmagent_operator.controller.steps.plan import View, make_plan
from vmagent_operator.desired.stages import Gate, Stage
from vmagent_operator.kube.resource import Manifest

PATIENCE_SECONDS = 80.0


def thing(kind: str, name: str, **rest: Any) -> Manifest:
    versions = {"Deployment": "apps/v1", "Role": "rbac.authorization.k8s.io/v1"}
    head = {
        "apiVersion": versions.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": name, "namespace": "ns", "labels": {"a": "b"}},
    }
    return {**head, **rest}


OVERFLOW, CONFIG, WORKLOAD = thing("Secret", "more"), thing("Secret", "config"), thing("Deployment", "app")
STAGES = (
    Stage(objects=(OVERFLOW,)),
    Stage(objects=(CONFIG,), gate=Gate(until=(WORKLOAD,), since=OVERFLOW)),
    Stage(objects=(WORKLOAD,)),
)


def view(live: Mapping[str, Manifest], *, is_running: bool = False) -> View:
    return View(
        live=lambda manifest: live.get(manifest["metadata"]["name"]),
        is_running=lambda manifest: is_running,
        age_seconds=lambda manifest: live[manifest["metadata"]["name"]].get("age", 0.0),
        patience_seconds=PATIENCE_SECONDS,
    )


def there(manifest: Manifest, age_seconds: float = 0.0) -> Manifest:
    return {**manifest, "age": age_seconds}


@pytest.mark.parametrize(
    ("live", "is_running", "waits"),
    [
        ({}, False, False),
        ({"more": there(OVERFLOW)}, False, False),
        ({"config": there(CONFIG)}, True, True),
        ({"config": there(CONFIG), "more": there(OVERFLOW)}, False, True),
        ({"config": there(CONFIG), "more": there(OVERFLOW)}, True, False),
        ({"config": there(CONFIG), "more": there(OVERFLOW, PATIENCE_SECONDS + 1)}, False, False),
    ],
    ids=[
        "a first configuration replaces nothing",
        "nor beside a Secret that has come already",
        "the Secret that is waited for is still to come",
        "pods do not mount it yet",
        "pods mount it",
        "it has taken too long",
    ],
)
def test_what_replaces_something_waits_for_the_workloads(
    live: dict[str, Manifest], is_running: bool, waits: bool
) -> None:
    plan = make_plan(STAGES, view(live, is_running=is_running))
    assert plan.waiting == ((CONFIG,) if waits else ())
    assert plan.now == ((OVERFLOW, WORKLOAD) if waits else (OVERFLOW, CONFIG, WORKLOAD))
    assert [child.name for child in plan.children] == ["more", "config", "app"]


@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize("live", [{}, {"config": there(CONFIG)}], ids=["a first version", "a later one"])
def test_what_comes_after_a_workload_waits_for_it_from_the_first(live: dict[str, Manifest], is_running: bool) -> None:
    stages = (Stage(objects=(WORKLOAD,)), Stage(objects=(CONFIG,), gate=Gate(until=(WORKLOAD,))))
    plan = make_plan(stages, view(live, is_running=is_running))
    assert plan.waiting == (() if is_running else (CONFIG,))


def test_what_adds_nothing_to_somebody_elses_object_is_not_planned() -> None:
    bare = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": "ns"}}
    plan = make_plan((Stage(objects=(bare, WORKLOAD)),), view({}))
    assert plan.now == (WORKLOAD,)
    assert [child.name for child in plan.children] == ["app"]


def test_rights_are_taken_away_last() -> None:
    wanted = thing("Role", "reader", rules=[{"verbs": ["get"]}])
    live = there({**wanted, "rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]})
    plan = make_plan((Stage(objects=(wanted,)),), view({"reader": live}))
    (now,) = plan.now
    assert now["rules"] == [{"verbs": ["get"]}, {"verbs": ["list"]}]
    assert plan.last == (wanted,)

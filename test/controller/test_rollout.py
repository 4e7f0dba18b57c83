"""How far workloads have come, and which pods of a StatefulSet go next: what is told, and which pods are there afterwards."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controller.world import World
from vmagent_operator.controller.steps import rollout
from vmagent_operator.controller.steps.rollout import READY, Progress, Rollout

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
OLD, NEW = "db-old", "db-new"
SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "db", "namespace": "mon", "uid": "uid-db"},
    "spec": {"replicas": 4, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}},
    "status": {"updateRevision": NEW},
}


def pod(
    ordinal: int, revision: str = OLD, *, is_ready: bool = True, is_going: bool = False, **spec: Any
) -> dict[str, Any]:
    """A pod of `SET`."""
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "uid-db", "controller": True}
    labels = {"app": "db", "controller-revision-hash": revision}
    metadata = {"name": f"db-{ordinal}", "namespace": "mon", "labels": labels, "ownerReferences": [owner]}
    if is_going:
        metadata["finalizers"] = ["example.com/slow"]
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(is_ready)}]}
    template = {"subdomain": "db", "containers": [{"name": "db", "image": "db"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template, "status": status}


def advanced(
    pods: list[dict[str, Any]],
    max_unavailable: int | str = 1,
    budget: dict[str, Any] | None = None,
    **spec: Any,
) -> tuple[Progress, list[int], World]:
    """What one step of the rollout says, and the ordinals of the pods that it has taken away."""
    world = World()
    world.api.workloads.makes_pods = world.api.collector.is_on = False
    for each in pods:
        path = f"/api/v1/namespaces/mon/pods/{each['metadata']['name']}"
        world.add(each)
        world.patch(f"{path}/status", {"status": each["status"]})
        if "finalizers" in each["metadata"]:
            world.delete(path)
    if budget:
        metadata = {"name": "db", "namespace": "mon"}
        selector = {"selector": {"matchLabels": {"app": "db"}}}
        world.add(
            {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget | selector}
        )
    workload = {**SET, "spec": {**SET["spec"], **spec}}
    found = rollout.pods_of(world.system.client, workload)
    said = Rollout(world.system.client, workload, found, max_unavailable).advance(lambda: None)
    gone = {each["metadata"]["name"] for each in pods} - {*world.names("pods")}
    return said, sorted(int(name.removeprefix("db-")) for name in gone), world


@pytest.mark.parametrize("case", CASES["progress"], ids=lambda case: case["name"])
def test_what_a_workload_lacks(case: dict[str, Any]) -> None:
    assert rollout.progress(case["workload"]) == Progress(**case["want"])


@pytest.mark.parametrize("case", CASES["failure"], ids=lambda case: case["name"])
def test_what_ails_a_pod(case: dict[str, Any]) -> None:
    assert rollout.pod_failure_reason(case["pods"]) == Progress(**case["want"])


@pytest.mark.parametrize(
    ("pods", "max_unavailable", "gone", "said"),
    [
        ([pod(n) for n in range(4)], 1, [0], "0 of 4 pods are up to date"),
        ([pod(n) for n in range(4)], 0, [0], "0 of 4 pods are up to date"),
        ([pod(n) for n in range(4)], 2, [0, 1], "0 of 4 pods are up to date"),
        ([pod(n) for n in range(4)], "50%", [0, 1], "0 of 4 pods are up to date"),
        ([pod(n) for n in range(4)], "100%", [0, 1, 2, 3], "0 of 4 pods are up to date"),
        ([pod(0, NEW), *(pod(n) for n in range(1, 4))], 1, [1], "1 of 4 pods are up to date"),
        ([pod(0, NEW, is_ready=False), *(pod(n) for n in range(1, 4))], 1, [], "1 of 4 pods are up to date"),
        ([pod(0, NEW, is_ready=False), *(pod(n) for n in range(1, 4))], 2, [1], "1 of 4 pods are up to date"),
        ([pod(n) for n in range(3)], 1, [], "1 of 4 pods are up to date"),
        ([pod(0), pod(1), pod(2), pod(3, is_ready=False)], 1, [3], "0 of 4 pods are up to date"),
        ([pod(0), pod(1, is_going=True), pod(2), pod(3)], 1, [], "0 of 4 pods are up to date"),
        ([pod(0), pod(1, is_going=True, is_ready=False), pod(2), pod(3)], 2, [0], "0 of 4 pods are up to date"),
        ([pod(n, NEW) for n in range(4)], 1, [], ""),
        ([*(pod(n, NEW) for n in range(3)), pod(3, NEW, is_ready=False)], 1, [], "3 of 4 pods are ready"),
        ([pod(n, NEW) for n in range(2)], 1, [], "2 of 4 pods are ready"),
        ([*(pod(n, NEW) for n in range(4)), pod(4, NEW, is_going=True)], 1, [], "4 of 4 pods are ready"),
    ],
    ids=[
        "one at a time",
        "never none at a time",
        "as many as may be missing",
        "half of them",
        "all at once",
        "those that are up to date stay",
        "a new pod that is not ready yet is waited for",
        "which counts as one that is missing",
        "as does one that is not there",
        "a pod that is down anyway goes first, whatever may be missing",
        "a pod on its way out is missing",
        "and does not go twice",
        "all is done",
        "the last is not ready yet",
        "nor there yet",
        "a pod too many is on its way out",
    ],
)
def test_as_many_outdated_pods_go_as_may_be_missing(
    pods: list[dict[str, Any]], max_unavailable: int | str, gone: list[int], said: str
) -> None:
    progress, went, _ = advanced(pods, max_unavailable)
    assert (went, progress) == (gone, Progress(said))
    assert progress.is_ready == (not said)


@pytest.mark.parametrize(
    ("spec", "template"),
    [
        ({"serviceName": "other"}, {}),
        ({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}, {}),
        (
            {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
            {"volumes": [{"name": "data", "emptyDir": {}}]},
        ),
    ],
    ids=["of another Service", "without a claim", "with something else in its place"],
)
def test_a_pod_is_outdated_by_what_no_revision_tells(spec: dict[str, Any], template: dict[str, Any]) -> None:
    _, gone, _ = advanced([pod(n, NEW, **template) for n in range(4)], **spec)
    assert gone == [0]


def test_a_pod_with_its_claims_is_not_outdated() -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    more = {"name": "config", "secret": {"secretName": "config"}}
    pods = [pod(n, NEW, volumes=[more, claim]) for n in range(4)]
    assert advanced(pods, volumeClaimTemplates=[{"metadata": {"name": "data"}}])[0] == READY


def test_a_disruption_budget_is_kept_and_named() -> None:
    progress, gone, _ = advanced([pod(n) for n in range(4)], 2, {"minAvailable": 3})
    assert gone == [0]
    assert progress == Progress("pod db-1 may not be evicted now: a disruption budget forbids it")


def test_whoever_lets_all_pods_go_at_once_asks_no_budget() -> None:
    _, gone, _ = advanced([pod(n) for n in range(4)], "100%", {"minAvailable": 3})
    assert gone == [0, 1, 2, 3]


def test_a_pod_that_was_replaced_meanwhile_is_left_alone() -> None:
    _, _, world = advanced([pod(n, NEW) for n in range(4)])
    found = rollout.pods_of(world.system.client, SET)
    world.delete("/api/v1/namespaces/mon/pods/db-0")
    world.add(pod(0, NEW))
    outdated = {**SET, "status": {"updateRevision": "db-newer"}}
    progress = Rollout(world.system.client, outdated, found, 1).advance(lambda: None)
    assert progress == Progress("pod db-0 has been replaced meanwhile")
    assert world.names("pods") == ["db-0", "db-1", "db-2", "db-3"]


def test_only_pods_of_the_set_are_replaced_in_the_order_of_their_ordinals() -> None:
    stranger, orphan = pod(1), pod(3)
    stranger["metadata"]["ownerReferences"][0]["uid"] = "another"
    del orphan["metadata"]["ownerReferences"]
    progress, gone, _ = advanced([pod(10), pod(2), stranger, orphan], replicas=2)
    assert (gone, progress) == ([2], Progress("0 of 2 pods are up to date"))

"""What the stand-in for the kubelet says about a pod."""

from __future__ import annotations

from typing import Any

import pytest

from test.controlplane.kubelet import BEHAVIOUR_ANNOTATION, covers, pod_status


def pod(*images: str, init: tuple[dict[str, Any], ...] = (), behaviour: str = "") -> dict[str, Any]:
    annotations = {BEHAVIOUR_ANNOTATION: behaviour} if behaviour else {}
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return {"metadata": {"annotations": annotations}, "spec": {"containers": containers, "initContainers": list(init)}}


def summary(manifest: dict[str, Any]) -> tuple[str, str, list[bool]]:
    status = pod_status(manifest, "10.0.0.1")
    ready = {condition["type"]: condition["status"] for condition in status["conditions"]}["Ready"]
    return status["phase"], ready, [container["ready"] for container in status["containerStatuses"]]


@pytest.mark.parametrize(
    ("image", "want"),
    [
        ("vmagent:v1.150.0", ("Running", "True", [True])),
        ("vmagent:never-ready", ("Running", "False", [False])),
        ("vmagent:crash-loop", ("Running", "False", [False])),
        ("vmagent:image-pull-error", ("Pending", "False", [False])),
        ("vmagent", ("Running", "True", [True])),
    ],
)
def test_the_image_tag_says_how_a_container_fares(image: str, want: tuple[str, str, list[bool]]) -> None:
    assert summary(pod(image)) == want


def test_one_broken_container_makes_the_pod_unready() -> None:
    assert summary(pod("vmagent:v1", "reloader:crash-loop")) == ("Running", "False", [True, False])


def test_the_annotation_holds_for_every_container() -> None:
    manifest = pod("vmagent:v1", "reloader:v1", behaviour="never-ready")
    assert summary(manifest) == ("Running", "False", [False, False])


def test_init_containers_finish_and_sidecars_stay() -> None:
    init = ({"name": "setup", "image": "s:1"}, {"name": "sidecar", "image": "s:1", "restartPolicy": "Always"})
    states = [status["state"] for status in pod_status(pod("a:1", init=init), "10.0.0.1")["initContainerStatuses"]]
    assert [list(state) for state in states] == [["terminated"], ["running"]]


def test_an_init_container_that_fails_keeps_the_pod_pending() -> None:
    assert summary(pod("a:1", init=({"name": "setup", "image": "s:crash-loop"},))) == ("Pending", "False", [True])


def test_covers_matches_list_items_by_name_whatever_their_order() -> None:
    wanted = [{"name": "a", "ready": True}]
    assert covers([{"name": "b"}, {"name": "a", "ready": True, "restartCount": 0}], wanted)
    assert not covers([{"name": "a", "ready": False}], wanted)
    assert not covers([], wanted)

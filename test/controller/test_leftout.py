"""What leans on an object that is not written is not written either, and nothing else."""

from typing import Any

import pytest

from vmagent_operator.controller.steps.leftout import LeftOut, name_of


def thing(kind: str, name: str, namespace: str | None = "ns", **rest: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **rest}


def pods(*volumes: dict[str, Any], kind: str = "Deployment") -> dict[str, Any]:
    return thing(kind, "app", spec={"template": {"spec": {"volumes": [*volumes]}}})


SECRET = {"name": "a", "secret": {"secretName": "gone"}}
MAP = {"name": "a", "configMap": {"name": "gone"}}
CLAIM = {"name": "a", "persistentVolumeClaim": {"claimName": "gone"}}
PROJECTED = {"name": "a", "projected": {"sources": [{"serviceAccountToken": {}}, {"secret": {"name": "gone"}}]}}


@pytest.mark.parametrize(
    ("left", "manifest", "is_taken"),
    [
        (thing("Secret", "gone"), pods(SECRET), True),
        (thing("Secret", "gone"), pods(PROJECTED), True),
        (thing("Secret", "gone"), pods(SECRET, kind="StatefulSet"), True),
        (thing("Secret", "gone"), pods(MAP), False),
        (thing("Secret", "gone", "other"), pods(SECRET), False),
        (thing("Secret", "other"), pods(SECRET, MAP), False),
        (thing("ConfigMap", "gone"), pods({"name": "b", "emptyDir": {}}, MAP), True),
        (thing("PersistentVolumeClaim", "gone"), pods(CLAIM), True),
        (thing("PersistentVolumeClaim", "other"), pods(CLAIM), False),
        (thing("Secret", "gone"), thing("Deployment", "app", spec={"template": {"spec": {}}}), False),
        (thing("Secret", "gone"), thing("Service", "app", spec={}), False),
        (thing("ClusterRole", "r", None), thing("ClusterRoleBinding", "b", None, roleRef={"kind": "ClusterRole", "name": "r"}), True),
        (thing("ClusterRole", "r", None), thing("RoleBinding", "b", roleRef={"kind": "ClusterRole", "name": "r"}), True),
        (thing("Role", "r"), thing("RoleBinding", "b", roleRef={"kind": "Role", "name": "r"}), True),
        (thing("Role", "r", "other"), thing("RoleBinding", "b", roleRef={"kind": "Role", "name": "r"}), False),
        (thing("Role", "r"), thing("RoleBinding", "b", roleRef={"kind": "Role", "name": "other"}), False),
        (thing("ServiceAccount", "sa"), thing("Service", "app"), True),
    ],
)  # fmt: skip
def test_what_leans_on_it_goes_with_it(left: dict[str, Any], manifest: dict[str, Any], is_taken: bool) -> None:
    left_out = LeftOut()
    assert not left_out.takes(manifest)
    left_out.refuse(left, "it is somebody else's")
    assert left_out.takes(manifest) == is_taken
    assert (name_of(manifest) in left_out.names) == is_taken
    assert left_out.kinds == {left["kind"], *([manifest["kind"]] if is_taken else [])}


def test_what_leans_on_what_leans_goes_as_well() -> None:
    left_out = LeftOut()
    left_out.give_up(thing("Role", "r"), "there is no namespace")
    assert left_out.takes(thing("RoleBinding", "b", roleRef={"kind": "Role", "name": "r"}))
    assert left_out.names == {("Role", "ns", "r"), ("RoleBinding", "ns", "b")}


def test_each_is_told_by_who_can_mend_it() -> None:
    left_out = LeftOut()
    assert (left_out.reason, left_out.has_workload) == ("", False)
    left_out.wait(thing("Secret", "a"), "is being deleted")
    left_out.give_up(thing("VMServiceScrape", "b"), "is not installed")
    assert (left_out.reason, left_out.has_workload) == ("", False)
    left_out.refuse(thing("Service", "c"), "has another owner")
    left_out.refuse(thing("Deployment", "d"), "is somebody's")
    assert (left_out.reason, left_out.has_workload) == ("has another owner; is somebody's", True)
    assert left_out.waiting == {("Secret", "ns", "a"): "is being deleted"}
    assert left_out.impossible == {("VMServiceScrape", "ns", "b"): "is not installed"}

"""The three-way comparison, by the cases beside this file, and the hand-over of fields from an earlier operator."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.kube.manager import MANAGER
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.managedfields import Migration, migrate

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_step(case: dict[str, Any]) -> None:
    found = diff.step(case["desired"], case["live"], MANAGER)
    assert (found and {"action": found.action, "paths": list(found.paths)}) == case["want"]


def test_a_node_port_follows_its_name_to_another_port() -> None:
    desired = {"kind": "Service", "metadata": {}, "spec": {"type": "NodePort", "ports": [{"name": "http", "port": 81}]}}
    live = {"metadata": {}, "spec": {"ports": [{"name": "http", "port": 80, "nodePort": 30080}]}}
    assert diff.inherit(desired, live, MANAGER)["spec"]["ports"] == [{"name": "http", "port": 81, "nodePort": 30080}]


def test_fields_of_an_earlier_operator_change_hands_but_not_those_of_people() -> None:
    fields = {
        "f:metadata": {
            "f:labels": {".": {}, "f:app": {}, "f:gone": {}, "f:theirs": {}},
            "f:ownerReferences": {"k:{}": {}},
        },
        "f:spec": {"f:replicas": {}},
    }
    by_people = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}
    status = {"manager": "m", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
    live = {
        "metadata": {
            "resourceVersion": "7",
            "finalizers": ["example.com/earlier", "example.com/other"],
            "managedFields": [{"manager": "app", "operation": "Update", "fieldsV1": fields}, by_people, status],
        }
    }
    desired = {"metadata": {"labels": {"app": "x"}, "ownerReferences": [{}]}}
    entries, finalizers, version = migrate(desired, live, MANAGER, Migration(labels=frozenset({"gone"})))
    assert entries["value"] == [
        by_people,
        status,
        {"manager": "app", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}},
        {
            "manager": "me",
            "operation": "Apply",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:gone": {}}, "f:ownerReferences": {"k:{}": {}}},
                "f:spec": {"f:replicas": {}},
            },
        },
    ]
    assert finalizers["value"] == ["example.com/other"]
    assert version == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    live["metadata"] |= {"managedFields": entries["value"], "finalizers": finalizers["value"]}
    assert migrate(desired, live, MANAGER, Migration()) == []


def test_references_to_other_owners_stay_with_who_wrote_them() -> None:
    ours = {"apiVersion": "g/v1", "kind": "K", "name": "main", "uid": "u"}
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "root", "uid": "v"}
    fields = {"f:metadata": {"f:ownerReferences": {f'k:{{"uid":"{uid}"}}': {} for uid in "uv"}}, "f:data": {"f:a": {}}}
    other = {"f:metadata": {"f:ownerReferences": {'k:{"uid":"v"}': {}}}, "f:data": {"f:b": {}}}
    entries = [
        {"manager": "app", "operation": "Update", "fieldsV1": fields},
        {"manager": "argo", "operation": "Update", "fieldsV1": other},
    ]
    metadata = {"resourceVersion": "7", "ownerReferences": [{**ours, "uid": "u"}, theirs], "managedFields": entries}
    desired = {"metadata": {"ownerReferences": [ours]}}
    changed, _ = migrate(desired, {"metadata": metadata}, MANAGER, Migration())
    held = {entry["manager"]: entry["fieldsV1"] for entry in changed["value"]}
    assert held == {
        "argo": other,
        "app": {"f:metadata": {"f:ownerReferences": {'k:{"uid":"v"}': {}}}},
        "me": {"f:metadata": {"f:ownerReferences": {'k:{"uid":"u"}': {}}}, "f:data": {"f:a": {}}},
    }

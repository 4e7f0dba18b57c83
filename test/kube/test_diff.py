"""The three-way comparison, by the cases beside this file, and the migration of fields from an earlier operator."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.kube.manager import MANAGER
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.managedfields import NO_MIGRATION, Migration, last_other, migrate

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
FIELDS = yaml.safe_load((Path(__file__).parent / "test_diff_fields.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_step(case: dict[str, Any]) -> None:
    step = diff.step(case["desired"], case["live"], MANAGER)
    assert (step and {"action": step.action, "paths": list(step.paths)}) == case["want"]


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: case["name"])
def test_field(case: dict[str, Any]) -> None:
    desired = {"kind": case.get("kind", "Deployment"), "metadata": {}, "spec": case["desired"]}
    fields = {} if case["owned"] is None else {"f:spec": case["owned"]}
    live = {"metadata": {"managedFields": [applied(fields)]}, "spec": case["live"]}
    found = diff.differences(desired, live, MANAGER)
    assert [each.path + ("" if each.value else " (ours)") for each in found] == case["want"]


def applied(fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": "me", "operation": "Apply", "fieldsV1": fields}


def test_metadata_is_compared_where_we_set_it_and_status_nowhere() -> None:
    """Names, versions and what others write there are not ours to compare."""
    reference = {"apiVersion": "v1", "kind": "K", "name": "k", "uid": "u"}
    fields = {
        "f:metadata": {
            "f:annotations": {"f:a": {}, "f:gone": {}},
            "f:ownerReferences": {'k:{"uid":"u"}': {f"f:{key}": {} for key in reference}},
        },
        "f:status": {"f:x": {}},
    }
    desired = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "annotations": {"a": "1"}, "labels": {}, "ownerReferences": [reference]},
        "status": {"x": 1},
    }
    live = {
        "apiVersion": "v2",
        "metadata": {
            "name": "y",
            "annotations": {"a": "2", "gone": "3", "theirs": "4"},
            "ownerReferences": [{"uid": "other"}, reference],
            "managedFields": [applied(fields)],
        },
        "status": {"x": 2},
    }
    assert [each.path for each in diff.differences(desired, live, MANAGER)] == [
        "metadata.annotations.a",
        "metadata.annotations.gone",
    ]


@pytest.mark.parametrize(
    ("kind", "path", "action"),
    [
        ("Service", ("spec", "type"), "apply"),
        ("Service", ("spec", "loadBalancerClass"), "apply"),
        ("Service", ("spec", "clusterIP"), "apply"),
        ("RoleBinding", ("roleRef", "name"), "recreate"),
        ("RoleBinding", ("subjects",), "apply"),
        ("StatefulSet", ("spec", "selector", "matchLabels"), "recreate"),
        ("Deployment", ("spec", "serviceName"), "apply"),
    ],
)
def test_what_the_server_always_refuses_to_change_is_made_again(kind: str, path: tuple[str, ...], action: str) -> None:
    def manifest(value: str) -> dict[str, Any]:
        body: Any = value
        for key in reversed(path):
            body = {key: body}
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **body}

    step = diff.step(manifest("new"), manifest("old"), MANAGER)
    assert step is not None
    assert (step.action, step.paths) == (action, (".".join(path),))


@pytest.mark.parametrize(
    ("type_", "live", "owned", "ports"),
    [
        ("LoadBalancer", [{"name": "http", "port": 80, "nodePort": 30080}], [], [{"nodePort": 30080}]),
        ("ClusterIP", [{"name": "http", "port": 80, "nodePort": 30080}], [], [{}]),
        ("NodePort", [{"name": "other", "port": 80, "nodePort": 30080}], [], [{}]),
        ("NodePort", [{"name": "http", "port": 80}], [], [{}]),
        ("NodePort", [{"name": "http", "port": 81, "nodePort": 30080}], [], [{}]),
        ("NodePort", [{"name": "http", "port": 81, "nodePort": 30080}], [81], [{"nodePort": 30080}]),
        ("NodePort", [{"name": "http", "port": 81, "nodePort": 30080}], [80], [{}]),
    ],
)
def test_a_node_port_is_kept_when_only_its_number_moves(
    type_: str, live: list[Any], owned: list[int], ports: list[Any]
) -> None:
    """Or when it is in our hands already, as the server would take it away with what we no longer apply."""
    desired = {"kind": "Service", "metadata": {}, "spec": {"type": type_, "ports": [{"name": "http", "port": 81}]}}
    trees = {f'k:{{"port":{port},"protocol":"TCP"}}': {"f:nodePort": dict[str, Any]()} for port in owned}
    metadata = {"managedFields": [applied({"f:spec": {"f:ports": trees}})]}
    inherited = diff.inherit(desired, {"metadata": metadata, "spec": {"ports": live}}, MANAGER)
    assert inherited["spec"]["ports"] == [{"name": "http", "port": 81, **port} for port in ports]


def test_a_node_port_follows_its_name_to_another_port() -> None:
    desired = {"kind": "Service", "metadata": {}, "spec": {"type": "NodePort", "ports": [{"name": "http", "port": 81}]}}
    live = {"metadata": {}, "spec": {"ports": [{"name": "http", "port": 80, "nodePort": 30080}]}}
    assert diff.inherit(desired, live, MANAGER)["spec"]["ports"] == [{"name": "http", "port": 81, "nodePort": 30080}]


def test_fields_of_an_earlier_operator_become_ours_but_not_those_of_people() -> None:
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
    owned = {entry["manager"]: entry["fieldsV1"] for entry in changed["value"]}
    assert owned == {
        "argo": other,
        "app": {"f:metadata": {"f:ownerReferences": {'k:{"uid":"v"}': {}}}},
        "me": {"f:metadata": {"f:ownerReferences": {'k:{"uid":"u"}': {}}}, "f:data": {"f:a": {}}},
    }


def migrated(fields: dict[str, Any], desired: dict[str, Any], migration: Migration = NO_MIGRATION) -> dict[str, Any]:
    """Who holds which fields after an object that `app` made has been migrated."""
    reference = {"apiVersion": "g/v1", "kind": "K", "name": "main", "uid": "u"}
    owned = {"f:metadata": {"f:ownerReferences": {'k:{"uid":"u"}': {}}, **fields.pop("f:metadata", {})}, **fields}
    entries = [{"manager": "app", "operation": "Update", "fieldsV1": owned}]
    metadata = {"resourceVersion": "7", "ownerReferences": [reference], "managedFields": entries}
    desired = {**desired, "metadata": {"ownerReferences": [reference], **desired.get("metadata", {})}}
    changed = migrate(desired, {"metadata": metadata}, MANAGER, migration)[0]
    holders = {entry["manager"]: entry["fieldsV1"] for entry in changed["value"]}
    assert holders["me"]["f:metadata"].pop("f:ownerReferences") == {'k:{"uid":"u"}': {}}
    return holders


def test_an_empty_map_of_an_earlier_operator_becomes_ours_so_that_it_can_go() -> None:
    holders = migrated({"f:metadata": {"f:annotations": {".": {}}}}, {})
    assert holders == {"me": {"f:metadata": {"f:annotations": {".": {}}}}}


def test_annotations_become_ours_where_they_are_desired_or_known_of_earlier() -> None:
    names = {f"f:{name}": dict[str, Any]() for name in ("old", "new", "theirs")}
    template = {"f:template": {"f:metadata": {"f:annotations": names, "f:labels": {"f:x": {}}}}}
    desired = {
        "metadata": {"annotations": {"new": "1"}},
        "spec": {"template": {"metadata": {"annotations": {"new": "1"}}}},
    }
    holders = migrated(
        {"f:metadata": {"f:annotations": names}, "f:spec": template}, desired, Migration(annotations=frozenset({"old"}))
    )
    ours = {name: names[name] for name in ("f:old", "f:new")}
    theirs = {"f:theirs": names["f:theirs"]}
    assert holders == {
        "app": {
            "f:metadata": {"f:annotations": theirs},
            "f:spec": {"f:template": {"f:metadata": {"f:annotations": theirs}}},
        },
        "me": {
            "f:metadata": {"f:annotations": ours},
            "f:spec": {"f:template": {"f:metadata": {"f:annotations": ours, "f:labels": {"f:x": {}}}}},
        },
    }


def test_of_a_service_what_the_server_has_given_it_does_not_become_ours_by_the_way() -> None:
    """Owned and not desired, it would be taken away: address and node ports would change."""
    spec: dict[str, Any] = {
        "f:clusterIP": {},
        "f:type": {},
        "f:ports": {'k:{"port":80}': {"f:port": {}, "f:nodePort": {}}},
    }
    ports: dict[str, Any] = {'k:{"port":80}': {"f:port": {}}}
    for wanted in ({}, {"clusterIP": "None"}):
        ours: dict[str, Any] = {f"f:{key}": {} for key in wanted}
        holders = migrated({"f:spec": spec}, {"kind": "Service", "spec": wanted})
        assert holders["me"]["f:spec"] == {**ours, "f:type": {}, "f:ports": ports}
        assert set(holders) == {"me"}
    assert migrated({"f:spec": spec}, {"kind": "Deployment", "spec": {}})["me"]["f:spec"] == spec
    assert migrated({"f:data": {}}, {"kind": "Service", "spec": {}})["me"] == {"f:metadata": {}, "f:data": {}}


def test_a_released_key_is_nobodys_after_a_migration() -> None:
    holders = migrated({"f:data": {"f:mine": {}, "f:yours": {}}}, {}, Migration(released=frozenset({"yours"})))
    assert holders == {"me": {"f:metadata": {}, "f:data": {"f:mine": {}}}}


@pytest.mark.parametrize(
    ("entry", "is_migrated"),
    [
        ({}, True),
        ({"operation": "Apply"}, False),
        ({"subresource": "status"}, False),
        ({"fieldsV1": {"f:metadata": {"f:labels": {"f:other": {}}}}}, False),
        ({"fieldsV1": {}}, False),
    ],
)
def test_without_owner_an_earlier_operator_is_known_by_its_label(entry: dict[str, Any], is_migrated: bool) -> None:
    label = MANAGER.upgrades_label
    theirs = {"manager": "app", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {f"f:{label}": {}}}}}
    live = {"metadata": {"resourceVersion": "7", "managedFields": [theirs | entry]}}
    desired = {"metadata": {"labels": {label: "x"}}}
    assert bool(migrate(desired, live, MANAGER, NO_MIGRATION)) is is_migrated
    assert migrate({"metadata": {}}, live, MANAGER, NO_MIGRATION) == []  # only added to: nothing of it becomes ours


def test_the_last_other_writer_is_named_whose_write_to_the_object_itself_is_the_latest() -> None:
    def entry(manager: str, second: int, **rest: str) -> dict[str, str]:
        return {"manager": manager, "operation": "Update", "time": f"2026-01-01T00:00:{second:02}Z", **rest}

    others = [
        entry("kubectl", 20),
        entry("manager", 30),
        entry("helm", 10),
        entry("kube-controller-manager", 50, subresource="status"),
        entry(MANAGER.name, 40),
    ]
    assert last_other({"metadata": {"managedFields": others}}, MANAGER) == "manager"
    assert last_other({"metadata": {"managedFields": others[3:]}}, MANAGER) == ""
    assert last_other({"metadata": {}}, MANAGER) == ""

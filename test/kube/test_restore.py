"""The whole object that is written where an apply is refused: what of others' stays, and what goes."""

from typing import Any

import pytest

from test.kube.manager import MANAGER
from vmagent_operator.kube.write import restore

NOTHING: dict[str, Any] = {}


def restored(desired: Any, live: Any, theirs: Any, *places: str, kind: str = "Deployment") -> Any:
    """The spec that is written in place of `live`, of which somebody else holds `theirs` (None: nobody is known to)."""
    entry = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": theirs}}
    metadata = {"name": "d", "managedFields": [] if theirs is None else [entry]}
    manifest = {"kind": kind, "metadata": {"name": "d"}, "spec": desired}
    whole = restore.restored(manifest, {"metadata": metadata, "spec": live, "status": {}}, MANAGER, frozenset(places))
    assert (whole["metadata"], whole["status"]) == (metadata, {})
    return whole["spec"]


@pytest.mark.parametrize(
    ("theirs", "places", "want"),
    [
        ({"f:b": {}}, (), {"a": 1, "b": 2, "c": 3}),
        ({"f:b": {}}, ("spec",), {"a": 1, "c": 3}),
        ({"f:b": {}}, ("",), {"a": 1, "c": 3}),
        ({"f:b": {}}, ("spec.other",), {"a": 1, "b": 2, "c": 3}),
        (None, ("spec",), {"a": 1}),  # where nobody holds anything, all of it may be somebody's
        (None, (), {"a": 1, "b": 2, "c": 3}),
    ],
)
def test_beside_ours_only_what_others_hold_goes_and_only_where_it_is_in_the_way(
    theirs: Any, places: tuple[str, ...], want: Any
) -> None:
    assert restored({"a": 1}, {"a": 0, "b": 2, "c": 3}, theirs, *places) == want


def test_what_is_below_a_place_is_in_the_way_with_it() -> None:
    theirs: Any = {"f:a": {"f:b": {"f:x": {}}}}
    assert restored({"a": {"b": {"y": 1}}}, {"a": {"b": {"x": 1}, "z": 2}}, theirs, "spec.a") == {
        "a": {"b": {"y": 1}, "z": 2}
    }


PORTS = 'k:{"port":81,"protocol":"TCP"}'


@pytest.mark.parametrize(
    ("theirs", "places", "want"),
    [
        ({PORTS: {"f:port": {}}}, (), [80, 81, 82]),
        ({PORTS: {"f:port": {}}}, ("spec.ports",), [80, 82]),
        ({PORTS: {"f:port": {}}}, ("spec.selector",), [80, 81, 82]),
        (None, ("spec.ports",), [80]),
    ],
)
def test_of_a_list_others_items_go_where_they_are_in_the_way(theirs: Any, places: tuple[str, ...], want: Any) -> None:
    live = [{"port": 81, "protocol": "TCP"}, {"port": 82}]
    fields = None if theirs is None else {"f:ports": theirs}
    ports = restored({"ports": [{"port": 80}]}, {"ports": live}, fields, *places, kind="Service")["ports"]
    assert [port["port"] for port in ports] == want


def test_in_an_item_of_ours_what_others_hold_goes_with_the_rest_of_it() -> None:
    theirs: Any = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:appProtocol": {}}}}
    desired, live = {"ports": [{"port": 80}]}, {"ports": [{"port": 80, "appProtocol": "h2c", "name": "x"}]}
    for place, want in (("spec.ports[]", {"port": 80, "name": "x"}), ("spec.other", live["ports"][0])):
        assert restored(desired, live, theirs, place, kind="Service") == {"ports": [want]}


def test_a_list_without_keys_is_ours_whole() -> None:
    assert restored({"args": ["a"]}, {"args": ["b", "c"]}, {}) == {"args": ["a"]}
    assert restored({"ports": [{"port": 1}]}, {"ports": [{"port": 2}]}, {}, kind="ConfigMap") == {
        "ports": [{"port": 1}]
    }


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Service", "clusterIP", "10.0.0.1"),
        ("Service", "loadBalancerClass", "example.com/lb"),
        ("Deployment", "replicas", 3),
        ("StatefulSet", "replicas", 3),
    ],
)
def test_what_cannot_be_had_again_stays_where_we_ask_for_nothing(kind: str, field: str, value: object) -> None:
    live, theirs = {field: value, "extra": 1}, {f"f:{field}": NOTHING, "f:extra": NOTHING}
    assert restored({"a": 1}, live, theirs, "", kind=kind) == {"a": 1, field: value}
    assert restored({"a": 1, field: "ours"}, live, theirs, "", kind=kind) == {"a": 1, field: "ours"}


def test_what_was_given_to_one_type_of_service_is_not_for_another() -> None:
    live = {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}
    assert restored({"type": "ExternalName"}, live, {"f:clusterIP": {}}, "", kind="Service") == {"type": "ExternalName"}

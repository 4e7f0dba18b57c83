"""What a converted object is to be, given the live one. Pure."""

from typing import Any

import pytest

from vmagent_operator.api import kinds
from vmagent_operator.controller.engine import targets
from vmagent_operator.convert.sources import SOURCES, read
from vmagent_operator.identity import SOURCE_GONE

ROW = next(row for row in SOURCES if row.target is kinds.VMSERVICESCRAPE)


def source(**metadata: Any) -> Any:
    """A ServiceMonitor."""
    own = {"name": "app", "namespace": "apps", "uid": "uid-now", "resourceVersion": "1", **metadata}
    return read(ROW.kind, {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": own})


def thing(spec: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    """An object made of it, or one that is there."""
    given = {} if spec is None else {"spec": spec}
    return {"metadata": {"name": "app", "namespace": "apps", **metadata}, **given}


@pytest.mark.parametrize(
    ("live", "removed"),
    [
        ({"a": 1, "b": {"c": {"d": 1}}}, []),
        ({"a": 2, "b": 3}, []),
        ({"x/y~z": 1}, ["/spec/x~1y~0z"]),
        ({"b": {"c": {"d": 1, "e": 2}, "f": 3}}, ["/spec/b/c/e", "/spec/b/f"]),
        ({"g": "", "h": [], "b": {"i": {}, "j": False}}, []),
        ({"a": {"k": 1}}, []),
        (None, []),
    ],
    ids=["the same", "other values", "a key of its own", "below", "what is empty", "another shape", "no spec"],
)
def test_what_the_source_does_not_say_is_removed_wherever_it_is(
    live: dict[str, Any] | None, removed: list[str]
) -> None:
    made = thing({"a": 1, "b": {"c": {"d": 1}}})
    desired, operations = targets.merged(made, thing(live), source())
    assert desired == made
    assert operations == [{"op": "remove", "path": path} for path in removed]


def test_a_reference_to_the_source_stays_and_is_to_the_one_that_there_is() -> None:
    before = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "name": "app", "uid": "uid-before"}
    other = {**before, "name": "other"}
    desired, _ = targets.merged(thing({}), thing({}, ownerReferences=[other, before, before]), source())
    assert desired["metadata"]["ownerReferences"] == [{**before, "uid": "uid-now"}]
    desired, _ = targets.merged(thing({}), thing({}, ownerReferences=[other]), source())
    assert "ownerReferences" not in desired["metadata"]
    wanted = {**before, "uid": "uid-now", "controller": True}
    desired, _ = targets.merged(thing({}, ownerReferences=[wanted]), thing({}, ownerReferences=[before]), source())
    assert desired["metadata"]["ownerReferences"] == [wanted]


def test_that_the_source_was_gone_is_no_longer_said() -> None:
    _, operations = targets.merged(thing({}), thing({}, annotations={SOURCE_GONE: "yes"}), source())
    assert operations == [{"op": "remove", "path": "/metadata/annotations/" + SOURCE_GONE.replace("/", "~1")}]


@pytest.mark.parametrize(
    ("manager", "part", "want"), [("app", "f:spec", {"a"}), ("kubectl", "f:spec", set()), ("app", "f:status", set())]
)
def test_what_is_held_is_what_a_writer_of_the_spec_has_put_there(manager: str, part: str, want: set[str]) -> None:
    fields = {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, part: {"f:x": {}}}
    entry = {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}
    assert targets.held(thing({}, managedFields=[entry]), "labels") == want
    assert targets.held(thing({}, managedFields=[entry]), "annotations") == set()
    assert targets.held(thing({}), "labels") == set()

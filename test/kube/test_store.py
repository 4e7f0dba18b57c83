"""The store: contents and indexes after any history, and the changes that it reports."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator import blocks
from vmagent_operator.kube.cache import store as cache
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.kube.resource import Manifest, Remains

NAMES = st.sampled_from(["a", "b", "c"])
NAMESPACES = st.sampled_from(["one", "two"])


def thing(name: str, version: str = "1", *, namespace: str = "one", uid: str = "", **labels: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "uid": uid or name, "resourceVersion": version, "labels": labels}
    return {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": metadata}


def colours(manifest: Manifest) -> list[str]:
    return list(manifest["metadata"]["labels"].values())


def store(*things: Manifest) -> Store[Manifest]:
    held: Store[Manifest] = Store(lambda manifest: manifest, {"colour": colours})
    held.replace([held.decode(manifest) for manifest in things])
    return held


def named(changes: list[Change[Manifest]]) -> list[tuple[str | None, str | None]]:
    def text(manifest: Manifest | None) -> str | None:
        return f"{manifest['metadata']['name']}@{manifest['metadata']['resourceVersion']}" if manifest else None

    return [(text(change.old), text(change.new)) for change in changes]


def test_lookups() -> None:
    held = store(thing("a", red="red"), thing("b", red="red", blue="blue"), thing("a", namespace="two"))
    assert held.get("one", "a") == thing("a", red="red")
    assert held.get("three", "a") is None
    assert [item["metadata"]["name"] for item in held.by("colour", "red")] == ["a", "b"]
    assert held.by("colour", "green") == ()
    assert (len(held), held.count("one"), held.count()) == (3, 2, 3)
    with pytest.raises(KeyError):
        held.by("shape", "round")


def test_a_cluster_scoped_object_is_found_without_a_namespace() -> None:
    held = store(thing("a", namespace=""))
    assert held.get(None, "a") is held.get("", "a") is not None


def test_a_change_of_labels_moves_an_object_in_the_index() -> None:
    held = store(thing("a", red="red"))
    held.apply(Event("MODIFIED", thing("a", "2", blue="blue")))
    assert (held.by("colour", "red"), held.by("colour", "blue")) == ((), (thing("a", "2", blue="blue"),))


def test_replacing_tells_the_differences_and_keeps_the_very_objects_that_did_not_change() -> None:
    """C-12; what was derived from an object that stays is kept with it."""
    held = store(thing("a"), thing("b"), thing("c"), thing("d"))
    kept = held.get("one", "a")
    changes = held.replace([held.decode(raw) for raw in (thing("a"), thing("b", "2"), thing("c", uid="new"))])
    assert held.get("one", "a") is kept
    assert named(changes) == [("d@1", None), ("b@1", "b@2"), ("c@1", None), (None, "c@1")]
    assert [change.is_final_state_unknown for change in changes] == [True, False, False, False]


def test_replacing_one_namespace_leaves_the_others_alone() -> None:
    held = store(thing("a"), thing("a", namespace="two"))
    assert named(held.replace([held.decode(thing("b"))], "one")) == [("a@1", None), (None, "b@1")]
    assert sorted(item["metadata"]["namespace"] for item in held.items()) == ["one", "two"]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (Event("ADDED", thing("a")), []),
        (Event("ADDED", thing("b")), [(None, "b@1")]),
        (Event("MODIFIED", thing("a", "2")), [("a@1", "a@2")]),
        (Event("MODIFIED", thing("a", "2", uid="new")), [("a@1", None), (None, "a@2")]),
        (Event("DELETED", thing("a", "2")), [("a@1", None)]),
        (Event("DELETED", thing("b")), []),
        (Event("DELETED", thing("a", uid="predecessor")), []),
    ],
)
def test_events(event: Event, changes: list[Any]) -> None:
    """C-15, F-12, F-14"""
    assert named(store(thing("a")).apply(event)) == changes


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("replace"), st.dictionaries(st.tuples(NAMESPACES, NAMES), st.integers(1, 5))),
            st.tuples(
                st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), NAMESPACES, NAMES, st.integers(1, 5), st.booleans()
            ),
        ),
        max_size=20,
    )
)
def test_changes_tell_all_there_is_to_know(history: list[Any]) -> None:
    """Who applies the changes to a dictionary has the store's contents; its indexes have no more and no less."""
    held, copy = store(), dict[tuple[str, str], Manifest]()
    for step in history:
        if step[0] == "replace":
            fresh = [thing(name, str(version), namespace=ns) for (ns, name), version in step[1].items()]
            changes = held.replace([held.decode(raw) for raw in fresh])
        else:
            type_, ns, name, version, same = step
            raw = thing(name, str(version), namespace=ns, uid=name if same else f"{name}-{version}", c=str(version))
            changes = held.apply(Event(type_, raw))
        for change in changes:
            subject = change.new or change.old
            assert subject
            key = (subject["metadata"]["namespace"], subject["metadata"]["name"])
            assert copy.get(key) == change.old
            if change.new:
                copy[key] = change.new
            else:
                del copy[key]
    assert {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in held.items()} == copy
    for value in "12345":
        found = held.by("colour", value)
        assert len(found) == sum(value in colours(item) for item in copy.values())


def test_strings_that_repeat_are_held_once() -> None:
    """C-17: of label keys and values, kinds and namespaces there is one copy for all objects."""
    held = store(*(thing(f"thing-{number}", app="a rather long " + str(number // 9)) for number in range(2)))
    first, second = held.items()
    assert first["metadata"]["labels"]["app"] is second["metadata"]["labels"]["app"]
    assert first["kind"] is second["kind"]


def test_strings_that_do_not_repeat_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Helm puts the time into a label: what each version brings anew must not stay."""
    monkeypatch.setattr(cache, "COPIES", 100)
    held = store()
    for version in range(1000):
        held.apply(
            Event("MODIFIED", thing("a", version=str(version), modified=f"at-{version}", **{f"k{version}": "v"}))
        )
        assert len(cache._copies) <= 100
    held.apply(Event("MODIFIED", thing("a", version="x", long="l" * 1000)))
    assert "l" * 1000 not in cache._copies


def test_what_thousands_of_objects_repeat_is_held_once() -> None:
    """Each is read from JSON of its own, as a watch brings them."""
    held = store(*(json.loads(json.dumps(thing(name, colour="deep blue"))) for name in "ab"))
    first, second = (item["metadata"] for item in held.items())
    assert first["namespace"] is second["namespace"]
    assert first["labels"]["colour"] is second["labels"]["colour"]
    assert [key for key in first if not any(key is other for other in second)] == []
    assert [key for key in first["labels"] if not any(key is other for other in second["labels"])] == []
    assert first["name"] == "a"


def test_a_key_that_is_usually_text_may_hold_anything() -> None:
    odd = {**thing("a"), "spec": {"namespace": {"kind": 1}, "kind": ["a"], "apiVersion": None}}
    held = store(odd)
    assert (held.items(), held.failures) == ((odd,), 0)


@pytest.mark.parametrize("labels", [None, ["a"], {"a": 1}])
def test_labels_that_are_none_are_left_to_the_decoder(labels: Any) -> None:
    odd = thing("a")
    odd["metadata"]["labels"] = labels
    held: Store[Manifest] = Store(lambda manifest: manifest)
    held.replace([held.decode(odd)])
    assert (held.items(), held.failures) == ((odd,), 0)


def test_what_is_left_of_an_object_comes_to_the_decoder_as_such() -> None:
    held: Store[str] = Store(lambda raw: raw.fault if isinstance(raw, Remains) else "whole")
    held.replace([held.decode(thing("a")), held.decode(Remains(thing("b"), "too deep"))])
    assert (held.get("one", "a"), held.get("one", "b")) == ("whole", "too deep")


def test_only_what_a_list_lacks_has_gone_unseen() -> None:
    held = store(thing("a"), thing("b"))
    seen = [*held.apply(Event("ADDED", thing("c"))), *held.apply(Event("MODIFIED", thing("a", "2")))]
    seen += held.apply(Event("DELETED", thing("b", "3")))
    listed = held.replace([held.decode(thing("a", "4")), held.decode(thing("d"))])
    assert [change.is_final_state_unknown for change in seen] == [False, False, False]
    assert {named([change])[0]: change.is_final_state_unknown for change in listed} == {
        ("c@1", None): True,
        ("a@2", "a@4"): False,
        (None, "d@1"): False,
    }


def path(name: str, namespace: str = "one") -> str:
    return f"{namespace}/{name}"


@given(st.lists(st.tuples(NAMES, NAMESPACES, st.sampled_from(["ADDED", "DELETED"]), st.booleans()), max_size=30))
def test_blocks_hold_what_the_store_holds_whenever_they_are_asked_for(history: list[Any]) -> None:
    held = store()
    for version, (name, namespace, event, is_asked) in enumerate(history):
        held.apply(Event(event, thing(name, str(version), namespace=namespace)))
        if is_asked or version == len(history) - 1:
            found = [pair for block in held.blocks() for pair in zip(block.keys, block.things, strict=True)]
            metadata = [each["metadata"] for each in held.items()]
            assert [key for key, _ in found] == sorted(path(each["name"], each["namespace"]) for each in metadata)
            assert all(any(each is known for known in held.items()) for _, each in found)


def test_a_block_stays_the_same_until_something_in_it_changes() -> None:
    held = store(*(thing(f"n{number:04}") for number in range(500)))
    before = held.blocks()
    held.replace([held.decode(thing(f"n{number:04}")) for number in range(500)])
    assert held.blocks() == before
    held.apply(Event("MODIFIED", thing("n0250", "2")))
    assert len({*before} - {*held.blocks()}) == 1


@pytest.mark.parametrize("changed", [3, 40, 299])
def test_one_large_block_costs_no_more_than_all_objects(monkeypatch: pytest.MonkeyPatch, changed: int) -> None:
    monkeypatch.setattr(blocks, "begins", lambda key: False)
    held = store(*(thing(f"n{number:04}") for number in range(300)))
    held.blocks()
    placed, cut = list[int](), blocks.cut

    def counting(pairs: Iterable[tuple[str, Any]]) -> list[blocks.Block[Any]]:
        given = [*pairs]
        placed.append(len(given))
        return cut(given)

    monkeypatch.setattr(blocks, "cut", counting)
    for number in range(changed):
        held.apply(Event("MODIFIED", thing(f"n{number:04}", "2")))
    held.blocks()
    assert sum(placed) <= 300


def test_what_nobody_asks_for_is_not_noted_without_end() -> None:
    held = store(thing("a"))
    held.blocks()
    for number in range(100):
        held.apply(Event("ADDED", thing(f"n{number}")))
        held.apply(Event("DELETED", thing(f"n{number}")))
    assert len(held._stale or ()) <= 2
    assert [block.keys for block in held.blocks()] == [(path("a"),)]

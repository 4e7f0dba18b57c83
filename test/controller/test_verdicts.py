"""What owners have made of scrape objects: whose status is looked at when, and what it tells."""

from typing import Any

import pytest

from test.controller.world import scrape
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.state import Index
from vmagent_operator.controller.engine.verdicts import ObjectId, Said, Verdicts, id_of
from vmagent_operator.scrape.selection import Selection, in_blocks

FINE, BAD = None, "no such secret"


def object_(name: str, generation: int = 1) -> Any:
    raw = scrape(name)
    raw["metadata"] |= {"generation": generation, "uid": f"uid-{name}", "resourceVersion": "1"}
    return kinds.read(raw)


OBJECTS = {name: object_(name) for name in "abc"}
A, B, C = map(id_of, OBJECTS.values())


def said(messages: dict[ObjectId, str | None]) -> Said:
    """That these objects are selected, and why some of them are left out."""
    selected = [obj for obj in OBJECTS.values() if id_of(obj) in messages]
    return Said(
        Selection({kinds.VMSERVICESCRAPE: in_blocks(selected)}),
        {of: message for of, message in messages.items() if message is not None},
    )


@pytest.mark.parametrize(
    ("before", "now", "carriers", "woken"),
    [
        (None, {A: FINE}, [], {A}),
        (None, {A: FINE}, [A, B], {A, B}),
        ({A: FINE}, {A: FINE}, [A, B], set()),
        ({A: FINE}, {A: BAD}, [], {A}),
        ({A: FINE, B: FINE}, {A: FINE}, [], {B}),
        ({A: FINE}, {}, [A, C], {A, C}),
        ({}, {A: FINE}, [C], {A}),
    ],
    ids=[
        "at first every object",
        "and those that carry an old word",
        "nothing is new",
        "another word",
        "one is not selected any more",
        "nothing is left to say",
        "a first object after none",
    ],
)
def test_statuses_are_looked_at_that_may_differ(
    before: dict[ObjectId, str | None] | None,
    now: dict[ObjectId, str | None],
    carriers: list[ObjectId],
    woken: set[ObjectId],
) -> None:
    seen = list[set[ObjectId]]()
    verdicts = Verdicts(lambda objects: seen.append({*objects}))
    if before is not None:
        verdicts.put("main", said(before))
    verdicts.put("main", said(now), lambda: carriers)
    assert seen[-1] == woken


def test_of_blocks_that_are_the_same_nothing_is_looked_at() -> None:
    seen = list[set[ObjectId]]()
    verdicts = Verdicts(lambda objects: seen.append({*objects}))
    block, other = (in_blocks([OBJECTS[name]]) for name in "ab")
    verdicts.put("main", Said(Selection({kinds.VMSERVICESCRAPE: [*block, *other]})))
    newer = in_blocks([object_("b", generation=2)])
    verdicts.put("main", Said(Selection({kinds.VMSERVICESCRAPE: [*block, *newer]})))
    same = in_blocks([object_("b", generation=2)])
    verdicts.put("main", Said(Selection({kinds.VMSERVICESCRAPE: [*block, *same]}), {A: BAD}))
    assert seen == [{A, B}, {B}, {A}]


def test_a_word_about_another_state_of_an_object_is_none() -> None:
    verdicts = Verdicts()
    verdicts.put("main", said({A: BAD}))
    verdicts.put("other", said({A: FINE}))
    verdicts.put("third", said({B: FINE}))
    assert verdicts.of(object_("a")) == {"main": "no such secret", "other": None}
    assert verdicts.of(object_("a", generation=2)) == {}
    assert verdicts.released(object_("a")) == {"third"}


def test_all_have_been_heard_once_each_has_spoken_or_failed() -> None:
    verdicts = Verdicts()
    verdicts.put("main", said({}))
    assert verdicts.have_all(["main"], OBJECTS["a"])
    assert not verdicts.have_all(["main", "other"], OBJECTS["a"])
    verdicts.keep("other")
    verdicts.keep("third")
    assert verdicts.have_all(["main", "other"], OBJECTS["a"])
    verdicts.forget("main")
    assert not verdicts.have_all(["main", "other"], OBJECTS["a"])
    assert verdicts.released(object_("a")) == frozenset()


def test_whoever_fails_keeps_the_word_that_was_said() -> None:
    verdicts = Verdicts()
    verdicts.put("main", said({A: BAD}))
    verdicts.keep("main")
    assert verdicts.of(object_("a")) == {"main": "no such secret"}


def test_who_uses_what_is_replaced_owner_by_owner_and_leaves_nothing() -> None:
    index, one, two = Index[str](), ("vmagent", "ns", "one"), ("vmagent", "ns", "two")

    def users() -> dict[str, set[str]]:
        return {value: {name for _, _, name in index.users(value)} for value in "abc"}

    index.replace(one, ["a", "b"])
    index.replace(two, ["b"])
    assert users() == {"a": {"one"}, "b": {"one", "two"}, "c": set()}
    assert index.values(one) == {"a", "b"}
    index.replace(one, ["b", "c"])
    assert users() == {"a": set(), "b": {"one", "two"}, "c": {"one"}}
    assert len(index) == 2
    index.replace(one, [])
    assert users() == {"a": set(), "b": {"two"}, "c": set()}
    assert (len(index.values(one)), len(index)) == (0, 1)
    index.replace(two, [])
    assert len(index) == 0


def test_what_waits_for_an_owner_to_speak_is_looked_at_once_it_has() -> None:
    seen = list[set[ObjectId]]()
    verdicts = Verdicts(lambda objects: seen.append({*objects}))
    assert not verdicts.have_all(["main", "other"], OBJECTS["c"])
    verdicts.put("main", said({A: FINE}))
    assert not verdicts.have_all(["main", "other"], OBJECTS["c"])
    verdicts.keep("other")
    verdicts.keep("other")
    assert seen == [{A, C}, {C}, set()]
    assert verdicts.have_all(["main", "other"], OBJECTS["c"])


def test_an_owner_that_failed_first_speaks_to_all_that_told_of_it() -> None:
    seen = list[set[ObjectId]]()
    verdicts = Verdicts(lambda objects: seen.append({*objects}))
    verdicts.keep("main")
    verdicts.put("main", said({A: FINE}), lambda: [A, B])
    assert seen[-1] == {A, B}


def test_an_object_that_was_made_again_under_its_name_is_another() -> None:
    verdicts = Verdicts()
    verdicts.put("main", said({A: FINE}))
    raw = scrape("a")
    raw["metadata"] |= {"generation": 1, "uid": "another", "resourceVersion": "9"}
    assert verdicts.of(kinds.read(raw)) == {}

"""A room that is filled: each of its measures to the last byte, and by turns."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, frozen

from test.scrape.cases import obj
from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.blocks import Block
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import Fragment
from vmagent_operator.scrape.pack import Entry
from vmagent_operator.scrape.part import Part
from vmagent_operator.scrape.share import Room, allotted

WIDE = Room(text_bytes=10**9, memory_bytes=10**9, asset_bytes=10**9, jobs=10**9)


@frozen(eq=False)
class Made:
    """An object of so many bytes, jobs and files."""

    namespace: str
    text: int = 0
    memory: int = 0
    jobs: int = 0
    files: Mapping[str, str] = {}


def made(namespace: str, measure: str, size: int) -> Made:
    """An object of that size by one measure."""
    given: dict[str, Any] = {measure: size}
    return Made(namespace, **given)


def kept(room: Room, *every: Made) -> list[int]:
    """Which of the objects have a place; each is older than the next."""
    fragments = dict[ScrapeObject, Fragment]()
    for number, each in enumerate(every):
        stamp = f"2026-01-01T00:00:{number:02}Z"
        found = obj("VMStaticScrape", {}, namespace=each.namespace, name=f"n{number:02}", creationTimestamp=stamp)
        names = tuple(map(str, range(each.jobs)))
        fragments[found] = Fragment(Entry(found.key, b"x" * each.text), names, each.files, each.memory)
    block = Block(tuple(each.key for each in fragments), tuple(fragments))
    (part,) = allotted(
        [block], lambda block: Part.of({each: fragments[each] for each in block.things}), fragments.__getitem__, room
    )
    results = part.built
    assert list(results) == list(fragments)
    return [number for number, each in enumerate(results.values()) if not isinstance(each, Finding)]


@pytest.mark.parametrize("measure", ["text", "memory", "jobs"])
def test_a_room_is_used_up_to_its_last_byte_and_job(measure: str) -> None:
    name = {"text": "text_bytes", "memory": "memory_bytes", "jobs": "jobs"}[measure]
    five, four = (made("a", measure, size) for size in (5, 4))
    assert kept(evolve(WIDE, **{name: 10}), five, five) == [0, 1]
    assert kept(evolve(WIDE, **{name: 9}), five, five) == [0]
    assert kept(evolve(WIDE, **{name: 4}), five, four) == [1]
    assert kept(evolve(WIDE, **{name: 0}), Made("a"), five) == [0]


def test_a_file_counts_once_with_its_name_in_three_places() -> None:
    one, other = (Made("a", files={key: "x" * 10}) for key in ("k", "l"))
    for room, fit in ((26, [0, 1, 2, 3]), (25, [0, 1, 3])):
        assert kept(evolve(WIDE, asset_bytes=room), one, one, other, Made("a")) == fit
    assert kept(evolve(WIDE, asset_bytes=0), one, Made("a")) == [1]
    assert kept(evolve(WIDE, asset_bytes=14), Made("a", files={"k": "éé" + "x" * 7})) == [0]
    assert kept(evolve(WIDE, asset_bytes=13), Made("a", files={"k": "éé" + "x" * 7})) == []


@pytest.mark.parametrize("measure", ["text", "memory", "jobs"])
def test_the_next_object_is_from_who_has_the_least_of_whatever_is_scarcest(measure: str) -> None:
    name = {"text": "text_bytes", "memory": "memory_bytes", "jobs": "jobs"}[measure]
    large, small = made("a", measure, 4), made("b", measure, 1)
    assert kept(evolve(WIDE, **{name: 10}), *[large] * 4, *[small] * 4) == [0, 4, 5, 6, 7]
    assert kept(evolve(WIDE, **{name: 12}), *[large] * 4, *[small] * 4) == [0, 1, 4, 5, 6, 7]


def test_an_older_object_goes_first_whatever_its_name() -> None:
    assert kept(evolve(WIDE, jobs=2), *[Made("a", jobs=1)] * 4) == [0, 1]

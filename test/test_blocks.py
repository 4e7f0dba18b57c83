"""Whatever has been before, the same things stand in the same blocks, and an edit leaves all others as they are."""

from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator import blocks
from vmagent_operator.blocks import Block

NAMES = [f"team-{number % 7}/app-{number}" for number in range(600)]
EDITS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([None, 1, 2])), max_size=80)


def content(found: list[Block[int]]) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """What blocks hold."""
    return [(block.keys, block.things) for block in found]


def edit(found: list[Block[int]], things: dict[str, int], key: str, thing: int | None) -> None:
    """One edit, of blocks and of what should be in them."""
    if thing is None:
        things.pop(key, None)
        blocks.remove(found, key)
    else:
        things[key] = thing
        blocks.put(found, key, thing)


@given(st.sets(st.sampled_from(NAMES)), EDITS)
def test_a_history_of_edits_ends_in_the_blocks_of_a_fresh_start(
    first: set[str], edits: list[tuple[str, int | None]]
) -> None:
    things = dict.fromkeys(sorted(first), 0)
    found = blocks.ordered(things.items())
    for key, thing in edits:
        edit(found, things, key, thing)
        assert content(found) == content(blocks.ordered(things.items()))
    assert [*blocks.each(found)] == [things[key] for key in sorted(things)]
    assert all(blocks.find(found, key) == things.get(key) for key in NAMES)
    assert all(len(block) for block in found)


@given(st.sampled_from(NAMES), st.sampled_from([None, 1]))
def test_an_edit_replaces_at_most_two_blocks(key: str, thing: int | None) -> None:
    found = blocks.ordered((name, 0) for name in NAMES)
    before = {*found}
    edit(found, dict.fromkeys(NAMES, 0), key, thing)
    assert len(before - {*found}) <= 2
    assert len({*found} - before) <= 2


def test_every_name_has_the_chance_to_begin_a_block() -> None:
    starts = [name for name in NAMES if blocks.begins(name)]
    assert len(NAMES) / blocks.LENGTH / 3 < len(starts) < len(NAMES) / blocks.LENGTH * 3
    found = blocks.ordered((name, 0) for name in NAMES)
    assert [block.keys[0] for block in found] == sorted({min(NAMES), *starts})


def test_what_is_not_there_is_not_found_nor_removed() -> None:
    none = list[Block[int]]()
    blocks.remove(none, "a")
    assert (none, blocks.find(none, "a")) == ([], None)
    found = blocks.ordered([("b", 1)])
    before = [*found]
    blocks.remove(found, "a")
    assert (found, blocks.find(found, "a"), blocks.find(found, "c")) == (before, None, None)

"""Things in the order of their keys, cut into blocks of some 64, so that what follows from all of them follows block by block.

A block is a value: it never changes, and whoever derives something of it may keep that for as long as the block is there.
What changes is which blocks there are: an edit puts one block, or two, in the place of another.

Where a block begins is decided by a hash of its first key alone. So the same things make the same blocks, whatever has
been before, and a fresh start derives what a long history has.
"""

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar

from attrs import field, frozen

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

LENGTH = 64
"""How many things a block has on average. Fewer make longer lists of blocks, more make an edit dearer."""


@frozen(eq=False)
class Block(Generic[T_co]):
    """Things that stand next to each other, with their keys, which ascend. memo: what follows from these alone."""

    keys: tuple[str, ...]
    things: tuple[T_co, ...]
    memo: dict[Any, Any] = field(init=False, repr=False, factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


Blocks = Sequence[Block[T]]
"""All of some things in order; no block is empty."""


def begins(key: str) -> bool:
    """Whether a block begins at this key."""
    return zlib.crc32(key.encode("utf-8", "surrogateescape")) % LENGTH == 0


def cut(pairs: Iterable[tuple[str, T]]) -> list[Block[T]]:
    """The blocks of keys that ascend, and their things."""
    keys, things = list[str](), list[T]()
    starts = list[int]()
    for index, (key, thing) in enumerate(pairs):
        keys.append(key)
        things.append(thing)
        if not starts or begins(key):
            starts.append(index)
    bounds = pairwise((*starts, len(keys)))
    return [Block(tuple(keys[at:end]), tuple(things[at:end])) for at, end in bounds]


def ordered(things: Iterable[tuple[str, T]]) -> list[Block[T]]:
    """The blocks of things in any order, of which the last one of a key counts."""
    return cut(sorted(dict(things).items()))


def find(blocks: Blocks[T], key: str) -> T | None:
    """The thing of this key, None if there is none."""
    block = blocks[max(0, _place(blocks, key))] if blocks else None
    index = bisect_left(block.keys, key) if block else 0
    return block.things[index] if block and index < len(block) and block.keys[index] == key else None


def length_at(blocks: Blocks[T], key: str) -> int:
    """How many things there are in the block that has this key, or would have it."""
    return len(blocks[max(0, _place(blocks, key))]) if blocks else 0


def put(blocks: list[Block[T]], key: str, thing: T) -> None:
    """Have `thing` stand under `key`."""
    at = max(0, _place(blocks, key))
    _replace(blocks, at, at + 1, {key: thing}, ())


def remove(blocks: list[Block[T]], key: str) -> None:
    """Have nothing stand under `key`."""
    if (at := _place(blocks, key)) >= 0:
        # What the block began with may be what goes; then the rest belongs to the one before.
        first = at - 1 if at and blocks[at].keys[0] == key else at
        _replace(blocks, first, at + 1, {}, (key,))


def each(blocks: Iterable[Block[T]]) -> Iterator[T]:
    """Everything, in order."""
    for block in blocks:
        yield from block.things


def _place(blocks: Blocks[T], key: str) -> int:
    """The index of the block that has `key`, if one has it; -1 if that is before all of them."""
    return bisect_right(blocks, key, key=lambda block: block.keys[0]) - 1


def _replace(blocks: list[Block[T]], at: int, end: int, more: dict[str, T], gone: Iterable[str]) -> None:
    pairs = {key: thing for block in blocks[at:end] for key, thing in zip(block.keys, block.things, strict=True)} | more
    for key in gone:
        pairs.pop(key, None)
    blocks[at:end] = cut(sorted(pairs.items()))

"""Jobs that do not fit into one Secret are spread over several.

A cut depends on what is near it, not on all that comes before: it lies close to the middle, behind the entry whose name
hashes highest among those there. So a change of one entry rewrites one bucket, and a new one moves others only if its own
name wins, or if a bucket becomes too large. Order is kept: equal entries, equal buckets.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain, pairwise
from typing import Any
from weakref import WeakValueDictionary

from attrs import Factory, define, field, frozen

from vmagent_operator import blocks
from vmagent_operator.scrape.text import gzip
from vmagent_operator.scrape.text.gzip import Piece, compressed

DEFAULT_BUDGET_BYTES = 512 * 1024
"""Half of the 1 MiB that a Secret may hold: credentials and managed fields stand beside it."""
NEAR = 16
"""A cut lies within one sixteenth of the entries of a bucket from their middle."""


@frozen(eq=False)
class Entry:
    """What stays together: the jobs of one scrape object, or one further job, and a name for them.

    begins: whether a piece begins with it, and rank: how well a bucket would; its name alone decides on both.
    """

    name: str
    text: bytes
    begins: bool = field(init=False, default=Factory(lambda self: blocks.begins(self.name), takes_self=True))
    rank: bytes = field(init=False, default=Factory(lambda self: _rank(self.name), takes_self=True))


@frozen
class Bucket:
    """What one Secret holds, as gzip."""

    packed: bytes

    @property
    def text(self) -> bytes:
        """The same unpacked; it is not kept, since it is usually fifty times as large."""
        return gzip.decompressed(self.packed)


@frozen(eq=False)
class Packed:
    """The buckets of some entries; at least one.

    used: all that was compressed for it. While somebody keeps it, the next packing finds what is the same.
    """

    buckets: tuple[Bucket, ...]
    used: tuple[object, ...]


@frozen(eq=False)
class _Made:
    """A bucket and the pieces that it has been joined from."""

    bucket: Bucket
    pieces: tuple[Piece, ...]


_KNOWN: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()
"""Pieces and buckets by what they were made of, for as long as a Packed has them: owners who scrape the same share them."""


def is_oversized(entry: Entry, budget_bytes: int) -> bool:
    """Whether an entry alone exceeds what a Secret may hold."""
    size = len(entry.text) + gzip.OVERHEAD_BYTES
    return size > budget_bytes and len(compressed(entry.text)) > budget_bytes


def packed(entries: Sequence[Entry], budget_bytes: int, heads: tuple[bytes, bytes] = (b"", b"")) -> Packed:
    """The texts of `entries` in their order, joined to as few buckets as fit compressed into the budget.

    heads: what stands before them if one bucket is enough, and at the beginning of the first of several. An entry that
    does not fit alone makes a bucket of its own.
    """
    packer = _Packer(budget_bytes)
    return Packed(packer.buckets(tuple(entries), *heads), tuple(packer.used))


@define(eq=False)
class _Packer:
    """A packing under way."""

    budget_bytes: int
    used: list[object] = field(factory=list)

    def buckets(self, entries: tuple[Entry, ...], alone: bytes = b"", leading: bytes = b"") -> tuple[Bucket, ...]:
        bucket = self.bucket(entries, alone)
        if bucket is not None:
            return (bucket,)
        cut = _cut(entries)
        return (*self.buckets(entries[:cut], leading, leading), *self.buckets(entries[cut:]))

    def bucket(self, entries: tuple[Entry, ...], head: bytes) -> Bucket | None:
        """One bucket of all these entries; None, as soon as that is clear, if they are too many."""
        key = (Bucket, self.budget_bytes, head, entries)
        found: _Made | None = _KNOWN.get(key)
        if found is None and (made := self._fitted(entries, head)) is not None:
            found = _KNOWN.setdefault(key, made)
        if found is None:
            return None
        self.used.append(found)
        return found.bucket

    def _fitted(self, entries: tuple[Entry, ...], head: bytes) -> _Made | None:
        starts = (index for index, entry in enumerate(entries) if entry.begins and index)
        first = next(starts, None)
        if first is None:
            whole = compressed(head + b"".join(entry.text for entry in entries))
            return _Made(Bucket(whole), ()) if len(whole) <= self.budget_bytes or len(entries) < 2 else None
        pieces, size = list[Piece](), gzip.OVERHEAD_BYTES
        for start, end in pairwise(chain((0, first), starts, (len(entries),))):
            pieces.append(self._piece(entries, start, end, head))
            size += len(pieces[-1].blocks)
            if size > self.budget_bytes:
                self.used += pieces  # they may well be those of smaller buckets, and are asked for again each time
                return None
        return _Made(Bucket(gzip.joined(pieces)), tuple(pieces))

    def _piece(self, entries: tuple[Entry, ...], start: int, end: int, head: bytes) -> Piece:
        """The piece of the entries from `start` on, and of the head if it is the first."""
        since, before_bytes = start, 0
        while since and before_bytes < gzip.WINDOW_BYTES:
            since -= 1
            before_bytes += len(entries[since].text)
        key = (Piece, b"" if since else head, start - since, entries[since:end])
        found: Piece | None = _KNOWN.get(key)
        if found is None:
            before = b"".join(entry.text for entry in entries[since:start])
            text = b"".join(entry.text for entry in entries[start:end])
            if start == 0:
                text = head + text
            elif since == 0:
                before = head + before
            found = _KNOWN.setdefault(key, gzip.piece(text, before))
        return found


def _cut(entries: Sequence[Entry]) -> int:
    """The index at which a second bucket begins."""
    middle, reach = (len(entries) + 1) // 2, len(entries) // NEAR
    near = range(max(1, middle - reach), min(len(entries), middle + reach + 1))
    return max(near, key=lambda index: (entries[index].rank, index))


def _rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()

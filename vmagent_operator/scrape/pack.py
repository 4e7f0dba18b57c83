"""Jobs that do not fit into one Secret are spread over several.

A cut depends on what is near it, not on all that comes before: it lies close to the middle, behind the entry whose name
hashes highest among those there. So a change of one entry rewrites one bucket, and a new one moves others only if its own
name wins, or if a bucket becomes too large. Order is kept: equal entries, equal buckets.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate, chain, pairwise
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


@frozen(eq=False)
class Run:
    """Entries that follow on each other, of which none but the first begins a piece. A packing looks at runs: there are far fewer.

    size: bytes of their text. window: a digest of what a piece behind them can refer to of it.
    """

    entries: tuple[Entry, ...]
    size: int = field(init=False)
    window: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        text = self.text
        object.__setattr__(self, "size", len(text))
        # Too long for anybody to find two texts of one digest: what is compressed would not fit what stands before it.
        object.__setattr__(self, "window", blake2b(text[-gzip.WINDOW_BYTES :], digest_size=32).digest())

    @property
    def begins(self) -> bool:
        """Whether a piece begins with it."""
        return self.entries[0].begins

    @property
    def text(self) -> bytes:
        """The text of all of them; it is not kept beside that of each."""
        return b"".join(entry.text for entry in self.entries)


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
"""Runs, pieces and buckets by what they were made of, for as long as somebody has them: owners who scrape the same share them."""


def is_oversized(entry: Entry, budget_bytes: int) -> bool:
    """Whether an entry alone exceeds what a Secret may hold."""
    size = len(entry.text) + gzip.OVERHEAD_BYTES
    return size > budget_bytes and len(compressed(entry.text)) > budget_bytes


def runs(entries: Sequence[Entry]) -> tuple[Run, ...]:
    """The runs of entries that follow on each other."""
    starts = (index for index, entry in enumerate(entries) if entry.begins or not index)
    return tuple(_run(tuple(entries[at:end])) for at, end in pairwise(chain(starts, (len(entries),))))


def _run(entries: tuple[Entry, ...]) -> Run:
    """The run of these entries, the same for everybody who asks while somebody has it."""
    found: Run | None = _KNOWN.get((Run, entries))
    return found or _KNOWN.setdefault((Run, entries), Run(entries))


def packed(runs: Sequence[Run], budget_bytes: int, heads: tuple[bytes, bytes] = (b"", b"")) -> Packed:
    """The texts of `runs` in their order, joined to as few buckets as fit compressed into the budget.

    heads: what stands before them if one bucket is enough, and at the beginning of the first of several. An entry that
    does not fit alone makes a bucket of its own.
    """
    packer = _Packer(budget_bytes)
    return Packed(packer.buckets(tuple(runs), *heads), tuple(packer.used))


@define(eq=False)
class _Packer:
    """A packing under way."""

    budget_bytes: int
    used: list[object] = field(factory=list)

    def buckets(self, runs: tuple[Run, ...], alone: bytes = b"", leading: bytes = b"") -> tuple[Bucket, ...]:
        bucket = self.bucket(runs, alone)
        if bucket is not None:
            return (bucket,)
        first, second = self.halves(runs)
        return (*self.buckets(first, leading, leading), *self.buckets(second))

    def bucket(self, runs: tuple[Run, ...], head: bytes) -> Bucket | None:
        """One bucket of all these runs; None, as soon as that is clear, if they are too many."""
        key = (Bucket, self.budget_bytes, head, runs)
        found: _Made | None = _KNOWN.get(key)
        if found is None and (made := self._fitted(runs, head)) is not None:
            found = _KNOWN.setdefault(key, made)
        if found is None:
            return None
        self.used.append(found)
        return found.bucket

    def halves(self, runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
        """What goes into one bucket, or several, and what into others."""
        ends = tuple(accumulate(len(run.entries) for run in runs))
        cut = _cut(runs, ends)
        at = bisect_left(ends, cut)
        if ends[at] == cut:
            return runs[: at + 1], runs[at + 1 :]
        inside = cut - ends[at]  # from the end of that run
        one, other = _run(runs[at].entries[:inside]), _run(runs[at].entries[inside:])
        self.used += (one, other)
        return (*runs[:at], one), (other, *runs[at + 1 :])

    def _fitted(self, runs: tuple[Run, ...], head: bytes) -> _Made | None:
        starts = [index for index, run in enumerate(runs) if run.begins and index]
        if not starts:
            whole, count = compressed(head + _text(runs)), sum(len(run.entries) for run in runs)
            return _Made(Bucket(whole), ()) if len(whole) <= self.budget_bytes or count < 2 else None
        pieces, size = list[Piece](), gzip.OVERHEAD_BYTES
        for start, end in pairwise((0, *starts, len(runs))):
            pieces.append(self._piece(runs, start, end, head))
            size += len(pieces[-1].blocks)
            if size > self.budget_bytes:
                self.used += pieces  # they may well be those of smaller buckets, and are asked for again each time
                return None
        return _Made(Bucket(gzip.joined(pieces)), tuple(pieces))

    def _piece(self, runs: tuple[Run, ...], start: int, end: int, head: bytes) -> Piece:
        """The piece of the runs from `start` on, and of the head if it is the first."""
        since, before_bytes = start, 0
        while since and before_bytes < gzip.WINDOW_BYTES:
            since -= 1
            before_bytes += runs[since].size
        key = (Piece, b"" if since else head, tuple(run.window for run in runs[since:start]), runs[start:end])
        found: Piece | None = _KNOWN.get(key)
        if found is None:
            before, text = _text(runs[since:start]), _text(runs[start:end])
            if start == 0:
                text = head + text
            elif since == 0:
                before = head + before
            found = _KNOWN.setdefault(key, gzip.piece(text, before))
        return found


def _text(runs: Iterable[Run]) -> bytes:
    return b"".join(run.text for run in runs)


def _cut(runs: Sequence[Run], ends: Sequence[int]) -> int:
    """The index of the entry with which a second bucket begins."""
    middle, reach = (ends[-1] + 1) // 2, ends[-1] // NEAR
    near = range(max(1, middle - reach), min(ends[-1], middle + reach + 1))
    entries = (
        (entry.rank, index)
        for run, end in zip(runs, ends, strict=True)
        if end > near.start and end - len(run.entries) < near.stop
        for index, entry in enumerate(run.entries, end - len(run.entries))
        if index in near
    )
    return max(entries)[1]


def _rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()

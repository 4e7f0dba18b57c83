"""Jobs that do not fit into one Secret are spread over several.

A cut depends on what is near it, not on all that comes before: it lies close to the middle, behind the entry whose name
hashes highest among those there. So a change of one entry rewrites one bucket, and a new one moves others only if its own
name wins, or if a bucket becomes too large. Order is kept: equal entries, equal buckets.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

from attrs import frozen

DEFAULT_BUDGET_BYTES = 512 * 1024
LEVEL = 6
NEAR = 16
"""A cut lies within one sixteenth of the entries of a bucket from their middle."""
_OVERHEAD = 64  # bytes that gzip may add to a text that does not compress
_PIECE_BYTES = 256 * 1024
_GZIP = 31


@frozen(eq=False)
class Entry:
    """What stays together: the jobs of one scrape object, or one further job, and a name for them."""

    name: str
    text: bytes


@frozen
class Bucket:
    """What one Secret holds: a text, and the same as gzip."""

    text: bytes
    packed: bytes


def compressed(text: bytes) -> bytes:
    """`text` as gzip, the same bytes at any time."""
    return zlib.compress(text, LEVEL, _GZIP)


def is_oversized(entry: Entry, budget_bytes: int) -> bool:
    """Whether an entry alone exceeds what a Secret may hold."""
    return len(entry.text) + _OVERHEAD > budget_bytes and _compressed(entry.text, budget_bytes) is None


def buckets(entries: Sequence[Entry], budget_bytes: int, heads: tuple[bytes, bytes] = (b"", b"")) -> tuple[Bucket, ...]:
    """The texts of `entries` in their order, joined to as few as fit compressed into the budget; at least one.

    heads: what stands before them if one bucket is enough, and at the beginning of the first of several. An entry that
    does not fit alone makes a bucket of its own.
    """
    alone, leading = heads
    packed = _packed(alone, tuple(entries), budget_bytes)
    if packed is not None:
        return (Bucket(_text(alone, entries), packed),)
    cut = _cut(entries)
    first = buckets(entries[:cut], budget_bytes, (leading, leading))
    return (*first, *buckets(entries[cut:], budget_bytes))


@lru_cache(maxsize=16)
def _packed(head: bytes, entries: tuple[Entry, ...], budget_bytes: int) -> bytes | None:
    """A bucket as gzip, None if it is to be split; remembered for those that a change of others leaves as they are."""
    text = _text(head, entries)
    return compressed(text) if len(entries) < 2 else _compressed(text, budget_bytes)


def _text(head: bytes, entries: Sequence[Entry]) -> bytes:
    return b"".join(chain((head,), (entry.text for entry in entries)))


def _compressed(text: bytes, most_bytes: int) -> bytes | None:
    """`text` as gzip; None, as soon as that is clear, if it takes more than `most_bytes`."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    view, packed = memoryview(text), bytearray()
    for start in range(0, len(view), _PIECE_BYTES):
        packed += packer.compress(view[start : start + _PIECE_BYTES])
        if len(packed) > most_bytes:
            return None
    packed += packer.flush()
    return bytes(packed) if len(packed) <= most_bytes else None


def _cut(entries: Sequence[Entry]) -> int:
    """The index at which a second bucket begins."""
    middle, selector_scope = (len(entries) + 1) // 2, len(entries) // NEAR
    near = range(max(1, middle - selector_scope), min(len(entries), middle + selector_scope + 1))
    return max(near, key=lambda index: (_rank(entries[index].name), index))


def _rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()

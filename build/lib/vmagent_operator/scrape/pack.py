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
"""Half of the 1 MiB that a Secret may hold: credentials and managed fields stand beside it."""
LEVEL = 6
"""zlib's default, as it was for the recorded cases: another one gives other bytes, and a write of every configuration there is."""
NEAR = 16
"""A cut lies within one sixteenth of the entries of a bucket from their middle."""
_OVERHEAD = 64  # bytes that gzip may add to a text that does not compress
_PIECE_BYTES = 256 * 1024
"""What is compressed before it is looked whether it is too much already: of 64 MB that do not fit, 63 need no work."""
_GZIP = 31
"""zlib's number for gzip with the widest window. Its header holds no time, other than that of `gzip.compress`: equal texts must give
equal bytes, or each reconcile would write every configuration anew."""


@frozen(eq=False)
class Entry:
    """What stays together: the jobs of one scrape object, or one further job, and a name for them."""

    name: str
    text: bytes


@frozen
class Bucket:
    """What one Secret holds, as gzip."""

    packed: bytes

    @property
    def text(self) -> bytes:
        """The same unpacked; it is not kept, since it is usually fifty times as large."""
        return zlib.decompress(self.packed, _GZIP)


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
        return (Bucket(packed),)
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
    middle, reach = (len(entries) + 1) // 2, len(entries) // NEAR
    near = range(max(1, middle - reach), min(len(entries), middle + reach + 1))
    return max(near, key=lambda index: (_rank(entries[index].name), index))


def _rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()

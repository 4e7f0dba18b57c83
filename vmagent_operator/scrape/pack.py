"""Jobs that do not fit into one Secret are spread over several.

A cut depends on what is near it, not on all that comes before: it lies close to the middle, behind the entry whose name
hashes highest among those there. So a change of one entry rewrites one bucket, and a new one moves others only if its own
name wins, or if a bucket becomes too large. Order is kept, and nothing is remembered: equal entries, equal buckets.
"""

import gzip
from collections.abc import Sequence
from hashlib import blake2b

from attrs import frozen

DEFAULT_BUDGET_BYTES = 512 * 1024
LEVEL = 6
_OVERHEAD = 64  # bytes that gzip may add to a text that does not compress
NEAR = 16
"""A cut lies within one sixteenth of the entries of a bucket from their middle."""


@frozen(eq=False)
class Entry:
    """What stays together: the jobs of one scrape object, or one further job, and a name for them."""

    name: str
    text: bytes


def compressed(text: bytes) -> bytes:
    """`text` as gzip, the same bytes at any time."""
    return gzip.compress(text, LEVEL, mtime=0)


def is_oversized(entry: Entry, budget_bytes: int) -> bool:
    """Whether an entry alone exceeds what a Secret may hold."""
    return len(entry.text) + _OVERHEAD > budget_bytes and len(compressed(entry.text)) > budget_bytes


def buckets(entries: Sequence[Entry], budget_bytes: int) -> tuple[bytes, ...]:
    """The texts of `entries` in their order, joined to as few as fit compressed into the budget; at least one.

    An entry that does not fit alone makes a bucket of its own.
    """
    text = b"".join(entry.text for entry in entries)
    if len(entries) < 2 or len(text) + _OVERHEAD <= budget_bytes or len(compressed(text)) <= budget_bytes:
        return (text,)
    cut = _cut(entries)
    return (*buckets(entries[:cut], budget_bytes), *buckets(entries[cut:], budget_bytes))


def _cut(entries: Sequence[Entry]) -> int:
    """The index at which a second bucket begins."""
    middle, reach = (len(entries) + 1) // 2, len(entries) // NEAR
    near = range(max(1, middle - reach), min(len(entries), middle + reach + 1))
    return max(near, key=lambda index: (_rank(entries[index].name), index))


def _rank(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()

"""Jobs are spread over buckets: in order, within the budget, and with few of them touched by a change."""

import gzip
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.scrape.pack import Bucket, Entry, buckets, compressed, is_oversized

BUDGET = 4096


def entry(number: int, size: int = 8) -> Entry:
    """An entry that does not compress, about `size` times 45 bytes."""
    lines = (sha256(f"{number}/{line}".encode()).hexdigest()[:44] for line in range(size))
    return Entry(f"e{number:05}", b"".join(f"{line}\n".encode() for line in lines))


def bucket(text: bytes) -> Bucket:
    """A bucket of `text`, packed at once."""
    return Bucket(compressed(text))


def test_what_fits_stays_together() -> None:
    few = [entry(n) for n in range(5)]
    assert buckets(few, BUDGET) == (bucket(b"".join(e.text for e in few)),)
    assert buckets([], BUDGET) == (bucket(b""),)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_buckets_keep_order_and_budget(sizes: list[int]) -> None:
    entries = [entry(n, size) for n, size in enumerate(sizes)]
    packed = buckets(entries, BUDGET)
    assert b"".join(each.text for each in packed) == b"".join(e.text for e in entries)
    assert all(each == bucket(each.text) and len(each.packed) <= BUDGET for each in packed)


def test_a_new_entry_mostly_moves_no_other() -> None:
    entries = [entry(n) for n in range(0, 2000, 2)]
    budget = 10 * BUDGET
    before = buckets(entries, budget)
    assert len(before) == 8
    rewritten = []
    for number in range(1, 2000, 40):
        after = buckets(sorted([*entries, entry(number)], key=lambda e: e.name), budget)
        rewritten.append(len(set(after) - set(before)))
    assert rewritten.count(1) > 0.85 * len(rewritten)


def test_a_changed_entry_rewrites_one_bucket() -> None:
    entries = [entry(n) for n in range(500)]
    before = buckets(entries, BUDGET)
    for number in range(0, 500, 25):
        changed = Entry(entries[number].name, entry(1000 + number).text)
        after = buckets([*entries[:number], changed, *entries[number + 1 :]], BUDGET)
        assert len(set(after) - set(before)) == 1


def test_heads_stand_before_the_entries_and_count() -> None:
    entries = [entry(n) for n in range(20)]
    budget = len(compressed(b"".join(e.text for e in entries))) + 100
    assert buckets(entries, budget, (b"alone\n", b""))[0].text.startswith(b"alone\n")
    large, jobs = entry(99, 20).text, b"".join(e.text for e in entries)
    first, second = buckets(entries, budget, (large, b"of several\n"))
    assert first.text + second.text == b"of several\n" + jobs


def test_an_entry_is_oversized_by_its_compressed_size() -> None:
    assert is_oversized(entry(1, 300), BUDGET)
    assert not is_oversized(Entry("a", b"x" * 100_000), BUDGET)


def test_a_budget_is_used_up_to_its_last_byte() -> None:
    one = entry(1, 300)
    size = len(compressed(one.text))
    assert not is_oversized(one, size)
    assert is_oversized(one, size - 1)
    both = [entry(1, 50), entry(2, 50)]
    size = len(compressed(b"".join(each.text for each in both)))
    assert (len(buckets(both, size)), len(buckets(both, size - 1))) == (1, 2)


def test_compressed_bytes_depend_on_nothing_else() -> None:
    assert compressed(b"abc") == compressed(b"abc")
    assert compressed(b"abc")[4:8] == bytes(4)
    assert gzip.decompress(compressed(b"abc")) == b"abc"

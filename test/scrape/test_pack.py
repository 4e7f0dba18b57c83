"""Jobs are spread over buckets: in order, within the budget, and with few of them touched by a change."""

import gzip
import subprocess
from collections.abc import Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.scrape import pack
from vmagent_operator.scrape.pack import Bucket, Entry, Packed, Run, is_oversized, packed, runs
from vmagent_operator.scrape.text import gzip as pieces
from vmagent_operator.scrape.text.gzip import Piece, compressed

BUDGET = 4096


def entry(number: int, size: int = 8) -> Entry:
    """An entry that does not compress, about `size` times 45 bytes."""
    lines = (sha256(f"{number}/{line}".encode()).hexdigest()[:44] for line in range(size))
    return Entry(f"e{number:05}", b"".join(f"{line}\n".encode() for line in lines))


def buckets(entries: Sequence[Entry], budget: int, heads: tuple[bytes, bytes] = (b"", b"")) -> tuple[Bucket, ...]:
    """What the entries are packed to."""
    return packed(runs(entries), budget, heads).buckets


def starting(size: int = 8, after: int = 10_000) -> Entry:
    """An entry with which a piece begins, behind all those of lower numbers."""
    return next(each for number in range(after, after + 10_000) if (each := entry(number, size)).begins)


def test_what_fits_stays_together() -> None:
    few = [entry(n) for n in range(5)]
    assert [each.text for each in buckets(few, BUDGET)] == [b"".join(e.text for e in few)]
    assert buckets([], BUDGET) == (Bucket(compressed(b"")),)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_buckets_keep_order_and_budget(sizes: list[int]) -> None:
    entries = [entry(n, size) for n, size in enumerate(sizes)]
    found = buckets(entries, BUDGET)
    assert b"".join(gzip.decompress(each.packed) for each in found) == b"".join(e.text for e in entries)
    assert all(len(each.packed) <= BUDGET for each in found)


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
    for both in ([entry(1, 50), entry(2, 50)], [entry(1, 50), starting(50)]):
        (whole,) = buckets(both, 1 << 20)
        assert [len(buckets(both, len(whole.packed) - less)) for less in (0, 1)] == [1, 2]


def test_compressed_bytes_depend_on_nothing_else() -> None:
    assert compressed(b"abc") == compressed(b"abc")
    assert compressed(b"abc")[4:8] == bytes(4)
    assert gzip.decompress(compressed(b"abc")) == b"abc"


Runs = tuple[Run, ...]


def joined(parts: Sequence[Runs]) -> list[Run]:
    """The runs of parts that follow on each other."""
    return [run for part in parts for run in part]


def with_another(parts: Sequence[Runs], number: int) -> list[Runs]:
    """The same with another text of the entry `number`; only its part is made anew."""
    at, within = divmod(number, 60)
    entries = [each for run in parts[at] for each in run.entries]
    entries[within] = Entry(entries[within].name, entry(9000 + number, 40).text)
    return [*parts[:at], runs(entries), *parts[at + 1 :]]


def fresh_pieces(before: Packed, after: Packed) -> set[Piece]:
    """What has been compressed for `after`."""
    return pieces_of(after) - pieces_of(before)


def pieces_of(found: Packed) -> set[Piece]:
    """All that has been compressed for it."""
    return {part for each in found.used for part in getattr(each, "pieces", (each,)) if isinstance(part, Piece)}


def test_one_change_compresses_two_pieces_wherever_it_is_and_gives_what_a_fresh_start_gives() -> None:
    parts = [runs([entry(n, 40) for n in range(first, first + 60)]) for first in range(0, 3000, 60)]
    before = packed(joined(parts), 1 << 30, (b"head", b""))
    for number in (0, 17, 1500, 2999):
        changed = joined(with_another(parts, number))
        after = packed(changed, 1 << 30, (b"head", b""))
        assert 1 <= len(fresh_pieces(before, after)) <= 2
        again = packed(changed, 1 << 30, (b"head", b""))  # found as it is, and keeps what it is made of
        assert pieces_of(again) == pieces_of(after)
        fresh = runs([Entry(each.name, each.text) for run in changed for each in run.entries])
        assert after.buckets == packed(fresh, 1 << 30, (b"head", b"")).buckets


def test_one_change_does_the_same_where_there_are_many_buckets() -> None:
    parts = [runs([entry(n, 40) for n in range(first, first + 60)]) for first in range(0, 3000, 60)]
    budget = 1 << 19
    before = packed(joined(parts), budget, (b"alone", b"first"))
    assert len(before.buckets) > 4
    after = packed(joined(with_another(parts, 1600)), budget, (b"alone", b"first"))
    assert len(set(after.buckets) - set(before.buckets)) == 1
    assert len(fresh_pieces(before, after)) <= 2


def test_whoever_scrapes_the_same_shares_it() -> None:
    same = runs([entry(n, 40) for n in range(300)])
    one, other = packed(same, 1 << 30), packed(list(same), 1 << 30)
    assert one.buckets[0] is other.buckets[0]


def test_nothing_is_kept_that_nobody_has() -> None:
    before = len(pack._KNOWN)
    found = packed(runs([entry(n, 40) for n in range(500)]), 1 << 30)
    assert len(pack._KNOWN) > before
    del found
    assert len(pack._KNOWN) == before


def test_pieces_take_little_more_than_the_whole() -> None:
    jobs = [Entry(f"VMServiceScrape/team-{n % 50}/app-{n:05}", job(n)) for n in range(2000)]
    (found,) = buckets(jobs, 1 << 30)
    assert len(found.packed) < 1.08 * len(compressed(b"".join(each.text for each in jobs)))


def job(number: int) -> bytes:
    """A job as there are many."""
    name = sha256(str(number).encode()).hexdigest()[:12]
    rules = "".join(
        f"  - source_labels: [__meta_kubernetes_pod_label_{n}]\n    target_label: l{n}\n" for n in range(20)
    )
    return f"- job_name: serviceScrape/team-{number % 50}/{name}/0\n  relabel_configs:\n{rules}".encode()


@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 400)), max_size=6))
def test_pieces_join_to_a_file_that_others_read(texts: list[tuple[bytes, int]]) -> None:
    whole, made = b"", []
    for text, times in texts:
        made.append(pieces.piece(text * times, whole))
        whole += text * times
    assert gzip.decompress(pieces.joined(made)) == whole


def test_gunzip_reads_it() -> None:
    made = pieces.joined([pieces.piece(b"a\n" * 9, b""), pieces.piece(b"b\n" * 9, b"a\n" * 9)])
    done = subprocess.run(["gzip", "-dc"], input=made, capture_output=True, check=True)
    assert done.stdout == b"a\n" * 9 + b"b\n" * 9

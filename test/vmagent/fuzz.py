"""What we publish, vmagent takes; and what vmagent takes, we refuse not: counted over many variants of every field.

`python -m test.vmagent.fuzz --count 200000 --seed 1` runs until so many variants have been judged, and prints both counts
with examples of each family.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from attrs import define, field, frozen

from test.controlplane.binaries import victoria
from test.properties import sample
from test.properties.world import CLASSES, SETTINGS, manifest
from test.vmagent import own, variants
from test.vmagent.judge import Jobs, Judge, Said
from vmagent_operator.api.kinds import SCRAPE_KINDS, VMAGENT, VMSTATICSCRAPE, Kind, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.fragment import Fragment, fragment
from vmagent_operator.scrape.references import Reference, SecretSnapshot

BATCH = 1000
SHOWN = 3
TEXTS = {"a": "one", "b": "two", "e": ""}
VALUES = SecretSnapshot(
    {Reference(kind, "monitoring", name): TEXTS for kind in ("Secret", "ConfigMap") for name in ("texts", "others")}
)
CONTEXT = context(scrape_owner(read(manifest(VMAGENT, CLASSES)), SETTINGS))
POLICY = re.compile(
    r"\(limit [A-Z_]+\)|defines no class|not found|has no key|without a name|reads as null|expected [a-z]+, got|required$"
    r"|is no label (key|value)|is no operator|values: |static is set as well|no variable|does not fit into a line|is too long"
)
"""Findings that are no judgement of what vmagent can read: declared limits, references, shapes, what an API server
refuses, placeholders whose values only the pod knows, durations that vmagent silently reads as others."""
PLACES: Mapping[Kind[Any], Sequence[sample.Property]] = {
    kind: tuple(sample.properties(kind.spec_class)) for kind in SCRAPE_KINDS
}


@frozen
class Variant:
    """One thing that was tried: where, and what stood there."""

    place: str
    value: Any

    def __str__(self) -> str:
        return f"{self.place} = {self.value!r:.300}"


@define
class Tally:
    """What came of it. Families are told apart by place and message; each keeps a few examples.

    ours: what we took and vmagent did not. theirs: what we refused for what it says, and vmagent took.
    """

    tried: int = 0
    accepted: int = 0
    refused: int = 0
    apart: int = 0
    ours: dict[str, list[str]] = field(factory=lambda: defaultdict(list))
    theirs: dict[str, list[str]] = field(factory=lambda: defaultdict(list))

    def count(self, where: dict[str, list[str]], variant: Variant, why: str) -> None:
        """One more of a family; what we refuse by policy is none."""
        if where is self.theirs and POLICY.search(why):
            return
        family = re.sub(r"[0-9]+", "0", re.sub(r"\S*[.](?=\w+: )", "", _bare(why).partition("; ")[0]))[:120]
        where[family].append(f"{variant}\n        {why[:300]}")

    def report(self) -> str:
        """The counts, and examples of each family."""
        head = (
            f"{self.tried} variants: {self.accepted} taken by us, {self.refused} refused, {self.apart} of no concern;"
            f" {_total(self.ours)} taken by us alone, {_total(self.theirs)} by vmagent alone"
        )
        return "\n".join(
            [head, *_shown("taken by us alone", self.ours), *_shown("taken by vmagent alone", self.theirs)]
        )


def _bare(why: str) -> str:
    return re.sub(r"\"(\\.|[^\"])*\"|'(\\.|[^'])*'|`[^`]*`", "_", why)


def _total(families: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, families.values()))


def _shown(title: str, families: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for family, examples in sorted(families.items(), key=lambda item: -len(item[1])):
        yield f"  {title}: {len(examples)} of {family}"
        yield from (f"      {example}" for example in examples[:SHOWN])


def documents(chosen: Random) -> Iterator[tuple[Kind[Any], Variant, dict[str, Any]]]:
    """Specs of the six kinds: the emptiest around one field, with a variant there, and perhaps in another one."""
    while True:
        kind = chosen.choice(SCRAPE_KINDS)
        at = chosen.choice(PLACES[kind])
        value = variants.value(at.entry, chosen)
        document = sample.replaced(sample.document(kind.spec_class, at.path, full=False), at.path, value)
        place = f"{kind.name} {at}"
        if chosen.random() < 0.3:
            other = chosen.choice(PLACES[kind])
            second = variants.value(other.entry, chosen)
            around = sample.document(kind.spec_class, other.path, full=False)
            document = _merged(document, sample.replaced(around, other.path, second))
            value = {"first": value, str(other): second}
        yield kind, Variant(place, value), document


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {key: _merged(one[key], other[key]) for key in one.keys() & other.keys()}
        return {**other, **one, **shared}
    if isinstance(one, list) and isinstance(other, list) and one and other and isinstance(one[0], dict):
        return [_merged(one[0], other[0]), *one[1:]]
    return one


@contextmanager
def unchecked() -> Iterator[None]:
    """Everything that can be built is."""
    with (
        mock.patch.object(validate, "scrape_object", return_value=()),
        mock.patch.object(validate, "auth_faults", return_value=()),
    ):
        yield


def made(obj: CustomObject[Any]) -> Jobs | str:
    """The jobs of an object, or why there are none."""
    if obj.spec is None:
        return f"expected object, got: {obj.error}"
    found = fragment(obj, CONTEXT, VALUES)
    return Jobs(found.entry.text, found.names) if isinstance(found, Fragment) else found.message


def scrape_objects(chosen: Random, judge: Judge, tally: Tally, count: int) -> dict[int, Jobs]:
    """Judge so many scrape objects; the jobs of those that both take."""
    taken: dict[int, Jobs] = {}
    refused: dict[int, Jobs] = {}
    why: dict[int, str] = {}
    tried: dict[int, Variant] = {}
    for number, (kind, variant, spec) in zip(range(count), documents(chosen), strict=False):
        obj = read({**manifest(kind, spec), "metadata": {"namespace": "monitoring", "name": f"x{number}"}})
        tried[number] = variant
        found = made(obj)
        if isinstance(found, Jobs):
            taken[number] = found
        else:
            why[number] = found
            with unchecked():
                obj.memo.clear()
                again = made(obj)
            if isinstance(again, Jobs) and not POLICY.search(found):
                refused[number] = again
    return settle(tally, judge, tried, taken, refused, why)


def settle(
    tally: Tally,
    judge: Judge,
    tried: Mapping[int, Variant],
    taken: Mapping[int, Jobs],
    refused: Mapping[int, Jobs],
    why: Mapping[int, str],
) -> dict[int, Jobs]:
    """Ask vmagent and count; the jobs that both take."""
    tally.tried += len(tried)
    tally.accepted += len(taken)
    tally.refused += len(refused)
    tally.apart += len(tried) - len(taken) - len(refused)
    said = judge.jobs({number: jobs for number, jobs in taken.items() if jobs.text})
    for number, complaint in said.items():
        tally.count(tally.ours, tried[number], complaint)
    judged = judge.each({number: jobs for number, jobs in refused.items() if jobs.text})
    for number in refused.keys() - judged.keys():
        if refused[number].text:
            tally.count(tally.theirs, tried[number], why[number])
    return {number: jobs for number, jobs in taken.items() if number not in said}


def raw_jobs(chosen: Random, judge: Judge, tally: Tally, bases: Sequence[Jobs]) -> None:
    """Judge jobs that users write themselves, made from `bases` and from all keys of a job."""
    tried, taken, refused, why = own.raw_jobs(chosen, bases)
    settle(tally, judge, {number: Variant("raw job", value) for number, value in tried.items()}, taken, refused, why)


def agents(chosen: Random, judge: Judge, tally: Tally, count: int, *, started: bool) -> None:
    """Judge agents' own rules and aggregations; their destinations and settings too, which costs seconds of waiting."""
    found = [own.relabelings(chosen, judge, count), own.aggregations(chosen, judge, count // 2)]
    if started:
        found += [own.destinations(chosen, judge, count // 2), own.whole_agents(chosen, judge, 4)]
    for each in found:
        tally.tried += each.tried
        tally.accepted += each.accepted
        tally.refused += each.refused
        tally.apart += each.tried - each.accepted - each.refused
        for where, differences in ((tally.ours, each.ours), (tally.theirs, each.theirs)):
            for place, value, complaint in differences:
                tally.count(where, Variant(place, value), complaint)


def run(count: int, seed: int, vmagent: Path, show: Callable[[str], object] = lambda _: None) -> Tally:
    """Judge about `count` variants: eight in ten of scrape objects, the others of agents' own."""
    tally, chosen, size = Tally(), Random(seed), min(BATCH, max(count // 4, 50))
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(vmagent, Path(folder))
        for batch in itertools.count():
            if tally.tried >= count:
                break
            both = scrape_objects(chosen, judge, tally, size)
            raw_jobs(chosen, judge, tally, [jobs for jobs in both.values() if jobs.text][: size // 6])
            agents(chosen, judge, tally, size // 12, started=batch % 4 == 0)
            if batch % 10 == 9:
                show(tally.report())
    return tally


def panics(count: int, seed: int, vmagent: Path, seconds: float = 4) -> str:
    """What a running vmagent dies of, of the static targets that both take; empty if it lives. Nothing leaves the machine."""
    chosen = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(vmagent, Path(folder))
        both: dict[int, Jobs] = {}
        for number in range(count):
            labels = {
                chosen.choice(own.SPECIAL_LABELS): chosen.choice(own.SPECIAL_VALUES)
                for _ in range(chosen.randint(0, 2))
            }
            label = chosen.choice(own.SPECIAL_LABELS)
            rule = {"targetLabel": label, "replacement": chosen.choice(own.SPECIAL_VALUES)}
            endpoint = {"targets": ["127.0.0.1:9"], "labels": labels, "relabelConfigs": [rule] * chosen.randint(0, 1)}
            spec = {"targetEndpoints": [endpoint]}
            obj = read(
                {**manifest(VMSTATICSCRAPE, spec), "metadata": {"namespace": "monitoring", "name": f"p{number}"}}
            )
            if isinstance(found := made(obj), Jobs):
                both[number] = found
        said: Said = judge.jobs(both)
        file = Path(folder) / "running.yaml"
        file.write_bytes(
            b"scrape_configs:\n" + b"".join(jobs.text for number, jobs in both.items() if number not in said)
        )
        ended = judge.running(seconds, f"-promscrape.config={file}", "-remoteWrite.url=http://127.0.0.1:9/")
    return ended.log[-2000:] if ended.code is not None or ended.is_panic else ""


def main() -> int:
    """Print the report; 1 if vmagent refuses anything that we take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    vmagent = victoria("vmagent")
    tally = run(given.count, given.seed, vmagent, lambda line: print(line, file=sys.stderr, flush=True))
    died = panics(300, given.seed, vmagent)
    print(tally.report())
    print(f"running: {died or 'no panic'}")
    return int(bool(tally.ours or died))


if __name__ == "__main__":
    sys.exit(main())

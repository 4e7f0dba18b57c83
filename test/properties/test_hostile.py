"""Ten thousand random objects that mean no good, among a thousand good ones, all in one run: nobody notices."""

from __future__ import annotations

import json
import re
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import frozen

from test.apiserver.failure import Failure
from test.controller.world import World, agent, scrape
from test.properties import hostiles
from test.properties.test_poison import SPECS
from vmagent_operator.api.kinds import BY_NAME, SCRAPE_KINDS, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import INTERNAL_ERROR, Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.scrape.share import Room
from vmagent_operator.settings import load

GOOD, HOSTILE, SEED = 1000, 10_000, 21
SETTINGS = load({})
AMPLE = Room(text_bytes=1 << 40, memory_bytes=1 << 40, asset_bytes=1 << 40, jobs=1 << 40)
"""So that none is left out for want of room: how that is shared is another test."""
SECONDS_OF_ONE, SECONDS_OF_ALL = 2.0, 60
"""Of the processor. On the machine where this was written the worst takes 0.2 s and all of them 4 s."""
HARMLESS = re.compile(r"\twarn\t.*\tmissing `username` and `username_file` in `basic_auth` section")
"""What vmagent says of a password without a user name, which it takes."""
AGENT = read(agent(selectAllByDefault=True))
OWNER = scrape_owner(AGENT, SETTINGS)


@frozen
class Run:
    """What became of objects that were all selected by one agent. worst_seconds: the most that one of them took."""

    good: tuple[CustomObject[Any], ...]
    hostile: tuple[CustomObject[Any], ...]
    configuration: Configuration
    worst_seconds: float
    seconds: float

    @property
    def jobs(self) -> bytes:
        """The text of all jobs, wherever they are packed."""
        main = self.configuration.main.text.split(b"scrape_configs:\n", 1)[1]
        return b"".join((main, *(bucket.text for bucket in self.configuration.overflow)))


@cache
def run(hostile: int) -> Run:
    """The good objects, and so many hostile ones."""
    chosen = Random(SEED)
    raws = [hostiles.raw(number, chosen) for number in range(hostile)]
    given = SecretSnapshot(hostiles.GIVEN)
    good = tuple(map(read, good_objects(GOOD)))
    began = time.process_time()
    worst, read_ones = 0.0, []
    for raw in raws:
        before = time.process_time()
        read_ones.append(obj := read(raw))
        fragment(obj, context(OWNER), given)
        worst = max(worst, time.process_time() - before)
    objects = [*good, *read_ones]
    by_kind = {kind: [obj for obj in objects if obj.kind is kind] for kind in SCRAPE_KINDS}
    selection = select(OWNER, by_kind, {obj.namespace: {} for obj in objects})
    found = configuration(OWNER, selection, given, AMPLE)
    return Run(good, tuple(read_ones), found, worst, time.process_time() - began)


def good_objects(count: int) -> Iterator[Manifest]:
    """Objects of all kinds, so named that they stand among the hostile ones."""
    for number, (kind, spec) in enumerate(islice(cycle(SPECS.items()), count)):
        namespace = ("a-shop", *hostiles.NAMESPACES, "zoo")[number % 5]
        metadata = {"name": f"good-{number:04}", "namespace": namespace, "uid": f"good-{number}", "generation": 1}
        yield {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def text(objects: Iterator[CustomObject[Any]]) -> bytes:
    """The jobs of some objects, as their memo has them."""
    found = (fragment(obj, context(OWNER), SecretSnapshot(hostiles.GIVEN)) for obj in objects)
    return b"".join(each.entry.text for each in found)  # type: ignore[union-attr]


def test_every_good_job_is_what_it_is_without_them() -> None:
    alone, among = run(0), run(HOSTILE)
    applied, good = among.configuration.applied, set(among.good)
    assert among.jobs == text(iter(applied))
    assert text(obj for obj in applied if obj in good) == alone.jobs
    assert len(alone.configuration.applied) == GOOD


def test_every_one_of_them_is_taken_or_told_what_is_wrong_with_it() -> None:
    among = run(HOSTILE)
    told = {finding.object: finding for finding in among.configuration.findings}
    taken = set(among.configuration.applied)
    assert [obj.key for obj in among.hostile if (obj in told) is (obj in taken)] == []
    assert [finding.bug for finding in told.values() if finding.bug] == []
    assert [finding.message for finding in told.values() if not names_a_place(finding.message)] == []
    assert 1000 < len(told) < HOSTILE - 1000  # or else the table is a poor one


def names_a_place(message: str) -> bool:
    """Whether a message says where something is wrong: in a field, in a key of a job, or in a text that ends nowhere."""
    return INTERNAL_ERROR not in message and message.startswith(
        ("spec", "metadata.", "job ", "a text holds %{ without }")
    )


def test_none_of_them_takes_long() -> None:
    among = run(HOSTILE)
    assert among.worst_seconds < SECONDS_OF_ONE
    assert among.seconds < SECONDS_OF_ALL


@pytest.mark.vmagent
def test_vmagent_takes_the_file(vmagent: Path, tmp_path: Path) -> None:
    file = tmp_path / "vmagent.yaml"
    file.write_bytes(b"scrape_configs:\n" + run(HOSTILE).jobs)
    flags = ["-dryRun", f"-promscrape.config={file}", "-remoteWrite.url=http://a", "-loggerLevel=WARN"]
    ended = subprocess.run([vmagent, *flags], env={}, capture_output=True, text=True, timeout=300)
    said = ended.stdout + ended.stderr
    assert (ended.returncode, [line for line in said.splitlines() if not HARMLESS.search(line)]) == (0, [])


def stored(world: World, raws: Iterator[Manifest]) -> Iterator[Manifest]:
    """Those of `raws` that the API server stores: they are JSON, and their schemas take them."""
    for raw in raws:
        metadata = {key: part for key, part in raw["metadata"].items() if key in ("name", "namespace", "labels")}
        with suppress(Failure, ValueError):
            json.dumps(raw, ensure_ascii=False, allow_nan=False).encode()
            world.add({**raw, "metadata": metadata})
            yield raw


def test_no_worker_is_lost_to_them_and_each_is_told() -> None:
    world, chosen = World(), Random(SEED)
    for reference, data in hostiles.GIVEN.items():
        head = {"apiVersion": "v1", "kind": reference.kind}
        metadata = {"namespace": reference.namespace, "name": reference.name}
        encoded = {key: _encoded(text) if reference.kind == "Secret" else text for key, text in data.items()}
        world.add({**head, "metadata": metadata, "data": encoded})
    raws = list(islice(stored(world, (hostiles.raw(number, chosen) for number in range(HOSTILE))), 400))
    good = list(stored(world, good_objects(100)))
    assert (len(raws), len(good)) == (400, 100)
    world.add(agent(selectAllByDefault=True))
    world.settle(600)
    assert {outcome.kind for outcome in world.outcomes} <= {"done", "waiting"}
    assert world.system.owners["vmagent"].queue.snapshot().processing == {}
    assert {status(world, raw)["updateStatus"] for raw in good} == {"operational"}
    told = [status(world, raw) for raw in raws]
    failed = [found["reason"] for found in told if found["updateStatus"] != "operational"]
    assert [reason for reason in failed if not names_a_place(reason)] == []
    assert 50 < len(failed) < len(raws) - 50
    world.add(scrape("late"))
    world.settle()
    assert status(world, scrape("late"))["updateStatus"] == "operational"


def _encoded(text: str) -> str:
    return b64encode(text.encode("utf-8", "surrogateescape")).decode()


def status(world: World, raw: Manifest) -> dict[str, Any]:
    """The status of an object."""
    resource = f"{BY_NAME[raw['kind']].plural}.operator.victoriametrics.com"
    found: dict[str, Any] = world.get(resource, raw["metadata"]["namespace"], raw["metadata"]["name"])["status"]
    return found

"""Prometheus objects that mean no good: each becomes something that is taken or told, or is refused with its path."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any

from attrs import frozen

from test.apiserver.failure import Failure
from test.controller.world import World, agent
from test.convert.recorded import definition, spec_schema
from test.convert.test_fields import document, leaves
from test.properties import hostiles
from test.properties.test_hostile import AMPLE, OWNER, SECONDS_OF_ONE, SETTINGS, names_a_place
from vmagent_operator.api.kinds import SCRAPE_KINDS, read
from vmagent_operator.convert.sources import BY_NAME, SOURCES, Converted, Source, convert
from vmagent_operator.convert.sources import read as read_source
from vmagent_operator.limits import OBJECT_LABELS, OBJECT_PARTS
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import configuration
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import select

HOSTILE, SEED = 4000, 22
PLACES = {source.kind.name: [*leaves(spec_schema(source.kind))] for source in SOURCES}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def raw(number: int, chosen: Random) -> Manifest:
    """A source with one to three of its places taken."""
    source = chosen.choice(SOURCES)
    places = PLACES[source.kind.name]
    path = chosen.choice(places)
    spec = document(spec_schema(source.kind), path)
    for _ in range(chosen.randint(1, 3)):
        with suppress(KeyError, IndexError, TypeError, ValueError):  # nothing is there to be replaced
            spec = replaced(spec, path[: chosen.randint(0, len(path))], hostiles.value(chosen))
        path = chosen.choice(places)
    head = {"apiVersion": source.kind.api_version, "kind": source.kind.name}
    metadata = {"name": f"hostile-{number:05}", "namespace": "shop", "uid": f"uid-{number}", "generation": 1}
    return {**head, "metadata": metadata, "spec": spec}


def replaced(value: Any, path: tuple[str, ...], by: Any) -> Any:
    """`value` with `by` at `path`; items of lists and of open objects are the first."""
    if not path:
        return by
    key: Any = 0 if path[0] == "[]" else "k" if path[0] == "{}" else path[0]
    below = replaced(value[key], path[1:], by)
    if isinstance(value, list):
        return [below, *value[1:]]
    return {**value, key: below}


@frozen
class Conversions:
    """What became of hostile sources. worst_seconds: the most that one of them took."""

    made: tuple[tuple[Manifest, Converted], ...]
    worst_seconds: float


@cache
def conversions() -> Conversions:
    """Of all of them."""
    chosen, made, worst = Random(SEED), [], 0.0
    for number in range(HOSTILE):
        given = raw(number, chosen)
        began = time.process_time()
        made.append((given, convert(read_source(BY_NAME[given["kind"]].kind, given), SETTINGS)))
        worst = max(worst, time.process_time() - began)
    return Conversions(tuple(made), worst)


def test_every_one_is_converted_or_refused_with_its_path() -> None:
    refused = [made.error for _, made in conversions().made if made.manifest is None]
    limits = (OBJECT_PARTS.exceeded, OBJECT_LABELS.exceeded)
    assert [error for error in refused if not error.startswith("spec")] == []
    assert [error for error in refused if "internal error" in error and not error.endswith(limits)] == []
    assert 400 < len(refused) < HOSTILE - 400  # or else the table is a poor one
    assert conversions().worst_seconds < SECONDS_OF_ONE


def test_what_they_become_is_taken_or_told() -> None:
    objects = [read({**made.manifest, "metadata": {**made.manifest["metadata"], "generation": 1}})
               for _, made in conversions().made if made.manifest is not None]  # fmt: skip
    assert [obj.key for obj in objects if obj.error is not None] == []
    by_kind = {kind: [obj for obj in objects if obj.kind is kind] for kind in SCRAPE_KINDS}
    found = configuration(OWNER, select(OWNER, by_kind, {"shop": {}}), SecretSnapshot(hostiles.GIVEN), AMPLE)
    assert len(found.applied) + len(found.findings) == len(objects)
    assert [finding.bug for finding in found.findings if finding.bug] == []
    assert [finding.message for finding in found.findings if not names_a_place(finding.message)] == []


def open_definition(source: Source) -> Manifest:
    """A definition that takes anything: that of an older version, or of somebody else."""
    whole = definition(source.kind)
    versions = [{**each, "schema": {"openAPIV3Schema": OPEN}} for each in whole["spec"]["versions"]]
    return {**whole, "spec": {**whole["spec"], "versions": versions}}


def test_no_worker_is_lost_to_them() -> None:
    world, chosen = World(definitions=[open_definition(source) for source in SOURCES]), Random(SEED)
    count = 0
    for number in range(200):
        given = raw(number, chosen)
        with suppress(Failure, ValueError):
            json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
            world.add({**given, "metadata": {key: given["metadata"][key] for key in ("name", "namespace")}})
            count += 1
    assert count > 150
    world.add(agent(selectAllByDefault=True))
    world.settle(600)
    good = {"selector": {}, "endpoints": [{"port": "http"}]}
    metadata = {"name": "good", "namespace": "shop"}
    world.add({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": metadata, "spec": good})
    world.settle()
    made = world.get("vmservicescrapes.operator.victoriametrics.com", "shop", "good")
    assert made["status"]["updateStatus"] == "operational"
    assert all(each.queue.snapshot().processing == {} for each in world.system.controllers)

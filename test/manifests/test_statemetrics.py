"""kube-state-metrics is asked for fields that our kinds have, in the words that it reads, and finds them in a live object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from test.controller.world import World, agent, scrape
from test.manifests.built import MANIFESTS
from vmagent_operator.api import crd
from vmagent_operator.api.kinds import KINDS

FOLDER = MANIFESTS / "monitoring/kube-state-metrics"
CONFIG = yaml.safe_load((FOLDER / "config.yaml").read_text())
RESOURCES = {each["groupVersionKind"]["kind"]: each for each in CONFIG["spec"]["resources"]}
METADATA = {"namespace", "name", "generation", "creationTimestamp"}
WORDS = {  # what kube-state-metrics reads at each place; a typing error there is silence
    "resource": {"groupVersionKind", "metricNamePrefix", "labelsFromPath", "errorLogV", "metrics"},
    "metric": {"name", "help", "each", "commonLabels"},
    "Gauge": {"path", "labelsFromPath", "valueFrom", "nilIsZero"},
    "StateSet": {"path", "labelName", "list"},
}


def metrics(kind: str) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    """Each metric of a kind, its type, and what is asked for."""
    for metric in RESOURCES[kind]["metrics"]:
        type_ = metric["each"]["type"]
        yield metric, type_, metric["each"]["stateSet" if type_ == "StateSet" else "gauge"]


def paths(kind: str) -> Iterator[tuple[str, ...]]:
    """Every field that is read."""
    yield from map(tuple, RESOURCES[kind]["labelsFromPath"].values())
    for _, _, asked in metrics(kind):
        yield tuple(asked["path"])
        inner = [*asked.get("labelsFromPath", {}).values(), *filter(None, [asked.get("valueFrom")])]
        yield from ((*asked["path"], *path) for path in inner)


def test_every_kind_is_there() -> None:
    assert [*RESOURCES] == [kind.name for kind in KINDS]
    values = yaml.safe_load((FOLDER / "values.yaml").read_text())
    assert values["customResourceState"] == {"enabled": True, "config": CONFIG}
    assert [resource for rule in values["rbac"]["extraRules"] for resource in rule["resources"]] == [
        "customresourcedefinitions",
        *(kind.plural for kind in KINDS),
    ]


@pytest.mark.parametrize("kind", RESOURCES)
def test_the_words_are_those_that_it_reads(kind: str) -> None:
    assert RESOURCES[kind].keys() <= WORDS["resource"]
    series = set()
    for metric, type_, asked in metrics(kind):
        assert metric.keys() <= WORDS["metric"]
        assert asked.keys() <= WORDS[type_]
        series.add((metric["name"], *metric.get("commonLabels", {}).values()))
    assert len(series) == len(RESOURCES[kind]["metrics"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_is_in_the_schema(kind: Any) -> None:
    definition = crd.manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path in paths(kind.name):
        if path[0] == "metadata":
            assert path[1] in METADATA
            continue
        node = definition
        for name in path:
            node = node.get("items", node)["properties"][name]


@pytest.mark.parametrize(("kind", "at"), [("VMAgent", "monitoring/main"), ("VMServiceScrape", "apps/cart")])
def test_a_live_object_says_all_of_it(kind: str, at: str) -> None:
    world = World()
    world.add(agent(selectAllByDefault=True, replicaCount=1, shardCount=2, paused=False))
    world.add(scrape("cart"))
    world.settle()
    live = world.get(f"{kind.lower()}s.operator.victoriametrics.com", *at.split("/"))
    for metric, _, asked in metrics(kind):
        found: Any = live
        for name in asked["path"]:
            found = found[name]
        if metric["name"] == "status_condition":
            assert {each["status"] for each in found if each["type"] == "Ready"} == {"True"}
        elif metric["name"] == "status":
            assert found == "operational"
            assert found in asked["list"]
        else:
            assert isinstance(found, int | str)

"""What the programs of a cluster are started with, against their documentation: they cannot be had to try it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.desired import args
from vmagent_operator.settings import Server, load

CASES = sorted((Path(__file__).parents[1] / "golden/storage").glob("*cluster*/given.yaml"))
DOCUMENTED: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("cluster_flags.yaml").read_text())
KINDS = {
    "bool": "true|false|",
    "int": "[0-9]+",
    "duration": r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+",
    "retention": "[0-9]+[shdwy]?",
    "string": ".+",
    "array": ".+",
}


def containers(given: Path) -> Iterator[tuple[str, list[str], set[str]]]:
    """For each program of a recorded cluster its name, its arguments, and the flags among them that are the user's."""
    environ = (yaml.safe_load(given.with_name("case.yaml").read_text()) or {}).get("env") or {}
    cluster = Cluster.of(manifests.read([str(given)]))
    extra = {
        name: set(part.get("extraArgs") or ())
        for each in cluster.objects.values()
        if each["kind"] == "VMCluster"
        for name, part in (each.get("spec") or {}).items()
        if isinstance(part, dict)
    }
    settings = load({key: str(value) for key, value in environ.items()})
    for manifest in render.render(cluster, settings, Server(), datetime(2026, 1, 1, tzinfo=UTC)).objects:
        pod: dict[str, Any] = (manifest.get("spec") or {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", ()):
            if container["name"] in DOCUMENTED:
                yield container["name"], container["args"], extra[container["name"]]


@pytest.mark.parametrize("given", CASES, ids=lambda path: path.parent.name)
def test_every_argument_is_documented_and_has_a_value_of_its_kind(given: Path) -> None:
    for program, arguments, own in containers(given):
        seen = dict[str, int]()
        for argument in arguments:
            name, _, value = argument.lstrip("-").partition("=")
            assert name == args.name(argument)
            if name in own:
                continue
            kind = DOCUMENTED[program][name]
            assert re.fullmatch(KINDS[kind], value), argument
            seen[name] = seen.get(name, 0) + 1
            assert seen[name] == 1 or kind == "array", f"{argument} is given twice"


def test_the_recorded_cases_use_nearly_every_flag() -> None:
    used = {
        (program, args.name(argument))
        for given in CASES
        for program, found, _ in containers(given)
        for argument in found
    }
    documented = {(program, name) for program in ("vmstorage", "vmselect", "vminsert") for name in DOCUMENTED[program]}
    rare = {"enableTCP6", "license", "license.forceOffline", "loggerFormat"}
    assert {name for _, name in documented - used} <= rare | {"storageNode.discoveryInterval", "storageNode.filter"}

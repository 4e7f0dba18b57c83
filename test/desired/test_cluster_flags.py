"""What the programs of a cluster are started with, against their documentation: they cannot be had to try it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.binaries import Unavailable, documentation
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.desired import args
from vmagent_operator.settings import Server, load

CASES = sorted((Path(__file__).parents[1] / "golden/storage").glob("*cluster*/given.yaml"))
PROGRAMS = ("vmstorage", "vmselect", "vminsert")
DOCUMENTED: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("cluster_flags.yaml").read_text())
GENERATED = {
    *("cacheDataPath", "clusternativeListenAddr", "dedup.minScrapeInterval", "downsampling.period", "envflag.enable"),
    *("graphiteListenAddr", "httpListenAddr", "influxListenAddr", "licenseFile", "licenseFile.reloadInterval"),
    *("loggerLevel", "opentsdbHTTPListenAddr", "opentsdbListenAddr", "replicationFactor", "retentionFilter"),
    *("retentionPeriod", "selectNode", "storageDataPath", "storageNode", "storageNode.discoveryInterval"),
    *("storageNode.filter", "vminsertAddr", "vmselectAddr"),
}
NUMBER = r"[0-9]+(\.[0-9]+)?"
KINDS = {
    "bool": "true|false|",
    "int": "-?[0-9]+",
    "float": NUMBER,
    "duration": f"({NUMBER}(ms|s|m|h))+",
    "value": ".+",  # a password, or what retentionPeriod takes
    "size": f"{NUMBER}([KMGT]i?B)?",
    "string": ".+",
    "array": ".+",
}
FORMATS = {"retentionPeriod": f"{NUMBER}[smhdwy]?"}
INVENTED = {("vmstorage", "vmselectDisableRPCCompression")}
"""What recorded cases give in `extraArgs` although there is no such flag any more."""


def containers(given: Path) -> Iterator[tuple[str, list[str]]]:
    """For each program of a recorded cluster its name and its arguments."""
    environ = (yaml.safe_load(given.with_name("case.yaml").read_text()) or {}).get("env") or {}
    cluster = Cluster.of(manifests.read([str(given)]))
    settings = load({key: str(value) for key, value in environ.items()})
    for manifest in render.render(cluster, settings, Server(), datetime(2026, 1, 1, tzinfo=UTC)).objects:
        pod: dict[str, Any] = (manifest.get("spec") or {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", ()):
            if container["name"] in PROGRAMS:
                yield container["name"], container["args"]


@pytest.mark.parametrize("given", CASES, ids=lambda path: path.parent.name)
def test_every_argument_is_documented_and_has_a_value_of_its_kind(given: Path) -> None:
    for program, arguments in containers(given):
        seen = dict[str, int]()
        for argument in arguments:
            name, _, value = argument.lstrip("-").partition("=")
            assert name == args.name(argument)
            if (program, name) in INVENTED:
                continue
            kind = DOCUMENTED[program][name]
            assert re.fullmatch(FORMATS.get(name, KINDS[kind]), value), argument
            seen[name] = seen.get(name, 0) + 1
            assert seen[name] == 1 or kind == "array", f"{argument} is given twice"


def test_the_recorded_cases_use_nearly_every_flag_that_is_generated() -> None:
    used = {(program, args.name(each)) for given in CASES for program, found in containers(given) for each in found}
    assert {name for _, name in used} >= GENERATED


@pytest.mark.vmagent
def test_the_table_is_what_the_documentation_says() -> None:
    try:
        folder = documentation()
    except Unavailable as reason:
        pytest.skip(str(reason))
    for program in PROGRAMS:
        files = [folder / f"{program}_{edition}_flags.md" for edition in ("common", "enterprise")]
        found = re.findall(r"^  -(\S+)(?: ([a-z]+))?$", "\n".join(map(Path.read_text, files)), re.MULTILINE)
        assert DOCUMENTED[program] == {name: kind or "bool" for name, kind in found}

"""A running vmagent scrapes what the objects ask for, at the right place, with the right labels and credentials."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.vmagent import pod
from test.vmagent.cases import ENVIRON, agent, filled
from test.vmagent.local import Agent, stopped, targets

pytestmark = pytest.mark.vmagent
CASES = list(yaml.safe_load_all((Path(__file__).parent / "targets.yaml").read_text()))
FILES = "/etc/vm/configs/files"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_targets(case: dict[str, Any], vmagent: Path, tmp_path: Path) -> None:
    with targets(2) as (a, b):
        case = filled(case, {"a": a.address, "b": b.address, "files": FILES})
        a.pages = case.get("pages", {})
        (workload,), objects = pod.rendered(agent(case), ENVIRON)
        process = Agent(vmagent, pod.command(workload, objects, tmp_path / "pod"), tmp_path / "vmagent.log")
        with stopped(process):
            process.start()
            eventually(lambda: [found["health"] for found in process.targets()] == ["up"] * len(case["want"]))
            found = sorted(map(_said, process.targets()), key=lambda one: (one["pool"], one["url"]))
            assert found == sorted(map(_wanted, case["want"]), key=lambda one: (one["pool"], one["url"]))
    for want in case["want"]:
        server = next(one for one in (a, b) if one.address in want["url"])
        headers = [seen for path, seen in server.requests if want["url"].endswith(server.address + path)]
        assert headers
        assert all(want.get("headers", {}).items() <= seen.items() for seen in headers)
    assert [line for line in (tmp_path / "vmagent.log").read_text().splitlines() if "\terror\t" in line] == []


def _said(target: dict[str, Any]) -> dict[str, Any]:
    given = target["discoveredLabels"]
    times = {"interval": given["__scrape_interval__"], "timeout": given["__scrape_timeout__"]}
    return {"url": target["scrapeUrl"], "pool": target["scrapePool"], "labels": target["labels"], **times}


def _wanted(want: dict[str, Any]) -> dict[str, Any]:
    return {"interval": "1s", "timeout": "1s", **{key: value for key, value in want.items() if key != "headers"}}

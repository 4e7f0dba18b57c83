"""A running vmagent scrapes what the objects ask for, at the right place, with the right labels and credentials."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.vmagent import pod
from test.vmagent.local import Agent, Target, stopped, targets

pytestmark = pytest.mark.vmagent
CASES = list(yaml.safe_load_all((Path(__file__).parent / "targets.yaml").read_text()))
ENVIRON = {"VM_DISABLESELFSERVICESCRAPECREATION": "true"}
FILES = "/etc/vm/configs/files"


def _filled(value: Any, places: dict[str, str]) -> Any:
    """`value` with the real addresses."""
    if isinstance(value, dict):
        return {key: _filled(inner, places) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, places) for inner in value]
    return value.format(**places) if isinstance(value, str) and "{" in value else value


def _agent(case: dict[str, Any], storage: Target) -> list[pod.Manifest]:
    """A VMAgent that selects everything, with the files of the case mounted."""
    api = "operator.victoriametrics.com/v1beta1"
    spec = {
        "selectAllByDefault": True,
        "scrapeInterval": "1s",
        "remoteWrite": [{"url": f"http://{storage.address}/write"}],
        "configMaps": ["files"],
    }
    return [
        {"apiVersion": api, **obj} if obj["kind"].startswith("VM") else {"apiVersion": "v1", **obj}
        for obj in (
            {"kind": "VMAgent", "metadata": {"name": "a", "namespace": "mon"}, "spec": spec | case.get("agent", {})},
            {"kind": "ConfigMap", "metadata": {"name": "files", "namespace": "mon"}, "data": case.get("files", {})},
            *case["given"],
        )
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_targets(case: dict[str, Any], vmagent: Path, tmp_path: Path) -> None:
    with targets(2) as (a, b):
        case = _filled(case, {"a": a.address, "b": b.address, "files": FILES})
        a.pages = case.get("pages", {})
        (workload,), objects = pod.rendered(_agent(case, storage=b), ENVIRON)
        agent = Agent(vmagent, pod.command(workload, objects, tmp_path / "pod"), tmp_path / "vmagent.log")
        with stopped(agent):
            agent.start()
            eventually(lambda: [found["health"] for found in agent.targets()] == ["up"] * len(case["want"]), seconds=10)
            found = sorted(map(_said, agent.targets()), key=lambda one: (one["pool"], one["url"]))
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

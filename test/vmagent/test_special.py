"""No label that a tenant writes, or that his servers answer, stops a running vmagent or crosses what the agent enforces."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.vmagent import pod
from test.vmagent.cases import ENVIRON, agent
from test.vmagent.local import Agent, Target, stopped, targets

pytestmark = pytest.mark.vmagent
CASES = list(yaml.safe_load_all((Path(__file__).parent / "special.yaml").read_text()))
SECONDS = 4.0
"""As long as we look; three times the interval of a job that says nothing, and forty times that of the one who says 100ms."""
EVERYTHING = {
    "__scrape_interval__": "100ms",
    "__scrape_timeout__": "1ms",
    "__tenant_id__": "6",
    "__unix_socket__": "/nowhere",
    "__series_limit__": "1",
    "__sample_limit__": "1",
    "__label_limit__": "1",
    "__max_scrape_size__": "1",
    "__stream_parse__": "true",
}


def good(address: str) -> dict[str, Any]:
    """The target of another tenant."""
    spec = {"targetEndpoints": [{"targets": [address]}]}
    return {"kind": "VMStaticScrape", "metadata": {"name": "good", "namespace": "other"}, "spec": spec}


def bad(given: dict[str, Any]) -> dict[str, Any]:
    """An object of the tenant."""
    return {"metadata": {"name": "bad", "namespace": "tenant"}, **given}


@contextmanager
def running(vmagent: Path, given: list[dict[str, Any]], spec: dict[str, Any], folder: Path) -> Iterator[Agent]:
    """A vmagent with these objects."""
    (workload,), objects = pod.rendered(agent({"given": given, "agent": spec}), ENVIRON)
    process = Agent(vmagent, pod.command(workload, objects, folder / "pod"), folder / "vmagent.log")
    with stopped(process):
        process.start()
        yield process


def placed(value: Any, address: str) -> Any:
    """`value` with the address of the tenant's server; its braces are vmagent's."""
    return yaml.safe_load(yaml.safe_dump(value).replace("{a}", address).replace("ADDRESS", address))


def is_scraped(server: Target) -> bool:
    """Whether anybody has read its metrics."""
    return any(path == "/metrics" for path, _ in server.requests)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_vmagent_lives_and_the_neighbour_is_scraped(case: dict[str, Any], vmagent: Path, tmp_path: Path) -> None:
    with targets(2) as (a, b):
        a.pages = placed(case.get("pages", {}), a.address)
        objects = [good(b.address), bad(placed(case["given"], a.address))]
        with running(vmagent, objects, case.get("agent", {}), tmp_path) as process:
            b.wait_for(3)
            is_refused = case.get("refused", False)
            eventually(lambda: is_refused or is_scraped(a))
            assert process.process is not None
            process.process.check()
            assert is_scraped(a) is not is_refused
    assert "panic" not in (tmp_path / "vmagent.log").read_text()


@pytest.mark.parametrize(
    "enforced",
    [
        {"enforcedNamespaceLabel": "namespace"},
        {"minScrapeInterval": "1s"},
        {"arbitraryFSAccessThroughSMs": {"deny": True}},
    ],
    ids=lambda spec: next(iter(spec)),
)
@pytest.mark.parametrize("way", ["listed", "rules", "http"])
def test_no_special_label_crosses_what_the_agent_enforces(
    way: str, enforced: dict[str, Any], vmagent: Path, tmp_path: Path
) -> None:
    with targets(1) as (a,), unix_socket(tmp_path / "s") as connections:
        labels = EVERYTHING | {"__unix_socket__": str(tmp_path / "s")}
        with running(vmagent, [bad(written(way, labels, a))], enforced, tmp_path) as process:
            a.wait_for(1)
            before, started = len(a.requests), time.monotonic()
            time.sleep(SECONDS)
            scrapes = [path for path, _ in a.requests[before:] if path == "/metrics"]
            seconds = time.monotonic() - started
            eventually(lambda: [found["health"] for found in process.targets()] == ["up"])
            (target,) = process.targets()
    assert len(scrapes) <= seconds + 1
    assert connections == []
    assert target["health"] == "up"
    assert target["scrapePool"].split("/")[1] == "tenant"
    assert target["lastSamplesScraped"] == 1


def written(way: str, labels: dict[str, str], server: Target) -> dict[str, Any]:
    """An object with a target that has all `labels`, by one of the ways to give it some."""
    if way == "http":
        server.pages = {"/targets": json.dumps([{"targets": [server.address], "labels": labels}])}
        return {"kind": "VMScrapeConfig", "spec": {"httpSDConfigs": [{"url": f"http://{server.address}/targets"}]}}
    rules = [{"targetLabel": label, "replacement": value} for label, value in labels.items()]
    how = {"labels": labels} if way == "listed" else {"relabelConfigs": rules}
    return {"kind": "VMStaticScrape", "spec": {"targetEndpoints": [{"targets": [server.address], **how}]}}


@contextmanager
def unix_socket(path: Path) -> Iterator[list[Any]]:
    """A listening socket in the file system, and who has connected to it in the end."""
    connections: list[Any] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
        yield connections
        with suppress(BlockingIOError):
            connections.append(listener.accept())

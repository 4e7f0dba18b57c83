"""`explain` of objects that there is no room for: in the words of their statuses."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import explain, render
from vmagent_operator.settings import Server, load

GROUP = "operator.victoriametrics.com/v1beta1"
REMOTE: dict[str, Any] = {"remoteWrite": [{"url": "http://vm:8428/api/v1/write"}]}


def manifest(kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object."""
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": f"2026-01-01T00:00:0{name[-1]}Z"}
    return {"apiVersion": GROUP, "kind": kind, "metadata": metadata, "spec": spec}


def crowd() -> list[dict[str, Any]]:
    """A vmagent with little memory, a namespace that wants all of it, and one that wants little."""
    small = {**REMOTE, "selectAllByDefault": True, "resources": {"limits": {"memory": "60Mi"}}}
    many = {"endpoints": [{"port": "http"}] * 600}
    few = {"endpoints": [{"port": "http"}]}
    return [
        manifest("VMAgent", "mon", "main0", small),
        *(manifest("VMServiceScrape", "greedy", f"web{number}", many) for number in range(3)),
        manifest("VMServiceScrape", "modest", "web9", few),
        manifest("VMServiceScrape", "modest", "over8", {"endpoints": [{}] * 2001}),
    ]


def told(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> list[str]:
    """What is printed, with this exit code."""
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(crowd()))
    assert explain.main([*arguments, "-f", str(file)], {}) == code
    return capsys.readouterr().out.splitlines()


def reasons() -> dict[str, str]:
    """What statuses say, by the name of the object."""
    cluster = Cluster.of(crowd())
    rendered = render.render(cluster, load({}), Server(), datetime(2026, 1, 1, tzinfo=UTC))
    scrapes = [obj for obj in rendered.objects if obj["kind"] == "VMServiceScrape" and "status" in obj]
    return {obj["metadata"]["name"]: obj["status"].get("reason", "") for obj in scrapes}


def test_an_object_without_room_says_so_as_its_status_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = reasons()
    assert wanted["web2"] == (
        "spec: there is no room for it: namespace greedy has had its share of the 62914560 bytes of vmagent's memory "
        "that this agent may have (limit OWNER_MEMORY_BYTES)"
    )
    lines = told(tmp_path, capsys, "vmservicescrape/web2", "-n", "greedy", code=3)
    assert lines[1:] == [f"  VMAgent mon/main0: not scraped: object: {wanted['web2']}"]


def test_an_agent_is_told_with_all_that_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = reasons()
    lines = told(tmp_path, capsys, "vmagent/main0", "-n", "mon", code=0)
    assert lines[1] == "  VMServiceScrape: 5 of 5 selected"
    found = dict(line.strip().split(": ", 1) for line in lines[2:7])
    assert found["modest/web9"] == "scraped, 1 job: serviceScrape/modest/web9/0"
    assert found["modest/over8"] == f"not scraped: object: {wanted['over8']}"
    assert "OBJECT_JOBS" in wanted["over8"]
    assert [name for name, line in found.items() if "OWNER_MEMORY_BYTES" in line] == [
        f"greedy/{name}" for name in ("web0", "web1", "web2") if "OWNER_MEMORY_BYTES" in wanted[name]
    ]

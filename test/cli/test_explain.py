"""`explain`: the first broken link of the chain, in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli.commands import explain

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
REMOTE_WRITE = [{"url": "http://vm:8428/api/v1/write"}]


def objects(case: dict[str, Any]) -> list[dict[str, Any]]:
    """One agent, one scrape object, and the namespace `shop`."""
    group = "operator.victoriametrics.com/v1beta1"
    agent = {"remoteWrite": REMOTE_WRITE, **case["agent"]}
    scrape = {"endpoints": [{"port": "http", **case.get("endpoint", {})}]}
    meta = {"name": "web", "namespace": case.get("namespace", "mon"), "labels": case.get("labels", {})}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"env": "Prod"}}},
        {"apiVersion": group, "kind": "VMAgent", "metadata": {"name": "main", "namespace": "mon"}, "spec": agent},
        {"apiVersion": group, "kind": "VMServiceScrape", "metadata": meta, "spec": scrape},
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_first_broken_link_is_told(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects(case)))
    namespace = case.get("namespace", "mon")
    code = explain.main([case["object"], "-n", namespace, "-f", str(file)], case.get("environ", {}))
    title, line = capsys.readouterr().out.splitlines()
    assert (code, title) == (0, f"VMServiceScrape {namespace}/web")
    told = line.removeprefix("  VMAgent mon/main: ")
    assert told.startswith(case["want"]) if case["want"].endswith(": ") else told == case["want"]


def test_an_agent_is_told_with_what_it_selects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects({"agent": {"selectAllByDefault": True}})))
    assert explain.main(["vmagent/main", "-n", "mon", "-f", str(file)], {}) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == [
        "VMAgent mon/main",
        "  VMServiceScrape: 1 of 1 selected",
        "    mon/web: scraped, 1 job: serviceScrape/mon/web/0",
    ]


def test_a_name_that_does_not_exist_is_an_error_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects({"agent": {}})))
    assert explain.main(["vmservicescrape/wbe", "-n", "mon", "-f", str(file)], {}) == 1
    assert capsys.readouterr().err == "there is no VMServiceScrape mon/wbe; did you mean mon/web?\n"


def test_an_unknown_kind_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.main(["vmscrape/web"], {}) == 2
    assert "expected KIND/NAME" in capsys.readouterr().err


def test_an_agent_without_configuration_says_why_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "given.yaml"
    missing = {"name": "jobs", "key": "jobs.yaml"}
    for agent, environ, want in (
        ({"selectAllByDefault": True}, {"WATCH_NAMESPACE": "other"}, "the operator watches other namespaces only"),
        (
            {"selectAllByDefault": True, "additionalScrapeConfigs": missing},
            {},
            "spec.additionalScrapeConfigs: secret mon/jobs not found",
        ),
        ({"selectAllByDefault": 1}, {}, "spec.selectAllByDefault: expected boolean, got integer"),
    ):
        file.write_text(yaml.safe_dump_all(objects({"agent": agent})))
        assert explain.main(["vmagent/main", "-n", "mon", "-f", str(file)], environ) == 0
        assert capsys.readouterr().out.splitlines()[:2] == ["VMAgent mon/main", f"  {want}"]

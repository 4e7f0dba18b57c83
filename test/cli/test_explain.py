"""`explain`: the first broken link of the chain, in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli import explain

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


def single(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "mon"}
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMSingle",
        "metadata": metadata,
        "spec": spec,
    }


def explained(
    name: str, given: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str], **environ: str
) -> list[str]:
    """The lines about an object in `mon`."""
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(given))
    assert explain.main([name, "-n", "mon", "-f", str(file)], environ) == 0
    return capsys.readouterr().out.splitlines()


SCRAPING = {"ingestOnlyMode": False, "selectAllByDefault": True}


@pytest.mark.parametrize(
    ("spec", "environ", "want"),
    [
        (SCRAPING, {}, ["scraped, 1 job: serviceScrape/mon/web/0"]),
        (
            SCRAPING | {"paused": True},
            {},
            ["scraped, 1 job: serviceScrape/mon/web/0 (once the VMSingle is no longer paused)"],
        ),
        (
            {"ingestOnlyMode": False, "serviceScrapeSelector": {"matchLabels": {"team": "web"}}},
            {},
            ["not scraped: labels: selector asks team=web, object has no label team"],
        ),
        (
            SCRAPING | {"relabelConfig": {"name": "rules", "key": "a"}},
            {},
            ["not scraped: VMSingle: spec.relabelConfig: configmap mon/rules not found"],
        ),
        (
            {"ingestOnlyMode": 1},
            {},
            ["not scraped: VMSingle: spec.ingestOnlyMode: expected boolean, got integer"],
        ),
        (
            SCRAPING,
            {"WATCH_NAMESPACE": "other"},
            ["not scraped: namespace: the operator watches other namespaces only"],
        ),
        ({}, {}, []),
    ],
)
def test_a_database_counts_as_soon_as_it_scrapes(
    spec: dict[str, Any],
    environ: dict[str, str],
    want: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    *given, scrape = objects({"agent": {}})
    told = explained("vmservicescrape/web", [*given, single("main", **spec), scrape], tmp_path, capsys, **environ)
    assert [line.removeprefix("  VMSingle mon/main: ") for line in told if "VMSingle mon" in line] == want
    assert sum("VMAgent mon/main: not scraped" in line for line in told) == 1


def test_without_anybody_who_scrapes_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, scrape = objects({"agent": {}})
    told = explained("vmservicescrape/web", [single("main"), scrape], tmp_path, capsys)
    assert told == ["VMServiceScrape mon/web", "  there is no VMAgent, and no VMSingle that scrapes"]


def test_a_database_is_told_with_what_it_selects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *_, scrape = objects({"agent": {}})
    told = explained("vmsingle/main", [single("main", **SCRAPING), scrape], tmp_path, capsys)
    assert told[:2] == ["VMSingle mon/main", "  VMServiceScrape: 1 of 1 selected"]
    assert "    mon/web: scraped, 1 job: serviceScrape/mon/web/0" in told
    assert explained("vmsingle/main", [single("main"), scrape], tmp_path, capsys) == [
        "VMSingle mon/main",
        "  it scrapes nothing",
    ]

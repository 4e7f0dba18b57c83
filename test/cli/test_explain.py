"""`explain`: the first broken link of the chain, in words."""

import json
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
    wanted = 3 if case["want"].startswith("not scraped") else 0
    assert (code, title) == (wanted, f"VMServiceScrape {namespace}/web")
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
    assert explain.main(["vmservicescrape/web", "-n", "shop", "-f", str(file)], {}) == 1
    assert capsys.readouterr().err == "there is no VMServiceScrape shop/web; did you mean mon/web?\n"
    assert explain.main(["vmservicescrape/wbe", "-n", "mon", "-f", str(file)], {}) == 1
    assert capsys.readouterr().err == "there is no VMServiceScrape mon/wbe; did you mean mon/web?\n"


def test_an_unknown_kind_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.main(["vmrule/web"], {}) == 2
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
        assert explain.main(["vmagent/main", "-n", "mon", "-f", str(file)], environ) == 3
        assert capsys.readouterr().out.splitlines()[:2] == ["VMAgent mon/main", f"  {want}"]


@pytest.mark.parametrize(
    "words", [["vma/main"], ["vma", "main"], ["VMAgents", "main"], ["vmagents.operator.victoriametrics.com/main"]]
)
def test_a_kind_has_short_and_long_names(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects({"agent": {"selectAllByDefault": True}})))
    assert explain.main([*words, "-n", "mon", "-f", str(file)], {}) == 0
    assert capsys.readouterr().out.startswith("VMAgent mon/main\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vmp/web"], "vmp may be vmpodscrape or vmprobe\n"),
        (["vmagent"], "expected KIND/NAME or KIND NAME, and for KIND one of vmagent, vmsingle, vmcluster, "),
        (["vmagent", "a", "b"], "expected KIND/NAME or KIND NAME, "),
    ],
)
def test_words_that_name_no_object_are_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain.main([*words, "-f", "unread.yaml"], {}) == 2
    assert capsys.readouterr().err.startswith(message)


def test_without_an_object_it_is_everything_that_is_not_scraped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    given = [
        *objects({"agent": {"serviceScrapeSelector": {}}}),
        *objects({"agent": {}, "namespace": "shop"})[2:],
        {**objects({"agent": {"replicaCount": "x"}})[1], "metadata": {"name": "bad", "namespace": "mon"}},
    ]
    file.write_text(yaml.safe_dump_all(given))
    assert explain.main(["-f", str(file)], {}) == 3
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 scrape objects are scraped",
        "",
        "VMAgent mon/bad",
        "  spec.replicaCount: expected integer, got string",
        "",
        "VMServiceScrape shop/web",
        "  no owner selects it; the nearest, mon/main, does not: namespace: without "
        "spec.serviceScrapeNamespaceSelector the agent searches its own namespace only",
    ]
    assert explain.main(["-f", str(file), "-o", "json"], {}) == 3
    shown = json.loads(capsys.readouterr().out)
    assert (shown["objects"], [each["name"] for each in shown["notScraped"]]) == (2, ["bad", "web"])
    file.write_text(yaml.safe_dump_all(objects({"agent": {"selectAllByDefault": True}})))
    assert explain.main(["-f", str(file)], {}) == 0
    assert capsys.readouterr().out == "1 of 1 scrape object is scraped\n"


def test_a_database_that_scrapes_is_an_owner_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, agent, scrape = objects({"agent": {}})
    spec = {"ingestOnlyMode": False, "selectAllByDefault": True}
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all([{**agent, "kind": "VMSingle", "spec": spec}, scrape]))
    assert explain.main(["vmservicescrape/web", "-n", "mon", "-f", str(file)], {}) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  VMSingle mon/main: scraped, 1 job: serviceScrape/mon/web/0"]
    assert explain.main(["vmsingle/main", "-n", "mon", "-f", str(file)], {}) == 0
    assert "    mon/web: scraped, 1 job: serviceScrape/mon/web/0" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_is_told_can_be_read_by_programs(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects({"agent": {"serviceScrapeSelector": {"matchLabels": {"a": "b"}}}})))
    assert explain.main(["vmservicescrape/web", "-n", "mon", "-f", str(file), "-o", form], {}) == 3
    shown = yaml.safe_load(capsys.readouterr().out)
    assert (shown["kind"], shown["name"], shown["faults"]) == ("VMServiceScrape", "web", [])
    assert shown["verdicts"] == [
        {
            "kind": "VMAgent",
            "namespace": "mon",
            "name": "main",
            "scraped": False,
            "selected": False,
            "jobs": [],
            "link": "labels",
            "message": "selector asks a=b, object has no label a",
        }
    ]

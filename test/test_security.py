"""SECURITY.md says nothing that no test shows, and what it warns of is so."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.vmagent import pod

ROOT = Path(__file__).parent.parent
TESTS: dict[str, list[str]]
TESTS, *AWAITED = yaml.safe_load_all((ROOT / "test/security.yaml").read_text())
SENTENCES = re.findall(r"^- \*\*(\w+)\*\* ", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
API = "operator.victoriametrics.com/v1beta1"


def test_every_sentence_has_tests() -> None:
    assert list(TESTS) == SENTENCES
    assert all(TESTS.values())


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_tests_of_a_sentence_are_there(sentence: str) -> None:
    awaited = {test for tests in AWAITED for test in tests}
    assert [test for test in TESTS.get(sentence, ()) if is_there(test) == (test in awaited)] == []


def is_there(test: str) -> bool:
    """Whether there is such a test: a file, a function or a case in it, or the folder of a recorded case."""
    file, _, name = test.partition("::")
    path = ROOT / file
    if not path.exists():
        return False
    if path.suffix == ".yaml":
        return name in {case.get("name") for case in yaml.safe_load_all(path.read_text())}
    return not name or re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE) is not None


def made(kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object of a tenant."""
    return {"apiVersion": API, "kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def written(given: list[dict[str, Any]], namespace: str, secret: str = "vmagent-spy") -> str:
    """What stands in the configuration of the only owner, which is in `namespace`."""
    _, objects = pod.rendered(given, {})
    (text,) = objects.data("Secret", namespace, secret).values()
    return gzip.decompress(text).decode()


VICTIM = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"namespace": "victim", "name": "login"},
    "stringData": {"token": "victims-token"},
}
SPY = made("VMAgent", "team-b", "spy", {"selectAllByDefault": True, "remoteWrite": [{"url": "http://a"}]})
USES_IT = {"targets": ["a"], "bearerTokenSecret": {"name": "login", "key": "token"}}


def test_an_agent_reads_the_credentials_of_what_it_selects() -> None:
    scrape = made("VMStaticScrape", "victim", "own", {"targetEndpoints": [USES_IT]})
    assert "victims-token" in written([VICTIM, SPY, scrape], "team-b")


def test_a_database_that_scrapes_reads_them_as_well() -> None:
    scrape = made("VMStaticScrape", "victim", "own", {"targetEndpoints": [USES_IT]})
    single = made("VMSingle", "team-b", "spy", {"ingestOnlyMode": False, "selectAllByDefault": True})
    assert "victims-token" in written([VICTIM, single, scrape], "team-b", "vmsingle-spy")


def test_a_reference_stays_in_its_namespace() -> None:
    scrape = made("VMStaticScrape", "team-b", "thief", {"targetEndpoints": [USES_IT]})
    assert "victims-token" not in written([VICTIM, SPY, scrape], "team-b")


def test_a_target_may_be_named_by_any_number_of_endpoints() -> None:
    scrape = made("VMStaticScrape", "team-b", "busy", {"targetEndpoints": [{"targets": ["a:1"]}] * 20})
    jobs = yaml.safe_load(written([SPY, scrape], "team-b"))["scrape_configs"]
    assert sum(job["job_name"].startswith("staticScrape/team-b/busy/") for job in jobs) == 20


def guards(owner: dict[str, Any], application: str) -> list[str]:
    """The arguments by which the application of an owner asks for something before it answers."""
    workloads, _ = pod.rendered([owner], {})
    containers = (one for workload in workloads for one in workload["spec"]["template"]["spec"]["containers"])
    (main,) = (one for one in containers if one["name"] == application)
    return [argument for argument in main["args"] if argument.startswith(("-httpAuth", "-tls")) or "uthKey" in argument]


def test_the_port_of_vmagent_asks_for_nothing() -> None:
    assert guards(SPY, "vmagent") == []


def test_the_port_of_a_database_asks_for_nothing() -> None:
    assert guards(made("VMSingle", "team-b", "data", {}), "vmsingle") == []
    assert guards(made("VMSingle", "team-b", "data", {"extraArgs": {"deleteAuthKey": "a"}}), "vmsingle")
    parts: dict[str, Any] = {"vmstorage": {}, "vmselect": {}, "vminsert": {}}
    for part in parts:
        assert guards(made("VMCluster", "team-b", "data", parts), part) == []

"""One bad object never matters: among a thousand good ones, it alone is left out, and its condition says why."""

import base64
import hashlib
import re
import subprocess
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import frozen

from test.properties.world import NOW
from vmagent_operator.api.kinds import SCRAPE_KINDS, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.settings import load
from vmagent_operator.status.conditions import condition_type
from vmagent_operator.status.scrape import scrape_status

HERE = Path(__file__).parent
Case = dict[str, Any]
CASES: list[Case] = list(yaml.safe_load_all((HERE / "poison.yaml").read_text()))
SETTINGS = load({"VM_CONFIG_DATA_BUDGET_BYTES": "8000"})
SPECS: dict[str, Any] = {
    "VMServiceScrape": {"selector": {"matchLabels": {"app": "a"}}, "endpoints": [{"port": "http"}]},
    "VMPodScrape": {"podMetricsEndpoints": [{"port": "http", "scrape_interval": "30s"}]},
    "VMProbe": {"vmProberSpec": {"url": "prober:9115"}, "targets": {"static": {"targets": ["http://a"]}}},
    "VMNodeScrape": {"port": "9100"},
    "VMStaticScrape": {"targetEndpoints": [{"targets": ["a:80"]}]},
    "VMScrapeConfig": {"consulSDConfigs": [{"server": "consul:8500"}]},
}


@frozen
class Bad:
    """An object that something is wrong with, and the Secrets and ConfigMaps that it may refer to."""

    object: CustomObject[Any]
    given: dict[Reference, dict[str, str]]


@cache
def _good() -> tuple[CustomObject[Any], ...]:
    """A thousand objects, the same ones for every case, so that their jobs are made once."""
    specs = islice(cycle(SPECS.items()), 1000)
    return tuple(read(_manifest(kind, f"good-{number:03}", spec=spec)) for number, (kind, spec) in enumerate(specs))


@cache
def _agent(extra: str) -> CustomObject[Any]:
    """An agent that has what is in the YAML text `extra`, and selects everything."""
    spec = {"remoteWrite": [{"url": "http://a"}], "selectAllByDefault": True, **yaml.safe_load(extra)}
    return read(_manifest("VMAgent", "main", spec=spec))


@cache
def _undisturbed(extra: str) -> Configuration:
    return _configuration(extra)


def _configuration(extra: str, *bad: Bad) -> Configuration:
    """The configuration with all good objects and some bad ones."""
    objects = [*_good(), *(each.object for each in bad)]
    by_kind = {kind: [obj for obj in objects if obj.kind is kind] for kind in SCRAPE_KINDS}
    namespaces = {obj.namespace: {"some": "label"} for obj in objects}
    values = SecretSnapshot({reference: texts for each in bad for reference, texts in each.given.items()})
    agent = _agent(extra)
    owner = scrape_owner(agent, SETTINGS)
    return configuration(owner, select(owner, by_kind, namespaces), values)


def _bad(case: Case, namespace: str = "bad") -> Bad:
    """The object of a case and what else there is, in a namespace of their own."""
    given = {Reference(obj["kind"], namespace, obj["metadata"]["name"]): _texts(obj) for obj in case.get("given", ())}
    parts = case["object"]
    if parts.get("spec") == "INCOMPRESSIBLE":
        targets = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
        parts = parts | {"spec": {"targetEndpoints": [{"targets": targets}]}}
    metadata = {"namespace": namespace, **parts.get("metadata", {})}
    return Bad(read(_manifest(**{**parts, "name": "culprit", "metadata": metadata})), given)


def _texts(obj: Manifest) -> dict[str, str]:
    data = {key: base64.b64decode(text).decode(errors="surrogateescape") for key, text in obj.get("data", {}).items()}
    return data | {key: _text(text) for key, text in obj.get("stringData", {}).items()}


def _text(text: str) -> str:
    """A text, or what is in the file that it names: `PEM ec.key`."""
    is_file = text.startswith("PEM ")
    return (HERE.parent / "scrape" / "pem" / text.removeprefix("PEM ")).read_text() if is_file else text


def _manifest(kind: str, name: str, **parts: Any) -> Manifest:
    metadata = {"namespace": "shop", "name": name, "generation": 1, **parts.pop("metadata", {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, **parts}


def _jobs(found: Configuration) -> bytes:
    """The text of all jobs, wherever they are packed."""
    return b"".join((found.main.text.split(b"scrape_configs:\n")[1], *(bucket.text for bucket in found.overflow)))


def _split(jobs: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before the jobs of a culprit, those jobs, and the rest."""
    names = [at.start() for at in re.finditer(rb"^- job_name: \S+", jobs, re.M)] + [len(jobs)]
    is_own = [b"/culprit" in jobs[start : jobs.index(b"\n", start)] for start in names[:-1]]
    first = is_own.index(True)
    start, end = names[first], names[first + sum(is_own)]
    return jobs[:start], jobs[start:end], jobs[end:]


def _condition(culprit: CustomObject[Any], extra: str, message: str | None) -> tuple[str, str]:
    """Status and message of the condition that the agent has on an object."""
    parent = condition_type(_agent(extra))
    written = scrape_status(culprit, {parent: message}, (), NOW) or {"conditions": []}
    (found,) = (each for each in written["conditions"] if each["type"] == parent)
    return found["status"], found.get("message", "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_bad_object_is_left_out_alone(case: Case) -> None:
    extra, bad = yaml.safe_dump(case.get("agent", {})), _bad(case)
    found, before, culprit = _configuration(extra, bad), _undisturbed(extra), bad.object
    messages = {finding.object: finding.message for finding in found.findings}
    assert before.findings == ()
    if "message" in case:
        assert messages == {culprit: case["message"]}
        assert _condition(culprit, extra, messages[culprit]) == ("False", case["message"])
        assert (found.main, found.overflow, found.assets) == (before.main, before.overflow, before.assets)
    else:
        assert messages == {}
        assert _condition(culprit, extra, None) == ("True", "")
        head, own, tail = _split(_jobs(found))
        assert b"job_name: " in own
        assert head + tail == _jobs(before)


def test_a_further_job_whose_name_is_taken_is_left_out() -> None:
    found = _configuration("inlineScrapeConfig: '- job_name: podScrape/shop/good-001/0'")
    assert found.faults == ("spec.inlineScrapeConfig[0]: there is a job 'podScrape/shop/good-001/0' already",)
    assert _jobs(found) == _jobs(_undisturbed("{}"))


@pytest.mark.vmagent
def test_vmagent_takes_what_all_of_them_together_leave(vmagent: Path, tmp_path: Path) -> None:
    cases = [case for case in CASES if "deny" not in str(case.get("agent"))]
    extra = {key: value for case in cases for key, value in case.get("agent", {}).items()}
    bad = (_bad(case, f"bad-{number}") for number, case in enumerate(cases))
    found = _configuration(yaml.safe_dump(extra), *bad)
    assert len(found.findings) > 30
    file = tmp_path / "vmagent.yaml"
    file.write_bytes(b"scrape_configs:\n" + _jobs(found))
    flags = ["-dryRun", f"-promscrape.config={file}", "-remoteWrite.url=http://a", "-loggerLevel=WARN"]
    run = subprocess.run([vmagent, *flags], env={"TIMEOUT": "5s"}, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")

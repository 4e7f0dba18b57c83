"""One bad object never matters: among a thousand good ones, it alone is left out, and its condition says why."""

import base64
import hashlib
import re
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.properties.world import NOW
from vmagent_operator.api.kinds import API_VERSION, SCRAPE_KINDS, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller import status
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.secrets import Reference, Values
from vmagent_operator.scrape.select import pick
from vmagent_operator.settings import load

HERE = Path(__file__).parent
Case = dict[str, Any]
CASES: list[Case] = list(yaml.safe_load_all((HERE / "poison.yaml").read_text()))
SETTINGS = load({"VM_CONFIG_DATA_BUDGET_BYTES": "20000"})
SPECS: dict[str, Any] = {
    "VMServiceScrape": {"selector": {"matchLabels": {"app": "a"}}, "endpoints": [{"port": "http"}]},
    "VMPodScrape": {"podMetricsEndpoints": [{"port": "http", "scrape_interval": "30s"}]},
    "VMProbe": {"vmProberSpec": {"url": "prober:9115"}, "targets": {"static": {"targets": ["http://a"]}}},
    "VMNodeScrape": {"port": "9100"},
    "VMStaticScrape": {"targetEndpoints": [{"targets": ["a:80"]}]},
    "VMScrapeConfig": {"consulSDConfigs": [{"server": "consul:8500"}]},
}


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
    return _configuration(extra, (), ())


def _configuration(extra: str, bad: tuple[CustomObject[Any], ...], given: tuple[Manifest, ...]) -> Configuration:
    objects = {kind: [obj for obj in (*_good(), *bad) if obj.kind is kind] for kind in SCRAPE_KINDS}
    agent = _agent(extra)
    values = Values({Reference(obj["kind"], "shop", obj["metadata"]["name"]): _texts(obj) for obj in given})
    return configuration(agent, pick(agent, objects, {"shop": {}}, SETTINGS), values, SETTINGS)


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


def _culprit(case: Case) -> CustomObject[Any]:
    given = case["object"]
    if given.get("spec") == "INCOMPRESSIBLE":
        targets = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
        given = given | {"spec": {"targetEndpoints": [{"targets": targets}]}}
    return read(_manifest(**{"name": "culprit", **given}))


def _jobs(found: Configuration) -> bytes:
    """The text of all jobs, wherever they are packed."""
    return b"".join((found.main.text.split(b"scrape_configs:\n")[1], *(bucket.text for bucket in found.overflow)))


def _split(jobs: bytes, culprit: CustomObject[Any]) -> tuple[bytes, bytes, bytes]:
    """What stands before the jobs of an object, those jobs, and the rest."""
    names = [at.start() for at in re.finditer(rb"^- job_name: \S+", jobs, re.M)] + [len(jobs)]
    is_own = [b"/shop/culprit" in jobs[start : jobs.index(b"\n", start)] for start in names[:-1]]
    first = is_own.index(True)
    start, end = names[first], names[first + sum(is_own)]
    return jobs[:start], jobs[start:end], jobs[end:]


def _condition(culprit: CustomObject[Any], extra: str, message: str | None) -> tuple[str, str]:
    """Status and message of the condition that the agent has on an object."""
    parent = status.condition_type(_agent(extra))
    written = status.scrape_status(culprit, parent, message, NOW) or {"conditions": []}
    (found,) = written["conditions"]
    return found["status"], found.get("message", "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_bad_object_is_left_out_alone(case: Case) -> None:
    extra, culprit = yaml.safe_dump(case.get("agent", {})), _culprit(case)
    found, before = _configuration(extra, (culprit,), tuple(case.get("given", ()))), _undisturbed(extra)
    messages = {finding.object: finding.message for finding in found.findings}
    assert before.findings == ()
    if "message" in case:
        assert messages == {culprit: case["message"]}
        assert _condition(culprit, extra, messages[culprit]) == ("False", case["message"])
        assert (found.main, found.overflow, found.assets) == (before.main, before.overflow, before.assets)
    else:
        assert messages == {}
        assert _condition(culprit, extra, None) == ("True", "")
        head, own, tail = _split(_jobs(found), culprit)
        assert b"job_name: " in own
        assert head + tail == _jobs(before)

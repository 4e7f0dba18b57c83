"""The pod templates of the recorded cases, built one agent at a time and without its scrape configuration."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.golden.compare import Difference, Manifest, differences, documents, indexed
from vmagent_operator.api.kinds import read
from vmagent_operator.desired.vmagent import desired, features
from vmagent_operator.desired.vmagent.features import VMAgent
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.settings import Server, load

GOLDEN = Path(__file__).parents[1] / "golden"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")
CASES = {path.parent.name: path.parent for path in sorted((GOLDEN / "vmagent").glob("*/given.yaml"))}


def _metadata(case: Path) -> dict[str, Any]:
    path = case / "case.yaml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def _deviations(case: str) -> tuple[str, ...]:
    lines = (line.partition(" #")[0] for line in (GOLDEN / "deviations.txt").read_text().splitlines())
    return tuple(line.partition(": ")[2].strip() for line in lines if line.startswith(f"{case}: "))


def _values(given: list[Manifest]) -> SecretSnapshot:
    found = {}
    for obj in given:
        if obj["kind"] in ("Secret", "ConfigMap"):
            texts = dict(obj.get("stringData") or {}) if obj["kind"] == "Secret" else dict(obj.get("data") or {})
            if obj["kind"] == "Secret":
                texts |= {key: base64.b64decode(value).decode() for key, value in (obj.get("data") or {}).items()}
            found[Reference(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])] = texts
    return SecretSnapshot(found)


def _templates(
    agent: VMAgent, given: list[Manifest], want: dict[str, Manifest], environ: dict[str, str]
) -> list[Manifest]:
    major, minor = environ.get("KUBERNETES_VERSION", "1.36").split(".")
    server = Server(version=(int(major), int(minor)))
    component = features.component(agent, load(environ), server)
    overflow = sum(key.startswith(f"Secret/{agent.namespace}/{component.name}-sc-") for key in want)
    return [
        found
        for found in desired.workloads(agent, component, _values(given), overflow)
        if found["kind"] != "PodDisruptionBudget"
    ]


def _differences(case: Path) -> Iterator[Difference]:
    given, want = documents(case / "given.yaml"), indexed(documents(case / "want.yaml"))
    environ = {key: str(value) for key, value in (_metadata(case).get("env") or {}).items()}
    for agent in (read(obj) for obj in given if obj["kind"] == "VMAgent"):
        found = [key for key, obj in want.items() if _belongs(obj, agent)]
        if not found:
            continue
        for key, template in zip(found, _templates(agent, given, want, environ), strict=True):
            got = next(iter(indexed([{"kind": "", **template}]).values()))
            path = f".{key}.spec.template"
            yield from differences(want[key]["spec"]["template"], got["spec"]["template"], path)


def _belongs(obj: Manifest, agent: VMAgent) -> bool:
    owners = [owner["name"] for owner in obj.get("metadata", {}).get("ownerReferences", ())]
    return obj["kind"] in WORKLOADS and obj["metadata"]["namespace"] == agent.namespace and owners == [agent.name]


def _fails(case: Path) -> bool:
    """Whether the reference operator fails before it gets to the pod, or ours where vmagent would not start."""
    return "exit" in _deviations(case.name) or (case / "want.yaml").read_text().startswith("errors:")


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if not _metadata(case).get("live") and not _fails(case)]
)
def test_same_pod_template(name: str) -> None:
    allowed = _deviations(name)
    assert [found for found in _differences(CASES[name]) if not found[0].startswith(allowed)] == []

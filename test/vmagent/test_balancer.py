"""The real vmauth takes the arguments and the configuration of every recorded balancer."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from test.controlplane.binaries import Unavailable, victoria
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.settings import Server, load

pytestmark = pytest.mark.vmagent
GOLDEN = Path(__file__).parents[1] / "golden/storage"
CASES = [path for path in sorted(GOLDEN.glob("*/given.yaml")) if "requestsLoadBalancer" in path.read_text()]
CONFIG = "/opt/vmauth-config/config.yaml"
COMMERCIAL = ("-license",)
"""Flags that only the commercial build has."""


@pytest.fixture(scope="module")
def vmauth() -> Path:
    try:
        return victoria("vmauth")
    except Unavailable as error:
        pytest.skip(str(error))


def test_there_are_recorded_balancers() -> None:
    assert len(CASES) > 4


@pytest.mark.parametrize("given", CASES, ids=lambda path: path.parent.name)
def test_it_would_start(vmauth: Path, given: Path, tmp_path: Path) -> None:
    cluster = Cluster.of(manifests.read([str(given)]))
    rendered = render.render(cluster, load({}), Server(), datetime(2026, 1, 1, tzinfo=UTC)).objects
    shown = [render.decoded(manifest) for manifest in rendered]
    (secret,) = [each for each in shown if each["kind"] == "Secret" and "vmclusterlb" in each["metadata"]["name"]]
    (container,) = [each for manifest in shown for each in _containers(manifest) if each["name"] == "vmauth"]
    file = tmp_path / "config.yaml"
    file.write_text(secret["decoded"]["config.yaml"])
    assert f"-auth.config={CONFIG}" in container["args"]
    arguments = [each.replace(CONFIG, str(file)) for each in container["args"] if not each.startswith(COMMERCIAL)]
    ended = subprocess.run([vmauth, "-dryRun", *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert not re.search(r"\t(error|fatal|panic)\t", ended.stderr)


def _containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (manifest.get("spec") or {}).get("template", {}).get("spec", {}).get("containers", [])
    return found

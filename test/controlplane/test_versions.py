"""The Kubernetes versions that tests can run on: what builds them, who asks for them, and what we say of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from test.controlplane import binaries
from test.controlplane.binaries import KUBERNETES_VERSIONS, NEWEST, OLDER, SOURCE, Unavailable, chosen
from test.controlplane.cluster import Cluster

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_each_is_built_from_its_own_module(version: str) -> None:
    text = (binaries.modules(version) / "go.mod").read_text()
    full = KUBERNETES_VERSIONS[version]
    assert full.startswith(f"v{version}.")
    assert re.findall(r"^\tk8s.io/kubernetes (\S+)$", text, re.MULTILINE) == [full]
    staging = {*re.findall(r"^\tk8s.io/\S+ => k8s.io/\S+ (\S+)$", text, re.MULTILINE)}
    assert staging == {"v0" + full.removeprefix("v1")}


def test_the_folders_are_those_of_the_versions() -> None:
    assert sorted(path.parent.name for path in SOURCE.glob("*/go.mod")) == [f"v{version}" for version in OLDER]


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_VERSION", raising=False)
    assert chosen() == NEWEST
    monkeypatch.setenv("KUBERNETES_VERSION", OLDER[0])
    assert chosen() == OLDER[0]
    monkeypatch.setenv("KUBERNETES_VERSION", "1.0")
    with pytest.raises(Unavailable, match=r"KUBERNETES_VERSION=1\.0 is none of "):
        chosen()


def test_a_job_runs_on_each_that_is_not_the_newest() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())["jobs"]
    asked = [job["env"]["KUBERNETES_VERSION"] for job in jobs.values() if "KUBERNETES_VERSION" in job.get("env", {})]
    assert asked == OLDER


def test_readme_and_chart_say_from_which_on() -> None:
    assert f"Kubernetes {OLDER[-1]} to {NEWEST}" in (ROOT / "README.md").read_text()
    chart = yaml.safe_load((ROOT / "manifests/chart/Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={OLDER[-1]}.0-0"


@pytest.mark.cluster
def test_the_server_is_of_the_version_that_was_chosen(control_plane: Cluster) -> None:
    if "KUBECONFIG" not in os.environ and "KUBEBUILDER_ASSETS" not in os.environ:
        assert control_plane.api.get("/version")["gitVersion"] == KUBERNETES_VERSIONS[chosen()]

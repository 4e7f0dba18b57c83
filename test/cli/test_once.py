"""One run of the whole process: Prometheus objects are converted, and what came of them is scraped, before it ends."""

import base64
import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.apiserver.http import Server
from test.apiserver.loading import furnish, load, restore
from test.controller.test_conversion import DEFINITIONS, TARGETS, monitor, target
from test.controller.world import agent
from vmagent_operator.api import crd, kinds

CONVERTED, OWN = "serviceScrape/apps/app/0", "serviceScrape/apps/taken/0"


@pytest.fixture
def server() -> Iterator[Server]:
    """A cluster with an agent and two sources, of which one has somebody's own object in its way."""
    with Server() as running:
        furnish(running.api)
        load(running.api, (*map(crd.manifest, kinds.KINDS), *DEFINITIONS))
        load(running.api, (agent(selectAllByDefault=True), monitor(), monitor("taken"), target("taken")))
        yield running


def run(server: Server, folder: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    """The operator, until it ends by itself."""
    kubeconfig = server.kubeconfig(folder / "kubeconfig", token="any")
    off = ("--metrics-bind-address=0", "--health-probe-bind-address=0")
    command = [sys.executable, "-m", "vmagent_operator", f"--kubeconfig={kubeconfig}", *off, *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def jobs(server: Server) -> set[str]:
    """The names of the agent's jobs."""
    secret: Any = server.api.store.get("secrets", ("monitoring", "vmagent-main"))
    text = gzip.decompress(base64.b64decode(secret["data"]["vmagent.yaml.gz"]))
    return {each["job_name"] for each in yaml.safe_load(text)["scrape_configs"]}


def test_one_run_converts_and_scrapes(server: Server, tmp_path: Path) -> None:
    done = run(server, tmp_path, "--once")
    assert done.returncode == 0, done.stderr
    made: Any = server.api.store.get(TARGETS, ("apps", "app"))
    assert made["spec"]["endpoints"] == [{"port": "http"}]
    assert jobs(server) >= {CONVERTED, OWN}
    assert made["status"]["updateStatus"] == "operational"


@pytest.mark.parametrize("disabled", ["ServiceMonitor", "VMServiceScrape"])
def test_a_kind_that_is_disabled_is_not_converted(server: Server, tmp_path: Path, disabled: str) -> None:
    done = run(server, tmp_path, "--once", f"--controller.disableReconcileFor={disabled},VMCluster")
    assert done.returncode == 0, done.stderr
    assert server.api.store.get(TARGETS, ("apps", "app")) is None


def test_a_source_that_cannot_be_converted_fails_the_run(server: Server, tmp_path: Path) -> None:
    restore(server.api, monitor("broken", endpoints=[{"port": 80}]), "from an older definition")
    done = run(server, tmp_path, "--once")
    assert done.returncode == 1, done.stderr
    assert jobs(server) >= {CONVERTED, OWN}


def test_a_dry_run_tells_of_targets_and_their_jobs_and_writes_nothing(server: Server, tmp_path: Path) -> None:
    version = server.api.store.version
    done = run(server, tmp_path, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "+ VMServiceScrape apps/app" in done.stdout.splitlines()
    assert CONVERTED in done.stdout
    assert server.api.store.version == version


def test_sources_whose_targets_have_no_place_fail_the_run_which_does_all_else(tmp_path: Path) -> None:
    others = [kind for kind in kinds.KINDS if kind is not kinds.VMSERVICESCRAPE]
    with Server() as server:
        furnish(server.api)
        load(server.api, (*map(crd.manifest, others), *DEFINITIONS))
        load(server.api, (agent(selectAllByDefault=True), monitor()))
        done = run(server, tmp_path, "--once")
        assert done.returncode == 1, done.stderr
        assert "VMServiceScrape is not served, nothing is converted" in done.stderr
        assert server.api.store.get("deployments.apps", ("monitoring", "vmagent-main")) is not None

"""`make run-cluster`: it asks first, keeps to its own namespaces, and leaves nothing, on a server of the tests and on a real one."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.apiserver.http import Server
from test.apiserver.loading import furnish
from test.apiserver.objects import Context
from test.controlplane.cluster import Cluster
from test.demo.cluster import MARK, NAMES
from test.demo.copy import PYTHON
from test.demo.examples import ROOT, definitions
from test.demo.terminal import Terminal

COMMAND = (PYTHON, "-m", "test.demo", "--cluster")
NAMESPACE = next(iter(NAMES.values()))
SCRAPING = re.compile(f"VMAgent {NAMESPACE}/main +operational  scrapes 2 VMServiceScrapes\n")
TYPED = {"apiVersion": "v1", "kind": "Namespace"}
CONTEXT = Context("test")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        furnish(running.api)
        yield running


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Path:
    return server.kubeconfig(tmp_path / "kubeconfig", token="anybody")


def environ(kubeconfig: Path) -> dict[str, str]:
    """The environment variables of a run."""
    return {**os.environ, "KUBECONFIG": str(kubeconfig)}


def held_back(namespace: dict[str, Any]) -> dict[str, Any]:
    """A namespace that does not go."""
    return TYPED | namespace | {"metadata": namespace["metadata"] | {"finalizers": ["test/held"]}}


def released(namespace: dict[str, Any]) -> dict[str, Any]:
    """A namespace that may go."""
    return TYPED | namespace | {"metadata": namespace["metadata"] | {"finalizers": []}}


def names(server: Server, resource: str) -> set[str]:
    """Names of the objects of a kind."""
    return {name for (_, name), _ in server.api.store.items(resource)}


def leftovers(server: Server) -> set[str]:
    """What a run has left; the kinds of the server itself aside."""
    own = ("customresourcedefinitions.apiextensions.k8s.io", "namespaces")
    return {name for resource in own for name in names(server, resource) if "vm" in name}


def session(kubeconfig: Path) -> Terminal:
    return Terminal(COMMAND, ROOT, {"KUBECONFIG": str(kubeconfig), "NO_COLOR": "1"})


def ran_and_removed(kubeconfig: Path) -> str:
    """All that a whole run shows."""
    with session(kubeconfig) as terminal:
        terminal.until("go on? [y/N] ")
        terminal.press("y\n")
        terminal.until("Ctrl-C removes all of it again.")
        if not SCRAPING.search(terminal.shown):
            terminal.until("main  operational  scrapes 2 VMServiceScrapes\n")  # statuses of scrape objects come last
        terminal.press("\x03")
        terminal.until("nothing is left\n")
        assert terminal.ended() == 0
    assert [line for line in terminal.shown.splitlines() if len(line) > 80] == []
    return terminal.shown


def test_a_run_leaves_nothing(server: Server, kubeconfig: Path) -> None:
    shown = ran_and_removed(kubeconfig)
    assert "context         test\n" in shown
    assert f"server          {server.url}, Kubernetes 1.36\n" in shown
    assert "takes over      0 objects\n" in shown
    assert SCRAPING.search(shown)
    told = " ".join(shown.split())
    assert "removing VMAgents ha, main, sharded, to-vmcluster, to-vmsingle, unmanaged, and with them all that" in told
    assert leftovers(server) == set()


@pytest.mark.cluster
def test_a_run_on_a_real_cluster_leaves_nothing(controllers: Cluster) -> None:
    before = controllers.kubectl("get", "crd", "-o", "name")
    shown = ran_and_removed(controllers.kubeconfig)
    assert SCRAPING.search(shown)
    assert NAMESPACE not in controllers.kubectl("get", "namespaces", "-o", "name")
    assert controllers.kubectl("get", "crd", "-o", "name") == before


def test_a_run_that_is_broken_off_is_finished_by_the_next(server: Server, kubeconfig: Path) -> None:
    elsewhere = {"kind": "VMAgent", "metadata": {"name": "theirs", "namespace": "default"}, "spec": {"remoteWrite": [{"url": "http://x"}]}}  # fmt: skip
    with session(kubeconfig) as terminal:
        terminal.until("go on? [y/N] ")
        terminal.press("y\n")
        terminal.until("Ctrl-C removes all of it again.")
        server.api.add({"apiVersion": "operator.victoriametrics.com/v1beta1"} | elsewhere)
        held = server.api.objects.update(server.api.kind("v1", "Namespace"), ("", NAMESPACE), held_back, CONTEXT)
        assert held["metadata"]["finalizers"] == ["test/held"]  # so that there is time to be impatient
        terminal.press("\x03")
        terminal.until("removing namespaces")
        terminal.press("\x03")
        terminal.until("error: not everything is removed: `make remove-cluster` does the rest\n")
        assert terminal.ended() == 1
    assert NAMESPACE in leftovers(server)
    server.api.objects.update(server.api.kind("v1", "Namespace"), ("", NAMESPACE), released, CONTEXT)
    done = subprocess.run(
        [*COMMAND, "--remove"], cwd=ROOT, env=environ(kubeconfig), capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "left, because there are objects of them: vmagents.operator.victoriametrics.com" in " ".join(
        done.stdout.split()
    )
    assert leftovers(server) == {"vmagents.operator.victoriametrics.com"}


def test_what_there_is_already_is_told_and_kept(server: Server, kubeconfig: Path) -> None:
    for definition in definitions():
        server.api.add(definition)
    server.api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": MARK}})
    owned = {"name": "old", "namespace": NAMESPACE, "labels": {"managed-by": "vm-operator"}}
    server.api.add({"apiVersion": "v1", "kind": "Secret", "metadata": owned})
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environ(kubeconfig), input="n\n", capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (1, "error: nothing was done\n")
    assert "takes over      1 objects, of an earlier run\n" in done.stdout
    assert "creates         no CRD; namespaces vmagent-demo-shop with examples\n" in done.stdout


def test_a_namespace_of_somebody_else_stops_it(server: Server, kubeconfig: Path) -> None:
    server.api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    done = subprocess.run(COMMAND, cwd=ROOT, env=environ(kubeconfig), capture_output=True, text=True, timeout=120)
    wanted = f"error: namespace {NAMESPACE} exists and is not of an earlier run: it is left alone\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", wanted)


CONFIG = """
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: a, user: {token: t}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
"""
FAULTS = {
    "no file": (None, "{} cannot be used: there is no such file"),
    "empty": ("", "{} cannot be used: the file is empty"),
    "no context": (CONFIG.replace("current-context: a", ""), "{} cannot be used: it has no current context"),
    "another context": (CONFIG.replace("context: a", "context: b"), "{} cannot be used: it has no context b"),
    "no YAML": ("a: [", "{} cannot be used: it is no YAML: line 1, column 5"),
    "unreachable": (CONFIG, "https://127.0.0.1:1 does not answer: [Errno 111] Connection refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_a_kubeconfig_that_does_not_work_costs_one_line(tmp_path: Path, case: tuple[str | None, str]) -> None:
    text, wanted = case
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    done = subprocess.run(COMMAND, cwd=ROOT, env=environ(file), capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {wanted.format(file)}\n")


def test_expired_credentials_cost_one_line(server: Server, kubeconfig: Path) -> None:
    server.tokens["other"] = "admin"
    done = subprocess.run(COMMAND, cwd=ROOT, env=environ(kubeconfig), capture_output=True, text=True, timeout=120)
    wanted = f"error: {server.url} does not accept the credentials: they may have expired\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", wanted)

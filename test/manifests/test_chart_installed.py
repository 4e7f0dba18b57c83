"""The chart on a real server, from the first installation to the last uninstallation."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial

import pytest

from test.controlplane import binaries
from test.controlplane.cluster import Cluster, cluster, eventually
from test.manifests.chart import RELEASE
from test.manifests.written import CHART

pytestmark = pytest.mark.cluster

API = "/apis/operator.victoriametrics.com/v1beta1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRD = f"{CRDS}/vmagents.operator.victoriametrics.com"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{RELEASE}/deployments/{RELEASE}"
SCRAPE = f"{API}/namespaces/{RELEASE}/vmservicescrapes/{RELEASE}"
AGENT = {
    "apiVersion": "operator.victoriametrics.com/v1beta1",
    "kind": "VMAgent",
    "metadata": {"name": "main"},
    "spec": {"remoteWrite": [{"url": "http://db"}]},
}


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """A cluster of its own: elsewhere the CRDs are somebody else's."""
    with cluster() as found:
        yield found


def helm(own: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What helm says of a command for this cluster."""
    command = [str(binaries.tool("helm")), *arguments, f"--kubeconfig={own.kubeconfig}", f"--namespace={RELEASE}"]
    return subprocess.run(command, capture_output=True, text=True)


def done(own: Cluster, *arguments: str) -> str:
    """The same, of a command that works."""
    finished = helm(own, *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_from_installation_to_uninstallation(own: Cluster) -> None:
    api, chart = own.api, str(CHART)
    scraped = "--set=serviceMonitor.enabled=true"
    there = partial(done, own)

    there("install", RELEASE, chart, "--create-namespace", scraped, "--wait", "--timeout=2m")
    assert api.get(DEPLOYMENT)["status"]["availableReplicas"] == 2
    assert api.get(SCRAPE)["spec"]["endpoints"] == [{"port": "metrics", "honorLabels": True}]

    changed = ("--set=replicaCount=3", "--set=crds.annotations.mark=new", "--set=serviceMonitor.interval=15s")
    # No `--wait` where the scrape object changes: no container runs here, so that no operator says it has seen it.
    there("upgrade", RELEASE, chart, scraped, *changed)
    eventually(lambda: api.get(DEPLOYMENT)["status"].get("availableReplicas") == 3)
    assert api.get(CRD)["metadata"]["annotations"]["mark"] == "new"
    assert api.get(SCRAPE)["spec"]["endpoints"] == [{"port": "metrics", "honorLabels": True, "interval": "15s"}]
    there("rollback", RELEASE, "1")
    assert api.get(DEPLOYMENT)["spec"]["replicas"] == 2
    there("upgrade", RELEASE, chart, scraped)

    agent = api.create(f"{API}/namespaces/{RELEASE}/vmagents", AGENT)
    there("uninstall", RELEASE, "--wait")
    eventually(lambda: api.find(DEPLOYMENT) is None)
    assert api.find(SCRAPE) is None
    assert api.find(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{RELEASE}") is None
    assert api.get(f"{API}/namespaces/{RELEASE}/vmagents/main")["metadata"]["uid"] == agent["metadata"]["uid"]

    there("install", RELEASE, chart)  # the CRDs are its own from before
    another = helm(own, "install", "another", chart)
    assert "cannot be imported into the current release" in another.stderr
    there("install", "another", chart, "--set=crds.enabled=false", "--set=watchNamespaces={default}")
    there("uninstall", "another")
    there("uninstall", RELEASE)
    assert api.get(f"{API}/namespaces/{RELEASE}/vmagents/main")["metadata"]["uid"] == agent["metadata"]["uid"]

    there("install", "another", chart, "--take-ownership", "--set=crds.keep=false")
    there("uninstall", "another")
    eventually(lambda: api.find(CRD) is None)

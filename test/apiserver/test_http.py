"""The HTTP face, with plain sockets and with kubectl."""

import http.client
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.apiserver.faults import Fault
from test.apiserver.http import Server

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
CONFIGMAP = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def test_one_connection_serves_many_requests(server: Server) -> None:
    client = connect(server)
    for wanted in (201, 409):
        client.request("POST", CONFIGMAPS, CONFIGMAP, JSON)
        answer = client.getresponse()
        answer.read()
        assert answer.status == wanted
    client.close()


def test_stopping_ends_idle_connections_and_watches() -> None:
    before = threading.active_count()
    with Server() as server:
        idle, watching = connect(server), connect(server)
        idle.request("GET", "/version")
        idle.getresponse().read()
        watching.request("GET", f"{CONFIGMAPS}?watch=true")
        answer = watching.getresponse()
        assert answer.status == 200
    assert answer.read() == b""
    idle.close()
    watching.close()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "process_request" in thread.name:
            thread.join(5)
    assert threading.active_count() <= before


def test_a_watch_arrives_in_lines(server: Server) -> None:
    watching, writing = connect(server), connect(server)
    watching.request("GET", f"{CONFIGMAPS}?watch=true&timeoutSeconds=2")
    answer = watching.getresponse()
    writing.request("POST", CONFIGMAPS, CONFIGMAP, JSON)
    writing.getresponse().read()
    assert json.loads(answer.readline())["type"] == "ADDED"
    assert answer.readline() == b""
    for client in (watching, writing):
        client.close()


def test_tokens_may_change(server: Server) -> None:
    server.tokens["first"] = "admin"
    client = connect(server)
    codes = []
    for token in ("first", "second"):
        client.request("GET", CONFIGMAPS, headers={"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        answer.read()
        codes.append(answer.status)
    client.close()
    assert codes == [200, 401]


@pytest.mark.parametrize("fault", [Fault(is_lost=True), Fault(is_after=True, cut_at=10)])
def test_a_broken_connection_is_broken(server: Server, fault: Fault) -> None:
    server.api.faults.add(fault)
    client = connect(server)
    client.request("GET", CONFIGMAPS)
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError)):
        client.getresponse().read()
    client.close()


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
"""
SESSION = [
    (["apply", "-f", "-"], MANIFEST, "deployment.apps/web created"),
    (["apply", "-f", "-"], MANIFEST, "deployment.apps/web unchanged"),
    (["apply", "-f", "-"], MANIFEST.replace("replicas: 2", "replicas: 3"), "deployment.apps/web configured"),
    (["apply", "--server-side", "-f", "-"], MANIFEST, "deployment.apps/web serverside-applied"),
    (["get", "deploy"], None, "web    2/2"),
    (["get", "deploy,ns", "-A"], None, "namespace/kube-system"),
    (["describe", "deploy", "web"], None, "2 desired | 2 updated"),
    (["label", "deploy", "web", "x=y"], None, "labeled"),
    (["annotate", "deploy", "web", "x=y"], None, "annotated"),
    (["scale", "deploy", "web", "--replicas=5"], None, "scaled"),
    (["wait", "deploy/web", "--for=condition=Available", "--timeout=5s"], None, "condition met"),
    (["rollout", "status", "deploy/web", "--timeout=5s"], None, "successfully rolled out"),
    (
        ["patch", "deploy", "web", "-p", '{"spec":{"template":{"spec":{"containers":[{"name":"c","stdin":true}]}}}}'],
        None,
        "patched",
    ),
    (["get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"], None, "nginx:1"),
    (["explain", "deploy.spec.replicas"], None, "FIELD: replicas <integer>"),
    (["api-resources"], None, "statefulsets"),
    (["delete", "deploy", "web"], None, "deleted"),
    (["get", "deploy"], None, ""),
]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl(server: Server, tmp_path: Path) -> None:
    command = ["kubectl", f"--kubeconfig={server.kubeconfig(tmp_path / 'kubeconfig')}", f"--cache-dir={tmp_path}"]
    for arguments, stdin, wanted in SESSION:
        done = subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        assert wanted in done.stdout, arguments

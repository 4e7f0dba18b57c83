"""What people do with kubectl on a server that runs nothing: `make run`, and `python -m test.apiserver`."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.apiserver.http import Server
from test.apiserver.loading import furnish
from test.apiserver.rbac import Authorizer

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
UNKNOWN = '{"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "x"}}'
DAEMON = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each}
spec:
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
"""
SESSION = """
create namespace team | namespace/team created
create secret generic s --from-literal=a=b -n team | secret/s created
get secret s -n team -o jsonpath={.data.a} | Yg==
create configmap c --from-literal=a=b | configmap/c created
get configmap c -o jsonpath={.data} | {"a":"b"}
create serviceaccount x | serviceaccount/x created
create role r --verb=get,list --resource=pods | role.rbac.authorization.k8s.io/r created
create rolebinding r --role=r --serviceaccount=default:x | rolebinding.rbac.authorization.k8s.io/r created
create quota q --hard=pods=3 | resourcequota/q created
create deployment web --image=nginx:1 --replicas=2 --port=80 | deployment.apps/web created
expose deployment web --port=80 --target-port=http | service/web exposed
get service web -o jsonpath={.spec.ports[0].targetPort} | http
get nodes | node-1   Ready
get pods -l app=web -o jsonpath={.items[*].status.phase} | Running Running
get replicasets -o jsonpath={.items[*].status.readyReplicas} | 2
rollout restart deployment web | restarted
rollout history deployment web | 2 <none>
scale deployment web --replicas=1 | scaled
get pods -l app=web -o jsonpath={.items[*].status.phase} | Running
delete pods -l app=web | deleted
get pods -l app=web -o jsonpath={.items[*].status.phase} | Running
logs deployment/web | ! is waiting to start: no container runs on this API server
delete deployment web | deleted
get pods,replicasets | No resources found in default namespace.
apply -f DAEMON | daemonset.apps/each created
get pods -l app=each -o jsonpath={.items[*].spec.nodeName} | node-1
set image daemonset/each c=nginx:2 | image updated
get pods -l app=each -o jsonpath={.items[*].spec.containers[0].image} | nginx:2
auth can-i create vmagents --all-namespaces | yes
auth can-i get pods --as=system:serviceaccount:default:x | yes
auth can-i get secrets --as=system:serviceaccount:default:x | ! no
auth can-i --list | *.*
get foos | ! error: the server doesn't have a resource type "foos"
apply -f UNKNOWN | ! no matches for kind "Foo" in version "example.com/v1"
create job j --image=nginx | ! the server could not find the requested resource
"""
"""A command a line and a part of what it prints, after `!` if it fails; spaces count as one."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        Authorizer(running.api).install()
        furnish(running.api)
        yield running


def test_a_session(server: Server, tmp_path: Path) -> None:
    for name, text in (("DAEMON", DAEMON), ("UNKNOWN", UNKNOWN)):
        (tmp_path / name).write_text(text)
    kubectl = ["kubectl", f"--kubeconfig={server.kubeconfig(tmp_path / 'kubeconfig')}", f"--cache-dir={tmp_path}"]
    for line in SESSION.strip().splitlines():
        command, wanted = line.split(" | ")
        done = subprocess.run(
            [*kubectl, *command.split()], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False
        )
        shown = " ".join((done.stdout + done.stderr).split())
        assert (done.returncode != 0) == wanted.startswith("! "), f"{command}: {shown}"
        assert " ".join(wanted.removeprefix("! ").split()) in shown, f"{command}: {shown}"

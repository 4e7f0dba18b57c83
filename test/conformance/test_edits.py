"""Somebody edits what the operator keeps: every field that it holds, in every way that a server takes, is repaired.

What is written is what an agent of each kind asks for; who writes and repairs is the `Applier`, as in a reconcile.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from test.conformance.edits import edits
from test.conformance.script import differences
from test.controlplane.api import Api, Refused
from test.controlplane.binaries import NEWEST, chosen
from test.desired.test_vmagent import inputs
from vmagent_operator.cli import options
from vmagent_operator.controller.engine.child import resource_of
from vmagent_operator.controller.engine.owners import FIELD_MANAGER, policy
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.desired.stages import objects
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.errors import ApiError
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.apply import Applier, NotOwnedError

Json = dict[str, Any]
REFUSED_ONCE = "duplicate entries for key"
"""What an old API server answers to every apply once somebody has doubled an entry: docs/ownership.md says so."""
ALL: Json = {
    "replicaCount": 0,
    "selectAllByDefault": True,
    "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
    "podDisruptionBudget": {"minAvailable": 1},
    "networkPolicy": {"ingress": [{"ports": [{"port": 8429}]}]},
    "hpa": {"minReplicas": 1, "maxReplicas": 3},
    "serviceSpec": {"metadata": {"name": "more"}, "spec": {"type": "NodePort", "ports": [{"port": 5432, "name": "x"}]}},
    "extraEnvs": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "imagePullSecrets": [{"name": "reg"}],
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "nodeSelector": {"a": "b"},
    "volumes": [{"name": "mine", "emptyDir": {}}],
    "volumeMounts": [{"name": "mine", "mountPath": "/mine"}],
    "managedMetadata": {"annotations": {"a": "b"}},
    "containers": [{"name": "side", "image": "side", "ports": [{"name": "p", "containerPort": 1}]}],
}
MODES: dict[str, Json] = {
    "Deployment": {**ALL, "updateStrategy": "Recreate"},
    "StatefulSet": {**ALL, "statefulMode": True, "statefulStorage": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}},
    "DaemonSet": {**ALL, "daemonSetMode": True, "hpa": None, "podDisruptionBudget": None},
    "rolling": {"replicaCount": 0, "rollingUpdate": {"maxSurge": 1}, "serviceSpec": {"useAsDefault": True, "spec": {"type": "LoadBalancer", "loadBalancerClass": "example.com/a"}}},
}  # fmt: skip

KINDS = ("StatefulSet", "DaemonSet")
STAYS = "another name of .spec.template.spec.imagePullSecrets."
"""An entry that is nothing but its key: who changes it has taken one away and added another, which is theirs."""


@pytest.fixture
def applier(kubeconfig: Path) -> Iterator[Applier]:
    pools = connection.connect(credentials.load(str(kubeconfig), environ={}), agent="test/1", watches=1, workers=1)
    yield Applier(
        Client(pools.worker, manager=FIELD_MANAGER), policy=policy(VMAGENT, inputs({}).owner), resource_of=resource_of
    )
    pools.worker.close()


def manifests(spec: Json, namespace: str) -> list[Json]:
    """What an agent asks for, without an owner, as there is none."""
    found = []
    asked = attrs.evolve(inputs(spec), server=options.server(chosen()))
    for manifest in objects(VMAGENT.desired(asked).stages):
        if manifest["apiVersion"] != API_VERSION:  # not known to every server; its content is one value
            text = json.dumps(manifest).replace('"mon"', f'"{namespace}"').replace(":mon:", f":{namespace}:")
            copied: Json = json.loads(text)
            copied["metadata"].pop("ownerReferences", None)
            found.append(copied)
    return found


def path_of(manifest: Json) -> str:
    """Where the server has it."""
    kind, metadata = resource_of(manifest), manifest["metadata"]
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{kind.root}{place}/{kind.plural}/{metadata['name']}"


def content(live: Json, what: str = "") -> Json:
    """All that is asked for, and the labels. Another type of Service (says the edit) costs the numbers that the server chose."""
    kept: Json = json.loads(json.dumps({key: part for key, part in live.items() if key not in ("metadata", "status")}))
    if what.endswith(".spec.type"):
        for port in kept["spec"]["ports"]:
            port.pop("nodePort", None)
    return {**kept, "labels": live["metadata"].get("labels")}


def is_taken(api: Api, path: str, after: Json) -> bool:
    """Replace an object as `kubectl edit` does; False if the server does not take it, or it changes nothing."""
    before = api.get(path)["metadata"]  # controllers write, too
    given = ("uid", "resourceVersion", "creationTimestamp")
    metadata = {**after["metadata"], **{key: before[key] for key in given}}
    metadata.pop("managedFields", None)
    try:
        fresh = api.request("PUT", path, {**after, "metadata": metadata}, fieldManager="kubectl-edit")
    except Refused as error:
        if error.status == 409:
            return is_taken(api, path, after)
        if error.status not in (400, 422, 500):  # 500: a node port that is taken
            raise
        return False
    return bool(fresh["metadata"]["resourceVersion"] != before["resourceVersion"])


@pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=pytest.mark.slow if mode in KINDS else ()) for mode in MODES]
)
def test_every_edit_is_repaired(mode: str, cluster: Api, namespace: str, applier: Applier) -> None:
    faults, count = [], 0
    for manifest in manifests(MODES[mode], namespace):
        applier.ensure(manifest)
        path = path_of(manifest)
        for edit in edits(cluster.get(path)):
            before = cluster.get(path)
            if not is_taken(cluster, path, edit.after):
                continue
            count += 1
            try:
                applier.ensure(manifest)
                live = cluster.get(path)
                if step := diff.step(manifest, live, FIELD_MANAGER):
                    faults.append(f"{manifest['kind']}: {edit.what}: {step.action} {step.paths}")
                elif edit.what.startswith(STAYS):
                    assert len(live["spec"]["template"]["spec"]["imagePullSecrets"]) == 2
                    cluster.delete(path)
                    applier.ensure(manifest)
                elif content(live, edit.what) != content(before, edit.what):
                    faults.append(
                        f"{manifest['kind']}: {edit.what}: LEFT "
                        + "; ".join(differences(content(before), content(live)))
                    )
            except NotOwnedError:  # a label by which it was known as ours
                cluster.delete(path)
                applier.ensure(manifest)
            except ApiError as error:
                if chosen() == NEWEST or REFUSED_ONCE not in str(error):
                    faults.append(f"{manifest['kind']}: {edit.what}: {error}")
                cluster.delete(path)
                applier.ensure(manifest)
            if faults and faults[-1].startswith(f"{manifest['kind']}: {edit.what}:"):
                cluster.delete(path)
                applier.ensure(manifest)
    assert count > 200
    assert not faults, "\n".join(faults)

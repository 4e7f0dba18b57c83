"""A real server takes what we ship, and judges objects by it as the cases say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import Cluster, eventually
from test.manifests.built import MANIFESTS, cases, examples

pytestmark = pytest.mark.cluster

API = "/apis/operator.victoriametrics.com/v1beta1"


@pytest.fixture(scope="module")
def crds(control_plane: Cluster) -> Cluster:
    control_plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "crd"))
    control_plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    return control_plane


@pytest.fixture(scope="module")
def namespace(crds: Cluster) -> Iterator[str]:
    with crds.namespace("manifests") as name:
        yield name


@pytest.fixture(scope="module")
def policies(crds: Cluster, namespace: str) -> Iterator[Cluster]:
    crds.kubectl("apply", "-k", str(MANIFESTS / "policy"))
    refused = manifest({"spec": {"remoteWrite": []}})
    doubtful = manifest({"kind": "VMNodeScrape", "spec": {"basicAuth": {}, "authorization": {"credentialsFile": "/t"}}})
    path = f"{API}/namespaces/{namespace}"
    # a policy takes effect some time after it was accepted
    eventually(lambda: crds.api.dry_run(f"{path}/vmagents", refused)[0] != "")
    eventually(lambda: crds.api.dry_run(f"{path}/vmnodescrapes", doubtful)[1] != [])
    yield crds
    crds.kubectl("delete", "-k", str(MANIFESTS / "policy"))


def manifest(case: dict[str, Any]) -> dict[str, Any]:
    kind = case.get("kind", "VMAgent")
    base = {"remoteWrite": [{"url": "http://vm:8429/api/v1/write"}]} if kind == "VMAgent" else {}
    metadata = {"name": "case", "annotations": case.get("annotations", {})}
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": kind,
        "metadata": metadata,
        "spec": base | case["spec"],
    }


def test_everything_we_ship_passes_a_dry_run(crds: Cluster) -> None:
    with_namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vmagent-operator"}}
    crds.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_namespace))
    for folder in (".", "namespaced", "policy"):
        crds.kubectl("apply", "--server-side", "--dry-run=server", "-k", str(MANIFESTS / folder))


def test_examples_pass_validation(policies: Cluster, namespace: str) -> None:
    for name, objects in examples().items():
        for item in objects:
            if item["kind"].startswith("VM"):
                item["metadata"]["namespace"] = namespace
                path = f"{API}/namespaces/{namespace}/{item['kind'].lower()}s"
                assert policies.api.dry_run(path, item) == ("", []), name


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_policy(policies: Cluster, namespace: str, case: dict[str, Any]) -> None:
    body = manifest(case)
    refusal, warnings = policies.api.dry_run(f"{API}/namespaces/{namespace}/{body['kind'].lower()}s", body)
    if wanted := case.get("refused"):
        assert refusal.endswith(f": {wanted}")
    else:
        assert refusal == ""
    assert [warning.split(": ", 1)[1] for warning in warnings] == case.get("warned", [])


def test_who_may_edit_a_namespace_may_edit_our_kinds_in_it(crds: Cluster, namespace: str) -> None:
    crds.kubectl("apply", "-f", str(MANIFESTS / "base" / "user_roles.yaml"))
    for role in ("view", "edit"):
        crds.service_account(namespace, role)
        account = f"{namespace}:{role}"
        crds.kubectl(
            "create", "rolebinding", role, f"--clusterrole={role}", f"--serviceaccount={account}", "-n", namespace
        )
    viewer, editor = (crds.service_account(namespace, role) for role in ("view", "edit"))
    group = "operator.victoriametrics.com"
    eventually(lambda: crds.may(editor, "create", "vmagents", group=group, namespace=namespace))
    eventually(lambda: crds.may(viewer, "list", "vmprobes", group=group, namespace=namespace))
    assert not crds.may(viewer, "create", "vmagents", group=group, namespace=namespace)
    assert not crds.may(editor, "create", "vmagents", group=group, namespace="default")

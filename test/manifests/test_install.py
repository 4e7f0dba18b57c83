"""A real server takes what we ship, and judges objects by it as the cases say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from typing import Any

import pytest
import yaml

from test.controlplane.api import Refused
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


def has_policies(cluster: Cluster) -> bool:
    """Whether the server is new enough for admission policies: Kubernetes 1.30."""
    return cluster.api.find("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies") is not None


@pytest.fixture(scope="module")
def judge(crds: Cluster) -> Cluster:
    """A server that judges by policies."""
    if not has_policies(crds):
        pytest.skip("this Kubernetes has no admission policies")
    return crds


@pytest.fixture(scope="module")
def policies(judge: Cluster, namespace: str) -> Iterator[Cluster]:
    crds = judge
    crds.kubectl("apply", "-k", str(MANIFESTS / "policy"))
    refused = [
        manifest({"spec": {"remoteWrite": []}}),
        *(
            manifest({"kind": kind, "spec": {"license": {"key": "a", "keyRef": {"name": "a", "key": "b"}}}})
            for kind in ("VMSingle", "VMCluster")
        ),
    ]
    both = {"basicAuth": {"password_file": "/p"}, "authorization": {"credentialsFile": "/t"}}
    doubtful = [manifest({"kind": "VMNodeScrape", "spec": both}), manifest({"spec": {"port": "http"}})]
    # a policy takes effect some time after it was accepted
    eventually(lambda: all(crds.api.dry_run(collection(namespace, body), body)[0] for body in refused))
    eventually(lambda: all(crds.api.dry_run(collection(namespace, body), body)[1] for body in doubtful))
    yield crds
    crds.kubectl("delete", "-k", str(MANIFESTS / "policy"))


@pytest.fixture(scope="module")
def bounds(judge: Cluster, namespace: str) -> Iterator[Cluster]:
    crds = judge
    crds.kubectl("apply", "-k", str(MANIFESTS / "policy" / "tenants"))
    path = f"{API}/namespaces/{namespace}/vmagents"
    eventually(lambda: crds.api.dry_run(path, manifest({"spec": {"hostNetwork": True}}))[0] != "")
    yield crds
    crds.kubectl("delete", "-k", str(MANIFESTS / "policy" / "tenants"))


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


def collection(namespace: str, body: dict[str, Any]) -> str:
    """Where an object of ours belongs."""
    return f"{API}/namespaces/{namespace}/{body['kind'].lower()}s"


def test_everything_we_ship_passes_a_dry_run(crds: Cluster) -> None:
    with_namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vmagent-operator"}}
    crds.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_namespace))
    for folder in (".", "namespaced", *(["policy"] if has_policies(crds) else [])):
        crds.kubectl("apply", "--server-side", "--dry-run=server", "-k", str(MANIFESTS / folder))


def test_examples_pass_validation(policies: Cluster, namespace: str) -> None:
    for name, objects in examples().items():
        for item in objects:
            if item["kind"].startswith("VM"):
                item["metadata"]["namespace"] = namespace
                assert policies.api.dry_run(collection(namespace, item), item) == ("", []), name


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_policy(policies: Cluster, namespace: str, case: dict[str, Any]) -> None:
    body = manifest(case)
    refusal, warnings = policies.api.dry_run(collection(namespace, body), body)
    if wanted := case.get("refused"):
        assert refusal.endswith(f": {wanted}")
    else:
        assert refusal == ""
    assert [warning.split(": ", 1)[1] for warning in warnings] == case.get("warned", [])


def test_the_policies_let_a_database_of_before_be_finalized(policies: Cluster, namespace: str) -> None:
    api, path = policies.api, f"{API}/namespaces/{namespace}/vmsingles"
    skipping = {"operator.victoriametrics.com/skip-validation": "true"}
    api.create(path, manifest({"kind": "VMSingle", "spec": {"vmBackup": {}}, "annotations": skipping}))
    patch = {"metadata": {"annotations": None, "finalizers": ["apps.victoriametrics.com/finalizer"]}}
    assert api.merge(f"{path}/case", patch)["metadata"]["finalizers"]
    with pytest.raises(Refused, match="needs a license, or acceptEULA"):
        api.merge(f"{path}/case", {"spec": {"logLevel": "WARN"}})
    api.delete(f"{path}/case")
    api.merge(f"{path}/case", {"metadata": {"finalizers": None}})
    assert api.find(f"{path}/case") is None


def test_the_policies_let_what_was_there_before_be_finalized(policies: Cluster, bounds: Cluster) -> None:
    label = "operator.victoriametrics.com/agents-reach"
    spec = {"selectAllByDefault": True, "statefulMode": True, "daemonSetMode": True}
    skipping = {"operator.victoriametrics.com/skip-validation": "true"}
    api = policies.api
    with bounds.namespace("before", **{label: "cluster"}) as name:
        path = f"{API}/namespaces/{name}/vmagents"
        api.create(path, manifest({"spec": spec, "annotations": skipping}))
        api.merge(f"/api/v1/namespaces/{name}", {"metadata": {"labels": {label: None}}})
        eventually(lambda: api.dry_run(path, manifest({"spec": {"hostNetwork": True}}))[0] != "")
        patch = {"metadata": {"annotations": None, "finalizers": ["apps.victoriametrics.com/finalizer"]}}
        assert api.merge(f"{path}/case", patch)["metadata"]["finalizers"]
        with pytest.raises(Refused, match="denied request"):
            api.merge(f"{path}/case", {"spec": {"replicaCount": 2}})
        api.merge(f"{path}/case", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize("case", cases("tenants"), ids=lambda case: case["name"])
def test_what_an_agent_of_a_tenant_may_be(bounds: Cluster, namespace: str, case: dict[str, Any]) -> None:
    body = yaml.safe_load(yaml.safe_dump(manifest(case)).replace("NAMESPACE", namespace))
    refusal, _ = bounds.api.dry_run(collection(namespace, body), body)
    assert refusal.rpartition("denied request: ")[2] == case.get("refused", "")


def test_no_scaling_passes_the_bounds_of_a_tenant(bounds: Cluster, namespace: str) -> None:
    path = f"{API}/namespaces/{namespace}/vmagents"
    bounds.api.create(path, manifest({"spec": {"shardCount": 3, "replicaCount": 10}}))
    more = count(4)

    def is_refused() -> bool:
        try:
            bounds.api.merge(f"{path}/case/scale", {"spec": {"replicas": next(more)}})
        except Refused as refusal:
            return "more shards: set spec.shardCount of the VMAgent" in str(refusal)
        return False

    eventually(is_refused)  # a policy takes effect some time after it was accepted
    assert bounds.api.merge(f"{path}/case/scale", {"spec": {"replicas": 2}})["spec"]["replicas"] == 2


def test_agents_of_a_trusted_namespace_may_be_anything(bounds: Cluster) -> None:
    with bounds.namespace("trusted", **{"operator.victoriametrics.com/agents-reach": "cluster"}) as trusted:
        for case in cases("tenants"):
            body = manifest(case)
            assert bounds.api.dry_run(collection(trusted, body), body)[0] == "", case["name"]


def test_who_may_edit_a_namespace_may_edit_scrape_objects_in_it_and_no_vmagents(crds: Cluster, namespace: str) -> None:
    crds.kubectl("apply", "-f", str(MANIFESTS / "base" / "user_roles.yaml"))
    roles = {"view": "view", "edit": "edit", "admin": "admin", "agents": "vmagent-operator-vmagents-edit"}
    users = {user: crds.service_account(namespace, user) for user in roles}
    for user, role in roles.items():
        account = f"--serviceaccount={namespace}:{user}"
        crds.kubectl("create", "rolebinding", user, f"--clusterrole={role}", account, "-n", namespace)

    def may(user: str, verb: str, resource: str, where: str = namespace) -> bool:
        return crds.may(users[user], verb, resource, group="operator.victoriametrics.com", namespace=where)

    eventually(lambda: may("edit", "create", "vmprobes"))
    eventually(lambda: may("admin", "create", "vmprobes"))
    eventually(lambda: may("view", "list", "vmagents"))
    eventually(lambda: may("edit", "list", "vmagents"))  # by what "view" may, which it is given by and by
    for user in ("view", "edit", "admin"):
        for verb, resource in product(("create", "update", "patch", "delete"), ("vmagents", "vmagents/scale")):
            assert not may(user, verb, resource), (user, verb, resource)
    eventually(lambda: may("agents", "create", "vmagents"))
    assert may("agents", "patch", "vmagents/scale")
    assert not may("agents", "create", "vmagents", "default")
    assert not may("edit", "create", "vmprobes", "default")

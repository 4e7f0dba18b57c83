"""What is built fits together: selectors select, permissions are exact, pods are restricted, names agree."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from test.manifests.built import MANIFESTS, build, build_with, cases, examples, one
from vmagent_operator import __version__
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import flags

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

FOLDERS = sorted(str(path.parent.relative_to(MANIFESTS)) for path in MANIFESTS.rglob("kustomization.yaml"))
INSTALLATIONS = [name for name in FOLDERS if not name.startswith("components/")]
OWN_GROUP = "operator.victoriametrics.com"
CLUSTER_ONLY = {  # what a namespace does not have, or only a ClusterRole can grant on
    "namespaces",
    "nodes",
    "nodes/metrics",
    "storageclasses",
    "customresourcedefinitions",
    "clusterroles",
    "clusterrolebindings",
    "routers/metrics",
    "registry/metrics",
}


@pytest.mark.parametrize("folder", INSTALLATIONS)
def test_every_folder_builds(folder: str) -> None:
    assert build(folder)


def test_the_top_level_installs_everything() -> None:
    kinds = [item["kind"] for item in build(".")]
    assert kinds.count("CustomResourceDefinition") == len(KINDS)
    assert {"Namespace", "ClusterRole", "ClusterRoleBinding", "Deployment", "Service", "PodDisruptionBudget"} <= {
        *kinds
    }


@pytest.mark.parametrize("folder", ["base", "namespaced"])
def test_every_selector_selects_the_pods(folder: str) -> None:
    objects = build(folder)
    deployment = one(objects, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    (spread,) = deployment["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        deployment["selector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
        one(objects, "Service")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels


def test_the_network_policy_selects_the_pods_and_their_ports(tmp_path: Path) -> None:
    objects = build_with(["network-policy"], tmp_path)
    template = one(objects, "Deployment")["spec"]["template"]
    policy = one(objects, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"]
    assert policy["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    ports = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
    assert ports == {port["name"] for port in template["spec"]["containers"][0]["ports"]}


@pytest.mark.parametrize(("folder", "kind"), [("victoriametrics", "VMServiceScrape"), ("prometheus", "ServiceMonitor")])
def test_the_scrape_finds_the_service(folder: str, kind: str) -> None:
    scrape = one(build(f"monitoring/{folder}"), kind)
    service = one(build("base"), "Service")
    assert scrape["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert scrape["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ports = {port["name"] for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in scrape["spec"]["endpoints"]} <= ports


@pytest.mark.parametrize("folder", ["base", "namespaced"])
def test_every_binding_leads_from_the_account_to_a_role(folder: str) -> None:
    objects = build(folder)
    account = one(objects, "ServiceAccount")["metadata"]
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]
    bindings = [item for item in objects if item["kind"].endswith("RoleBinding")]
    assert len(bindings) == 2
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
        assert one(objects, binding["roleRef"]["kind"], binding["roleRef"]["name"])["rules"]


def rules(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(API group or empty for a URL, resource or URL, verb) of every permission."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule.get("apiGroups", [""])
        for resource in rule.get("resources") or rule["nonResourceURLs"]
        for verb in rule["verbs"]
    }


def test_no_permission_is_a_wildcard_or_a_way_to_more() -> None:
    held = rules(one(build("base"), "ClusterRole")) | rules(one(build("namespaced"), "Role"))
    assert not [rule for rule in held if "*" in rule]
    assert not {verb for _, _, verb in held} & {"escalate", "bind", "impersonate", "deletecollection"}


@pytest.mark.parametrize("folder", ["base", "namespaced/watched"])
def test_the_operator_cannot_delete_what_holds_data(folder: str) -> None:
    granted = {right for item in build(folder) if item["kind"] in ("Role", "ClusterRole") for right in rules(item)}
    verbs = {verb for _, resource, verb in granted if resource == "persistentvolumeclaims"}
    assert verbs == {"get", "list", "watch", "create", "patch"}
    assert not [right for right in granted if right[1] == "persistentvolumes"]


def test_a_namespace_has_the_rules_of_the_cluster_that_fit_in_it() -> None:
    whole = rules(one(build("base"), "ClusterRole"))
    fitting = {rule for rule in whole if rule[1] not in CLUSTER_ONLY and not rule[1].startswith("/")}
    assert rules(one(build("namespaced"), "Role")) == fitting


def test_the_namespaced_installation_touches_nothing_outside() -> None:
    assert {item["kind"] for item in build("namespaced")} <= {
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Deployment",
        "Service",
        "PodDisruptionBudget",
    }
    env = one(build("namespaced"), "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    (watched,) = [variable for variable in env if variable["name"] == "WATCH_NAMESPACE"]
    assert watched["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_users_get_roles_for_every_kind_of_ours() -> None:
    plurals = {item["spec"]["names"]["plural"] for item in build("crd")}
    view, edit, edit_agents = (
        {rule[1] for rule in rules(one(build("base"), "ClusterRole", f"vmagent-operator-{role}"))}
        for role in ("view", "edit", "vmagents-edit")
    )
    assert view == plurals
    assert edit == plurals - {"vmagents", "vmsingles"}
    assert edit_agents == {"vmagents", "vmagents/scale", "vmsingles"}


def test_who_may_edit_a_namespace_gets_no_vmagents_with_it() -> None:
    roles = [item for item in build("base") if item["kind"] == "ClusterRole"]
    aggregated = {
        rule
        for role in roles
        if any(label.startswith("rbac.authorization.k8s.io/aggregate-to-") for label in role["metadata"]["labels"])
        for rule in rules(role)
    }
    owners = ("vmagents", "vmsingles")
    assert {verb for _, resource, verb in aggregated if resource.startswith(owners)} == {"get", "list", "watch"}


def test_a_single_replica_has_no_budget_that_blocks_drains(tmp_path: Path) -> None:
    objects = build_with(["single-replica"], tmp_path)
    assert one(objects, "Deployment")["spec"]["replicas"] == 1
    assert not [item for item in objects if item["kind"] == "PodDisruptionBudget"]


def test_the_vpa_component_grants_what_it_switches_on(tmp_path: Path) -> None:
    objects = build_with(["vpa"], tmp_path)
    assert ("autoscaling.k8s.io", "verticalpodautoscalers", "create") in rules(one(objects, "ClusterRole"))
    env = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "VM_VPA_API_ENABLED", "value": "true"} in env


@pytest.mark.parametrize("folder", ["base", "namespaced"])
def test_the_pods_have_no_privileges_and_write_nowhere_but_in_memory(folder: str) -> None:
    pod = one(build(folder), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}]


def test_the_image_has_the_version_of_the_package() -> None:
    (container,) = one(build("base"), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"vmagent-operator:{__version__}"


def test_examples_name_no_host_outside_the_cluster_but_example_com() -> None:
    for name, objects in examples().items():
        for agent in (item for item in objects if item["kind"] == "VMAgent"):
            hosts = [remote["url"].split("/")[2] for remote in agent["spec"]["remoteWrite"]]
            assert all(".svc" in host or host.endswith("example.com") for host in hosts), name


def test_examples_bring_the_namespaces_that_they_use() -> None:
    for name, objects in examples().items():
        made = {item["metadata"]["name"] for item in objects if item["kind"] == "Namespace"}
        assert {item["metadata"].get("namespace") for item in objects if item["kind"] != "Namespace"} <= made, name


@pytest.mark.parametrize(("folder", "judged"), [("policy", "."), ("policy/tenants", "tenants")])
def test_every_rule_of_the_policies_has_a_case_that_breaks_it(folder: str, judged: str) -> None:
    policies = [
        item["spec"]
        for item in build(folder)
        if item["kind"] == "ValidatingAdmissionPolicy"
        and "vmagents/scale"
        not in item["spec"]["matchConstraints"]["resourceRules"][0]["resources"]  # has its own test
    ]
    messages = {rule["message"] for policy in policies for rule in policy["validations"]}
    broken = {
        message for case in cases(judged) for message in (case.get("refused"), *case.get("warned", ())) if message
    }
    assert broken == messages


def test_the_lease_that_may_be_written_is_the_one_of_the_flag() -> None:
    (narrowed, _) = one(build("base"), "Role", "vmagent-operator-leader-election")["rules"]
    assert narrowed["resourceNames"] == [flags.parse([])["leader-elect-id"]]

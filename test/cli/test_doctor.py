"""`doctor`: what it finds in a cluster, and the command that mends it."""

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.apiserver.http import Server
from test.apiserver.loading import load
from test.apiserver.rbac import ACCOUNT, Authorizer
from test.controller.world import World, agent
from test.demo.examples import ROOT
from vmagent_operator.cli.commands import doctor
from vmagent_operator.cli.doctor.permissions import PERMISSIONS

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
MAIN = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
ELSEWHERE = (
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "Cluster"),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "Cluster"),
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "Namespaced"),
)
Row = tuple[str, str, str, str]


def definition(group: str, version: str, kind: str, scope: str) -> dict[str, Any]:
    """The definition of somebody else's kind."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": scope,
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def lease(**spec: Any) -> dict[str, Any]:
    """The lease of an operator, just renewed."""
    now = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "vmagent-operator.victoriametrics.com", "namespace": "ops"},
        "spec": {"holderIdentity": "pod-0", "leaseDurationSeconds": 600, "renewTime": now, **spec},
    }


@pytest.fixture(scope="module")
def well() -> World:
    """A cluster where the operator is at work."""
    world = World()
    for each in ELSEWHERE:
        world.api.add(definition(*each))
    world.api.settle()
    world.add(agent(selectAllByDefault=True))
    world.settle()
    return world


@contextmanager
def changed(well: World, case: Mapping[str, Any]) -> Iterator[Server]:
    """A copy of the cluster with the changes of a case."""
    api = well.api.replica()
    load(api, [lease(**case.get("lease", {})), *case.get("add", ())])
    if "unready" in case:
        live = api.store.get("deployments.apps", tuple(case["unready"]))
        assert live is not None
        live["status"] = {"replicas": 2}
    for resource, *name in case.get("remove", ()):
        api.store.remove(resource, (name[0], name[1]))
    main = api.store.get("vmagents.operator.victoriametrics.com", ("monitoring", "main"))
    assert main is not None
    main = json.loads(json.dumps(main))
    main["status"] = case.get("status", main["status"])
    main["spec"] |= case.get("spec", {})
    api.store.put("vmagents.operator.victoriametrics.com", ("monitoring", "main"), main)
    for name in case.get("helms", ()):
        crd = json.loads(json.dumps(api.store.get("customresourcedefinitions.apiextensions.k8s.io", ("", name))))
        crd["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        api.store.put("customresourcedefinitions.apiextensions.k8s.io", ("", name), crd)
    if "release" in case:
        packed = base64.b64encode(gzip.compress(json.dumps(case["release"]).encode()))
        metadata = {
            "name": "sh.helm.release.v1.vm.v1",
            "namespace": "vm",
            "labels": {"owner": "helm", "status": "deployed"},
        }
        data = {"release": base64.b64encode(packed).decode()}
        load(api, [{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}])
    with Server(api, tokens={"t": "admin"}) as server:
        yield server


def found(output: str) -> list[Row]:
    """What is not well, of JSON."""
    return [
        (symptom["level"], check["name"], re.sub(r"\d+ seconds ago", "AGO", symptom["message"]), symptom["command"])
        for check in json.loads(output)["checks"]
        for symptom in check["symptoms"]
        if symptom["level"] != "ok"
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_wrong_is_told_with_what_mends_it(
    case: dict[str, Any], well: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with changed(well, case) as server:
        kubeconfig = str(server.kubeconfig(tmp_path / "kubeconfig", "t"))
        arguments = ["--kubeconfig", kubeconfig, "-o", "json", *case.get("arguments", ())]
        code = doctor.main(arguments, case.get("environ", {}))
    rows = found(capsys.readouterr().out)
    assert rows == [tuple(row) for row in case["want"]]
    assert code == (1 if rows else 0)


def test_people_read_it_in_80_columns(well: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    removed = {
        "remove": [["customresourcedefinitions.apiextensions.k8s.io", "", "vmprobes.operator.victoriametrics.com"]]
    }
    with changed(well, removed) as server:
        kubeconfig = str(server.kubeconfig(tmp_path / "kubeconfig", "t"))
        assert doctor.main(["--kubeconfig", kubeconfig], {}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "error   definitions: CRD vmprobes.operator.victoriametrics.com is not there",
        "          $ vmagent-operator crds | kubectl apply --server-side -f -",
        "ok      permissions: you may do all that the operator does (180 questions)",
        "ok      operator: pod-0 holds Lease ops/vmagent-operator.victoriametrics.com",
    ]
    assert lines[-1] == "ok      clocks: the clock here is that of the API server"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("as_itself", [True, False], ids=["asked by itself", "asked by an admin"])
def test_each_permission_is_asked_for(
    as_itself: bool, well: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user = f"{ACCOUNT}ops:vmagent-operator"
    role = yaml.safe_load((ROOT / "manifests/base/cluster_role.yaml").read_text())
    for rule in role["rules"]:
        if rule.get("resources") == ["deployments", "statefulsets", "daemonsets"]:
            rule["verbs"] = ["get", "list", "watch"]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "vmagent-operator"}
    subject = {"kind": "ServiceAccount", "name": "vmagent-operator", "namespace": "ops"}
    binding = {"apiVersion": role["apiVersion"], "kind": "ClusterRoleBinding", "metadata": {"name": "vmagent-operator"}}
    with changed(well, {"add": [role, {**binding, "roleRef": reference, "subjects": [subject]}]}) as server:
        Authorizer(server.api).install()
        server.tokens["operator"] = user
        kubeconfig = str(server.kubeconfig(tmp_path / "kubeconfig", "operator" if as_itself else "t"))
        assert doctor.main(["--kubeconfig", kubeconfig, "-o", "json", *([] if as_itself else ["--as", user])], {}) == 1
    rows = [row for row in found(capsys.readouterr().out) if row[1] == "permissions"]
    whose = "you" if as_itself else user
    assert rows == [
        (
            "error",
            "permissions",
            f"{whose} may not create, patch, delete {name}.apps",
            "kubectl apply --server-side -k manifests/base",
        )
        for name in ("deployments", "statefulsets", "daemonsets")
    ]


def test_what_it_may_not_look_at_is_told(well: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with changed(well, {}) as server:
        Authorizer(server.api).install()
        server.tokens["nobody"] = "nobody"
        kubeconfig = str(server.kubeconfig(tmp_path / "kubeconfig", "nobody"))
        assert doctor.main(["--kubeconfig", kubeconfig, "-o", "json"], {}) == 1
    levels = {row[1]: row[2] for row in found(capsys.readouterr().out)}
    assert levels["definitions"].startswith('not known: customresourcedefinitions.apiextensions.k8s.io "vmagents')
    assert {"operator", "webhooks", "owners"} <= levels.keys()


def test_the_table_of_permissions_is_the_role_that_we_ship() -> None:
    role = yaml.safe_load((ROOT / "manifests/base/cluster_role.yaml").read_text())
    narrow = yaml.safe_load((ROOT / "manifests/namespaced/watched/role.yaml").read_text())

    def expanded(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
        return {
            (group, resource, verb)
            for rule in rules
            for group in rule.get("apiGroups", ())
            for resource in rule.get("resources", ())
            for verb in rule["verbs"]
            if "openshift" not in group and "customresourcedefinitions" not in resource
        }

    def asked(*, everywhere: bool) -> set[tuple[str, str, str]]:
        return {
            (each.group, resource, verb)
            for each in PERMISSIONS
            if everywhere or not each.is_global
            for resource in each.resources.split()
            for verb in each.verbs.split()
        }

    assert asked(everywhere=True) == expanded(role["rules"])
    assert asked(everywhere=False) == expanded(narrow["rules"])


def test_a_clock_that_differs_is_told(
    well: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("email.utils.parsedate_to_datetime", lambda _: datetime.now(UTC) + timedelta(seconds=90))
    with changed(well, {}) as server:
        kubeconfig = str(server.kubeconfig(tmp_path / "kubeconfig", "t"))
        assert doctor.main(["--kubeconfig", kubeconfig, "-o", "json"], {}) == 1
    ((level, check, message, _),) = found(capsys.readouterr().out)
    assert (level, check) == ("warning", "clocks")
    assert re.fullmatch(r"the API server's clock is (89|90) seconds ahead of the one here: .*", message)


def test_a_cluster_that_cannot_be_asked_is_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--kubeconfig", str(tmp_path / "none")], {}) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none'} cannot be used: there is no such file\n"
    assert doctor.main(["--fix"], {}) == 2
    assert "unrecognized arguments: --fix" in capsys.readouterr().err

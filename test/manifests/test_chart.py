"""What helm makes of the chart: the same as kustomize of the bases, and what values ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from test.manifests.built import build, build_with
from test.manifests.chart import RELEASE, Rendered, helm, render
from test.manifests.written import CHART
from vmagent_operator.cli import flags

pytestmark = pytest.mark.slow  # helm is built on first use

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "chart.yaml").read_text())
GO = yaml.safe_load((HERE / "go_chart_values.yaml").read_text())
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OF_HELM = {"app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"}
"""Labels that a release adds, be it to tell its pods from those of another."""
NAMESPACED: dict[str, Any] = {
    "watchNamespaces": [RELEASE],
    "crds": {"enabled": False},
    "rbac": {"aggregatedClusterRoles": {"enabled": False}},
}


def by_name(objects: tuple[dict[str, Any], ...]) -> dict[str, dict[str, Any]]:
    """Objects by kind, namespace and name, each once."""
    names = [
        "/".join(filter(None, (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])))
        for item in objects
    ]
    assert len({*names}) == len(names)
    return dict(zip(names, objects, strict=True))


def plain(value: Any) -> Any:
    """The same without what helm adds."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    left = {key: plain(item) for key, item in value.items() if key not in OF_HELM and key != "helm.sh/resource-policy"}
    return {key: item for key, item in left.items() if key not in ("annotations", "labels") or item}


def comparable(objects: tuple[dict[str, Any], ...]) -> dict[str, dict[str, Any]]:
    """By name, without helm's additions and the namespace, which `helm install --create-namespace` makes."""
    found = [plain(item) for item in objects if item["kind"] != "Namespace"]
    for item in found:
        if item["kind"] == "CustomResourceDefinition":
            item["metadata"].pop("labels", None)  # those of the release; there are none otherwise
    return by_name(tuple(found))


def rendered(values: dict[str, Any], *options: str) -> tuple[dict[str, Any], ...]:
    found = render(values, *options)
    assert found.refusal == ""
    return found.objects


def test_the_linter_is_content() -> None:
    done = helm("lint", str(CHART), "--strict")
    assert done.returncode == 0, done.stdout


def test_helm_3_makes_the_same_and_refuses_the_same() -> None:
    values = str(HERE / "go_chart_values.yaml")
    given = ("template", RELEASE, str(CHART), "--namespace", RELEASE, "--kube-version=1.36.0", "--values", values)
    old, new = (helm(*given, program=program) for program in ("helm3", "helm"))
    assert list(yaml.load_all(old.stdout, LOADER)) == list(yaml.load_all(new.stdout, LOADER))
    assert "watchNamespace" in helm(*given, "--set=watchNamespace=a", program="helm3").stderr


def test_by_default_it_is_what_kustomize_makes() -> None:
    made, wanted = comparable(rendered({})), comparable(build("."))
    assert made.keys() == wanted.keys()
    assert [name for name in wanted if made[name] != wanted[name]] == []


def test_in_its_own_namespace_it_is_what_kustomize_makes() -> None:
    wanted = comparable(build("namespaced"))
    (container,) = wanted[f"Deployment/{RELEASE}/{RELEASE}"]["spec"]["template"]["spec"]["containers"]
    container["env"] = [
        {"name": item["name"], "value": RELEASE} if item["name"] == "WATCH_NAMESPACE" else item
        for item in container["env"]
    ]
    assert comparable(rendered(NAMESPACED)) == wanted


@pytest.mark.parametrize(
    ("component", "values"),
    [
        ("single-replica", {"replicaCount": 1}),
        ("vpa", {"vpa": {"enabled": True}}),
        ("network-policy", {"networkPolicy": {"enabled": True}}),
    ],
)
def test_each_component_is_a_value(component: str, values: dict[str, Any], tmp_path: Path) -> None:
    made = comparable(rendered({"crds": {"enabled": False}, **values}))
    assert made == comparable(build_with([component], tmp_path))


@pytest.mark.parametrize(("folder", "kind"), [("victoriametrics", "VMRule"), ("prometheus", "PrometheusRule")])
def test_the_alerts_are_those_that_kustomize_installs(folder: str, kind: str) -> None:
    values = {"crds": {"enabled": False}, "prometheusRule": {"enabled": True, "vm": kind == "VMRule"}}
    name = f"{kind}/{RELEASE}/{RELEASE}"
    assert comparable(rendered(values))[name] == comparable(build(f"monitoring/{folder}"))[name]


def test_the_dashboard_is_the_one_that_kustomize_installs() -> None:
    name = f"ConfigMap/{RELEASE}/{RELEASE}-dashboard"
    made = comparable(rendered({"crds": {"enabled": False}, "dashboards": {"enabled": True}}))
    assert made[name] == comparable(build("monitoring/grafana"))[name]


def test_alerts_look_at_the_job_of_their_release() -> None:
    (rule,) = [
        item
        for item in rendered({"prometheusRule": {"enabled": True}, "fullnameOverride": "mine"})
        if item["kind"] == "VMRule"
    ]
    for alert in rule["spec"]["groups"][0]["rules"]:
        assert 'job="mine"' in alert["expr"]
        assert 'job="vmagent-operator"' not in alert["expr"]


def test_vpa_is_a_rule_in_namespaces_too() -> None:
    role = by_name(rendered(NAMESPACED | {"vpa": {"enabled": True}}))[f"Role/{RELEASE}/{RELEASE}"]
    assert role["rules"][-1]["resources"] == ["verticalpodautoscalers"]


def test_selectors_tell_two_releases_apart() -> None:
    made = by_name(rendered({"serviceMonitor": {"enabled": True}, "networkPolicy": {"enabled": True}}))
    labels = made[f"Deployment/{RELEASE}/{RELEASE}"]["spec"]["template"]["metadata"]["labels"]
    of = {kind: made[f"{kind}/{RELEASE}/{RELEASE}"]["spec"] for kind in ("Service", "PodDisruptionBudget")}
    scrape = made[f"VMServiceScrape/{RELEASE}/{RELEASE}"]["spec"]["selector"]["matchLabels"]
    selectors = [of["Service"]["selector"], of["PodDisruptionBudget"]["selector"]["matchLabels"], scrape]
    for selector in selectors:
        assert selector == {"app.kubernetes.io/name": RELEASE, "app.kubernetes.io/instance": RELEASE}
        assert selector.items() <= labels.items()
    assert scrape.items() <= made[f"Service/{RELEASE}/{RELEASE}"]["metadata"]["labels"].items()


def test_the_values_of_the_go_operators_chart_make_an_operator_that_starts() -> None:
    made = by_name(rendered(GO))
    pod = made[f"Deployment/{RELEASE}/{RELEASE}"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "vmagent-operator:0.1.0"
    assert container["resources"]["limits"] == {"cpu": "120m", "memory": "320Mi"}
    assert pod["securityContext"]["fsGroup"] == 2000
    assert flags.parse(container["args"])["leader-elect"] is True
    assert f"PodDisruptionBudget/{RELEASE}/{RELEASE}" not in made


def test_the_notes_name_what_has_no_effect() -> None:
    given = ("install", RELEASE, str(CHART), "--dry-run=client", "--namespace", RELEASE, "--values")
    notes = helm(*given, str(HERE / "go_chart_values.yaml")).stdout.partition("NOTES:")[2]
    assert "admissionWebhooks.enabled, crds.plain, crds.cleanup.enabled" in notes
    assert "vmagent-operator:0.1.0 runs instead" in notes
    assert "looks after every namespace" in notes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_values(case: dict[str, Any]) -> None:
    found: Rendered = render(case["values"], *case.get("options", ()))
    assert case.get("refused", "") in found.refusal
    assert bool(case.get("refused")) == bool(found.refusal), found.refusal
    there = by_name(found.objects) | {f"{item['kind']}/{item['metadata']['name']}": item for item in found.objects}
    assert [name for name in case.get("absent", ()) if name in there] == []
    for name, wanted in case.get("want", {}).items():
        assert part(there[name], wanted) == wanted, name


def part(found: Any, wanted: Any) -> Any:
    """What of `found` a case speaks about; null where there is nothing."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {key: part(found.get(key), value) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return [part(*pair) for pair in zip(found, wanted, strict=True)]
    return found

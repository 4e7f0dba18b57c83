"""The examples for Argo CD and Flux are what their CRDs take, and hold values that the chart takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from test.controlplane import binaries
from test.manifests.built import MANIFESTS
from test.manifests.chart import render

pytestmark = pytest.mark.slow  # Go modules are fetched and helm is built on first use

OBJECTS = {
    (item["kind"], item["metadata"]["name"]): item
    for path in sorted((MANIFESTS / "gitops").glob("*.yaml"))
    for item in yaml.safe_load_all(path.read_text())
}
CRDS = {
    "Application": ("github.com/argoproj/argo-cd/v3@v3.3.0", "manifests/crds/application-crd.yaml"),
    "GitRepository": (
        "github.com/fluxcd/source-controller@v1.7.0",
        "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",
    ),
    "HelmRelease": (
        "github.com/fluxcd/helm-controller@v1.4.0",
        "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml",
    ),
}
APPLICATION, RELEASE = (OBJECTS[kind, "vmagent-operator"]["spec"] for kind in ("Application", "HelmRelease"))


def closed(schema: Any) -> Any:
    """A CRD's schema that refuses unknown fields, as an API server does on strict validation."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    is_open = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & found.keys()
    return (
        found if is_open or not isinstance(found.get("properties"), dict) else found | {"additionalProperties": False}
    )


@pytest.mark.parametrize("kind", CRDS)
def test_it_is_what_the_crd_takes(kind: str) -> None:
    module, file = CRDS[kind]
    item = OBJECTS[kind, "vmagent-operator"]
    definition = yaml.safe_load((binaries.module(module) / file).read_text())["spec"]
    group, _, name = item["apiVersion"].partition("/")
    (version,) = [version for version in definition["versions"] if version["name"] == name]
    assert (definition["group"], definition["names"]["kind"], version["served"]) == (group, kind, True)
    shape = closed(version["schema"]["openAPIV3Schema"])
    shape["properties"]["metadata"] = {"type": "object"}
    jsonschema.validate(item, shape)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**item, "spec": {**item["spec"], "chrat": {}}}, shape)


@pytest.mark.parametrize(
    ("values", "namespace"),
    [
        (APPLICATION["source"]["helm"]["valuesObject"], APPLICATION["destination"]["namespace"]),
        (RELEASE["values"], OBJECTS["HelmRelease", "vmagent-operator"]["metadata"]["namespace"]),
    ],
    ids=["Argo CD", "Flux"],
)
def test_the_chart_takes_its_values(values: dict[str, Any], namespace: str) -> None:
    found = render(values, namespace=namespace)
    assert found.refusal == ""
    (deployment,) = [item for item in found.objects if item["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.com/vmagent-operator:")


def test_the_chart_is_where_they_look_for_it() -> None:
    for folder in (APPLICATION["source"]["path"], RELEASE["chart"]["spec"]["chart"]):
        assert Path(MANIFESTS.parent, folder, "Chart.yaml").exists()


def test_the_names_that_they_use_are_there() -> None:
    source = RELEASE["chart"]["spec"]["sourceRef"]
    assert (source["kind"], source["name"]) in OBJECTS
    assert ("Namespace", "vmagent-operator") in OBJECTS

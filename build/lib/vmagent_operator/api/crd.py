"""CustomResourceDefinition manifests from the registry of kinds."""

from importlib import resources

import yaml

from vmagent_operator.api.kinds import Column, Kind
from vmagent_operator.identity import GROUP, VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import cached
from vmagent_operator.model.openapi import Structures, schema


@cached
def structures() -> Structures:
    """The schemas of kubernetes.yaml, beside this module; nobody else needs them, so nobody else waits for them."""
    text = resources.files("vmagent_operator.api").joinpath("kubernetes.yaml").read_text("utf-8")
    schemas: Structures = yaml.safe_load(text)["structures"]
    return schemas


def manifest(kind: Kind[object]) -> Manifest:
    """The CustomResourceDefinition of `kind`."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.singular,
            },
            "scope": "Namespaced",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind[object]) -> Manifest:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": _described(kind.spec_class),
        "status": _described(kind.status_class),
    }
    required = {"required": ["spec"]} if kind.is_spec_required else {}
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties, **required}},
        "subresources": {"status": {}} | ({"scale": dict(kind.scale)} if kind.scale else {}),
    }


def _described(cls: type) -> Manifest:
    """The schema of `cls` under the first sentence of its docstring."""
    return {"description": (cls.__doc__ or "").splitlines()[0], **schema(cls, structures())}


def _column(column: Column) -> Manifest:
    doc = {"description": column.doc} if column.doc else {}
    return {"name": column.name, "type": column.type, "jsonPath": column.path, **doc}

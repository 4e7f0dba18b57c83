"""JSON schemas for editors and for tools that check manifests without a cluster.

Stricter than an API server, which drops what it does not know: a misspelled field is an error here.
"""

from collections.abc import Mapping
from typing import Any

from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import Kind
from vmagent_operator.identity import API_VERSION, GROUP, VERSION
from vmagent_operator.model.fields import Keywords

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors and kubeconform read."""
OPEN = "x-kubernetes-preserve-unknown-fields"


def path(kind: Kind[object]) -> str:
    """Where tools look for the schema of `kind` in a folder of schemas: `GROUP/KIND_VERSION.json`."""
    return f"{GROUP}/{kind.singular}_{VERSION}.json"


def document(kind: Kind[object]) -> Keywords:
    """The schema of whole objects of `kind`, made from its CustomResourceDefinition; the status is the operator's, and free."""
    (version,) = manifest(kind)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"] |= {"status": {"type": "object"}}
    made = _closed(schema)
    made["properties"] |= {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind.name}}
    return {"$schema": DRAFT, **made, "required": sorted({"apiVersion", "kind", "metadata", *made.get("required", ())})}


def _closed(schema: Mapping[str, Any]) -> Keywords:
    """The same for JSON Schema: without Kubernetes' own keywords, and without room for unknown fields."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if "properties" in made:
        required = made.get("required", ())
        made["properties"] = {
            key: _closed(value) if key in required else _or_null(_closed(value))
            for key, value in made["properties"].items()
        }
        if OPEN not in schema:
            made["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), Mapping):
            made[key] = _closed(made[key])
    return made


def _or_null(schema: Keywords) -> Keywords:
    """The same, or nothing: an API server takes a null for an absent field."""
    if "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema

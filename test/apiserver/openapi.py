"""OpenAPI v3 for kubectl: which fields there are, and that the server validates them itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from test.apiserver.kinds import Kind
from test.apiserver.schema import definitions

Json = dict[str, Any]
PREFIX = "/openapi/v3"
OLD = "/openapi/v2"
"""Where kubectl looks for a kind that the newer documents don't know, and takes an empty document for "not there either"."""
PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def answer(kinds: Iterable[Kind], custom: Mapping[str, Json], path: str) -> Json | None:
    """The document at a path below /openapi/v3; None if there is none. `custom` holds the CRDs' schemas by definition name."""
    if path == PREFIX:
        places = dict.fromkeys(_place(kind) for kind in kinds)
        return {"paths": {place: {"serverRelativeURL": f"{PREFIX}/{place}?hash=0"} for place in places}}
    wanted = [kind for kind in kinds if path == f"{PREFIX}/{_place(kind)}"]
    if not wanted:
        return None
    schemas = {name: schema for name, schema in definitions().items() if not wanted[0].is_custom or ".meta.v1." in name}
    schemas |= {definition(kind): _described(kind, custom[definition(kind)]) for kind in wanted if kind.is_custom}
    paths = {}
    for kind in wanted:
        scope = "/namespaces/{namespace}" if kind.is_namespaced else ""
        paths[f"/{_place(kind)}{scope}/{kind.plural}/{{name}}"] = {
            "get": _operation(kind, "get"),
            "patch": _operation(kind, "patch"),
        }
    info = {"title": "Kubernetes", "version": "v1.36.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _place(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


def definition(kind: Kind) -> str:
    """The definition name of a custom kind: com.example.v1.Thing."""
    return ".".join((*reversed(kind.group.split(".")), kind.version, kind.name))


def _described(kind: Kind, schema: Json) -> Json:
    meta = {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    properties = {**schema.get("properties", {}), "metadata": meta}
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [_gvk(kind)]}


def _gvk(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _operation(kind: Kind, action: str) -> Json:
    names = PARAMETERS if action == "patch" else ()
    parameters = [{"in": "query", "name": name, "schema": {"type": "string", "uniqueItems": True}} for name in names]
    return {
        "parameters": parameters,
        "responses": {},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }

"""Schemas compiled into nodes: the one description that decoding, defaulting, apply, patches and discovery read.

Built-in kinds (builtin.json) and custom resources (the CRD's structural schema) become the same nodes.
"""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from attrs import define, field

Json = dict[str, Any]
MISSING: Any = object()


@define(eq=False, repr=False)
class Node:
    """What may stand at one place of an object.

    `shape` is a JSON type, `any`, `quantity` or `int-or-string`. `relation` of a list is atomic, map or set, of a map atomic or
    granular. `keep` and `show` name the fields that Go writes although they are empty, or although nobody set them.
    """

    name: str = ""
    shape: str = "any"
    fields: dict[str, "Node"] = field(factory=dict)
    values: "Node | None" = None
    items: "Node | None" = None
    relation: str = "granular"
    keys: tuple[str, ...] = ()
    merge_key: str = ""
    strategies: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    show: tuple[str, ...] = ()
    is_open: bool = False
    is_nullable: bool = False
    default: Any = MISSING
    rules: Mapping[str, Any] = field(factory=dict)

    def child(self, key: str) -> "Node | None":
        """The node of a map's entry; None if there can be no such entry."""
        return self.fields.get(key) or self.values or (ANY if self.is_open else None)


ANY = Node(is_open=True)
RULES = ("enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
         "maxItems", "uniqueItems", "minProperties", "maxProperties", "multipleOf", "format", "required", "anyOf", "oneOf",
         "allOf", "not")  # fmt: skip
NAMED_SHAPES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}
PROTOCOL_KEYED = ("io.k8s.api.core.v1.ServicePort", "io.k8s.api.core.v1.ContainerPort")


@cache
def definitions() -> Mapping[str, Json]:
    """OpenAPI definitions of the built-in kinds, by name."""
    text = Path(__file__).with_name("builtin.json").read_text()
    return dict(json.loads(text))


@cache
def builtin(name: str) -> Node:
    """The node of a built-in definition such as `io.k8s.api.core.v1.Pod`."""
    node = Node(name=name)
    _nodes[name] = node
    _fill(node, definitions()[name])
    return node


MOST_RECENT = 64
_nodes: dict[str, Node] = {}
_recent: dict[int, tuple[Mapping[str, Any], Node]] = {}


def structural(schema: Mapping[str, Any]) -> Node:
    """The node of a custom resource's structural schema: an embedded resource at its root.

    A thousand servers with the same definitions compile them once, and those forked from one do not even compare them.
    """
    known = _recent.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_recent) >= MOST_RECENT:
            _recent.clear()
        known = _recent[id(schema)] = (schema, _structural(json.dumps(schema)))
    return known[1]


@lru_cache(64)
def _structural(text: str) -> Node:
    node = compiled(json.loads(text))
    meta = builtin("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    node.shape = "object"
    node.fields |= {"apiVersion": Node(shape="string"), "kind": Node(shape="string"), "metadata": meta}
    return node


def compiled(schema: Mapping[str, Any]) -> Node:
    """The node of any schema, built-in or structural; `$ref` names a built-in definition."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        target = _nodes.get(name) or builtin(name)
        if "x-kubernetes-patch-strategy" not in schema and "x-kubernetes-map-type" not in schema:
            return target
        # A reference that carries list or patch facts of its own; its target is filled by now or soon, so share its tables.
        return Node(name, target.shape, target.fields, target.values, target.items, target.relation, keep=target.keep,
                    show=target.show, strategies=_strategies(schema))  # fmt: skip
    node = Node()
    _fill(node, schema)
    return node


def _strategies(schema: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(filter(None, schema.get("x-kubernetes-patch-strategy", "").split(",")))


def _fill(node: Node, schema: Mapping[str, Any]) -> None:
    node.shape = _shape(node.name, schema)
    node.strategies = _strategies(schema)
    node.merge_key = schema.get("x-kubernetes-patch-merge-key", "")
    node.keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    node.relation = _relation(node, schema)
    node.is_open = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or node.shape == "any"
    node.is_nullable = bool(schema.get("nullable"))
    node.default = schema.get("default", MISSING)
    node.rules = {key: schema[key] for key in RULES if key in schema}
    properties = schema.get("properties", {})
    node.keep = frozenset(key for key, value in properties.items() if value.get("x-empty") in ("keep", "show"))
    node.show = tuple(key for key, value in properties.items() if value.get("x-empty") == "show")
    for key, value in properties.items():
        node.fields[key] = compiled(value)
    if node.name in PROTOCOL_KEYED:
        node.fields["protocol"].default = "TCP"  # half of a list key, so apply needs it before defaulting
    values = schema.get("additionalProperties")
    if values is not None and values is not False:
        node.values = ANY if values is True else compiled(values)
    if isinstance(schema.get("items"), dict):
        node.items = compiled(schema["items"])
    elif node.shape == "array":
        node.items = ANY


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    if name in NAMED_SHAPES:
        return NAMED_SHAPES[name]
    if schema.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    return str(schema.get("type", "any"))


def _relation(node: Node, schema: Mapping[str, Any]) -> str:
    """How writers share a list or map; a patch strategy stands in for a missing list type, as in kube-openapi."""
    if node.shape != "array":
        return str(schema.get("x-kubernetes-map-type", "granular"))
    if "x-kubernetes-list-type" in schema:
        return str(schema["x-kubernetes-list-type"])
    if "merge" in node.strategies:
        node.keys = (node.merge_key,) if node.merge_key else ()
        return "map" if node.merge_key else "set"
    return "atomic"

"""Rewrites builtin.json, the schemas of the built-in kinds, from the sources of Kubernetes.

    python -m test.apiserver.extract MODULES VERSION

`MODULES` is a Go module cache that holds k8s.io/kubernetes, k8s.io/api and k8s.io/apimachinery, `VERSION` a Kubernetes release such
as 1.36.3. The OpenAPI documents say types, merge keys and list kinds; what Go writes for an empty field only its struct tags say:

- `x-empty: keep`: a pointer, so a present but empty value stays (`emptyDir: {}`, `optional: false`);
- `x-empty: show`: always written, even when nobody set it (`resources: {}`, `status: {}`);
- otherwise an empty value is dropped (`labels: {}`, `command: []`, `hostNetwork: false`).

`x-number` is where a field stands in protobuf, after the numbers of the messages that JSON leaves out: `2.1` for a volume's `hostPath`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GROUPS = ("api__v1", "apis__apps__v1", "apis__policy__v1", "apis__autoscaling__v2", "apis__networking.k8s.io__v1",
          "apis__rbac.authorization.k8s.io__v1", "apis__coordination.k8s.io__v1", "apis__storage.k8s.io__v1",
          "apis__discovery.k8s.io__v1", "apis__apiextensions.k8s.io__v1", "apis__authorization.k8s.io__v1")  # fmt: skip
ROOTS = (
    "core.v1:Namespace Node Pod Service Endpoints ServiceAccount Secret ConfigMap PersistentVolumeClaim PersistentVolume Event "
    "ResourceQuota LimitRange",
    "apps.v1:Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision",
    "policy.v1:PodDisruptionBudget Eviction",
    "autoscaling.v1:Scale",
    "autoscaling.v2:HorizontalPodAutoscaler",
    "networking.v1:NetworkPolicy Ingress",
    "rbac.v1:Role RoleBinding ClusterRole ClusterRoleBinding",
    "coordination.v1:Lease",
    "storage.v1:StorageClass",
    "discovery.v1:EndpointSlice",
    "authorization.v1:SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
)
EXTRA = (
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
)
KEPT = ("type", "format", "required", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
        "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-group-version-kind")  # fmt: skip
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r'^\t(?:(\w+)\s+)?(\S[^`\n]*?)\s+`[^`]*?json:"([^"]*)"', re.M)
MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.M | re.S)
MEMBER = re.compile(r"^  (?:optional |repeated )?(map<[^>]*>|[\w.]+) (\w+) = (\d+)", re.M)

Json = dict[str, Any]
Fields = dict[str, tuple[str, str]]


def structs(folder: Path) -> dict[str, Fields]:
    """Go structs of a package: name -> JSON key -> (Go type, options of the tag); embedded structs are unfolded."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*types*.go")))
    bodies = {match[1]: match[2] for match in STRUCT.finditer(text)}

    def fields(name: str) -> Fields:
        found: Fields = {}
        for match in FIELD.finditer(bodies.get(name, "")):
            key, _, options = match[3].partition(",")
            if key:
                found[key] = (match[2], options)
            elif "inline" in options:
                found |= fields(match[2].split(".")[-1])
        return found

    return {name: fields(name) for name in bodies}


def numbers(folder: Path) -> dict[str, dict[str, str]]:
    """Messages of a package: name -> field -> number; fields of inner messages stand beside those of the outer one."""
    text = (folder / "generated.proto").read_text()
    members = {match[1]: MEMBER.findall(match[2]) for match in MESSAGE.finditer(text)}

    def fields(name: str, before: str = "", depth: int = 2) -> dict[str, str]:
        found: dict[str, str] = {}
        for kind, key, number in members.get(name, ()):
            if depth:
                found |= {**fields(kind, f"{before}{number}.", depth - 1), **found}
            found[key] = before + number
        return found

    return {name: fields(name) for name in members}


def empty(go_type: str, options: str) -> str | None:
    """What Go writes for an empty field of this type."""
    if go_type.startswith(("*", "json.RawMessage")):
        return "keep"
    if "omitzero" in options:
        return None
    is_collection = go_type.startswith(("[]", "map[")) or go_type in ("ResourceList", "v1.ResourceList")
    is_struct = not is_collection and "." in go_type and not go_type.endswith(("UID", "Time", "Name", "Type"))
    return "show" if "omitempty" not in options or is_struct else None


def slim(schema: Json) -> Json:
    """`schema` without descriptions, enumerations and defaults, references unwrapped."""
    out = {key: schema[key] for key in KEPT if key in schema}
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ())), None)
    if reference:
        out["$ref"] = "#/components/schemas/" + reference.rsplit("/", 1)[-1]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            out[key] = slim(schema[key])
    if "properties" in schema:
        out["properties"] = {key: slim(value) for key, value in sorted(schema["properties"].items())}
    return out


def references(schema: Any) -> Iterator[str]:
    """Names of the definitions that `schema` refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rsplit("/", 1)[-1]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


class Sources:
    """OpenAPI documents and Go packages of one Kubernetes release."""

    def __init__(self, modules: Path, version: str) -> None:
        self.modules, self.minor = modules / "k8s.io", version.partition(".")[2]
        folder = self.modules / f"kubernetes@v{version}" / "api/openapi-spec/v3"
        self.schemas: dict[str, Json] = {}
        for group in GROUPS:
            self.schemas |= json.loads((folder / f"{group}_openapi.json").read_text())["components"]["schemas"]
        self.packages: dict[str, dict[str, Fields]] = {}
        self.wires: dict[str, dict[str, dict[str, str]]] = {}

    def folder(self, name: str) -> Path:
        """The Go package behind an OpenAPI prefix such as io.k8s.api.core.v1."""
        module, *rest = name.split(".")[2:]
        return self.modules / f"{module}@v0.{self.minor}" / "/".join(rest)

    def wire(self, package: str, name: str) -> dict[str, str]:
        """Numbers of the fields of a message."""
        if package not in self.wires:
            self.wires[package] = numbers(self.folder(package))
        return self.wires[package].get(name, {})

    def package(self, name: str) -> dict[str, Fields]:
        """Structs of the Go package behind an OpenAPI prefix such as io.k8s.api.core.v1."""
        if name not in self.packages:
            self.packages[name] = structs(self.folder(name))
        return self.packages[name]

    def definition(self, name: str) -> Json:
        """The compact schema of one definition."""
        out = slim(self.schemas[name])
        package, _, struct = name.rpartition(".")
        for key, (go_type, options) in self.package(package).get(struct, {}).items():
            if key not in out.get("properties", {}):
                continue
            is_struct = self.schemas[name]["properties"][key].get("default") == {} and "omitzero" not in options
            mode = "show" if is_struct and not go_type.startswith("*") else empty(go_type, options)
            if mode:
                out["properties"][key]["x-empty"] = mode
        wire = self.wire(package, struct)
        for key, schema in out.get("properties", {}).items():
            if key in wire and (
                key not in ("apiVersion", "kind") or "." not in wire[key]
            ):  # those of an object come outside
                schema["x-number"] = wire[key]
        return out


def closure(sources: Sources) -> dict[str, Json]:
    """Every definition that the roots need, by name."""
    todo = [
        f"io.k8s.api.{group}.{kind}" for group, kinds in (root.split(":") for root in ROOTS) for kind in kinds.split()
    ]
    todo += EXTRA
    found: dict[str, Json] = {}
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = sources.definition(name)
            todo += references(found[name])
    return dict(sorted(found.items()))


def main() -> None:
    """Write builtin.json beside this module."""
    definitions = closure(Sources(Path(sys.argv[1]), sys.argv[2]))
    lines = (f"{json.dumps(name)}: {json.dumps(schema, separators=(',', ':'))}" for name, schema in definitions.items())
    Path(__file__).with_name("builtin.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

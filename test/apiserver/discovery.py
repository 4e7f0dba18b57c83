"""What the server offers: /version, /api, /apis with and without aggregation, health."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from test.apiserver import openapi
from test.apiserver.kinds import Kind
from test.apiserver.routes import Raw
from test.apiserver.schema import Node

if TYPE_CHECKING:
    from test.apiserver.api import Api

Json = dict[str, Any]
SUB_VERBS = {"eviction": ["create"], "log": ["get"], "finalize": ["update"]}
SUB_KINDS = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction")}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
NEW_EVENTS = Kind("events.k8s.io", "v1", "Event", "events", "event", True, Node(), ("ev",))  # see aliases
HEALTH = ("/healthz", "/livez", "/readyz")


def answer(api: "Api", raw: Raw) -> Json | bytes | None:
    """The document at a path that is no resource; None if there is nothing of the kind."""
    path = raw.path.rstrip("/") or "/"
    if raw.method != "GET":
        return None
    if path in HEALTH:
        return b"ok"
    if path == openapi.OLD:
        return b""
    if path == "/version":
        major, minor = api.version
        return {
            "major": str(major),
            "minor": str(minor),
            "gitVersion": f"v{major}.{minor}.0",
            "platform": "linux/amd64",
        }
    kinds = [*api.served.values(), NEW_EVENTS]
    if path.startswith(openapi.PREFIX):
        return openapi.answer(kinds, api.definitions.schemas, path)
    is_aggregated = "as=APIGroupDiscoveryList" in raw.headers.get("accept", "")
    if path in ("/api", "/apis") and is_aggregated:
        return _aggregated(kinds, path == "/api")
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(kinds, name) for name in _groups(kinds) if name],
        }
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in _groups(kinds):
        return {"kind": "APIGroup", "apiVersion": "v1"} | _group(kinds, parts[1])
    if parts == ["api", "v1"] or (parts[0] == "apis" and len(parts) == 3):
        return _resources(kinds, "/".join(parts[1:]))
    return None


def _groups(kinds: Iterable[Kind]) -> list[str]:
    return list(dict.fromkeys(kind.group for kind in kinds))


def _group(kinds: Iterable[Kind], name: str) -> Json:
    versions = list(dict.fromkeys(kind.version for kind in kinds if kind.group == name))
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def _resources(kinds: Iterable[Kind], group_version: str) -> Json | None:
    found: list[Json] = []
    for kind in kinds:
        if kind.api_version != group_version:
            continue
        base = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.is_namespaced,
            "kind": kind.name,
            "verbs": kind.verbs,
        }
        if kind.short:
            base["shortNames"] = list(kind.short)
        if kind.categories:
            base["categories"] = list(kind.categories)
        found.append(base)
        for name in sorted(kind.subresources):
            entry: Json = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.is_namespaced}
            entry |= {"kind": kind.name, "verbs": SUB_VERBS.get(name, ["get", "patch", "update"])}
            if name in SUB_KINDS:
                entry["group"], entry["version"], entry["kind"] = SUB_KINDS[name]
            found.append(entry)
    if not found:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": found}


def _aggregated(kinds: list[Kind], is_core: bool) -> Json:
    items = []
    for group in _groups(kinds):
        if bool(group) == is_core:
            continue
        versions: dict[str, list[Json]] = {}
        for kind in kinds:
            if kind.group == group:
                versions.setdefault(kind.version, []).append(_discovered(kind))
        entries = [
            {"version": version, "resources": found, "freshness": "Current"} for version, found in versions.items()
        ]
        items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": entries})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _discovered(kind: Kind) -> Json:
    def response(group: str, version: str, name: str) -> Json:
        return {"group": group, "version": version, "kind": name}

    entry: Json = {"resource": kind.plural, "responseKind": response(kind.group, kind.version, kind.name)}
    entry |= {
        "scope": "Namespaced" if kind.is_namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": kind.verbs,
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": response(*SUB_KINDS.get(name, (kind.group, kind.version, kind.name))),
                "verbs": SUB_VERBS.get(name, ["get", "patch", "update"]),
            }
            for name in sorted(kind.subresources)
        ]
    return entry

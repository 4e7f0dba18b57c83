"""Objects from files into a server: as they are, not as a client would create them."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from test.apiserver.api import Api
from test.apiserver.objects import Context
from test.apiserver.store import Json, clone

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def furnish(api: Api) -> Api:
    """`api` as people expect a cluster to be: with a node, and pods for every workload, though none runs a container."""
    api.workloads.makes_pods = api.workloads.makes_replicas = True
    major, minor = api.version
    ready = {"type": "Ready", "status": "True", "reason": "NoKubelet", "message": "nothing runs here"}
    restore(
        api,
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node-1", "labels": {"kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux"}},
            "status": {"conditions": [ready], "nodeInfo": {"kubeletVersion": f"v{major}.{minor}.0"}},
        },
        "node-1",
    )
    return api


def manifests(path: Path) -> Iterator[Json]:
    """The documents of a file (`-` is standard input) or of every YAML file of a folder, lists unfolded."""
    if path.is_dir():
        for inner in sorted((*path.glob("*.yaml"), *path.glob("*.yml"), *path.glob("*.json"))):
            yield from manifests(inner)
        return
    text = sys.stdin.read() if str(path) == "-" else path.read_text()
    for document in yaml.load_all(text, LOADER):
        if document:
            yield from document.get("items", [document]) if document.get("kind", "").endswith("List") else [document]


def load(api: Api, documents: Iterable[Json], manager: str = "test") -> list[Json]:
    """Create objects through the API, missing namespaces first, and let the controllers see them. Raises Failure."""
    created = []
    for document in documents:
        ensure_namespace(api, document["metadata"].get("namespace", ""))
        if document["kind"] != "Namespace" or api.store.get("namespaces", ("", document["metadata"]["name"])) is None:
            created.append(api.add(document, manager))
    api.settle()
    return created


def ensure_namespace(api: Api, name: str) -> None:
    """Create the namespace if it is missing."""
    if name and api.store.get("namespaces", ("", name)) is None:
        api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def restore(api: Api, document: Json, uid: str) -> Json:
    """Put an object into the store with the metadata and status that it has, as if it had been there all along.

    Defaults apply as on a create; nothing is validated, for old objects may break new rules. Without a uid it gets `uid`.
    """
    kind = api.kind(document["apiVersion"], document["kind"])
    ensure_namespace(api, document["metadata"].get("namespace", "") if kind.is_namespaced else "")
    value = clone(document)
    meta = {"uid": uid, "generation": 1, "creationTimestamp": api.store.timestamp()} | value["metadata"]
    value["metadata"] = meta
    status = value.get("status")
    value = api.objects.revive(kind, value, Context("test"))
    if status is not None:
        value["status"] = status
    return api.store.put(kind.storage, (meta.get("namespace", ""), meta["name"]), value)

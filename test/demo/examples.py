"""The objects of `manifests`, as the demonstration creates them, and the kinds that it looks at."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from test.demo.watching import Collection
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.child import resource_of
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.identity import MANAGED_BY, MANAGED_BY_LABEL
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import AlreadyExists, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource

ROOT = Path(__file__).parent.parent.parent
SERVED_SECONDS = 60
POLL_SECONDS = 0.1
MADE = (
    *(resource.SERVICEACCOUNTS, resource.ROLES, resource.ROLEBINDINGS, resource.SERVICES, resource.SECRETS),
    *(resource.CONFIGMAPS, resource.PODDISRUPTIONBUDGETS),
    *(resource.DEPLOYMENTS, resource.STATEFULSETS, resource.DAEMONSETS),
)
"""Kinds of a namespace of which the operator makes objects here."""
MADE_FOR_ALL = (resource.CLUSTERROLES, resource.CLUSTERROLEBINDINGS)
DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
NAMESPACES = resource.NAMESPACES
OWNERS = tuple(map(custom, kinds.OWNER_KINDS))
KINDS = tuple(map(custom, kinds.KINDS))


def definitions() -> list[Manifest]:
    """The CRDs."""
    return _documents((ROOT / "manifests/crd").glob("vm*.yaml"))


def examples(names: Mapping[str, str] | None = None) -> list[Manifest]:
    """Every example once, its namespace renamed by `names`."""
    renamed = names or {}
    found: dict[tuple[str, str, str], Manifest] = {}
    for manifest in _documents(sorted((ROOT / "manifests/examples").glob("*.yaml"))):
        meta = manifest["metadata"]
        key = "namespace" if "namespace" in meta else "name"
        meta[key] = (
            renamed.get(meta[key], meta[key]) if key == "namespace" or manifest["kind"] == "Namespace" else meta[key]
        )
        found.setdefault((manifest["kind"], meta.get("namespace", ""), meta["name"]), manifest)
    return list(found.values())


def collections(namespaces: Sequence[str] = ()) -> list[Collection]:
    """What to look at, in `namespaces` or in all."""
    ours = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    places = namespaces or (None,)
    found = [Collection(kind, place) for kind in KINDS for place in places]
    found += [Collection(kind, place, ours) for kind in MADE for place in places]
    return found if namespaces else found + [Collection(kind, None, ours) for kind in MADE_FOR_ALL]


def create(client: Client, manifests: Iterable[Manifest]) -> list[Manifest]:
    """Those of `manifests` that did not exist, as they were created."""
    created = []
    for manifest in manifests:
        with suppress(AlreadyExists):
            created.append(client.create(resource_of(manifest), manifest))
    return created


def until_served(client: Client) -> None:
    """Return when the API server knows every kind of the CRDs. Raises NotFound if that takes too long."""
    deadline = time.monotonic() + SERVED_SECONDS
    for wanted in KINDS:
        while True:
            try:
                client.list(wanted, page_size=1)
                break
            except NotFound:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)


def _documents(paths: Iterable[Path]) -> list[Manifest]:
    return [document for path in paths for document in yaml.safe_load_all(path.read_text()) if document]

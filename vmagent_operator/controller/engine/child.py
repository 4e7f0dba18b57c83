"""How the objects of an owner are told apart, and told from what they were. Pure."""

import hashlib
import json

from attrs import frozen

from vmagent_operator.api.kinds import KINDS
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Manifest, Resource

_OURS = {(API_VERSION, kind.name): custom(kind) for kind in KINDS}


@frozen
class Child:
    """Which object: its kind, namespace ("" if it has none) and name."""

    kind: Resource
    namespace: str
    name: str

    @property
    def id(self) -> tuple[str, str, str]:
        """Its kind by name, namespace and name."""
        return self.kind.kind, self.namespace, self.name


def resource_of(manifest: Manifest) -> Resource:
    """Where the API server has `manifest`, of a kind of Kubernetes or of ours."""
    return _OURS.get((manifest["apiVersion"], manifest["kind"])) or resource.of(manifest)


def child_of(manifest: Manifest) -> Child:
    """Which child `manifest` is."""
    return Child(resource_of(manifest), manifest["metadata"].get("namespace") or "", manifest["metadata"]["name"])


def content_digest(manifest: Manifest) -> bytes:
    """A digest of all of `manifest`, whatever the order of its keys."""
    if data := manifest.get("data"):  # a megabyte of a Secret takes six times as long as JSON
        manifest = {**manifest, "data": {key: _digest(text).hex() for key, text in data.items()}}
    return _digest(json.dumps(manifest, sort_keys=True))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

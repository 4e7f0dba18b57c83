"""What is not written because somebody else has an object of its name, and what would lean on such an object. Pure.

One object that is not ours must not stop the others; but nothing of ours may refer to it, as if it were ours.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube.resource import Manifest

Name = tuple[str, str, str]
"""Kind, namespace ("" for the cluster's own) and name."""


@define
class LeftOut:
    """The objects of one owner that are left out: `refused` (name -> why, and what to do) and what leans on those."""

    refused: dict[Name, str] = field(factory=dict)
    names: set[Name] = field(factory=set)

    @property
    def reason(self) -> str:
        """Why, and what to do; "" if nothing is left out."""
        return "; ".join(self.refused.values())

    @property
    def has_workload(self) -> bool:
        """Whether pods stay as they are, or are not there at all."""
        return any(kind in WORKLOADS for kind, _, _ in self.names)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of what is left out."""
        return frozenset(kind for kind, _, _ in self.names)

    def refuse(self, manifest: Manifest, objection: str) -> None:
        """Leave out an object whose name somebody else's has."""
        self.refused[name_of(manifest)] = objection
        self.names.add(name_of(manifest))

    def takes(self, manifest: Manifest) -> bool:
        """Whether `manifest` leans on something that is left out, and so is left out itself."""
        leans = any(name in self.names for name in _leans_on(manifest))
        # Without its account an owner has no pods, and nothing that comes after it serves anybody.
        if leans or any(kind == "ServiceAccount" for kind, _, _ in self.names):
            self.names.add(name_of(manifest))
            return True
        return False


def name_of(manifest: Manifest) -> Name:
    """Which object `manifest` is."""
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace") or "", metadata["name"]


def _leans_on(manifest: Manifest) -> Iterator[Name]:
    """What `manifest` would give rights to, or run with."""
    namespace = manifest["metadata"].get("namespace") or ""
    if role := manifest.get("roleRef"):
        yield role["kind"], "" if role["kind"] == "ClusterRole" else namespace, role["name"]
    if manifest["kind"] in WORKLOADS:
        for volume in manifest["spec"]["template"]["spec"].get("volumes") or ():
            for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
                yield from _contents(source, namespace)


def _contents(source: Mapping[str, Any], namespace: str) -> Iterator[Name]:
    for kind, key in (("Secret", "secret"), ("ConfigMap", "configMap")):
        if isinstance(of := source.get(key), Mapping):
            yield kind, namespace, of.get("secretName") or of.get("name") or ""

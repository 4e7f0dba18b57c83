"""What is not written, because it is somebody else's or cannot be, and what would lean on such an object. Pure.

One object must not stop the others; but nothing of ours may refer to one that is not ours, as if it were.
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
    """The objects of one owner that are left out, each with why: a name -> a sentence.

    refused: the name is somebody else's, which only a person can mend. waiting: it is being deleted, and made anew by
    itself. impossible: there is no such kind, or no such namespace; the owner does without. names: all of them, and what
    leans on those.
    """

    refused: dict[Name, str] = field(factory=dict)
    waiting: dict[Name, str] = field(factory=dict)
    impossible: dict[Name, str] = field(factory=dict)
    names: set[Name] = field(factory=set)

    @property
    def reason(self) -> str:
        """What only a person can mend, and how; "" if there is nothing."""
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
        self._leave(self.refused, manifest, objection)

    def wait(self, manifest: Manifest, reason: str) -> None:
        """Leave out an object for now."""
        self._leave(self.waiting, manifest, reason)

    def give_up(self, manifest: Manifest, reason: str) -> None:
        """Leave out an object that cannot be."""
        self._leave(self.impossible, manifest, reason)

    def _leave(self, among: dict[Name, str], manifest: Manifest, reason: str) -> None:
        among[name_of(manifest)] = reason
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
            if isinstance(claim := volume.get("persistentVolumeClaim"), Mapping):
                yield "PersistentVolumeClaim", namespace, claim.get("claimName") or ""
            for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
                yield from _contents(source, namespace)


def _contents(source: Mapping[str, Any], namespace: str) -> Iterator[Name]:
    for kind, key in (("Secret", "secret"), ("ConfigMap", "configMap")):
        if isinstance(of := source.get(key), Mapping):
            yield kind, namespace, of.get("secretName") or of.get("name") or ""

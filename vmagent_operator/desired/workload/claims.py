"""Claim templates of StatefulSets."""

from vmagent_operator.api.apps import EmbeddedPersistentVolumeClaim
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest


def request(claim: EmbeddedPersistentVolumeClaim) -> str:
    """The size that a claim asks for, as written; empty if it asks for none."""
    resources: Manifest = (claim.spec or {}).get("resources") or {}
    return str((resources.get("requests") or {}).get("storage") or "")


def template(volume: str, claim: EmbeddedPersistentVolumeClaim) -> Manifest:
    """The template that claims `volume` for each pod."""
    metadata = {"name": volume, "labels": claim.metadata.labels, "annotations": claim.metadata.annotations}
    return canonical(
        {
            "apiVersion": claim.api_version,
            "kind": claim.kind,
            "metadata": metadata,
            "spec": {"accessModes": ["ReadWriteOnce"]} | canonical(claim.spec or {}),
            "status": claim.status,
        }
    )

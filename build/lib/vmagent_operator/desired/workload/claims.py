"""Where a StatefulSet keeps its data: in a claim for each pod, or in a directory that lives as long as the pod."""

from collections.abc import Collection, Sequence

from attrs import frozen

from vmagent_operator.api.apps import EmbeddedPersistentVolumeClaim, StorageSpec
from vmagent_operator.desired.defaults import canonical, canonical_list
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError


@frozen(kw_only=True)
class Data:
    """The volume `volume`, as `storage` asks for it; `path` is the field that says so.

    A claim that asks for no size could never be bound, and counts as none.
    """

    volume: str
    storage: StorageSpec | None = None
    path: str = "spec.storage"

    @property
    def claim(self) -> EmbeddedPersistentVolumeClaim | None:
        """The claim, if that is where the data goes."""
        if self.storage is None or self.storage.empty_dir is not None:
            return None
        claim = self.storage.volume_claim_template
        return claim if claim is not None and request(claim) else None

    @property
    def is_chosen(self) -> bool:
        """Whether `storage` says where the data goes."""
        return self.storage is not None and (self.storage.empty_dir is not None or self.claim is not None)

    def volumes(self, taken: Collection[str], users: str = "spec.volumes") -> list[Manifest]:
        """The volume, unless it is claimed or among those that are `taken`.

        OwnerError if both the field `users` and `storage` have it.
        """
        if self.volume in taken:
            if self.is_chosen:
                raise OwnerError(f"{users}: {self.volume} is the volume that {self.path} asks for")
            return []
        if self.claim:
            return []
        given = self.storage.empty_dir if self.storage else None
        return [{"name": self.volume, "emptyDir": canonical(given or {}, "emptyDir")}]

    def templates(self, further: Sequence[Manifest] = ()) -> list[Manifest]:
        """The claim templates: that of the data, then the user's own."""
        own = [template(self.volume, claim)] if (claim := self.claim) else []
        return own + canonical_list(further)


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

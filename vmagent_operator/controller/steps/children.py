"""Desired children -> the cluster, in order, with as few requests as possible.

A child that was found to be as desired at its present resource version costs nothing; one whose cached state is as
desired costs a comparison; only the rest is read live and, if need be, written.
"""

import logging
from collections.abc import Callable, Iterable

from attrs import define

from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.controller.engine.state import Memory, Verified
from vmagent_operator.controller.engine.stores import SCRAPES, Stores
from vmagent_operator.controller.steps.leftout import LeftOut
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written
from vmagent_operator.kube.write.managedfields import Migration
from vmagent_operator.kube.write.ownership import objection

logger = logging.getLogger(__name__)


@define
class Children:
    """The children of one VMAgent during one pass.

    `on_write` is told of every write that was made: kind, name and what was done.
    """

    stores: Stores
    applier: Applier
    memory: Memory
    previous: Migration
    on_write: Callable[[Manifest, Written], None]

    def ensure_all(self, desired: Iterable[Manifest]) -> LeftOut:
        """Make every child as desired that can be; what is left out. Raises WaitingError and ApiError."""
        left_out = LeftOut()
        for manifest in desired:
            if not left_out.takes(manifest):
                try:
                    self.ensure(manifest)
                except NotOwnedError as error:
                    left_out.refuse(manifest, str(error))
        return left_out

    def ensure(self, desired: Manifest) -> None:
        """Make one child as desired. Raises WaitingError, NotOwnedError and ApiError."""
        kind, child, digest = resource_of(desired), child_of(desired), content_digest(desired)
        if self.is_known_up_to_date(child, digest):
            return
        cached = self.stores.get(kind, child.namespace, child.name)
        if cached is not None and self._is_settled(desired, cached, kind):
            self._remember(child, cached["metadata"], digest)
            return
        written = self.applier.ensure(desired, self.previous)
        self._remember(child, written.metadata, digest)
        if written.action:
            self.on_write(desired, written)

    def is_known_up_to_date(self, child: Child, digest: bytes) -> bool:
        """Whether the child is known to be as desired, without a look at its content."""
        cached = self.stores.get(child.kind, child.namespace, child.name)
        if cached is None:
            return False
        metadata = stores.metadata(cached)
        if metadata.get("deletionTimestamp"):
            return False
        return self.memory.verified.get(child) == Verified(metadata["uid"], metadata["resourceVersion"], digest)

    def is_up_to_date(self, desired: Manifest) -> bool:
        """Whether the child is as desired, as far as the store can tell; False for what it has not the content of."""
        kind = resource_of(desired)
        cached = self.stores.get(kind, desired["metadata"].get("namespace"), desired["metadata"]["name"])
        return cached is not None and self._is_settled(desired, cached, kind)

    def _is_settled(self, desired: Manifest, cached: Manifest, kind: Resource) -> bool:
        if kind in (resource.SECRETS, resource.CONFIGMAPS) or kind in SCRAPES:
            return False  # the store has not what would have to be compared
        if objection(desired, cached, self.applier.policy):
            return False  # the store has not all that may tell whose it is; the live object is asked
        if cached["metadata"].get("deletionTimestamp"):
            raise WaitingError(f"{kind.kind} {cached['metadata']['name']} is being deleted")
        return diff.step(desired, cached, self.applier.client.manager, self.previous) is None

    def _remember(self, child: Child, metadata: Manifest, digest: bytes) -> None:
        self.memory.verified[child] = Verified(metadata["uid"], metadata["resourceVersion"], digest)
        if "generation" in metadata:
            self.memory.generations[child] = (metadata["uid"], metadata["generation"])

"""Plan -> Applied: desired children reach the cluster, in order, with as few requests as possible.

A child that was found to be as desired at its present resource version costs nothing; one whose cached state is as
desired costs a comparison; only the rest is read live and, if need be, written.
"""

from collections.abc import Callable, Iterable, Mapping

from attrs import define, field, frozen

from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.controller.engine.stores import SCRAPES, Stores
from vmagent_operator.controller.steps.leftout import LeftOut
from vmagent_operator.controller.steps.plan import Plan
from vmagent_operator.controller.steps.rollout import Progress
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written
from vmagent_operator.kube.write.managedfields import Migration
from vmagent_operator.kube.write.ownership import objection


@frozen
class Verified:
    """An object at this UID and resource version was found to be as desired, `digest` being the desired content's."""

    uid: str
    resource_version: str
    digest: bytes


@define
class ChildState:
    """What is remembered of an owner's children.

    verified: those that were as desired. generations: UID and generation that our last write led to, so that an older
    status is not taken for its outcome.
    """

    verified: dict[Child, Verified] = field(factory=dict)
    generations: dict[Child, tuple[str, int]] = field(factory=dict)


@frozen(kw_only=True)
class Applied:
    """What has become of a plan.

    left_out: what was not written, and why. written: the writes that were made. progress: what the workloads still lack.
    """

    plan: Plan
    left_out: LeftOut
    written: Mapping[Child, Written]
    progress: Progress

    @property
    def is_available(self) -> bool | None:
        """Whether every workload is ready; None if that says nothing, since not all of them are ours."""
        return None if self.left_out.has_workload else self.progress.is_ready


@define
class Children:
    """The children of one owner during one reconcile.

    `on_write` hears of every write that was made: kind, name and what was done.
    """

    stores: Stores
    applier: Applier
    state: ChildState
    migration: Migration
    on_write: Callable[[Manifest, Written], None]
    written: dict[Child, Written] = field(init=False, factory=dict)

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
        if cached is not None and self._is_up_to_date(desired, cached, kind):
            self._remember(child, cached["metadata"], digest)
            return
        written = self.applier.ensure(desired, self.migration)
        self._remember(child, written.metadata, digest)
        if written.action:
            self.written[child] = written
            self.on_write(desired, written)

    def is_known_up_to_date(self, child: Child, digest: bytes) -> bool:
        """Whether the child is known to be as desired, without a look at its content."""
        cached = self.stores.get(child.kind, child.namespace, child.name)
        if cached is None:
            return False
        metadata = stores.metadata(cached)
        if metadata.get("deletionTimestamp"):
            return False
        return self.state.verified.get(child) == Verified(metadata["uid"], metadata["resourceVersion"], digest)

    def is_up_to_date(self, desired: Manifest) -> bool:
        """Whether the child is as desired, as far as the store can tell; False for what it has not the content of."""
        cached = self.cached(desired)
        return cached is not None and self._is_up_to_date(desired, cached, resource_of(desired))

    def cached(self, desired: Manifest) -> Manifest | None:
        """The child as the stores have it, None if they do not."""
        child = child_of(desired)
        found: Manifest | None = self.stores.get(child.kind, child.namespace, child.name)
        return found

    def _is_up_to_date(self, desired: Manifest, cached: Manifest, kind: Resource) -> bool:
        if kind in (resource.SECRETS, resource.CONFIGMAPS) or kind in SCRAPES:
            return False  # the store has not what would have to be compared
        if objection(desired, cached, self.applier.policy):
            return False  # the store has not all that may tell whose it is; the live object is asked
        if cached["metadata"].get("deletionTimestamp"):
            raise WaitingError(f"{kind.kind} {cached['metadata']['name']} is being deleted")
        return diff.step(desired, cached, self.applier.client.manager, self.migration) is None

    def _remember(self, child: Child, metadata: Manifest, digest: bytes) -> None:
        self.state.verified[child] = Verified(metadata["uid"], metadata["resourceVersion"], digest)
        if "generation" in metadata:
            self.state.generations[child] = (metadata["uid"], metadata["generation"])

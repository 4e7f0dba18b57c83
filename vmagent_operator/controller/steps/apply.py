"""Plan -> Applied: desired children reach the cluster, in order, with as few requests as possible.

A child that was found to be as desired at its present resource version costs nothing; one whose cached state is as
desired costs a comparison; only the rest is read live and, if need be, written.
"""

from collections.abc import Callable, Container, Iterable, Mapping

from attrs import define, evolve, field, frozen

from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.controller.engine.kind import Owner, OwnerKind, Workload
from vmagent_operator.controller.engine.stores import CLAIMS, OPTIONAL_CHILDREN, SCRAPES, Stores
from vmagent_operator.controller.steps.claims import OwnClaims
from vmagent_operator.controller.steps.leftout import LeftOut
from vmagent_operator.controller.steps.plan import Plan
from vmagent_operator.controller.steps.rollout import READY, Progress
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import ApiError, Forbidden, NotFound, Timeout
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written
from vmagent_operator.kube.write.managedfields import Migration
from vmagent_operator.kube.write.ownership import describe, objection

OPTIONAL = frozenset({*SCRAPES, resource.VERTICALPODAUTOSCALERS, *OPTIONAL_CHILDREN})
"""Kinds that a cluster may do without: an owner runs all the same."""


LONGEST_SECONDS = 60.0
"""A reconcile that takes longer ends before its next write, for what it has read is old; the next one goes on."""


class OutdatedError(Exception):
    """The owner is no longer what this reconcile took it for; nothing was written on its word."""


class OverlongError(Timeout):
    """The reconcile takes longer than what it has read is good for."""


@frozen
class Verified:
    """An object at this UID and resource version was found to be as desired, `digest` being the desired content's."""

    uid: str
    resource_version: str
    digest: bytes


@define
class ChildState:
    """What is remembered of an owner's children.

    verified: those that were as desired. seen: since when we know of them, in monotonic seconds. generations: UID and generation that our last write led to, so that an older
    status is not taken for its outcome.
    """

    verified: dict[Child, Verified] = field(factory=dict)
    seen: dict[Child, float] = field(factory=dict)
    generations: dict[Child, tuple[str, int]] = field(factory=dict)

    def keep(self, children: Container[Child]) -> None:
        """Forget all others."""
        for remembered in (self.verified, self.seen, self.generations):
            for child in [child for child in remembered if child not in children]:
                del remembered[child]


@frozen(kw_only=True)
class Applied:
    """What has become of a plan.

    left_out: what was not written, and why. written: the writes that were made. progress: what the workloads still lack;
    lacking: the same of each that is not ready, by name.
    """

    plan: Plan
    left_out: LeftOut
    written: Mapping[Child, Written]
    progress: Progress
    lacking: Mapping[str, Progress] = field(factory=dict)

    @property
    def is_available(self) -> bool | None:
        """Whether every workload is ready; None if that says nothing, since not all of them are ours."""
        return None if self.left_out.has_workload else self.progress.is_ready

    @property
    def queued(self) -> list[str]:
        """The names of the workloads that others are waited for with."""
        return [manifest["metadata"]["name"] for manifest in self.plan.waiting if manifest["kind"] in WORKLOADS]

    def conditions(self, workloads: Iterable[Workload]) -> dict[str, str | None]:
        """What those lack of which the status tells, by the types of their conditions: see `owner_status`."""
        found = dict[str, str | None]()
        left_out = {name for kind, _, name in self.left_out.names if kind in WORKLOADS}
        for each in workloads:
            if each.condition:
                lacks = self.lacking.get(each.name, READY).waiting or ("is left out" if each.name in left_out else "")
                found[each.condition] = (
                    (lacks or ("waits for its turn" if each.name in self.queued else "")) if each.name else None
                )
        return found

    @property
    def waits_for(self) -> str:
        """What is waited for, but for workloads; "" if nothing is."""
        return "; ".join(self.left_out.waiting.values())


@define
class Confirmation:
    """Asks before the first write whether the owner still is what its store says: a lagging store must not undo anything."""

    client: Client
    of: OwnerKind
    owner: Owner
    started: float
    on_failure: Callable[[], None]
    """Hears of a read of the owner that fails."""
    is_confirmed: bool = False

    def __call__(self) -> None:
        """Raises OutdatedError, OverlongError once the reconcile has taken too long, and ApiError."""
        if self.client.clock.monotonic() - self.started > LONGEST_SECONDS:
            raise OverlongError("the reconcile takes too long; the next one goes on")
        if self.is_confirmed:
            return
        metadata = self.owner.metadata
        try:
            live = self.client.get(self.of.resource, metadata.namespace, metadata.name)["metadata"]
        except NotFound:
            raise OutdatedError from None
        except ApiError:
            self.on_failure()
            raise
        known = (metadata.uid, metadata.generation, bool(metadata.deletion_timestamp))
        if known != (live["uid"], live.get("generation", 0), bool(live.get("deletionTimestamp"))):
            raise OutdatedError
        self.is_confirmed = True


@define
class Children:
    """The children of one owner during one reconcile.

    `on_write` hears of every write that was made: kind, name and what was done. `yields` says which fields of a child are
    left alone once somebody else has set them. claims: what else is to be done about claims.
    """

    namespace: str
    stores: Stores
    applier: Applier
    state: ChildState
    migration: Migration
    on_write: Callable[[Manifest, Written], None]
    yields: Callable[[Manifest], frozenset[str]]
    claims: OwnClaims
    written: dict[Child, Written] = field(init=False, factory=dict)

    def ensure_all(self, desired: Iterable[Manifest]) -> LeftOut:
        """Make every child as desired that can be; what is left out. Raises ApiError."""
        left_out = LeftOut()
        for manifest in desired:
            if not left_out.takes(manifest):
                try:
                    self.ensure(manifest)
                except NotOwnedError as error:
                    left_out.refuse(manifest, str(error))
                except WaitingError as error:
                    left_out.wait(manifest, str(error))
                except (NotFound, Forbidden) as error:
                    left_out.give_up(manifest, self._impossible(manifest, error))
        return left_out

    def _impossible(self, desired: Manifest, error: ApiError) -> str:
        """Why an object cannot be there at all; anything else is raised again.

        An owner's own namespace is there as long as the owner is: what is not found there is the kind.
        """
        namespace = desired["metadata"].get("namespace") or ""
        if namespace not in ("", self.namespace):
            why = f"there is no namespace {namespace}" if isinstance(error, NotFound) else str(error)
            return f"{describe(desired)} is left out: {why}"
        if isinstance(error, NotFound) and resource_of(desired) in OPTIONAL:
            return f"{describe(desired)} is left out: {desired['kind']} is not installed"
        raise error

    def ensure(self, desired: Manifest) -> None:
        """Make one child as desired. Raises WaitingError, NotOwnedError and ApiError."""
        kind, child, digest = resource_of(desired), child_of(desired), content_digest(desired)
        if self.is_known_up_to_date(child, digest):
            return
        cached = self.stores.get(kind, child.namespace, child.name)
        if kind == CLAIMS:
            prepared = self.claims.prepared(desired, cached)
            if prepared is None:
                return
            desired = prepared
        if cached is not None and self._is_up_to_date(desired, cached, kind):
            written = Written(metadata=cached["metadata"])
        else:
            written = self.applier.ensure(desired, self._migration(desired))
        self._remember(child, written.metadata, digest)
        if kind == CLAIMS and not desired["metadata"].get("ownerReferences"):
            self.claims.release(written.metadata)  # only now: until then it may be all that shows whose the claim is
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
        return diff.step(desired, cached, self.applier.client.manager, self._migration(desired)) is None

    def _migration(self, desired: Manifest) -> Migration:
        return evolve(self.migration, yielded=self.yields(desired))

    def age_seconds(self, desired: Manifest) -> float:
        """Since when this process knows of the child; 0 for one that is not there.

        Not since when there is one: that would be by the server's clock, which may not agree with ours.
        """
        if self.cached(desired) is None:
            self.state.seen.pop(child_of(desired), None)
            return 0.0
        now = self.applier.client.clock.monotonic()
        return now - self.state.seen.setdefault(child_of(desired), now)

    def _remember(self, child: Child, metadata: Manifest, digest: bytes) -> None:
        self.state.verified[child] = Verified(metadata["uid"], metadata["resourceVersion"], digest)
        if "generation" in metadata:
            self.state.generations[child] = (metadata["uid"], metadata["generation"])

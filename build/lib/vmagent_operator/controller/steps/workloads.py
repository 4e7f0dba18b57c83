"""The workloads of one owner together: are they all ready, and if not, what is the next step and what ails them."""

import hashlib
import json
import logging
from collections.abc import Callable, Container, Iterable, Mapping

from attrs import define, field

from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.stores import CLAIMS, WORKLOADS, Stores
from vmagent_operator.controller.steps import rollout
from vmagent_operator.controller.steps.claims import VolumeExpander, resizing
from vmagent_operator.controller.steps.rollout import READY, Progress, Rollout
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Conflict, Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest

logger = logging.getLogger(__name__)


@define
class RolloutState:
    """What is remembered of an owner's workloads.

    inspected: of which StatefulSet (by UID) every pod was seen to be in order. claims: in which state of its templates
    (UID and digest) every claim was. waiting_since: the monotonic seconds since when the wait is for `waiting_for`.
    """

    inspected: dict[Child, str] = field(factory=dict)
    claims: dict[Child, tuple[str, bytes]] = field(factory=dict)
    waiting_since: float | None = None
    waiting_for: str = ""

    def keep(self, children: Container[Child]) -> None:
        """Forget all others."""
        for remembered in (self.inspected, self.claims):
            for child in [child for child in remembered if child not in children]:
                del remembered[child]


@define
class Workloads:
    """Looks at workloads as the stores have them, and takes one step with those that need it. Methods raise ApiError.

    generations: UID and generation that our last write of a workload led to. max_unavailable: how many pods of the
    StatefulSet of a name may be missing at once. note: hears what a person should know. lacking: what each workload that is
    not ready lacks, by name.
    """

    stores: Stores
    client: Client
    state: RolloutState
    generations: Mapping[Child, tuple[str, int]]
    before_write: Callable[[], None]
    reads_classes: bool
    max_unavailable: Callable[[str], int | str]
    note: Callable[[str], None]
    lacking: dict[str, Progress] = field(init=False, factory=dict)

    def advance(self, children: Iterable[Child]) -> Progress:
        """One step with each workload among `children`; what the first that is not ready lacks."""
        children = tuple(children)
        found = [(child, self._advance(child)) for child in children if child.kind in WORKLOADS]
        lacking = [(child, progress) for child, progress in found if progress != READY]
        self.lacking = {child.name: progress for child, progress in lacking}
        lacking += [(child, Progress(text)) for child in children if (text := self._resizing(child))]
        if not lacking:
            return READY
        child, progress = next(((c, p) for c, p in lacking if p.failed), lacking[0])
        return Progress(f"{child.kind.kind} {child.name}: {progress.waiting}", progress.failed)

    def replicas(self, children: Iterable[Child]) -> int | None:
        """How many pods each workload among `children` is to have; the most where they differ, None where there is none."""
        found = [self._cached(child) for child in children if child.kind in WORKLOADS]
        return max((rollout.replicas(workload) for workload in found if workload is not None), default=None)

    def _resizing(self, child: Child) -> str:
        """What a claim of the owner's own waits for."""
        claim = self._cached(child) if child.kind == CLAIMS else None
        return resizing(claim) if claim is not None else ""

    def pod_failure(self, children: Iterable[Child]) -> Progress:
        """What ails the first pod that is not ready, of the first workload that has one."""
        for child in children:
            workload = self._cached(child) if child.kind in WORKLOADS else None
            if workload is not None and rollout.progress(workload) != READY:
                found = rollout.pod_failure_reason(rollout.selected_pods(self.client, workload))
                if found != READY:
                    return found
        return READY

    def is_overdue(self, progress: Progress, now: float, patience_seconds: float) -> bool:
        """Whether to wait for `progress` makes no sense any more: it fails, or has been the same for too long."""
        if self.state.waiting_since is None or self.state.waiting_for != progress.waiting:
            self.state.waiting_since, self.state.waiting_for = now, progress.waiting
        return progress.failed or now - self.state.waiting_since >= patience_seconds

    def _advance(self, child: Child) -> Progress:
        workload = self._cached(child)
        uid, generation = self.generations.get(child, ("", 0))
        if workload is None:
            return Progress("being created")
        metadata = workload["metadata"]
        if uid not in ("", metadata["uid"]) or metadata.get("generation", 0) < generation:
            return Progress("being updated")
        claims = self._ensure_claims(child, workload)
        progress = rollout.progress(workload)
        if rollout.is_managed(workload) and progress.waiting != rollout.NOT_OBSERVED:
            progress = self._roll(child, workload, progress)
        if progress == READY and claims:
            return Progress(claims)
        return progress

    def _roll(self, child: Child, workload: Manifest, progress: Progress) -> Progress:
        """The next step of a rollout that is ours to make; nothing is asked of a StatefulSet known to be in order."""
        metadata, status = workload["metadata"], workload["status"]
        if progress != READY or self.state.inspected.get(child) != metadata["uid"]:
            self.state.inspected.pop(child, None)
            pods = rollout.pods_of(self.client, workload)
            progress = Rollout(self.client, workload, pods, self.max_unavailable(child.name)).advance(self.before_write)
        if progress == READY:
            self.state.inspected[child] = metadata["uid"]
            # Not only once: a conflict leaves it undone, and the StatefulSet's controller may overwrite it with what it read before.
            if status.get("currentRevision") != status.get("updateRevision"):
                self._record_revision(workload)
        return progress

    def _record_revision(self, workload: Manifest) -> None:
        """Kubernetes leaves the current revision of `OnDelete` sets behind; people and tools look at it."""
        metadata = workload["metadata"]
        patch = {
            "metadata": {key: metadata[key] for key in ("uid", "resourceVersion")},
            "status": {
                "currentRevision": workload["status"]["updateRevision"],
                "currentReplicas": workload["spec"].get("replicas", 1),
            },
        }
        self.before_write()
        try:
            self.client.merge_patch(
                resource.STATEFULSETS, metadata["namespace"], metadata["name"], patch, subresource="status"
            )
        except (Conflict, Invalid, NotFound) as error:
            logger.debug("statefulset %s/%s: revision not recorded: %s", metadata["namespace"], metadata["name"], error)

    def _ensure_claims(self, child: Child, workload: Manifest) -> str:
        """Bring claims in line with their templates, once for each state of them; what is waited for."""
        templates = workload["spec"].get("volumeClaimTemplates")
        if workload["kind"] != "StatefulSet" or not templates:
            return ""
        state = json.dumps([templates, workload["spec"].get("replicas", 1)], sort_keys=True)
        known = (workload["metadata"]["uid"], hashlib.sha256(state.encode()).digest())
        if self.state.claims.get(child) == known:
            return ""
        claims = VolumeExpander(self.client, self.reads_classes, self.before_write).ensure(workload)
        if claims.complete:
            self.state.claims[child] = known
            for text in claims.notes:
                self.note(text)
        return claims.waiting

    def _cached(self, child: Child) -> Manifest | None:
        found: Manifest | None = self.stores.get(child.kind, child.namespace, child.name)
        return found

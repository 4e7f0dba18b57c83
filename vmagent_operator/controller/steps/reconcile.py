"""One reconcile of one owner, of whatever kind: gather, decide, plan, apply, report. It never waits; events bring it back.

key -> gather -> Inputs -> decide -> Desired -> plan -> Plan -> apply -> Applied -> status
"""

import logging
import time
from functools import partial

from attrs import define, frozen

from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.controller.engine.events import Recorder
from vmagent_operator.controller.engine.kind import Owner, OwnerKind
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.owners import migration, policy
from vmagent_operator.controller.engine.result import DELETION_SECONDS, WAITING_SECONDS, Result
from vmagent_operator.controller.engine.state import Usage
from vmagent_operator.controller.engine.verdicts import Said, Verdicts, id_of
from vmagent_operator.controller.steps import finalize, rollout
from vmagent_operator.controller.steps.apply import Applied, Children, Confirmation, OutdatedError
from vmagent_operator.controller.steps.claims import OwnClaims, VolumeExpander
from vmagent_operator.controller.steps.conflicts import PAUSE_SECONDS, ConflictingWriters
from vmagent_operator.controller.steps.finalize import Finalizer
from vmagent_operator.controller.steps.gather import Gatherer, References, Snapshot
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.controller.steps.memory import Decided, OwnerState
from vmagent_operator.controller.steps.plan import Plan, View, make_plan
from vmagent_operator.controller.steps.prune import Pruner
from vmagent_operator.controller.steps.report import Reporter, result_of
from vmagent_operator.controller.steps.workloads import Workloads
from vmagent_operator.identity import FINALIZER
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import ApiError
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written
from vmagent_operator.kube.write.ownership import describe
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Missing, Reference
from vmagent_operator.scrape.selection import SelectorError
from vmagent_operator.status.conditions import condition_type

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""How soon to look again at what no event may tell of: a gate that time opens, a condition that another is to remove."""
IMPOSSIBLE_SECONDS = 60.0
"""How soon to try again what had no kind or no namespace: that these are there now is no event of ours."""


@frozen(eq=False)
class Tools:
    """What every reconcile of one kind works with."""

    of: OwnerKind
    gatherer: Gatherer
    client: Client
    recorder: Recorder
    metrics: Metrics
    verdicts: Verdicts
    usage: Usage

    def reporter(self, owner: Owner, state: OwnerState) -> Reporter:
        """What tells of one owner."""
        return Reporter(self.of, self.client, self.recorder, self.metrics, owner, state.reported)


@define(eq=False)
class Reconcile:
    """One reconcile: its owner, what is remembered of it, and the steps."""

    tools: Tools
    owner: Owner
    state: OwnerState
    reporter: Reporter
    conflicts: ConflictingWriters
    children: Children
    workloads: Workloads
    claims: OwnClaims
    applied: Applied | None = None

    @classmethod
    def of(cls, tools: Tools, owner: Owner, state: OwnerState) -> "Reconcile":
        """A reconcile of `owner` that begins now."""
        of, client, stores = tools.of, tools.client, tools.gatherer.stores
        reporter = tools.reporter(owner, state)
        conflicts = ConflictingWriters(state.conflicts, client.clock, reporter.event)
        on_failure = partial(tools.metrics.read_failed, of.key(owner))
        confirm = Confirmation(client, of, owner, client.clock.monotonic(), on_failure)
        marks, reads_classes = policy(of, owner), not tools.gatherer.settings.watch_namespaces
        tell = partial(_recreating, tools, owner, reporter)
        applier = Applier(client, confirm, policy=marks, resource_of=resource_of, before_recreation=tell)
        on_write = partial(_written, tools, owner, conflicts)
        note = partial(reporter.event, "Warning", "ReconciliationError")
        claims = OwnClaims(VolumeExpander(client, reads_classes, confirm), marks, note)
        migrated, yields = migration(of, owner), partial(of.yields, owner)
        children = Children(owner.namespace, stores, applier, state.children, migrated, on_write, yields, claims)
        workloads = Workloads(
            stores,
            client,
            state.rollout,
            state.children.generations,
            confirm,
            reads_classes=reads_classes,
            max_unavailable=partial(of.max_unavailable, owner),
            note=note,
        )
        return cls(tools, owner, state, reporter, conflicts, children, workloads, claims)

    def run(self) -> Result:
        """The reconcile, and the report of how it ended."""
        try:
            result = self._delete() if self.owner.is_deleted else self._run()
            if self.conflicts.goes_on and result.kind in ("done", "waiting", "rollout timeout"):
                result = self._war(PAUSE_SECONDS)
        except OutdatedError:
            return Result(kind="waiting", message="the object has changed meanwhile", after_seconds=AGAIN_SECONDS)
        except (OwnerError, SelectorError, Missing, WaitingError, NotOwnedError, ApiError) as error:
            result = result_of(error)
            self.tools.verdicts.keep(condition_type(self.owner))
        self.state.crashes = 0
        if self.owner.is_deleted and result.kind in ("waiting", "gone"):
            return result  # that is how it ends; what keeps it from ending is reported
        applied = self.applied
        workloads = applied.conditions(self.tools.of.workloads(self.owner)) if applied else {}
        return self.reporter.report(result, applied.is_available if applied else None, workloads)

    def _run(self) -> Result:
        owner, tools = self.owner, self.tools
        if owner.spec is None:
            raise OwnerError(str(owner.error))
        if not owner.spec.paused and (seconds := self.conflicts.pause_seconds()) > 0:
            return self._war(seconds)
        if FINALIZER not in owner.metadata.finalizers:
            self._add_finalizer()
        if owner.spec.paused:
            return Result()
        references = self._references()
        self.reporter.set_progressing(owner.spec)
        snapshot = tools.gatherer.snapshot(owner, references, self.state.reads)
        known = self.state.decided
        if known is not None and known.fingerprint == snapshot.fingerprint and self._is_up_to_date(known.plan):
            tools.metrics.render_skipped()
            decided, applied = known, self._apply(known.plan)
        else:
            decided, applied = self._decide_and_apply(snapshot)
        self.applied = applied
        self.state.reported.replicas = self.workloads.replicas(applied.plan.children)
        if not applied.plan.waiting and self._config_id not in applied.left_out.names:
            self.state.decided = decided
            self._judge(Said(references.selection, decided.messages))
        if applied.progress.is_ready and not applied.queued:
            self._clean_up(applied)
        elif not applied.left_out.names:
            self._pruner(applied).prune(owner, applied.plan.children, is_ready=False)
        return self._result(applied)

    def _war(self, seconds: float) -> Result:
        """What there is to say while somebody else undoes our writes, to be looked at again after `seconds`."""
        return Result(kind="conflict", message=self.conflicts.state.told, after_seconds=seconds, is_failure=True)

    def _add_finalizer(self) -> None:
        tools, owner = self.tools, self.owner
        if not finalize.add(tools.of, tools.client, owner):
            raise OutdatedError
        what, path = f"{owner.kind.name} {owner.key}", "metadata.finalizers"
        self.conflicts.count(self._own, what, FINALIZER.encode(), (path,))

    @property
    def _own(self) -> Child:
        """The owner itself, as something that is written."""
        return Child(self.tools.of.resource, self.owner.namespace, self.owner.name)

    def _references(self) -> References:
        """What the owner asks for, also put where events are looked up."""
        key, usage = self.tools.of.key(self.owner), self.tools.usage
        found = self.tools.gatherer.references(self.owner)
        # A Secret of a user's that comes or goes under the name of the configuration's decides who writes that.
        target = self.tools.of.config(self.owner)
        own = {Reference("Secret", self.owner.namespace, target.name)} if target else set()
        usage.references.replace(key, found.named | own)
        usage.selected[key] = found.selection
        return found

    def _decide_and_apply(self, snapshot: Snapshot) -> tuple[Decided, Applied]:
        tools = self.tools
        started = time.perf_counter()
        desired = tools.of.desired(snapshot.inputs)
        tools.metrics.rendered(tools.of.key(self.owner), desired, time.perf_counter() - started)
        configuration = desired.configuration
        findings = configuration.findings if configuration else ()
        plan = make_plan(desired.stages, self._view())
        applied = self._apply(plan)
        self.reporter.reject(findings)
        self.reporter.report_warnings((*desired.warnings, *applied.left_out.impossible.values()))
        if self._has_new_configuration(applied):
            self.reporter.report_configuration(desired)
        messages = {id_of(finding.object): finding.message for finding in findings}
        packed = configuration.packed if configuration else None
        decided = Decided(fingerprint=snapshot.fingerprint, plan=plan.settled(), packed=packed, messages=messages)
        return decided, applied

    def _apply(self, plan: Plan) -> Applied:
        """Bring about what is to be done now. Raises OutdatedError, WaitingError and ApiError."""
        left_out = self.children.ensure_all(plan.now)
        target = self.tools.of.config(self.owner)
        if target is not None and target.is_unmanaged:
            if self.state.reads.config_secret is None and self._config_id in left_out.refused:
                raise OutdatedError  # a user's Secret has come since we looked: decide anew, with it as the configuration
            for manifest in plan.now:
                if name_of(manifest) == self._config_id and self._config_id not in left_out.names:
                    self._release_configuration(manifest, target.key)
        progress = self.workloads.advance(child for child in plan.children if child.id not in left_out.names)
        written, lacking = self.children.written, self.workloads.lacking
        return Applied(plan=plan, left_out=left_out, written=written, progress=progress, lacking=lacking)

    def _release_configuration(self, secret: Manifest, key: str) -> None:
        """Give a first configuration that is the user's to change out of our hands."""
        data = secret.get("data") or {}
        if key in data:
            others = {name: value for name, value in data.items() if name != key}
            rest = {name: value for name, value in secret.items() if name != "data"}
            self.children.ensure({**rest, "data": others} if others else rest)

    @property
    def _config_id(self) -> Name | None:
        """The Secret of the scrape configuration."""
        target = self.tools.of.config(self.owner)
        return ("Secret", self.owner.namespace, target.name) if target else None

    def _has_new_configuration(self, applied: Applied) -> bool:
        target = self.tools.of.config(self.owner)
        if target is None:
            return False
        written = applied.written.get(Child(resource.SECRETS, self.owner.namespace, target.name))
        return written is not None and ("create" in written.action or f"data[{target.key}]" in written.paths)

    def _is_up_to_date(self, plan: Plan) -> bool:
        return all(self.children.is_known_up_to_date(child, digest) for child, digest in plan.children.items())

    def _view(self) -> View:
        """What the plan is made on."""
        return View(
            live=self.children.cached,
            is_running=self._is_running,
            age_seconds=self.children.age_seconds,
            patience_seconds=self.tools.gatherer.settings.app_ready_timeout_seconds,
        )

    def _is_running(self, workload: Manifest) -> bool:
        """Whether a workload is as desired and ready."""
        cached = self.children.cached(workload)
        return cached is not None and self.children.is_up_to_date(workload) and rollout.progress(cached).is_ready

    def _judge(self, said: Said) -> None:
        """Leave behind what became of the scrape objects."""
        parent, stores = condition_type(self.owner), self.tools.gatherer.stores
        self.tools.verdicts.put(parent, said, lambda: map(id_of, stores.reported_by(parent)))

    def _result(self, applied: Applied) -> Result:
        """How a reconcile ends that came so far."""
        if reason := applied.left_out.reason:
            raise NotOwnedError(reason)
        if applied.progress.is_ready:
            if applied.queued:
                return Result(
                    kind="waiting", message=f"{applied.queued[0]} waits for its turn", after_seconds=AGAIN_SECONDS
                )
            if applied.waits_for:
                return Result(kind="waiting", message=applied.waits_for, after_seconds=DELETION_SECONDS)
            impossible = IMPOSSIBLE_SECONDS if applied.left_out.impossible else 0.0
            return Result(after_seconds=AGAIN_SECONDS if applied.plan.waiting else impossible)
        settings, now = self.tools.gatherer.settings, self.tools.client.clock.monotonic()
        progress = applied.progress
        if not self.workloads.is_overdue(progress, now, settings.app_ready_timeout_seconds):
            return Result(kind="waiting", message=progress.waiting, after_seconds=WAITING_SECONDS)
        pods = self.workloads.pod_failure(applied.plan.children)
        message = f"{progress.waiting}: {pods.waiting}" if pods.waiting else progress.waiting
        return Result(kind="rollout timeout", message=message, is_failure=progress.failed or pods.failed)

    def _clean_up(self, applied: Applied) -> None:
        """Once the workloads are ready: take away rights that are too wide, and what nobody wants any more."""
        tools, left_out = self.tools, applied.left_out
        stores = tools.gatherer.stores
        self.state.rollout.waiting_since = None
        for role in applied.plan.last:
            if stores.is_healthy(resource_of(role)) and name_of(role) not in left_out.names:
                self.children.ensure(role)
        if left_out.has_workload:
            return  # what runs still needs what it was made with
        is_complete = self._pruner(applied).prune(self.owner, applied.plan.children)
        self.state.keep(applied.plan.children.keys() | {self._own})
        tools.metrics.hold(tools.of.key(self.owner), not is_complete)

    def _pruner(self, applied: Applied) -> Pruner:
        tools = self.tools
        return Pruner(tools.of, tools.gatherer.stores, self.children.applier, applied.left_out.kinds)

    def _delete(self) -> Result:
        tools, state, now = self.tools, self.state, self.tools.client.clock.monotonic()
        state.deleted_at = now if state.deleted_at is None else state.deleted_at
        self._judge(Said())
        is_cluster_wide = not tools.gatherer.settings.watch_namespaces
        gatherer, applier = tools.gatherer, self.children.applier
        leaving = Finalizer(
            tools.of,
            gatherer.stores,
            tools.client,
            applier,
            is_cluster_wide,
            self.claims.release,
            gatherer.lists_references,
        )
        waiting = leaving.run(self.owner, is_late=now - state.deleted_at > finalize.RELEASE_SECONDS)
        if waiting:
            return Result(kind="waiting", message=waiting, after_seconds=AGAIN_SECONDS)
        return Result(kind="gone")


def _written(tools: Tools, owner: Owner, conflicts: ConflictingWriters, manifest: Manifest, written: Written) -> None:
    """Log a write, and count it: the same content again and again means that somebody else undoes it."""
    if (child := child_of(manifest)).kind in (resource.SECRETS, resource.CONFIGMAPS):
        version = written.metadata["resourceVersion"]
        tools.usage.note_write(tools.of.key(owner), Reference(manifest["kind"], child.namespace, child.name), version)
    what, fields = describe(manifest), ",".join(written.paths[:20])
    logger.info("%s %s: %s %s fields=%s", tools.of.name, owner.key, written.action, what, fields)
    # A Role is written with rights that go last and then without them: the same to whoever counts.
    counted = {key: value for key, value in manifest.items() if key != "rules"}
    conflicts.count(child, what, content_digest(counted), written.paths, written.rival)


def _recreating(tools: Tools, owner: Owner, reporter: Reporter, message: str) -> None:
    """Tell of an object that is to be deleted and made again, before it is."""
    logger.info("%s %s: %s", tools.of.name, owner.key, message)
    reporter.event("Normal", "Recreating", message)

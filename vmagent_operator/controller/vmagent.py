"""One pass over one VMAgent: read, decide, write, report. It never waits; the next event brings it back."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.controller.engine.events import Recorder
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.owners import POLICY, previous
from vmagent_operator.controller.engine.result import CRASH, WAITING_SECONDS, Result
from vmagent_operator.controller.engine.state import Memories, Memory, Rendered
from vmagent_operator.controller.engine.stores import VMAGENTS, Stores
from vmagent_operator.controller.engine.verdicts import ObjectId, Verdict, Verdicts, id_of
from vmagent_operator.controller.steps import finalize, prune, rollout
from vmagent_operator.controller.steps.children import Children
from vmagent_operator.controller.steps.conflicts import ConflictingWriters
from vmagent_operator.controller.steps.finalize import Finalizer
from vmagent_operator.controller.steps.gather import Gatherer, Wanted
from vmagent_operator.controller.steps.leftout import LeftOut, Name, name_of
from vmagent_operator.controller.steps.plan import Plan, View, make_plan
from vmagent_operator.controller.steps.prune import Pruner
from vmagent_operator.controller.steps.report import Reporting, result_of
from vmagent_operator.controller.steps.rollout import READY, Progress
from vmagent_operator.controller.steps.workloads import Workloads
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.desired.vmagent.features import VMAGENT, is_unmanaged, prefixed
from vmagent_operator.identity import CONDITION_SUFFIX, FINALIZER
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import ApiError, NotFound, Timeout
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written
from vmagent_operator.kube.write.ownership import describe
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.references import Missing, Reference
from vmagent_operator.scrape.selection import SelectorError
from vmagent_operator.settings import Server, Settings
from vmagent_operator.status.conditions import condition_type

logger = logging.getLogger(__name__)

VMAgent = CustomObject[VMAgentSpec]

AGAIN_SECONDS = 1.0
"""How soon to look again at what no event may tell of: a gate that time opens, a condition that another is to remove."""
LONGEST_SECONDS = 60.0
"""A reconcile that takes longer ends before its next write, for what it has read is old; the next one goes on."""
SHOWN = 20
"""Unknown fields that the log names; a spec may have tens of thousands."""


class OutdatedError(Exception):
    """The agent is no longer what this pass took it for; nothing was written on its word."""


@define(eq=False)
class Reconciler:
    """What every pass works with. `server` is replaced when discovery says something new.

    verdicts: what is said of scrape objects; `wake` has their statuses looked at. lists_references: the stores have every
    Secret and ConfigMap.
    """

    stores: Stores
    client: Client
    settings: Settings
    recorder: Recorder
    metrics: Metrics
    server: Server = field(factory=Server)
    memories: Memories = field(factory=Memories)
    verdicts: Verdicts = field(factory=Verdicts)
    wake: Callable[[Iterable[ObjectId]], None] = field(default=lambda objects: None, kw_only=True)
    lists_references: bool = field(default=True, kw_only=True)
    gatherer: Gatherer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.gatherer = Gatherer(self.stores, self.client, self.settings, self.lists_references)

    def reconcile(self, namespace: str, name: str) -> Result:
        """Bring about what the VMAgent asks for, as far as one pass goes; safe to call at any time. Only bugs raise."""
        agent = self.stores.get(VMAGENTS, namespace, name)
        if agent is None:
            self._forget(namespace, name)
            parent = f"{name}.{namespace}.{kinds.VMAGENT.singular}{CONDITION_SUFFIX}"
            if not self.stores.reported_by(parent):  # else there are statuses left to write
                self.verdicts.forget(parent)
            return self._sweep(namespace, name)
        memory = self.memories.of((namespace, name))
        if memory.uid not in ("", agent.metadata.uid):
            self._forget(namespace, name)
            memory = self.memories.of((namespace, name))
        if memory.see(agent.metadata.uid, agent.metadata.generation) and agent.unknown:
            logger.warning("vmagent %s: unknown fields are ignored: %s", agent.key, ", ".join(agent.unknown[:SHOWN]))
        return Pass(self, agent, memory).run()

    def crashed(self, namespace: str, name: str) -> Result:
        """What a pass that ended in a bug comes to; the agent's status tells from the second in a row."""
        agent = self.stores.get(VMAGENTS, namespace, name)
        if agent is not None:
            memory = self.memories.of((namespace, name))
            memory.crashes += 1
            if memory.crashes > 1:
                # Of the metadata only: whatever a pass makes of the spec may be what has crashed it.
                known = evolve(agent, spec=None)
                Reporting(self.client, self.recorder, self.metrics, known, memory).report(CRASH)
        return CRASH

    def _sweep(self, namespace: str, name: str) -> Result:
        """Remove what an agent has left behind whose finalizer somebody took off."""
        try:
            prune.remove_leftovers(self.stores, self.client, namespace, name)
        except ApiError as error:
            return result_of(error)
        return Result(kind="gone")

    def _forget(self, namespace: str, name: str) -> None:
        self.memories.forget((namespace, name))
        self.metrics.forget(namespace, name)


@define(eq=False)
class Pass:
    """One pass: its agent, what is remembered of it, and how it goes."""

    parts: Reconciler
    agent: VMAgent
    memory: Memory
    reporting: Reporting = field(init=False)
    breaker: ConflictingWriters = field(init=False)
    applier: Applier = field(init=False)
    children: Children = field(init=False)
    workloads: Workloads = field(init=False)
    started: float = field(init=False)
    left_out: LeftOut = field(init=False, factory=LeftOut)
    is_confirmed: bool = field(init=False, default=False)
    is_config_written: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        parts, spec = self.parts, self.agent.spec
        self.started = parts.client.clock.monotonic()
        self.reporting = Reporting(parts.client, parts.recorder, parts.metrics, self.agent, self.memory)
        self.breaker = ConflictingWriters(self.memory, parts.client.clock, self.reporting.event)
        self.applier = Applier(parts.client, self._confirm, policy=POLICY, resource_of=resource_of)
        self.children = Children(parts.stores, self.applier, self.memory, previous(self.agent), self._written)
        behavior = spec.stateful_rolling_update_strategy_behavior if spec else None
        self.workloads = Workloads(
            parts.stores,
            parts.client,
            self.memory,
            self._confirm,
            reads_classes=not parts.settings.watch_namespaces,
            max_unavailable=(behavior and behavior.max_unavailable) or 1,
            note=lambda text: self.reporting.event("Warning", "ReconciliationError", text),
        )

    def run(self) -> Result:
        """The pass, told to whom it concerns."""
        try:
            outcome = self._delete() if self.agent.is_deleted else self._run()
        except OutdatedError:
            return Result(kind="waiting", message="the agent has changed meanwhile", after_seconds=AGAIN_SECONDS)
        except (AgentError, SelectorError, Missing, WaitingError, NotOwnedError, ApiError) as error:
            outcome = result_of(error)
            self.parts.verdicts.keep(condition_type(self.agent))
        self.memory.crashes = 0
        return outcome if self.agent.is_deleted else self.reporting.report(outcome)

    def _run(self) -> Result:
        agent, parts = self.agent, self.parts
        if agent.spec is None:
            raise AgentError(str(agent.error))
        if FINALIZER not in agent.metadata.finalizers and not finalize.add(parts.client, agent):
            raise OutdatedError
        if agent.spec.paused:
            return Result()
        if (seconds := self.breaker.pause_seconds()) > 0:
            return Result(kind="conflict", message="somebody else undoes our writes", after_seconds=seconds)
        wanted = self._wanted()
        self.reporting.set_progressing(agent.spec)
        rendered, is_waiting = self._ensure(wanted)
        progress = self.workloads.advance(filter(self._is_written, rendered.children))
        if not self.left_out.has_workload:
            self.reporting.available = progress == READY
        if not is_waiting and self._config_name not in self.left_out.names:
            self.memory.rendered = rendered
            self._judge({id_of(scrape): self._verdict(scrape, rendered) for scrape in wanted.chosen})
        if progress == READY:
            self._clean_up(rendered, agent.spec)
        if reason := self.left_out.reason:
            raise NotOwnedError(reason)
        if progress != READY:
            return self._waiting(progress, rendered)
        return Result(after_seconds=AGAIN_SECONDS if is_waiting else 0.0)

    def _verdict(self, scrape: CustomObject[Any], rendered: Rendered) -> Verdict:
        return Verdict(scrape.metadata.generation, rendered.messages.get(id_of(scrape)))

    def _judge(self, said: Mapping[ObjectId, Verdict]) -> None:
        """Leave behind what became of the scrape objects, and have the statuses that may differ looked at."""
        parent = condition_type(self.agent)
        carried = (id_of(scrape) for scrape in self.parts.stores.reported_by(parent))
        is_first = not self.parts.verdicts.have_all((parent,))
        changed = self.parts.verdicts.put(parent, said)
        self.parts.wake(changed | frozenset(carried) - said.keys() if is_first or not said else changed)

    def _delete(self) -> Result:
        parts, memory, now = self.parts, self.memory, self._monotonic()
        started = memory.waiting_since = now if memory.waiting_since is None else memory.waiting_since
        is_cluster_wide = not parts.settings.watch_namespaces
        self._judge({})
        leaving = Finalizer(parts.stores, parts.client, self.applier, is_cluster_wide)
        waiting = leaving.run(self.agent, is_late=now - started > finalize.RELEASE_SECONDS)
        if waiting:
            return Result(kind="waiting", message=waiting, after_seconds=AGAIN_SECONDS)
        return Result(kind="gone")

    def _wanted(self) -> Wanted:
        """What the agent asks for, also put where events are looked up."""
        key, memories = (self.agent.namespace, self.agent.name), self.parts.memories
        wanted = self.parts.gatherer.wanted(self.agent)
        # A Secret of a user's that comes or goes under the name of the configuration's decides who writes that.
        own = Reference("Secret", self.agent.namespace, prefixed(self.agent))
        memories.references.replace(key, wanted.references | {own})
        memories.selected.replace(key, ((scrape.kind.name, scrape.key) for scrape in wanted.chosen))
        return wanted

    def _ensure(self, wanted: Wanted) -> tuple[Rendered, bool]:
        """Make every child as desired; what was rendered, and whether some of it waits behind a gate."""
        parts, known = self.parts, self.memory.rendered
        snapshot = parts.gatherer.snapshot(self.agent, wanted, self.memory, parts.server)
        if known is not None and known.fingerprint == snapshot.fingerprint and self._is_known_up_to_date(known):
            parts.metrics.render_skipped()
            return known, False
        started = time.perf_counter()
        found = desired(snapshot.inputs)
        parts.metrics.rendered(self.agent, found, time.perf_counter() - started)
        findings = found.configuration.findings if found.configuration else ()
        messages = {(finding.object.kind.name, finding.object.key): finding.message for finding in findings}
        plan = make_plan(found.stages, self._view())
        self.left_out = self.children.ensure_all(plan.now)
        is_undecided = is_unmanaged(self.agent) and self.memory.config_secret is None
        if is_undecided and self._config_name in self.left_out.refused:
            raise OutdatedError  # a user's Secret has come since we looked: decide anew, with it as the configuration
        self._release_configuration(plan)
        self.reporting.reject(findings, self.memory.rendered.messages if self.memory.rendered else {})
        self.reporting.report_warnings(found)
        if self.is_config_written:
            self.reporting.report_configuration(found)
        made = Rendered(fingerprint=snapshot.fingerprint, children=plan.children, roles=plan.last, messages=messages)
        return made, bool(plan.waiting)

    def _is_written(self, child: Child) -> bool:
        return (child.kind.kind, child.namespace, child.name) not in self.left_out.names

    @property
    def _config_name(self) -> Name:
        return "Secret", self.agent.namespace, prefixed(self.agent)

    def _is_known_up_to_date(self, known: Rendered) -> bool:
        return all(self.children.is_known_up_to_date(child, digest) for child, digest in known.children.items())

    def _view(self) -> View:
        """What the plan is made on."""
        return View(
            live=self._cached,
            is_running=self._is_running,
            now=self.parts.client.clock.now(),
            patience_seconds=self.parts.settings.app_ready_timeout_seconds,
        )

    def _is_running(self, workload: Manifest) -> bool:
        """Whether a workload is as desired and ready."""
        cached = self._cached(workload)
        return cached is not None and self.children.is_up_to_date(workload) and rollout.progress(cached) == READY

    def _release_configuration(self, plan: Plan) -> None:
        """Give a first configuration that is the user's to change out of our hands."""
        for manifest in plan.now if is_unmanaged(self.agent) else ():
            data = manifest.get("data") or {}
            is_ours = manifest["kind"] == "Secret" and name_of(manifest) not in self.left_out.names
            if is_ours and VMAGENT.config_key in data:
                others = {key: value for key, value in data.items() if key != VMAGENT.config_key}
                rest = {key: value for key, value in manifest.items() if key != "data"}
                self.children.ensure({**rest, "data": others} if others else rest)

    def _waiting(self, progress: Progress, rendered: Rendered) -> Result:
        """Wait for the workloads; once it takes too long, say what ails their pods."""
        memory, now = self.memory, self._monotonic()
        if memory.waiting_since is None or memory.waiting_for != progress.waiting:
            memory.waiting_since, memory.waiting_for = now, progress.waiting
        is_overdue = now - memory.waiting_since >= self.parts.settings.app_ready_timeout_seconds
        if not progress.failed and not is_overdue:
            return Result(kind="waiting", message=progress.waiting, after_seconds=WAITING_SECONDS)
        pod_failure = self.workloads.pod_failure(rendered.children)
        message = f"{progress.waiting}: {pod_failure.waiting}" if pod_failure.waiting else progress.waiting
        is_failed = progress.failed or pod_failure.failed
        return Result(kind="rollout timeout", message=message, is_failure=is_failed)

    def _clean_up(self, rendered: Rendered, spec: VMAgentSpec) -> None:
        """Once the workloads are ready: take away rights that are too wide, and what nobody wants any more."""
        stores = self.parts.stores
        self.memory.waiting_since = None
        for role in rendered.roles:
            if stores.is_healthy(resource_of(role)) and name_of(role) not in self.left_out.names:
                self.children.ensure(role)
        if self.left_out.has_workload:
            return  # what runs still needs what it was made with
        sweeper = Pruner(stores, self.applier, self.left_out.kinds)
        is_complete = sweeper.sweep(self.agent, rendered.children, spec.apps.service_account_name)
        self.parts.metrics.hold(self.agent, not is_complete)

    def _confirm(self) -> None:
        """Before the first write: is the agent still what the store says? A lagging store must not undo anything."""
        if self._monotonic() - self.started > LONGEST_SECONDS:
            raise Timeout("the pass takes too long; the next one goes on")
        if self.is_confirmed:
            return
        metadata = self.agent.metadata
        try:
            live = self.parts.client.get(VMAGENTS, metadata.namespace, metadata.name)["metadata"]
        except NotFound:
            raise OutdatedError from None
        known = (metadata.uid, metadata.generation, bool(metadata.deletion_timestamp))
        if known != (live["uid"], live.get("generation", 0), bool(live.get("deletionTimestamp"))):
            raise OutdatedError
        self.is_confirmed = True

    def _written(self, manifest: Manifest, written: Written) -> None:
        """Log a write, and count it: the same content again and again means that somebody else undoes it."""
        logger.info(
            "vmagent %s: %s %s fields=%s",
            self.agent.key,
            written.action,
            describe(manifest),
            ",".join(written.paths[:20]),
        )
        self.breaker.count(child_of(manifest), describe(manifest), content_digest(manifest), written.paths)
        self.parts.metrics.flapping(self.agent, self.breaker.is_open)
        if child_of(manifest) == Child(resource.SECRETS, self.agent.namespace, prefixed(self.agent)):
            self.is_config_written |= "create" in written.action or f"data[{VMAGENT.config_key}]" in written.paths

    def _cached(self, manifest: Manifest) -> Any:
        metadata = manifest["metadata"]
        return self.parts.stores.get(resource_of(manifest), metadata.get("namespace"), metadata["name"])

    def _monotonic(self) -> float:
        return self.parts.client.clock.monotonic()

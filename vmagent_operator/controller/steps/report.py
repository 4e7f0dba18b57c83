"""Telling the VMAgent how a pass ended: status, events, and the outcome that an error stands for."""

import logging
from collections.abc import Iterable, Mapping

from attrs import define, evolve, field

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.controller.engine.events import Recorder, Type
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.result import DELETION_SECONDS, RULES, Kind, Result
from vmagent_operator.controller.engine.state import Memory
from vmagent_operator.controller.engine.stores import VMAGENTS
from vmagent_operator.desired.vmagent.desired import Desired
from vmagent_operator.desired.vmagent.features import scale
from vmagent_operator.kube import errors
from vmagent_operator.kube.errors import ApiError, Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.apply import NotOwnedError, WaitingError
from vmagent_operator.scrape.errors import AgentError, Finding
from vmagent_operator.scrape.references import Missing
from vmagent_operator.scrape.selection import SelectorError
from vmagent_operator.status.conditions import Status
from vmagent_operator.status.owner import State, applied_spec, owner_status

logger = logging.getLogger(__name__)

FAILING_SECONDS = 60.0
"""A fault of the server that lasts less is no news: the retry comes before anybody could look."""
STATUS_SECONDS = 1.0
"""A rollout is told at most this often; pods come and go by the second."""
CONFLICT_SECONDS = 5.0
"""Whoever writes at the same time is given so long to come to an end."""
CONFIG_SECONDS = 60.0
"""How often an Event may tell of a new configuration: where something is deployed all the time, each tells the same."""


def result_of(error: Exception) -> Result:
    """How a pass ended that `error` has ended."""
    message = str(error)
    match error:
        case Missing():
            return Result(kind="missing reference", message=message)
        case AgentError() | SelectorError():
            kind: Kind = "missing reference" if isinstance(error.__cause__, Missing) else "invalid spec"
            return Result(kind=kind, message=message)
        case WaitingError():
            return Result(kind="waiting", message=message, after_seconds=DELETION_SECONDS)
        case NotOwnedError():
            return Result(kind="denied", message=message, event="OwnershipConflict")
        case errors.Conflict() | errors.AlreadyExists():
            return Result(kind="conflict", message=message, after_seconds=CONFLICT_SECONDS)
        case errors.Cancelled():
            return Result(kind="cancelled", message=message)
        case errors.Forbidden() | errors.Invalid() | errors.BadRequest():
            return Result(kind="denied", message=message)
        case ApiError():
            return Result(kind="transient", message=message, after_seconds=error.retry_after or 0.0)
    raise error


@define
class Reporting:
    """Writes the status of one VMAgent during one pass; `available` says whether its workloads are ready, if known."""

    client: Client
    recorder: Recorder
    metrics: Metrics
    agent: CustomObject[VMAgentSpec]
    memory: Memory
    available: bool | None = field(default=None, init=False)

    def event(self, type_: Type, reason: str, message: str) -> None:
        """Record something that happened to the agent."""
        self.recorder.record(self.agent, type_, reason, message)

    def set_progressing(self, spec: VMAgentSpec) -> None:
        """Say that a spec other than the one last applied is being worked on. Raises ApiError."""
        if self.agent.status.get("lastAppliedSpec") == applied_spec(spec):
            return
        if self.agent.status.get("observedGeneration") != self.agent.metadata.generation:
            self.event("Normal", "ReconcileEvent", "starting object update")
        if self.agent.status.get("updateStatus") not in ("expanding", "failed"):
            self._write(self._status("expanding", ""))

    def report_warnings(self, found: Desired) -> None:
        """Tell of what is doubtful in the spec and yet built, when that is new."""
        if found.warnings and found.warnings != self.memory.warnings:
            warnings = "; ".join(found.warnings)
            logger.warning("vmagent %s: doubtful: %s", self.agent.key, warnings)
            self.event("Warning", "InvalidSpec", warnings)
        self.memory.warnings = found.warnings

    def reject(self, findings: Iterable[Finding], before: Mapping[tuple[str, str], str]) -> None:
        """Tell of scrape objects that are left out, once for each reason; `before` has what was said last of each."""
        for finding in findings:
            scrape = finding.object
            if before.get((scrape.kind.name, scrape.key)) == finding.message:
                continue
            self.metrics.rejected(scrape)
            self.recorder.record(scrape, "Warning", "ScrapeObjectRejected", finding.message)
            if finding.bug:
                self.metrics.object_error(scrape.kind.singular)
                logger.error("%s %s: internal error: %s", scrape.kind.name.lower(), scrape.key, finding.bug)

    def report_configuration(self, found: Desired) -> None:
        """Tell that there is a new configuration, once a minute at most."""
        now, configuration = self.client.clock.monotonic(), found.configuration
        if configuration is None or now - self.memory.told_at < CONFIG_SECONDS:
            return
        self.memory.told_at = now
        applied, left_out = len(configuration.applied), len(configuration.findings)
        self.event("Normal", "ConfigUpdated", f"configuration of {applied} scrape objects, {left_out} are left out")

    def report(self, outcome: Result) -> Result:
        """Make the status say how the pass ended; the outcome of the whole, which a failing write makes transient."""
        state = RULES[outcome.kind].state
        if outcome.is_failure:
            state = "failed"
        is_paused = self.agent.spec is not None and self.agent.spec.paused and outcome.kind == "done"
        self._record_failure(outcome)
        if state is None or (outcome.kind == "transient" and not self._is_failing()):
            return outcome
        reason = "" if outcome.kind == "done" else outcome.message
        fresh = self._status("paused" if is_paused else state, reason)
        is_soon = self.client.clock.monotonic() - self.memory.status_at < STATUS_SECONDS
        if fresh == self.agent.status or (is_soon and outcome.kind == "waiting" and self._was("expanding")):
            return outcome
        is_new = outcome.kind == "done" and fresh.get("lastAppliedSpec") != self.agent.status.get("lastAppliedSpec")
        try:
            self._write(fresh)
        except (Invalid, NotFound):
            return outcome  # another object has the name by now
        except ApiError as error:
            logger.warning("vmagent %s: status not written: %s", self.agent.key, error)
            return result_of(error) if outcome.kind in ("done", "waiting") else outcome
        if is_new:
            self.event("Normal", "ReconcileEvent", "reconcile of object finished successfully")
        return outcome

    def _status(self, state: State, reason: str) -> Status:
        return owner_status(
            self.agent,
            state,
            reason,
            self.client.clock.now(),
            scale=scale(self.agent),
            warnings=self.memory.warnings,
            is_available=self.available,
        )

    def _record_failure(self, outcome: Result) -> None:
        """Log and record a failure when it is new, and remember since when there is one."""
        if outcome.kind in ("cancelled", "conflict"):
            return
        is_failure = outcome.kind not in ("done", "waiting")
        if not is_failure:
            self.memory.failure, self.memory.failing_since = "", None
            return
        if self.memory.failing_since is None:
            self.memory.failing_since = self.client.clock.monotonic()
        if self.memory.failure == outcome.message:
            return
        self.memory.failure = outcome.message
        logger.warning("vmagent %s: %s: %s", self.agent.key, outcome.kind, outcome.message)
        self.event("Warning", outcome.event or RULES[outcome.kind].event, outcome.message)

    def _is_failing(self) -> bool:
        since = self.memory.failing_since
        return since is not None and self.client.clock.monotonic() - since >= FAILING_SECONDS

    def _was(self, state: str) -> bool:
        return bool(self.agent.status.get("updateStatus") == state)

    def _write(self, fresh: Status) -> None:
        """Replace the status of this very object. Raises ApiError, Invalid if the name belongs to another by now."""
        metadata = self.agent.metadata
        operations: list[Manifest] = [
            {"op": "test", "path": "/metadata/uid", "value": metadata.uid},
            {"op": "add", "path": "/status", "value": fresh},
        ]
        try:
            self.client.json_patch(VMAGENTS, metadata.namespace, metadata.name, operations, subresource="status")
        except ApiError:
            self.metrics.status_written(self.agent.kind.singular, "error")
            raise
        self.metrics.status_written(self.agent.kind.singular, "ok")
        self.memory.status_at = self.client.clock.monotonic()
        self.agent = evolve(self.agent, status=fresh)

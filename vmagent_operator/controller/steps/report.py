"""Applied -> status: what an owner is told of a reconcile by its status and by Events, and the result that an error stands for."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.events import Recorder, Type
from vmagent_operator.controller.engine.kind import Owner, OwnerKind
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.result import DELETION_SECONDS, RULES, Kind, Result
from vmagent_operator.controller.engine.verdicts import ObjectId, id_of
from vmagent_operator.controller.steps.apply import OverlongError
from vmagent_operator.desired.stages import Desired
from vmagent_operator.kube import errors
from vmagent_operator.kube.errors import ApiError, Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.apply import NotOwnedError, WaitingError
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.references import Missing
from vmagent_operator.scrape.selection import SelectorError
from vmagent_operator.status.conditions import MAX_MESSAGE, Status, condition_type, conditions
from vmagent_operator.status.owner import State, applied_spec, owner_status

logger = logging.getLogger(__name__)

FAILING_SECONDS = 60.0
"""A fault of the server that lasts less is no news: the retry comes before anybody could look."""
STATUS_SECONDS = 1.0
"""A rollout is reported at most this often; pods come and go by the second."""
CONFLICT_SECONDS = 5.0
"""Whoever writes at the same time is given so long to come to an end."""
CONFIG_SECONDS = 60.0
"""How often an Event may tell of a new configuration: where something is deployed all the time, each says the same."""


def result_of(error: Exception) -> Result:
    """How a reconcile ended that `error` has ended."""
    message = str(error)
    match error:
        case Missing():
            return Result(kind="missing reference", message=message, missing=error.reference)
        case OwnerError() | SelectorError():
            if isinstance(error.__cause__, Missing):
                return Result(kind="missing reference", message=message, missing=error.__cause__.reference)
            return Result(kind="invalid spec", message=message)
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
        case OverlongError():
            return Result(kind="transient", message=message, is_overlong=True)
        case ApiError():
            return Result(kind="transient", message=message, after_seconds=error.retry_after or 0.0)
    raise error


@define
class ReportState:
    """What was last reported of an owner; times are monotonic seconds.

    failure, failing_since: what it fails of, and since when. warnings: what is doubtful in its spec. result: how the last
    reconcile ended. replicas: the pods that each workload is to have, where the cluster says it. rejected: the scrape objects
    that were left out last, and why. status_at, config_at: when the status was written, and an Event told of a new configuration.
    """

    failure: str = ""
    failing_since: float | None = None
    warnings: tuple[str, ...] = ()
    result: Kind | None = None
    replicas: int | None = None
    rejected: dict[ObjectId, str] = field(factory=dict)
    status_at: float = float("-inf")
    config_at: float = float("-inf")


@define
class Reporter:
    """Writes the status of one owner, and records Events about it, during one reconcile."""

    of: OwnerKind
    client: Client
    recorder: Recorder
    metrics: Metrics
    owner: Owner
    state: ReportState

    def event(self, type_: Type, reason: str, message: str) -> None:
        """Record something that happened to the owner."""
        self.recorder.record(self.owner, type_, reason, message)

    def set_progressing(self, spec: Any) -> None:
        """Say that a spec other than the one last applied is being worked on; if that fails, the work goes on."""
        if self.owner.status.get("lastAppliedSpec") == applied_spec(spec):
            return
        if self.owner.status.get("observedGeneration") != self.owner.metadata.generation:
            self.event("Normal", "ReconcileEvent", "starting object update")
        if self.owner.status.get("updateStatus") not in ("expanding", "failed"):
            try:
                self._write(self._status("expanding", ""))
            except ApiError as error:
                logger.info("%s %s: status not written, going on: %s", self.of.name, self.owner.key, error)

    def report_warnings(self, warnings: tuple[str, ...]) -> None:
        """Tell of what is doubtful in the spec and yet built, when that is new."""
        if warnings and warnings != self.state.warnings:
            text = "; ".join(warnings)
            logger.warning("%s %s: doubtful: %s", self.of.name, self.owner.key, text)
            self.event("Warning", "InvalidSpec", text)
        self.state.warnings = warnings

    def reject(self, findings: Iterable[Finding]) -> None:
        """Tell of scrape objects that are left out, once for each reason, whatever has restarted or is held back meanwhile."""
        told, self.state.rejected = self.state.rejected, {}
        for finding in findings:
            scrape = finding.object
            id_ = id_of(scrape)
            self.state.rejected[id_] = finding.message
            if told.get(id_) == finding.message or self._is_told(scrape, finding.message):
                continue
            self.metrics.rejected(scrape)
            self.recorder.record(scrape, "Warning", "ScrapeObjectRejected", finding.message)
            if finding.bug:
                self.metrics.object_error(scrape.kind.singular)
                logger.error("%s %s: internal error: %s", scrape.kind.name.lower(), scrape.key, finding.bug)

    def _is_told(self, scrape: CustomObject[Any], message: str) -> bool:
        """Whether the status of a scrape object says so already."""
        own = condition_type(self.owner)
        said = message[:MAX_MESSAGE]
        return any(known["type"] == own and known.get("message") == said for known in conditions(scrape))

    def report_configuration(self, desired: Desired) -> None:
        """Tell that there is a new configuration, once a minute at most."""
        now, configuration = self.client.clock.monotonic(), desired.configuration
        if configuration is None or now - self.state.config_at < CONFIG_SECONDS:
            return
        self.state.config_at = now
        applied, left_out = len(configuration.applied), len(configuration.findings)
        self.event("Normal", "ConfigUpdated", f"configuration of {applied} scrape objects, {left_out} are left out")

    def report(
        self, result: Result, is_available: bool | None = None, workloads: Mapping[str, str | None] | None = None
    ) -> Result:
        """Make the status say how the reconcile ended; the result of the whole, which a failing write makes transient.

        is_available: whether the workloads are ready, if known. workloads: what those lack that have a condition each.
        """
        self.state.result = result.kind
        state = RULES[result.kind].state
        if result.is_failure:
            state = "failed"
        is_paused = self.owner.spec is not None and self.owner.spec.paused and result.kind == "done"
        self._record_failure(result)
        if state is None or (result.kind == "transient" and not self._is_failing()):
            return result
        reason = "" if result.kind == "done" else result.message
        fresh = self._status("paused" if is_paused else state, reason, is_available, workloads)
        is_soon = self.client.clock.monotonic() - self.state.status_at < STATUS_SECONDS
        if fresh == self.owner.status or (is_soon and result.kind == "waiting" and self._was("expanding")):
            return result
        is_new = result.kind == "done" and fresh.get("lastAppliedSpec") != self.owner.status.get("lastAppliedSpec")
        try:
            self._write(fresh)
        except ApiError as error:
            if isinstance(error, Invalid | NotFound) and self._is_gone():
                return result  # another object has the name by now, or none
            logger.warning("%s %s: status not written: %s", self.of.name, self.owner.key, error)
            return result_of(error) if result.kind in ("done", "waiting") else result
        if is_new:
            self.event("Normal", "ReconcileEvent", "reconcile of object finished successfully")
        return result

    def _status(
        self,
        state: State,
        reason: str,
        is_available: bool | None = None,
        workloads: Mapping[str, str | None] | None = None,
    ) -> Status:
        scale = dict(self.of.scale(self.owner))
        if "replicas" in scale and self.state.replicas is not None:
            scale["replicas"] = self.state.replicas
        return owner_status(
            self.owner,
            state,
            reason,
            self.client.clock.now(),
            scale=scale,
            warnings=self.state.warnings,
            is_available=is_available,
            workloads=workloads or {},
        )

    def _record_failure(self, result: Result) -> None:
        """Log and record a failure when it is new, and remember since when there is one."""
        if result.kind in ("cancelled", "conflict"):
            return
        is_failure = result.kind not in ("done", "waiting")
        if not is_failure:
            self.state.failure, self.state.failing_since = "", None
            return
        if self.state.failing_since is None:
            self.state.failing_since = self.client.clock.monotonic()
        if self.state.failure == result.message:
            return
        self.state.failure = result.message
        logger.warning("%s %s: %s: %s", self.of.name, self.owner.key, result.kind, result.message)
        self.event("Warning", result.event or RULES[result.kind].event, result.message)

    def _is_gone(self) -> bool:
        try:
            live = self.client.get(self.of.resource, self.owner.namespace, self.owner.name, metadata_only=True)
        except ApiError as error:
            return isinstance(error, NotFound)
        return bool(live["metadata"]["uid"] != self.owner.metadata.uid)

    def _is_failing(self) -> bool:
        since = self.state.failing_since
        return since is not None and self.client.clock.monotonic() - since >= FAILING_SECONDS

    def _was(self, state: str) -> bool:
        return bool(self.owner.status.get("updateStatus") == state)

    def _write(self, fresh: Status) -> None:
        """Replace the status of this very object. Raises ApiError, Invalid if the name belongs to another by now."""
        metadata = self.owner.metadata
        operations: list[Manifest] = [
            {"op": "test", "path": "/metadata/uid", "value": metadata.uid},
            {"op": "add", "path": "/status", "value": fresh},
        ]
        try:
            self.client.json_patch(
                self.of.resource, metadata.namespace, metadata.name, operations, subresource="status"
            )
        except ApiError:
            self.metrics.status_written(self.owner.kind.singular, "error")
            raise
        self.metrics.status_written(self.owner.kind.singular, "ok")
        self.state.status_at = self.client.clock.monotonic()
        self.owner = evolve(self.owner, status=fresh)

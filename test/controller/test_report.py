"""What an owner is told of its reconciles: by its status, by Events, and how soon."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from test.apiserver.faults import Fault
from test.controller.world import World, agent, scrape
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.steps.apply import OverlongError
from vmagent_operator.controller.steps.report import Reporter, ReportState, result_of
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.kube import errors
from vmagent_operator.kube.write.apply import NotOwnedError, WaitingError
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.references import Missing, Reference
from vmagent_operator.scrape.selection import SelectorError
from vmagent_operator.status.conditions import condition_type

AGENTS = "vmagents.operator.victoriametrics.com"
PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
REFERENCE = Reference("Secret", "monitoring", "token")


def missing() -> Missing:
    found = Missing("secret monitoring/token is missing")
    found.reference = REFERENCE
    return found


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (missing(), Result(kind="missing reference", message="secret monitoring/token is missing", missing=REFERENCE)),
        (OwnerError("spec.x: required"), Result(kind="invalid spec", message="spec.x: required")),
        (SelectorError("spec.y"), Result(kind="invalid spec", message="spec.y")),
        (caused(OwnerError("no url"), missing()), Result(kind="missing reference", message="no url", missing=REFERENCE)),
        (caused(OwnerError("no url"), KeyError()), Result(kind="invalid spec", message="no url")),
        (WaitingError("goes"), Result(kind="waiting", message="goes", after_seconds=2.0)),
        (NotOwnedError("theirs"), Result(kind="denied", message="theirs", event="OwnershipConflict")),
        (errors.Conflict("c"), Result(kind="conflict", message="c", after_seconds=5.0)),
        (errors.AlreadyExists("a"), Result(kind="conflict", message="a", after_seconds=5.0)),
        (errors.Cancelled("s"), Result(kind="cancelled", message="s")),
        (errors.Forbidden("f"), Result(kind="denied", message="f")),
        (errors.Invalid("i"), Result(kind="denied", message="i")),
        (errors.BadRequest("b"), Result(kind="denied", message="b")),
        (OverlongError("long"), Result(kind="transient", message="long", is_overlong=True)),
        (errors.ServerError("e"), Result(kind="transient", message="e")),
        (errors.TooManyRequests("w", retry_after=7.0), Result(kind="transient", message="w", after_seconds=7.0)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_what_an_error_stands_for(error: Exception, want: Result) -> None:
    assert result_of(error) == want


def test_a_bug_stands_for_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        result_of(ZeroDivisionError())


@define
class Told:
    """An agent whose reconciles end as a test says, each with a reporter of its own."""

    world: World = field(factory=World)
    metrics: Metrics = field(factory=Metrics)
    state: ReportState = field(factory=ReportState)

    def __attrs_post_init__(self) -> None:
        self.world.add(agent())
        self.world.add(scrape())

    @property
    def live(self) -> dict[str, Any]:
        """The agent as the server has it."""
        return self.world.get(AGENTS, "monitoring", "main")

    def reporter(self) -> Reporter:
        """That of a reconcile that begins now."""
        system = self.world.system
        return Reporter(VMAGENT, system.client, system.recorder, self.metrics, kinds.read(self.live), self.state)

    def end(self, result: Result, *rest: Any, after_seconds: float = 0.0) -> Result:
        """A reconcile ends so, some time later."""
        self.world.clock.seconds += after_seconds
        return self.reporter().report(result, *rest)

    def says(self) -> tuple[str | None, str | None]:
        """State and reason."""
        status = self.live.get("status") or {}
        return status.get("updateStatus"), status.get("reason")

    def written(self, result: str) -> float | None:
        """How many statuses were, or were not, written."""
        labels = {"kind": "vmagent", "result": result}
        return self.metrics.registry.get_sample_value("vmagent_operator_status_writes_total", labels)

    def events(self) -> list[tuple[str, str, int]]:
        """Reason, message and count of every Event so far."""
        self.world.system.recorder.flush()
        found = [event for _, event in self.world.api.store.items("events")]
        return sorted((event["reason"], event["message"], event["count"]) for event in found)


DONE, DOWN = Result(), Result(kind="transient", message="no route")


def test_a_fault_of_the_server_is_told_by_the_status_once_it_lasts() -> None:
    told = Told()
    told.end(DOWN)
    told.end(DOWN, after_seconds=59.0)
    assert told.says() == (None, None)
    assert told.events() == [("ReconciliationError", "no route", 1)]
    told.end(DOWN, after_seconds=1.0)
    assert told.says() == ("failed", "no route")
    assert told.events() == [("ReconciliationError", "no route", 1)]


@pytest.mark.parametrize(
    ("between", "state"), [("done", "operational"), ("conflict", "failed"), ("cancelled", "failed")]
)
def test_a_fault_that_was_over_in_between_begins_anew(between: Any, state: str) -> None:
    told = Told()
    told.end(DOWN)
    told.end(Result(kind=between), after_seconds=30.0)
    told.end(DOWN, after_seconds=31.0)
    assert told.says()[0] == state
    counts = [count for reason, _, count in told.events() if reason == "ReconciliationError"]
    assert counts == [2 if between == "done" else 1]


def test_another_failure_is_told_by_an_event_of_its_own() -> None:
    told = Told()
    told.end(Result(kind="denied", message="a"))
    told.end(Result(kind="denied", message="b"))
    told.end(Result(kind="denied", message="c", event="OwnershipConflict"))
    told.end(Result(kind="invalid spec", message="d"))
    assert told.says() == ("failed", "d")
    assert told.events() == [
        ("InvalidSpec", "d", 1),
        ("OwnershipConflict", "c", 1),
        ("ReconciliationError", "a", 1),
        ("ReconciliationError", "b", 1),
    ]


def test_a_rollout_is_told_at_most_once_a_second_and_its_end_at_once() -> None:
    told = Told()
    told.end(Result(kind="waiting", message="0 of 2"))
    told.end(Result(kind="waiting", message="1 of 2"), after_seconds=0.9)
    assert told.says() == ("expanding", "0 of 2")
    told.end(Result(kind="waiting", message="1 of 2"), after_seconds=0.1)
    assert told.says() == ("expanding", "1 of 2")
    told.end(DONE)
    assert told.says() == ("operational", None)
    told.end(Result(kind="waiting", message="0 of 2"))
    assert told.says() == ("expanding", "0 of 2")


def test_a_rollout_that_cannot_succeed_has_failed() -> None:
    told = Told()
    told.end(Result(kind="rollout timeout", message="slow"))
    assert told.says() == ("expanding", "slow")
    told.end(Result(kind="rollout timeout", message="crashes", is_failure=True))
    assert told.says() == ("failed", "crashes")
    assert [reason for reason, _, _ in told.events()] == ["RolloutStuck", "RolloutStuck"]


def test_a_spec_that_is_applied_is_told_once_and_then_nothing_is_written() -> None:
    told = Told()
    told.end(DONE, True)
    version = told.live["metadata"]["resourceVersion"]
    told.end(DONE, True, after_seconds=600.0)
    assert told.live["metadata"]["resourceVersion"] == version
    assert told.events() == [("ReconcileEvent", "reconcile of object finished successfully", 1)]
    assert told.written("ok") == 1


def test_what_is_paused_says_so_unless_it_fails() -> None:
    told = Told()
    told.world.patch(PATH, {"spec": {"paused": True}})
    told.end(DONE)
    assert told.says()[0] == "paused"
    told.end(Result(kind="denied", message="x"))
    assert told.says() == ("failed", "x")


@pytest.mark.parametrize(
    ("result", "want"), [(DONE, "transient"), (Result(kind="waiting", message="w"), "transient"), (Result(kind="denied", message="d"), "denied")]
)  # fmt: skip
def test_a_status_that_cannot_be_written_is_tried_again(result: Result, want: str) -> None:
    told = Told()
    told.world.api.faults.add(Fault(verb="patch", resource=f"{AGENTS}/status", status=500, times=0))
    assert told.end(result).kind == want
    assert told.events() == ([("ReconciliationError", "d", 1)] if want == "denied" else [])
    assert told.written("error") == 1
    assert not told.written("ok")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_an_owner_that_is_gone_meanwhile_is_told_nothing(is_replaced: bool) -> None:
    told = Told()
    reporter = told.reporter()
    told.world.delete(PATH)
    if is_replaced:
        told.world.add(agent())
    assert reporter.report(DONE) == DONE
    assert told.says() == (None, None)
    assert told.events() == []


def test_work_on_a_new_spec_is_told_as_it_begins() -> None:
    told = Told()

    def begin() -> None:
        reporter = told.reporter()
        reporter.set_progressing(reporter.owner.spec)

    begin()
    begin()
    assert told.says() == ("expanding", None)
    assert told.events() == [("ReconcileEvent", "starting object update", 1)]
    told.end(DONE)
    begin()
    assert told.says() == ("operational", None)
    told.world.patch(PATH, {"spec": {"logLevel": "WARN"}})
    begin()
    assert told.says() == ("expanding", None)
    assert ("ReconcileEvent", "starting object update", 2) in told.events()
    told.end(Result(kind="denied", message="x"))
    told.world.patch(PATH, {"spec": {"logLevel": "INFO"}})
    begin()
    assert told.says() == ("failed", "x")  # until it has come further


def test_work_goes_on_though_its_beginning_cannot_be_told() -> None:
    told = Told()
    told.world.api.faults.add(Fault(verb="patch", resource=f"{AGENTS}/status", status=500, times=0))
    reporter = told.reporter()
    reporter.set_progressing(reporter.owner.spec)
    assert told.says() == (None, None)


def test_what_is_doubtful_is_told_when_it_is_new() -> None:
    told = Told()
    for warnings in (("a", "b"), ("a", "b"), ("b",), (), ("b",)):
        told.reporter().report_warnings(warnings)
    assert told.events() == [("InvalidSpec", "a; b", 1), ("InvalidSpec", "b", 2)]


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([("x", ""), ("x", "")], 1),
        ([("x", ""), ("y", "")], 1),
        ([("x", ""), None, ("x", "")], 2),
    ],
    ids=["once", "for each reason", "and anew after it was in"],
)
def test_an_object_that_is_left_out_is_told(steps: list[tuple[str, str] | None], count: int) -> None:
    told = Told()
    found = kinds.read(scrape())
    for step in steps:
        told.reporter().reject([Finding(found, *step)] if step else [])
    messages = {step[0] for step in steps if step}
    assert told.events() == [("ScrapeObjectRejected", message, count) for message in sorted(messages)]


def test_an_object_whose_status_says_so_is_not_told_again() -> None:
    told = Told()
    own = condition_type(kinds.read(told.live))
    raw = scrape()
    for types, count in (((own,), 0), (("other",), 1)):
        conditions = [{"type": each, "status": "False", "message": "x"} for each in types]
        told.reporter().reject([Finding(kinds.read({**raw, "status": {"conditions": conditions}}), "x")])
        told.reporter().reject([])
        assert len(told.events()) == count


def test_a_bug_over_an_object_is_counted() -> None:
    told = Told()
    told.reporter().reject([Finding(kinds.read(scrape()), "internal error", "Traceback")])
    samples = told.metrics.registry.get_sample_value
    assert samples("operator_bad_objects_total", {"crd": "vmservicescrape", "object_namespace": "apps"}) == 1
    assert samples("vmagent_operator_object_errors_total", {"kind": "vmservicescrape"}) == 1


def test_a_new_configuration_is_told_once_a_minute() -> None:
    told = Told()
    desired: Any = SimpleNamespace(configuration=SimpleNamespace(applied=[1, 2], findings=[3]))
    report: Callable[[Any], None] = lambda given: told.reporter().report_configuration(given)  # noqa: E731
    report(SimpleNamespace(configuration=None))
    assert told.events() == []
    for seconds in (0.0, 59.0, 1.0):
        told.world.clock.seconds += seconds
        report(desired)
    assert told.events() == [("ConfigUpdated", "configuration of 2 scrape objects, 1 are left out", 2)]

"""What a controller does with a key after each end of a reconcile, and when it looks at what has changed."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve, field

from test.controller.world import VirtualClock
from vmagent_operator.controller.engine.controller import Controller, Pace
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.result import RULES, Result
from vmagent_operator.kube.queue import Priority, Queue

KEY = ("monitoring", "main")
BASE_SECONDS = 2.0


@define
class Stub:
    """Ends every reconcile as it is told to, after some time."""

    clock: VirtualClock
    result: Result = Result()
    seconds: float = 0.0
    is_broken: bool = False
    meanwhile: Callable[[], object] = lambda: None
    seen: list[tuple[str, str]] = field(factory=list)

    def reconcile(self, namespace: str, name: str) -> Result:
        """See Reconciler."""
        self.seen.append((namespace, name))
        self.clock.seconds += self.seconds
        self.meanwhile()
        if self.is_broken:
            raise RuntimeError("a bug")
        return self.result

    def crashed(self, namespace: str, name: str) -> Result:
        """See Reconciler."""
        return Result(kind="crash", message="told")


@define
class Bench:
    """A controller, its clock and its reconciler."""

    pace: Pace = Pace()
    clock: VirtualClock = field(factory=VirtualClock)
    metrics: Metrics = field(factory=Metrics)
    stub: Stub = field(init=False)
    controller: Controller[Stub] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stub = Stub(self.clock)
        queue: Queue[tuple[str, str]] = Queue.of(
            self.clock,
            base_seconds=BASE_SECONDS,
            max_seconds=120.0,
            meter=self.metrics.of_queue("vmagent"),
            jitter=lambda: 0.5,
        )
        self.controller = Controller(
            "vmagent", "VMAgent", queue, self.stub, self.metrics, self.clock, self.pace, jitter=lambda: 0.5
        )

    def end(self, result: Result, seconds: float = 0.0) -> Result:
        """Have a reconcile end so."""
        self.stub.result, self.stub.seconds = result, seconds
        self.controller.queue.add(KEY)
        key = self.controller.queue.pop()
        assert key == KEY
        return self.controller.process(key)

    def due(self) -> float | None:
        """When the key is looked at again, None if never."""
        return self.controller.queue.next_due_seconds()

    def count(self, name: str, **labels: str) -> float | None:
        """A sample of the metrics."""
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("result", "due"),
    [
        (Result(), 605.0),
        (Result(after_seconds=60.0), 60.0),
        (Result(after_seconds=601.0), 605.0),
        (Result(after_seconds=600.0), 600.0),
        (Result(kind="waiting", after_seconds=5.0), 5.0),
        (Result(kind="waiting"), None),
        (Result(kind="conflict", after_seconds=700.0), 700.0),
        (Result(kind="transient"), BASE_SECONDS),
        (Result(kind="transient", after_seconds=30.0), 30.0),
        (Result(kind="invalid spec"), None),
        (Result(kind="gone"), None),
        (Result(kind="denied"), BASE_SECONDS),
    ],
    ids=lambda value: f"{value.kind} {value.after_seconds:.0f}" if isinstance(value, Result) else str(value),
)
def test_how_soon_a_key_is_looked_at_again(result: Result, due: float | None) -> None:
    bench = Bench(Pace(resync_seconds=600.0))
    assert bench.end(result) == result
    assert bench.due() == due
    assert bench.controller.queue.snapshot().processing == {}


@pytest.mark.parametrize(("resync_seconds", "due"), [(60.0, 63.0), (600.0, 605.0), (0.0, None)])
def test_resyncs_drift_apart_by_a_tenth_and_ten_seconds_at_most(resync_seconds: float, due: float | None) -> None:
    bench = Bench(Pace(resync_seconds=resync_seconds))
    bench.end(Result())
    assert bench.due() == due


def test_an_interval_of_less_than_a_second_is_one() -> None:
    bench = Bench(Pace(resync_seconds=0.5))
    bench.end(Result(after_seconds=5.0))
    assert bench.due() == pytest.approx(0.525)


def test_failures_back_off_until_a_reconcile_comes_to_its_end() -> None:
    bench = Bench()
    waits = []
    for result in (Result(kind="denied"), Result(kind="denied"), Result(kind="waiting", after_seconds=5.0)):
        bench.end(result)
        waits.append(bench.due())
        bench.clock.seconds += 1000
        assert bench.controller.queue.pop() == KEY
        bench.controller.queue.done(KEY)
    bench.end(Result(kind="denied"))
    assert [*waits, bench.due()] == [2.0, 4.0, 5.0, 2.0]


def test_a_first_change_is_looked_at_quickly_and_the_next_once_a_window() -> None:
    bench = Bench(Pace(coalesce_seconds=0.5))
    bench.controller.enqueue(KEY, "child")
    assert bench.due() == pytest.approx(0.005)
    bench.clock.seconds += 0.005
    assert bench.controller.queue.pop() == KEY
    bench.controller.process(KEY)
    bench.controller.enqueue(KEY, "child")
    bench.controller.enqueue(KEY, "child")
    assert bench.due() == pytest.approx(0.5)
    assert bench.count("vmagent_operator_enqueue_total", cause="child") == 2
    assert bench.count("vmagent_operator_coalesced_events_total", cause="child") == 1


def test_what_changes_during_a_reconcile_waits_for_a_window_from_its_start() -> None:
    bench = Bench(Pace(coalesce_seconds=0.5))
    bench.clock.seconds += 100.0
    bench.stub.meanwhile = lambda: bench.controller.enqueue(KEY, "child")
    bench.end(Result(), 0.2)
    assert bench.due() == pytest.approx(0.3)


@pytest.mark.parametrize(("took_seconds", "due"), [(3.0, 3.0), (40.0, 10.0)])
def test_the_window_is_as_long_as_a_reconcile_takes_and_ten_seconds_at_most(took_seconds: float, due: float) -> None:
    bench = Bench(Pace(coalesce_seconds=0.5))
    bench.end(Result(), took_seconds)
    bench.controller.enqueue(KEY, "child")
    assert bench.due() == due


def test_the_window_of_an_object_that_is_gone_is_forgotten() -> None:
    bench = Bench(Pace(coalesce_seconds=0.5))
    bench.end(Result(kind="gone"), 8.0)
    bench.controller.enqueue(KEY, "child")
    assert bench.due() == pytest.approx(0.005)


def test_what_cannot_wait_is_due_at_once_and_counted_once() -> None:
    bench = Bench()
    bench.controller.enqueue_now(KEY, "spec")
    bench.controller.enqueue_now(KEY, "spec")
    assert bench.count("vmagent_operator_enqueue_total", cause="spec") == 1
    assert bench.controller.queue.depth(Priority.HIGH) == 1
    bench.controller.enqueue_now(("monitoring", "other"), "start", Priority.LOW)
    assert bench.controller.queue.depth(Priority.LOW) == 1


def test_each_way_to_come_back_is_counted() -> None:
    bench = Bench(Pace(resync_seconds=600.0))
    bench.end(Result())
    bench.end(Result(kind="waiting", after_seconds=5.0))
    bench.end(Result(kind="denied"))
    causes = ("resync", "waiting", "retry")
    assert [bench.count("vmagent_operator_enqueue_total", cause=cause) for cause in causes] == [1, 1, 1]


def test_a_bug_is_told_of_and_gives_the_key_back() -> None:
    bench = Bench()
    bench.stub.is_broken = True
    assert bench.end(Result()) == Result(kind="crash", message="told")
    assert bench.due() == BASE_SECONDS
    assert bench.controller.queue.snapshot().processing == {}


@pytest.mark.parametrize("kind", RULES)
def test_the_ends_of_reconciles_are_counted_as_controller_runtime_does(kind: Any) -> None:
    bench = Bench()
    bench.end(Result(kind=kind, is_overlong=True) if kind == "transient" else Result(kind=kind), 3.0)
    label, own = RULES[kind].label, {"controller": "vmagent"}
    name = "controller_runtime_reconcile"
    assert bench.count(f"{name}_total", **own, result=label) == 1
    assert bench.count(f"{name}_time_seconds_sum", **own) == 3
    assert bench.count(f"{name}_errors_total", **own) == (label == "error")
    assert bench.count(f"{name}_panics_total", **own) == (kind == "crash")
    assert bench.count(f"{name}_timeouts_total", **own) == (kind == "transient")
    assert bench.count("controller_runtime_terminal_reconcile_errors_total", **own) == (kind == "invalid spec")
    assert bench.count("vmagent_operator_reconcile_outcome_total", outcome=kind) == 1
    assert bench.count("operator_controller_reconcile_errors_total") == (kind == "cancelled")
    named = own | {"namespaced_name": "monitoring/main"}
    parsing, conflict = "object_parsing", "reconcile_conflict"
    for group, wanted in ((parsing, "invalid spec"), (conflict, "conflict")):
        found = bench.count(f"operator_controller_{group}_errors_total", **named)
        assert found == (1 if kind == wanted else None)


def test_a_status_of_a_scrape_object_has_no_series_of_its_own() -> None:
    bench = Bench()
    bench.controller = evolve(bench.controller, name="vmprobe")
    bench.end(Result(kind="conflict"))
    assert bench.count("controller_runtime_reconcile_total", controller="vmprobe", result="requeue_after") == 1
    assert bench.count("vmagent_operator_reconcile_outcome_total", outcome="conflict") == 0
    named = {"controller": "vmprobe", "namespaced_name": "monitoring/main"}
    assert bench.count("operator_controller_reconcile_conflict_errors_total", **named) is None

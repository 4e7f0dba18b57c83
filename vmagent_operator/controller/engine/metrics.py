"""Prometheus metrics: one table, and what feeds it.

Counters are plain increments; whatever is read from caches or the queue is computed when somebody asks, under no lock
longer than a copy of a dictionary. No label names an object other than an owner.
"""

import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import prometheus_client
from attrs import define, field, frozen
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client import Gauge as SetGauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.kind import OwnerKey
from vmagent_operator.controller.engine.result import RULES, Result
from vmagent_operator.desired.stages import Desired
from vmagent_operator.kube.meter import Exchange, Meter
from vmagent_operator.kube.queue import Priority

OWNERS = tuple(kind.singular for kind in kinds.OWNER_KINDS)
SCRAPES = frozenset(kind.singular for kind in kinds.SCRAPE_KINDS)
CONTROLLERS = tuple(kind.singular for kind in kinds.KINDS)
STATES = ("operational", "expanding", "failed", "paused", "ignored")
CAUSES = ("spec", "scrape", "namespace", "reference", "child", "resync", "retry", "waiting", "start", "owner")
MERGED_CAUSES = ("scrape", "namespace", "reference", "child")
PRIORITY = {Priority.HIGH: "0", Priority.LOW: "-100"}
PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OURS = "vmagent_operator_"

# (name, type, labels, help); those that may stay at zero get their series in `_start`.
TABLE: tuple[tuple[str, type[Any], tuple[str, ...], str], ...] = (
    ("rest_client_requests_total", Counter, ("code", "method", "host"), "Answers of the API server."),
    ("rest_client_request_duration_seconds", Histogram, ("method", "api"), "Time to an answer, without our own waits."),
    ("operator_log_messages_total", Counter, ("level",), "Log records."),
    ("operator_bad_objects_total", Counter, ("crd", "object_namespace"), "Scrape objects that became rejected."),
    ("operator_reconcile_throttled_events_total", Counter, ("controller",), "Always 0: no event is dropped."),
    ("operator_controller_object_parsing_errors_total", Counter, ("controller", "namespaced_name"), "Broken specs."),
    (
        "operator_controller_reconcile_conflict_errors_total",
        Counter,
        ("controller", "namespaced_name"),
        "Reconciles that ended in a conflict.",
    ),
    ("operator_controller_reconcile_errors_total", Counter, (), "Cancelled passes."),
    ("controller_runtime_reconcile_total", Counter, ("controller", "result"), "Reconciles by result."),
    ("controller_runtime_reconcile_errors_total", Counter, ("controller",), "Reconciles that ended in an error."),
    (
        "controller_runtime_terminal_reconcile_errors_total",
        Counter,
        ("controller",),
        "Reconciles that met an invalid spec.",
    ),
    ("controller_runtime_reconcile_panics_total", Counter, ("controller",), "Reconciles that ended in a bug."),
    ("controller_runtime_reconcile_time_seconds", Histogram, ("controller",), "Time a reconcile takes."),
    ("controller_runtime_max_concurrent_reconciles", SetGauge, ("controller",), "Workers."),
    ("workqueue_adds_total", Counter, ("name", "controller"), "Keys added to the queue."),
    ("workqueue_retries_total", Counter, ("name", "controller"), "Keys added with back-off."),
    ("workqueue_queue_duration_seconds", Histogram, ("name", "controller"), "Time keys wait for a worker."),
    ("workqueue_work_duration_seconds", Histogram, ("name", "controller"), "Time workers keep a key."),
    ("leader_election_master_status", SetGauge, ("name",), "1 while this process may write."),
    ("leader_election_slowpath_total", Counter, ("name",), "Renewals that needed a read first."),
    (OURS + "leader_failures_total", Counter, ("op",), "Lease requests that failed."),
    (OURS + "leader_transitions_total", Counter, (), "Times this process became leader."),
    (OURS + "informer_lists_total", Counter, ("kind", "result"), "Lists by how they ended."),
    (OURS + "informer_watches_total", Counter, ("kind", "result"), "Watches by how they ended."),
    (OURS + "informer_relists_total", Counter, ("kind", "reason"), "Lists by why they were made."),
    (OURS + "informer_events_total", Counter, ("kind", "type"), "Events read."),
    (OURS + "informer_handler_errors_total", Counter, ("kind",), "Change handlers that failed."),
    (OURS + "informer_thread_restarts_total", Counter, ("kind",), "Threads that died and go on."),
    (OURS + "informer_verify_differences_total", Counter, ("kind",), "Objects that events had not told of."),
    (OURS + "coalesced_events_total", Counter, ("cause",), "Events merged into a reconcile that was to come anyway."),
    (OURS + "enqueue_total", Counter, ("cause",), "Why reconciles happen."),
    (OURS + "reconcile_outcome_total", Counter, ("outcome",), "Reconciles by outcome."),
    (OURS + "api_throttle_wait_seconds_total", Counter, ("source",), "Time requests waited for a budget."),
    (OURS + "api_throttled_total", Counter, ("source",), "Requests that waited for a budget."),
    (OURS + "api_writes_total", Counter, ("kind", "verb", "result"), "Mutating requests."),
    (OURS + "api_write_uncertain_total", Counter, ("kind", "verb"), "Writes whose answer was lost."),
    (OURS + "apiserver_clock_skew_seconds", SetGauge, (), "The API server's clock less ours, smoothed."),
    (OURS + "token_reload_errors_total", Counter, (), "Failed reads of the credentials."),
    (
        OURS + "config_bytes",
        SetGauge,
        ("controller", "namespace", "name"),
        "Compressed size of the last configuration.",
    ),
    (OURS + "config_buckets", SetGauge, ("controller", "namespace", "name"), "Secrets of the last configuration."),
    (OURS + "config_render_seconds", Histogram, (), "Time to render everything of one owner."),
    (OURS + "config_skipped_renders_total", Counter, (), "Reconciles whose inputs had not changed."),
    (
        OURS + "scrape_objects",
        SetGauge,
        ("controller", "namespace", "name", "kind", "state"),
        "Selected scrape objects.",
    ),
    (
        OURS + "object_errors_total",
        Counter,
        ("kind",),
        "Scrape objects left out because our own code failed over them.",
    ),
    (OURS + "status_writes_total", Counter, ("kind", "result"), "Writes of a status."),
    (OURS + "events_dropped_total", Counter, ("reason",), "Events that were not written."),
    (OURS + "destructive_hold", SetGauge, (), "Owners whose clean-up waits for a source that can be trusted."),
    (OURS + "log_suppressed_total", Counter, (), "Log records left out as repetitions."),
    (OURS + "log_dropped_total", Counter, (), "Log records that nobody was there to read."),
)
BUCKETS: Mapping[str, tuple[float, ...]] = {"controller_runtime_reconcile_time_seconds": PASS_BUCKETS}


Gauge = tuple[str, str, tuple[str, ...], Mapping[Any, float]]
"""Name, help, label names, and values by label values."""


@frozen
class Reading(Collector):
    """Gauges that `read` computes when asked for."""

    read: Callable[[], Iterable[Gauge]]

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        for name, text, labels, values in self.read():
            family = GaugeMetricFamily(name, text, labels=labels)
            for own, value in values.items():
                family.add_metric(own, value)
            yield family

    def describe(self) -> Iterable[Metric]:
        """See Collector; nothing, so that registration does not compute anything."""
        return ()


@frozen
class QueueMeter(Meter):
    """Counts what one queue does."""

    metrics: "Metrics"
    controller: str

    def added(self, priority: str) -> None:
        """See Meter."""
        self.metrics.count("workqueue_adds_total", self.controller, self.controller)

    def retried(self) -> None:
        """See Meter."""
        self.metrics.count("workqueue_retries_total", self.controller, self.controller)

    def delivered(self, waited_seconds: float) -> None:
        """See Meter."""
        self.metrics.observe("workqueue_queue_duration_seconds", waited_seconds, self.controller, self.controller)

    def worked(self, seconds: float) -> None:
        """See Meter."""
        self.metrics.observe("workqueue_work_duration_seconds", seconds, self.controller, self.controller)


@define(eq=False)
class Metrics(Meter):
    """Every metric by name; also what `kube` reports to."""

    host: str = ""
    lease: str = ""
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    by_name: dict[str, Any] = field(init=False)
    _series: dict[OwnerKey, set[tuple[str, tuple[str, ...]]]] = field(init=False, factory=dict)
    _holding: set[OwnerKey] = field(init=False, factory=set)
    _skew: float | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.by_name = {}
        for name, kind, labels, text in TABLE:
            options = {"buckets": BUCKETS[name]} if name in BUCKETS else {}
            self.by_name[name] = kind(name, text, labels, registry=self.registry, **options)
        self._start()

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Increase a counter."""
        self._child(name, labels).inc(by)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._child(name, labels).set(value)

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Add to a histogram."""
        self._child(name, labels).observe(value)

    def add(self, reading: Reading) -> None:
        """Expose gauges that are computed when asked for."""
        self.registry.register(reading)

    def of_queue(self, controller: str) -> QueueMeter:
        """What the queue of a controller reports to."""
        return QueueMeter(self, controller)

    def _child(self, name: str, labels: tuple[str, ...]) -> Any:
        return self.by_name[name].labels(*labels) if labels else self.by_name[name]

    def _start(self) -> None:
        """Let the first occurrence of what is known beforehand be an increase."""
        known: Mapping[str, Iterable[tuple[str, ...]]] = {
            "operator_log_messages_total": [("info",), ("warning",), ("error",)],
            "operator_reconcile_throttled_events_total": [(name,) for name in CONTROLLERS],
            "controller_runtime_reconcile_total": [
                (name, result) for name in CONTROLLERS for result in ("success", "requeue", "requeue_after", "error")
            ],
            "leader_election_master_status": [(self.lease,)] if self.lease else [],
            OURS + "coalesced_events_total": [(cause,) for cause in MERGED_CAUSES],
            OURS + "enqueue_total": [(cause,) for cause in CAUSES],
            OURS + "reconcile_outcome_total": [(outcome,) for outcome in RULES],
            OURS + "events_dropped_total": [("queue",), ("spam",), ("api",)],
        }
        for name, series in known.items():
            for labels in series:
                self._child(name, labels)
        for name, _, labels, _ in TABLE:
            for controller in CONTROLLERS if labels[-1:] == ("controller",) else ():
                self._child(name, (controller,) * len(labels))

    # Reconciles.

    def reconciled(self, controller: str, key: tuple[str, str], result: Result, seconds: float) -> None:
        """A reconcile has ended."""
        label, name = RULES[result.kind].label, "/".join(key)
        self.count("controller_runtime_reconcile_total", controller, label)
        self.observe("controller_runtime_reconcile_time_seconds", seconds, controller)
        if label == "error":
            self.count("controller_runtime_reconcile_errors_total", controller)
        if result.kind == "crash":
            self.count("controller_runtime_reconcile_panics_total", controller)
        if controller in SCRAPES:
            return  # no series of a scrape object's own
        self.count(OURS + "reconcile_outcome_total", result.kind)
        if result.kind == "invalid spec":
            self.count("controller_runtime_terminal_reconcile_errors_total", controller)
            self._own((controller, *key), "operator_controller_object_parsing_errors_total", controller, name).inc()
        elif result.kind == "conflict":
            self._own((controller, *key), "operator_controller_reconcile_conflict_errors_total", controller, name).inc()
        elif result.kind == "cancelled":
            self.count("operator_controller_reconcile_errors_total")

    def rendered(self, key: OwnerKey, desired: Desired, seconds: float) -> None:
        """Everything of an owner has been rendered."""
        self.observe(OURS + "config_render_seconds", seconds)
        found = desired.configuration
        parts = (found.main, *found.overflow) if found else ()
        self._own(key, OURS + "config_bytes", *key).set(sum(len(part.packed) for part in parts))
        self._own(key, OURS + "config_buckets", *key).set(len(parts))
        objects = {"applied": found.applied, "rejected": [f.object for f in found.findings]} if found else {}
        for state, scrapes in objects.items():
            numbers = Counts(scrape.kind.singular for scrape in scrapes)
            for kind in kinds.SCRAPE_KINDS:
                self._own(key, OURS + "scrape_objects", *key, kind.singular, state).set(numbers[kind.singular])

    def render_skipped(self) -> None:
        """A reconcile had nothing to render."""
        self.count(OURS + "config_skipped_renders_total")

    def rejected(self, scrape: CustomObject[Any]) -> None:
        """A scrape object has been left out that was not before, or for another reason."""
        self.count("operator_bad_objects_total", scrape.kind.singular, scrape.namespace)

    def object_error(self, kind: str) -> None:
        """A scrape object has brought a bug to light."""
        self.count(OURS + "object_errors_total", kind)

    def status_written(self, kind: str, result: str) -> None:
        """A status has been written, or not."""
        self.count(OURS + "status_writes_total", kind, result)

    def hold(self, key: OwnerKey, is_held: bool) -> None:
        """Whether clean-up of an owner is held back."""
        (self._holding.add if is_held else self._holding.discard)(key)
        self.set(OURS + "destructive_hold", len(self._holding))

    def forget(self, key: OwnerKey) -> None:
        """Drop every series of an owner that is gone."""
        for metric, labels in self._series.pop(key, ()):
            self.by_name[metric].remove(*labels)
        self._holding.discard(key)
        self.set(OURS + "destructive_hold", len(self._holding))

    def _own(self, key: OwnerKey, name: str, *labels: str) -> Any:
        self._series.setdefault(key, set()).add((name, labels))
        return self._child(name, labels)

    # What `kube` reports.

    def exchange(self, exchange: Exchange) -> None:
        """See Meter."""
        code = str(exchange.status) if exchange.status else "<error>"
        self.count("rest_client_requests_total", code, exchange.method, self.host)
        self.observe("rest_client_request_duration_seconds", exchange.seconds, exchange.method, exchange.route)
        if exchange.method != "GET":
            result = type(exchange.error).__name__ if exchange.error else "ok"
            self.count(OURS + "api_writes_total", exchange.kind, exchange.verb, result)
            if exchange.error is not None and exchange.error.is_uncertain:
                self.count(OURS + "api_write_uncertain_total", exchange.kind, exchange.verb)
        if exchange.date is not None:
            ahead = exchange.date.timestamp() - time.time()
            self._skew = ahead if self._skew is None else 0.9 * self._skew + 0.1 * ahead
            self.set(OURS + "apiserver_clock_skew_seconds", self._skew)

    def throttled(self, seconds: float, *, by_server: bool) -> None:
        """See Meter."""
        source = "server" if by_server else "budget"
        self.count(OURS + "api_throttle_wait_seconds_total", source, by=seconds)
        self.count(OURS + "api_throttled_total", source)

    def listed(self, kind: str, namespace: str, reason: str, result: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_lists_total", kind, result)
        self.count(OURS + "informer_relists_total", kind, reason)

    def watched(self, kind: str, namespace: str, result: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_watches_total", kind, result)

    def event(self, kind: str, namespace: str, type_: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_events_total", kind, type_)

    def handler_failed(self, kind: str, namespace: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_handler_errors_total", kind)

    def differed(self, kind: str, namespace: str, count: int) -> None:
        """See Meter."""
        self.count(OURS + "informer_verify_differences_total", kind, by=count)

    def restarted(self, name: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_thread_restarts_total", name.partition(" ")[0])

    def token_failed(self) -> None:
        """See Meter."""
        self.count(OURS + "token_reload_errors_total")

    def leading(self, leading: bool) -> None:
        """See Meter."""
        self.set("leader_election_master_status", leading, self.lease)
        if leading:
            self.count(OURS + "leader_transitions_total")

    def slow_renewal(self) -> None:
        """See Meter."""
        self.count("leader_election_slowpath_total", self.lease)

    def lease_failed(self, operation: str) -> None:
        """See Meter."""
        self.count(OURS + "leader_failures_total", operation)

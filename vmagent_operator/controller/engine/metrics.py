"""Prometheus metrics: what feeds them; the table of them is apart.

Counters are plain increments; whatever is read from caches or the queue is computed when somebody asks, under no lock
longer than a copy of a dictionary. No label names an object other than an owner.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import prometheus_client
from attrs import define, field, frozen
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.kind import OwnerKey
from vmagent_operator.controller.engine.metrictable import (
    BUCKETS,
    CONTROLLERS,
    KNOWN,
    OURS,
    RELIST_REASONS,
    SCRAPES,
    TABLE,
)
from vmagent_operator.controller.engine.result import RULES, Result
from vmagent_operator.desired.stages import Desired
from vmagent_operator.kube.meter import Exchange, Meter
from vmagent_operator.scrape.references import Reference

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
        known = {**KNOWN, **({"leader_election_master_status": [(self.lease,)]} if self.lease else {})}
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
        if result.is_overlong:
            self.count("controller_runtime_reconcile_timeouts_total", controller)
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
        self._fetched((controller, *key), result.missing)

    def _fetched(self, key: OwnerKey, missing: Reference | None) -> None:
        """A reconcile had all that it refers to, but for what is `missing`: the series of what it missed before go."""
        name = "operator_fetch_errors_total"
        now = (missing.kind.lower(), f"{missing.namespace}/{missing.name}") if missing else None
        for gone in {labels for metric, labels in self._series.get(key, ()) if metric == name} - {now}:
            self._series[key].discard((name, gone))
            self._drop(name, gone)
        if now:
            self._own(key, name, *now).inc()

    def read_failed(self, key: OwnerKey) -> None:
        """An owner could not be read."""
        controller, namespace, name = key
        self._own(key, "operator_controller_object_get_errors_total", controller, f"{namespace}/{name}").inc()

    def rendered(self, key: OwnerKey, desired: Desired, seconds: float) -> None:
        """Everything of an owner has been rendered."""
        self.observe(OURS + "config_render_seconds", seconds)
        found = desired.configuration
        parts = (found.main, *found.overflow) if found else ()
        self._own(key, OURS + "config_bytes", *key).set(sum(len(part.packed) for part in parts))
        self._own(key, OURS + "config_buckets", *key).set(len(parts))
        self._own(key, OURS + "config_jobs", *key).set(found.jobs if found else 0)
        if found is None:
            return
        for kind in kinds.SCRAPE_KINDS:
            applied = sum(part.applied.get(kind, 0) for part in found.parts)
            rejected = sum(finding.object.kind is kind for finding in found.findings)
            for state, number in (("applied", applied), ("rejected", rejected)):
                self._own(key, OURS + "scrape_objects", *key, kind.singular, state).set(number)

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
            self._drop(metric, labels)
        self._holding.discard(key)
        self.set(OURS + "destructive_hold", len(self._holding))

    def _drop(self, metric: str, labels: tuple[str, ...]) -> None:
        if not any((metric, labels) in series for series in self._series.values()):  # two may miss the same Secret
            self.by_name[metric].remove(*labels)

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

    def throttled(self, seconds: float, pool: str, *, by_server: bool) -> None:
        """See Meter."""
        labels = pool, "server" if by_server else "budget"
        self.count(OURS + "api_throttle_wait_seconds_total", *labels, by=seconds)
        self.count(OURS + "api_throttled_total", *labels)

    def listed(self, kind: str, namespace: str, reason: str, result: str) -> None:
        """See Meter."""
        self.count(OURS + "informer_lists_total", kind, result)
        for known in RELIST_REASONS:
            self._child(OURS + "informer_relists_total", (kind, known))
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

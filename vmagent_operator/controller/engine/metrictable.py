"""Every metric that is fed as things happen: name, type, labels and help, and the values of labels that are known beforehand.

Names without `vmagent_operator_` are those of the Go operator and its libraries, for dashboards and alerts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_client import Gauge as SetGauge

from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.result import RULES
from vmagent_operator.convert import sources
from vmagent_operator.kube.queue import Priority

OWNERS = tuple(kind.singular for kind in kinds.OWNER_KINDS)
SCRAPES = frozenset(kind.singular for kind in kinds.SCRAPE_KINDS)
SOURCES = tuple(row.kind.singular for row in sources.SOURCES)
CONTROLLERS = (*(kind.singular for kind in kinds.KINDS), *SOURCES)
STATES = ("operational", "expanding", "failed", "paused", "ignored")
CAUSES = ("spec", "scrape", "namespace", "reference", "child", "resync", "retry", "waiting", "start", "owner")
MERGED_CAUSES = ("scrape", "namespace", "reference", "child")
PRIORITY = {Priority.HIGH: "0", Priority.LOW: "-100"}
POOLS = ("normal", "low", "none")
"""Of the request budget: what most requests share, what it leaves over for statuses and Events, and none at all for the lease."""
RELIST_REASONS = ("start", "expired", "bad_stream", "unavailable", "verify", "refresh")
PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OURS = "vmagent_operator_"

# (name, type, labels, help); those that may stay at zero get their series from KNOWN.
TABLE: tuple[tuple[str, type[Any], tuple[str, ...], str], ...] = (
    ("rest_client_requests_total", Counter, ("code", "method", "host"), "Answers of the API server."),
    ("rest_client_request_duration_seconds", Histogram, ("method", "api"), "Time to an answer, without our own waits."),
    ("operator_log_messages_total", Counter, ("level",), "Log records."),
    ("operator_bad_objects_total", Counter, ("crd", "object_namespace"), "Scrape objects that became rejected."),
    ("operator_reconcile_throttled_events_total", Counter, ("controller",), "Always 0: no event is dropped."),
    ("operator_controller_object_parsing_errors_total", Counter, ("controller", "namespaced_name"), "Broken specs."),
    (
        "operator_controller_object_get_errors_total",
        Counter,
        ("controller", "namespaced_name"),
        "Failed reads of owners.",
    ),
    (
        "operator_fetch_errors_total",
        Counter,
        ("object", "key"),
        "Reconciles that missed a Secret, a ConfigMap or a key there.",
    ),
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
    (
        "controller_runtime_reconcile_timeouts_total",
        Counter,
        ("controller",),
        "Reconciles that took too long and broke off.",
    ),
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
    (OURS + "api_throttle_wait_seconds_total", Counter, ("pool", "source"), "Time requests waited for a budget."),
    (OURS + "api_throttled_total", Counter, ("pool", "source"), "Requests that waited for a budget."),
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
    (OURS + "config_jobs", SetGauge, ("controller", "namespace", "name"), "Jobs of the last configuration."),
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

KNOWN: Mapping[str, Iterable[tuple[str, ...]]] = {
    "operator_log_messages_total": [("info",), ("warning",), ("error",)],
    "operator_reconcile_throttled_events_total": [(name,) for name in CONTROLLERS],
    "controller_runtime_reconcile_total": [
        (name, result) for name in CONTROLLERS for result in ("success", "requeue", "requeue_after", "error")
    ],
    OURS + "coalesced_events_total": [(cause,) for cause in MERGED_CAUSES],
    OURS + "enqueue_total": [(cause,) for cause in CAUSES],
    OURS + "reconcile_outcome_total": [(outcome,) for outcome in RULES],
    OURS + "events_dropped_total": [("queue",), ("spam",), ("api",)],
    OURS + "leader_failures_total": [("get",), ("create",), ("update",), ("release",)],
    OURS + "status_writes_total": [(name, result) for name in CONTROLLERS for result in ("ok", "error")],
    OURS + "api_throttled_total": [(pool, source) for pool in POOLS for source in ("budget", "server")],
    OURS + "api_throttle_wait_seconds_total": [(pool, source) for pool in POOLS for source in ("budget", "server")],
}
"""Series that are there from the start, so that the first occurrence is an increase."""

"""The panels of the Grafana dashboard, and what each asks for.

In a query, `@` stands for the chosen jobs and replicas and `[~]` for the interval that Grafana takes for a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

OWNERS = 'controller=~"vmagent|vmsingle|vmcluster"'
CONVERSIONS = 'controller=~"servicemonitor|podmonitor|probe|scrapeconfig"'


@frozen
class Panel:
    """One panel; `queries` are expressions by their legends, `alarming` is the colour of a number above 0."""

    title: str
    description: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    is_stacked: bool = False
    alarming: str = ""


def stat(title: str, description: str, query: str, legend: str = "", alarming: str = "") -> Panel:
    """One number."""
    return Panel(title, description, {legend: query}, kind="stat", alarming=alarming)


def number(states: str) -> str:
    """How many owners are in one of these states; replicas that know the same are one."""
    known = f'operator_object_status{{@, {OWNERS}, status=~"{states}"}}'
    return f"count(max by (controller, namespace, name) ({known}) == 1)"


def slowest(metric: str, *by: str) -> str:
    """What 99 of 100 stay below."""
    return f"histogram_quantile(0.99, sum by ({', '.join((*by, 'le'))}) (rate({metric}_bucket{{@}}[~])))"


def average(metric: str) -> str:
    """Seconds, by kind of owner."""
    total, count = (f"sum by (controller) (rate({metric}_{part}{{@, {OWNERS}}}[~]))" for part in ("sum", "count"))
    return f"{total} / {count}"


STATES = f"max by (controller, namespace, name, status) (operator_object_status{{@, {OWNERS}%s}})"
SCRAPES = 'max by (controller, namespace, name, kind) (vmagent_operator_scrape_objects{@, state="%s"})'
CONTROLLER, INSTANCE, KIND = "{{controller}}", "{{instance}}", "{{kind}}"

ROWS: Sequence[tuple[str, Sequence[Sequence[Panel]]]] = (
    (
        "Owners",
        (
            (
                stat(
                    "Operational",
                    "VMAgents, VMSingles and VMClusters that are what they ask for.",
                    number("operational"),
                ),
                stat("Expanding", "Their rollout is not done.", number("expanding"), alarming="yellow"),
                stat("Failed", "They could not be brought to what they ask for.", number("failed"), alarming="red"),
                stat("Paused or ignored", "Changes do not reach them.", number("paused|ignored"), alarming="yellow"),
                stat(
                    "Scrape objects left out",
                    "Selected, but left out for a fault; one counts for each owner.",
                    f"sum({SCRAPES % 'rejected'})",
                    alarming="yellow",
                ),
                stat("Leader", "The replica that writes.", "leader_election_master_status{@} == 1", INSTANCE),
            ),
            (
                Panel("Owners by state", "", {"{{status}}": f"sum by (status) ({STATES % ''})"}, is_stacked=True),
                Panel(
                    "Owners that are not operational",
                    "`kubectl get vmagents,vmsingles,vmclusters -A` says why.",
                    {"": STATES % ', status!="operational"' + " == 1"},
                    kind="table",
                ),
            ),
            (
                Panel(
                    "Scrape objects by kind",
                    "What owners select and apply.",
                    {KIND: f"sum by (kind) ({SCRAPES % 'applied'})"},
                    is_stacked=True,
                ),
                Panel(
                    "Configuration",
                    "Compressed size of each owner's configuration; a Secret holds 512 KiB of it.",
                    {
                        "{{controller}} {{namespace}}/{{name}}": (
                            "max by (controller, namespace, name) (vmagent_operator_config_bytes{@})"
                        )
                    },
                    unit="bytes",
                ),
            ),
        ),
    ),
    (
        "Reconciles",
        (
            (
                Panel(
                    "Reconciles",
                    "By kind.",
                    {CONTROLLER: "sum by (controller) (rate(controller_runtime_reconcile_total{@}[~]))"},
                    unit="ops",
                    is_stacked=True,
                ),
                Panel(
                    "Outcomes",
                    "How reconciles of owners end.",
                    {"{{outcome}}": "sum by (outcome) (rate(vmagent_operator_reconcile_outcome_total{@}[~]))"},
                    unit="ops",
                    is_stacked=True,
                ),
                Panel(
                    "Errors",
                    "Reconciles that failed, that met a bug or an invalid spec, or took too long.",
                    {
                        "errors": "sum(rate(controller_runtime_reconcile_errors_total{@}[~]))",
                        "bugs": "sum(rate(controller_runtime_reconcile_panics_total{@}[~]))",
                        "invalid specs": "sum(rate(controller_runtime_terminal_reconcile_errors_total{@}[~]))",
                        "timeouts": "sum(rate(controller_runtime_reconcile_timeouts_total{@}[~]))",
                    },
                    unit="ops",
                ),
            ),
            (
                Panel(
                    "Queue", "Keys that wait for a worker.", {CONTROLLER: "sum by (controller) (workqueue_depth{@})"}
                ),
                Panel(
                    "Wait in the queue",
                    "99 of 100 keys waited no longer.",
                    {CONTROLLER: slowest("workqueue_queue_duration_seconds", "controller")},
                    unit="s",
                ),
                Panel(
                    "Time of a reconcile",
                    "99 of 100 took no longer.",
                    {CONTROLLER: slowest("controller_runtime_reconcile_time_seconds", "controller")},
                    unit="s",
                ),
            ),
            (
                Panel(
                    "Time to effect",
                    "On average: an owner's wait in the queue and its reconcile.",
                    {
                        CONTROLLER: (
                            f"{average('workqueue_queue_duration_seconds')}"
                            f" + {average('controller_runtime_reconcile_time_seconds')}"
                        )
                    },
                    unit="s",
                ),
                Panel(
                    "Causes",
                    "Why reconciles happen.",
                    {"{{cause}}": "sum by (cause) (rate(vmagent_operator_enqueue_total{@}[~]))"},
                    unit="ops",
                    is_stacked=True,
                ),
                Panel(
                    "Rendering",
                    "99 of 100 took no longer to render everything of one owner.",
                    {"": slowest("vmagent_operator_config_render_seconds")},
                    unit="s",
                ),
            ),
        ),
    ),
    (
        "API server",
        (
            (
                Panel(
                    "Requests",
                    "By answer; <error> is none at all.",
                    {"{{code}}": "sum by (code) (rate(rest_client_requests_total{@}[~]))"},
                    unit="reqps",
                    is_stacked=True,
                ),
                Panel(
                    "Time to an answer",
                    "99 of 100 took no longer, our own waits aside.",
                    {"{{method}}": slowest("rest_client_request_duration_seconds", "method")},
                    unit="s",
                ),
                Panel(
                    "Writes",
                    "By kind of object.",
                    {KIND: "sum by (kind) (rate(vmagent_operator_api_writes_total{@}[~]))"},
                    unit="reqps",
                    is_stacked=True,
                ),
            ),
            (
                Panel(
                    "Waiting for the request budget",
                    "Seconds a second that requests wait: for our own budget (`--client.qps`), or as the API server asks.",
                    {
                        "{{pool}} {{source}}": (
                            "sum by (pool, source) (rate(vmagent_operator_api_throttle_wait_seconds_total{@}[~]))"
                        )
                    },
                ),
                Panel(
                    "Statuses",
                    "Writes of a status.",
                    {"{{kind}} {{result}}": "sum by (kind, result) (rate(vmagent_operator_status_writes_total{@}[~]))"},
                    unit="ops",
                ),
                Panel(
                    "Held back and undone",
                    "Owners whose clean-up waits for a source that can be trusted; owners whose children somebody else changes.",
                    {
                        "clean-up waits": "max(vmagent_operator_destructive_hold{@})",
                        "undone": "sum(max by (controller, namespace, name) (vmagent_operator_write_flapping{@}))",
                    },
                ),
            ),
        ),
    ),
    (
        "Watches and conversion",
        (
            (
                Panel(
                    "Watches that are not well",
                    "Kinds that have not been read yet, or whose store cannot be believed.",
                    {
                        "not read {{instance}}": "sum by (instance) (vmagent_operator_informer_synced{@} == bool 0)",
                        "not healthy {{instance}}": "sum by (instance) (vmagent_operator_informer_healthy{@} == bool 0)",
                    },
                ),
                Panel(
                    "Silence",
                    "Longest time without list, event or bookmark.",
                    {
                        INSTANCE: (
                            "time() - min by (instance)"
                            " (vmagent_operator_informer_last_activity_timestamp_seconds{@} > 0)"
                        )
                    },
                    unit="s",
                ),
                Panel(
                    "Listed again",
                    "Kinds, and why.",
                    {
                        "{{kind}} {{reason}}": (
                            "sum by (kind, reason)"
                            ' (increase(vmagent_operator_informer_relists_total{@, reason!="start"}[~]))'
                        )
                    },
                ),
            ),
            (
                Panel(
                    "Events",
                    "What watches bring.",
                    {KIND: "sum by (kind) (rate(vmagent_operator_informer_events_total{@}[~]))"},
                    unit="ops",
                    is_stacked=True,
                ),
                Panel(
                    "Conversions",
                    "Reconciles of objects of the Prometheus operator.",
                    {
                        "{{controller}} {{result}}": (
                            f"sum by (controller, result) (rate(controller_runtime_reconcile_total{{@, {CONVERSIONS}}}[~]))"
                        )
                    },
                    unit="ops",
                ),
                Panel(
                    "Known objects",
                    "By kind.",
                    {CONTROLLER: "max by (controller) (operator_controller_objects_count{@})"},
                ),
            ),
        ),
    ),
    (
        "Processes",
        (
            (
                Panel("Memory", "Resident.", {INSTANCE: "process_resident_memory_bytes{@}"}, unit="bytes"),
                Panel("CPU", "Cores.", {INSTANCE: "rate(process_cpu_seconds_total{@}[~])"}),
                Panel(
                    "Leadership",
                    "1 for the replica that writes; and lease requests that failed.",
                    {
                        INSTANCE: "leader_election_master_status{@}",
                        "failed {{op}}": "sum by (op) (increase(vmagent_operator_leader_failures_total{@}[~]))",
                    },
                ),
                Panel(
                    "Log",
                    "Records by level.",
                    {"{{level}}": "sum by (level) (rate(operator_log_messages_total{@}[~]))"},
                    unit="ops",
                ),
            ),
        ),
    ),
)

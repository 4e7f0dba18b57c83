"""The metrics that are computed when somebody asks for them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmagent_operator.api.kinds import SCRAPE_KINDS
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.metrics import Gauge
from vmagent_operator.controller.engine.metrictable import OURS, PRIORITY, STATES
from vmagent_operator.controller.system import System
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.queue import Priority


def gauges(system: System) -> Iterator[Gauge]:
    """What is computed when somebody asks for metrics."""
    held = {controller.name: controller.queue.snapshot() for controller in system.controllers}
    queue = ("name", "controller")
    waiting = {name: list(each.waiting.values()) for name, each in held.items()}
    depth = {(of, of, PRIORITY[each]): waits.count(each) for of, waits in waiting.items() for each in Priority}
    yield "workqueue_depth", "Keys that wait for a worker.", (*queue, "priority"), depth
    running = {name: list(each.processing.values()) for name, each in held.items()}
    unfinished = {(of, of): sum(seconds) for of, seconds in running.items()}
    yield "workqueue_unfinished_work_seconds", "Time that running reconciles have taken.", queue, unfinished
    longest = {(of, of): max(seconds, default=0.0) for of, seconds in running.items()}
    yield "workqueue_longest_running_processor_seconds", "Time of the longest running one.", queue, longest
    busy = {(of,): len(seconds) for of, seconds in running.items()}
    yield "controller_runtime_active_workers", "Busy workers.", ("controller",), busy
    converting = [controller.reconciler.source.kind for controller in system.conversions.values()]
    of_kinds = (*(of.kind for of in system.mapper.owners), *SCRAPE_KINDS, *converting)
    counts = {(kind.singular,): len(system.stores.items(custom(kind))) for kind in of_kinds}
    yield "operator_controller_objects_count", "Known objects.", ("controller",), counts
    watchers = {(kind.singular,): float(system.informers.has_synced(custom(kind))) for kind in converting}
    text = "1 while objects of a Prometheus kind are converted."
    yield "operator_prometheus_converter_active_watchers", text, ("object_type_name",), watchers
    labels = ("controller", "namespace", "name", "status")
    yield "operator_object_status", "1 for the status of an owner.", labels, dict(_statuses(system))
    failures = {
        (source.resource.kind,): system.stores.of(source.resource).failures for source in system.informers.sources
    }
    yield OURS + "read_failures", "Objects that a bug kept from being read, so far.", ("kind",), failures
    yield OURS + "reference_index_entries", "Known references.", (), {(): len(system.mapper.usage.references)}
    text, now = "1 while somebody else keeps undoing our writes.", system.client.clock.monotonic()
    wars = {
        (name, *key): float(state.conflicts.until > now)
        for name, controller in system.owners.items()
        for key, state in controller.reconciler.states.items()
    }
    yield OURS + "write_flapping", text, ("controller", "namespace", "name"), wars
    yield from _informer_gauges(system)


def _statuses(system: System) -> Iterator[tuple[tuple[str, ...], float]]:
    for of in system.mapper.owners:
        for owner in system.stores.items(of.resource):
            for state in STATES:
                yield (*of.key(owner), state), float(owner.status.get("updateStatus") == state)


def _informer_gauges(system: System) -> Iterator[Gauge]:
    named = {
        (informer.collection.resource.kind, informer.collection.namespace or ""): informer
        for informer in system.informers
    }
    columns: Mapping[str, tuple[str, Callable[[Informer[Any]], float]]] = {
        "synced": ("1 after the first list.", lambda i: i.has_synced),
        "healthy": ("1 while the store can be believed.", lambda i: i.is_healthy),
        "objects": ("Objects held.", lambda i: i.store.count(i.collection.namespace)),
        "last_activity_timestamp_seconds": (
            "Last list, event or bookmark.",
            lambda i: i.state.active_at.timestamp() if i.state.active_at else 0.0,
        ),
    }
    for name, (text, value) in columns.items():
        found = {labels: value(informer) for labels, informer in named.items()}
        yield f"{OURS}informer_{name}", text, ("kind", "namespace"), found
    served = {(kind,): informer.state.phase is not Phase.ABSENT for (kind, _), informer in named.items()}
    yield OURS + "kind_available", "0 if the API server does not serve it.", ("kind",), served

"""Ten thousand ServiceMonitors: within the request budget, at rest without a request, and cheap to keep."""

import gc
import json
import tracemalloc

import pytest

from test.controller.test_conversion import DEFINITIONS, TARGETS, monitor, target_writes
from test.controller.world import World
from vmagent_operator.api.kinds import VMSERVICESCRAPE
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.stores import read_source
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.kube.http.ratelimit import Bucket

COUNT, RATE, BURST = 10_000, 50.0, 100
KEPT_BYTES = 4000
"""What a source of two kilobytes of JSON may take; ten thousand are 40 MB."""


def large(number: int) -> dict[str, object]:
    """A ServiceMonitor of the size that charts have, with what an API server and kubectl add to it."""
    rules = [{"action": "drop", "sourceLabels": ["__name__"], "regex": f"go_gc_.*|{number}"}] * 4
    endpoints = [{"port": "http", "interval": "30s", "metricRelabelings": rules, "tlsConfig": {"serverName": "a"}}] * 3
    made = monitor(f"app-{number}", endpoints=endpoints)
    text = json.dumps(made)
    made["metadata"] |= {"uid": f"u-{number}", "resourceVersion": str(number), "generation": 1}
    made["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
    made["metadata"]["managedFields"] = [{"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    return made


def test_a_source_is_kept_as_little_more_than_its_text() -> None:
    store = Store(lambda raw: read_source(SOURCES[0].kind, raw))
    raws = [json.dumps(large(number)) for number in range(500)]
    gc.collect()
    tracemalloc.start()
    for raw in raws:
        store.apply(Event("ADDED", json.loads(raw)))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(store) == len(raws)
    assert taken / len(raws) < KEPT_BYTES


@pytest.mark.slow
def test_ten_thousand_are_converted_within_the_budget_and_then_rest() -> None:
    world = World(definitions=DEFINITIONS)
    world.add(monitor("app-0"))
    for number in range(1, COUNT):
        world.api.add(monitor(f"app-{number}"))
    client = world.system.client
    client.limiter = Bucket(RATE, BURST, world.clock)
    world.settle(2 * COUNT / RATE)
    assert len(world.names(TARGETS)) == COUNT
    requests = len(target_writes(world))
    assert requests == COUNT
    assert world.clock.seconds >= (COUNT - BURST) / RATE
    world.settle(3600.0)
    assert len(target_writes(world)) == COUNT
    world.start()
    world.settle(3600.0)
    assert target_writes(world) == []
    assert world.system.stores.get(custom(VMSERVICESCRAPE), "apps", "app-7") is not None

"""Metrics: what is there from the start, what is counted, and that nothing stays of what is gone."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from test.apiserver.faults import Fault
from test.controller.world import World, agent
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.metrictable import OURS, POOLS
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.http.transport import Response
from vmagent_operator.kube.resource import SECRETS
from vmagent_operator.scrape.references import Reference

SCRAPE = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmstaticscrapes/odd"


def series(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """Values by the values of labels, sorted by their names."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def of(world: World, name: str) -> dict[tuple[str, ...], float]:
    return series(world.system.metrics.registry, name)


def static(name: str = "odd", **endpoint: Any) -> dict[str, Any]:
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMStaticScrape",
        "metadata": {"name": name, "namespace": "monitoring"},
        "spec": {"targetEndpoints": [{"targets": ["a:1"], **endpoint}]},
    }


def test_what_may_stay_at_zero_is_there_from_the_start() -> None:
    registry = Metrics().registry
    operations = [("get",), ("create",), ("update",), ("release",)]
    waits = [(pool, source) for pool in POOLS for source in ("budget", "server")]
    assert series(registry, OURS + "leader_failures_total") == dict.fromkeys(operations, 0.0)
    assert series(registry, OURS + "api_throttled_total") == dict.fromkeys(waits, 0.0)
    assert series(registry, OURS + "status_writes_total")["vmagent", "error"] == 0
    assert series(registry, "controller_runtime_reconcile_timeouts_total")["vmagent",] == 0


def test_each_reason_to_list_a_kind_is_there_with_the_first() -> None:
    metrics = Metrics()
    metrics.listed("Secret", "", "start", "ok")
    found = series(metrics.registry, OURS + "informer_relists_total")
    assert found["Secret", "start"] == 1
    assert found["Secret", "expired"] == found["Secret", "verify"] == 0


def test_requests_that_wait_are_counted_by_pool() -> None:
    metrics = Metrics()
    metrics.throttled(2.0, "low", by_server=False)
    metrics.throttled(3.0, "none", by_server=True)
    found = series(metrics.registry, OURS + "api_throttle_wait_seconds_total")
    assert {labels: value for labels, value in found.items() if value} == {("low", "budget"): 2, ("none", "server"): 3}


def test_the_jobs_of_a_configuration_are_counted() -> None:
    world = World()
    world.add(static("a"))
    world.add(agent(selectAllByDefault=True, inlineScrapeConfig="[{job_name: x}, {job_name: y}]"))
    world.settle()
    assert of(world, OURS + "config_jobs") == {("vmagent", "main", "monitoring"): 5.0}  # two of the agent itself


def test_what_is_missing_is_counted_until_it_is_there_or_nobody_wants_it() -> None:
    world = World()
    world.add(agent(relabelConfig={"name": "rules", "key": "k"}))
    world.add(agent("other", relabelConfig={"name": "rules", "key": "k"}))
    world.settle()
    name = "operator_fetch_errors_total"
    assert [*of(world, name)] == [("monitoring/rules", "configmap")]
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/other")
    world.settle(120)
    assert [*of(world, name)] == [("monitoring/rules", "configmap")]
    world.add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "rules", "namespace": "monitoring"},
            "data": {"k": ""},
        }
    )
    world.settle(120)
    assert of(world, name) == {}
    assert of(world, "operator_controller_object_parsing_errors_total") == {}


def test_another_thing_that_is_missing_takes_the_place_of_the_first() -> None:
    metrics = Metrics()
    for name in ("a", "a", "b"):
        missing = Reference("Secret", "n", name)
        metrics.reconciled("vmagent", ("n", "main"), Result(kind="missing reference", missing=missing), 0.1)
    assert series(metrics.registry, "operator_fetch_errors_total") == {("n/b", "secret"): 1.0}


def test_reads_of_an_owner_that_fail_are_counted() -> None:
    world = World()
    world.api.faults.add(Fault(verb="get", resource="vmagents.operator.victoriametrics.com", status=500, times=6))
    world.add(agent())
    world.settle(120)
    assert of(world, "operator_controller_object_get_errors_total")["vmagent", "monitoring/main"] >= 1
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(120)
    assert of(world, "operator_controller_object_get_errors_total") == {}


def test_a_reconcile_that_takes_too_long_is_counted() -> None:
    metrics = Metrics()
    metrics.reconciled("vmagent", ("n", "main"), Result(kind="transient", is_overlong=True), 61)
    assert series(metrics.registry, "controller_runtime_reconcile_timeouts_total")["vmagent",] == 1


def test_a_rejection_is_told_once_whatever_restarts() -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    world.add(static(interval="soon"))
    world.settle(60)
    name = "operator_bad_objects_total"
    assert of(world, name) == {("vmstaticscrape", "monitoring"): 1.0}
    world.start()
    world.settle(60)
    assert of(world, name) == {}
    world.patch(SCRAPE, {"spec": {"targetEndpoints": [{"targets": ["a:1"], "interval": "later"}]}})
    world.settle(60)
    assert of(world, name) == {("vmstaticscrape", "monitoring"): 1.0}


@pytest.mark.parametrize(
    "date",
    [
        *("", "x", "1", "Mon, 01 Jan 0001 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 -0000"),
        *("Mon, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 2024 00:00:00 +99999"),
        *("Mon, 1 Jan 99999999999999999999 0:0:0", "Fri, 99 Foo 2024 99:99:99 GMT", "Mon, 01 Jan 2024 00:00:00"),
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    ],
)
def test_an_odd_date_of_a_proxy_is_no_fault(date: str) -> None:
    class Answering:
        def request(self, *_: Any, **__: Any) -> Response:
            return Response(200, {"date": date}, b'{"metadata": {"name": "a", "resourceVersion": "1"}}')

        stream = None

    client: Any = Answering()
    assert Client(client, manager=World().system.client.manager, meter=Metrics()).get(SECRETS, "n", "a")

"""Metrics: what is there from the start, what is counted, and that nothing stays of what is gone."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from test.apiserver.faults import Fault
from test.controller.test_conversion import TARGET, monitor, world_with
from test.controller.world import World, agent
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.metrictable import OURS, POOLS
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.kube.errors import Conflict, NetworkError
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.http.transport import Response
from vmagent_operator.kube.meter import Exchange
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


QUEUE = {"name": "vmagent", "controller": "vmagent"}
LIST, WATCH = {"kind": "Secret", "result": "ok"}, {"kind": "Secret", "result": "Gone"}


@pytest.mark.parametrize(
    ("tell", "name", "labels", "value"),
    [
        (lambda m: m.listed("Secret", "ns", "start", "ok"), OURS + "informer_lists_total", LIST, 1),
        (lambda m: m.watched("Secret", "ns", "Gone"), OURS + "informer_watches_total", WATCH, 1),
        (lambda m: m.event("Secret", "", "ADDED"), OURS + "informer_events_total", {"kind": "Secret", "type": "ADDED"}, 1),
        (lambda m: m.handler_failed("Secret", ""), OURS + "informer_handler_errors_total", {"kind": "Secret"}, 1),
        (lambda m: m.differed("Secret", "", 3), OURS + "informer_verify_differences_total", {"kind": "Secret"}, 3),
        (lambda m: m.restarted("VMAgent apps"), OURS + "informer_thread_restarts_total", {"kind": "VMAgent"}, 1),
        (lambda m: m.token_failed(), OURS + "token_reload_errors_total", {}, 1),
        (lambda m: m.leading(True), "leader_election_master_status", {"name": "here"}, 1),
        (lambda m: m.leading(True), OURS + "leader_transitions_total", {}, 1),
        (lambda m: m.leading(False), OURS + "leader_transitions_total", {}, 0),
        (lambda m: (m.leading(True), m.leading(False)), "leader_election_master_status", {"name": "here"}, 0),
        (lambda m: m.slow_renewal(), "leader_election_slowpath_total", {"name": "here"}, 1),
        (lambda m: m.lease_failed("get"), OURS + "leader_failures_total", {"op": "get"}, 1),
        (lambda m: m.throttled(2.0, "low", by_server=True), OURS + "api_throttled_total", {"pool": "low", "source": "server"}, 1),
        (lambda m: m.render_skipped(), OURS + "config_skipped_renders_total", {}, 1),
        (lambda m: m.object_error("vmprobe"), OURS + "object_errors_total", {"kind": "vmprobe"}, 1),
        (lambda m: m.status_written("vmprobe", "error"), OURS + "status_writes_total", {"kind": "vmprobe", "result": "error"}, 1),
        (lambda m: m.of_queue("vmagent").added("0"), "workqueue_adds_total", QUEUE, 1),
        (lambda m: m.of_queue("vmagent").retried(), "workqueue_retries_total", QUEUE, 1),
        (lambda m: m.of_queue("vmagent").delivered(2.5), "workqueue_queue_duration_seconds_sum", QUEUE, 2.5),
        (lambda m: m.of_queue("vmagent").worked(1.5), "workqueue_work_duration_seconds_sum", QUEUE, 1.5),
    ],
)  # fmt: skip
def test_what_happens_is_counted(tell: Any, name: str, labels: dict[str, str], value: float) -> None:
    metrics = Metrics(lease="here")
    tell(metrics)
    assert metrics.registry.get_sample_value(name, labels) == value


def exchange(**rest: Any) -> Exchange:
    """A write that went well."""
    given = {
        "verb": "patch",
        "method": "PATCH",
        "route": "/api/v1/secrets",
        "kind": "Secret",
        "status": 200,
        "seconds": 0.5,
    }
    return Exchange(**{**given, **rest})


@pytest.mark.parametrize(
    ("given", "code", "result", "uncertain"),
    [
        (exchange(), "200", "ok", None),
        (exchange(status=409, error=Conflict("c", status=409)), "409", "Conflict", None),
        (exchange(status=0, error=NetworkError("n", sent=True)), "<error>", "NetworkError", 1),
        (exchange(status=0, error=NetworkError("n", sent=False)), "<error>", "NetworkError", None),
        (exchange(method="GET", verb="get"), "200", None, None),
    ],
)
def test_requests_are_counted_and_writes_by_how_they_ended(
    given: Exchange, code: str, result: str | None, uncertain: float | None
) -> None:
    metrics = Metrics(host="server")
    metrics.exchange(given)
    found = metrics.registry.get_sample_value
    assert found("rest_client_requests_total", {"code": code, "method": given.method, "host": "server"}) == 1
    assert found("rest_client_request_duration_seconds_sum", {"method": given.method, "api": given.route}) == 0.5
    writes = series(metrics.registry, OURS + "api_writes_total")
    assert writes == ({("Secret", result, "patch"): 1} if result else {})
    assert found(OURS + "api_write_uncertain_total", {"kind": "Secret", "verb": "patch"}) == uncertain


def test_the_servers_clock_is_smoothed() -> None:
    metrics = Metrics()
    now = datetime.now(UTC)
    for ahead_seconds in (100.0, 200.0):
        metrics.exchange(exchange(date=now + timedelta(seconds=ahead_seconds)))
    skew = metrics.registry.get_sample_value(OURS + "apiserver_clock_skew_seconds")
    assert skew == pytest.approx(110.0, abs=5)


def test_owners_whose_clean_up_is_held_are_counted_each_once() -> None:
    metrics, one, two = Metrics(), ("vmagent", "ns", "one"), ("vmagent", "ns", "two")
    held = []
    for key, is_held in ((one, True), (one, True), (two, True), (one, False), (one, False)):
        metrics.hold(key, is_held)
        held.append(metrics.registry.get_sample_value(OURS + "destructive_hold"))
    assert held == [1, 1, 2, 1, 1]
    metrics.forget(two)
    assert metrics.registry.get_sample_value(OURS + "destructive_hold") == 0


def test_what_two_owners_miss_stays_until_neither_does() -> None:
    metrics = Metrics()
    shared = Result(kind="missing reference", missing=Reference("Secret", "n", "a"))
    for name in ("one", "two"):
        metrics.reconciled("vmagent", ("n", name), shared, 0.1)
    metrics.reconciled("vmagent", ("n", "one"), Result(), 0.1)
    assert series(metrics.registry, "operator_fetch_errors_total") == {("n/a", "secret"): 2}
    metrics.forget(("vmagent", "n", "two"))
    assert series(metrics.registry, "operator_fetch_errors_total") == {}


def test_what_is_rendered_is_told_by_owner_and_goes_with_it() -> None:
    world = World()
    world.add(static("a"))
    world.add(static(interval="soon"))
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    labels = ("vmagent", "main", "monitoring")
    assert of(world, OURS + "config_buckets") == {labels: 1}
    (packed,) = of(world, OURS + "config_bytes").values()
    data = world.get("secrets", "monitoring", "vmagent-main")["data"]["vmagent.yaml.gz"]
    assert packed == len(base64.b64decode(data))
    found = {key: value for key, value in of(world, OURS + "scrape_objects").items() if value}
    assert {key[1:2] + key[4:]: value for key, value in found.items()} == {
        ("vmservicescrape", "applied"): 1,
        ("vmstaticscrape", "applied"): 1,
        ("vmstaticscrape", "rejected"): 1,
    }
    assert of(world, OURS + "config_render_seconds_count")[()] >= 1
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(60)
    names = ("config_buckets", "config_bytes", "config_jobs", "scrape_objects")
    assert [of(world, OURS + name) for name in names] == [{}] * 4


def test_an_owner_without_a_configuration_has_none_of_any_size() -> None:
    world = World()
    world.add(agent(ingestOnlyMode=True))
    world.settle(60)
    for name in ("config_buckets", "config_bytes", "config_jobs"):
        assert of(world, OURS + name) == {("vmagent", "main", "monitoring"): 0}
    assert of(world, OURS + "scrape_objects") == {}


def test_reconciles_are_timed_up_to_a_minute() -> None:
    metrics = Metrics()
    metrics.reconciled("vmagent", ("n", "main"), Result(), 11.0)
    name = "controller_runtime_reconcile_time_seconds_bucket"
    found = {le: value for (controller, le), value in series(metrics.registry, name).items() if controller == "vmagent"}
    assert {le for le, value in found.items() if value} == {"30.0", "60.0", "+Inf"}
    assert {le for le, value in found.items() if not value} == {
        *("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0")
    }


def test_a_conversion_counts_by_what_has_changed() -> None:
    world = world_with()
    sample = world.system.metrics.registry.get_sample_value

    def counts() -> list[float]:
        causes = ({"cause": cause} for cause in ("spec", "child"))
        return [sample("vmagent_operator_enqueue_total", cause) or 0.0 for cause in causes]

    world.add(monitor())
    world.read()
    assert counts() == [1, 0]
    world.settle()
    before = counts()
    world.patch(TARGET, {"spec": {"jobLabel": "x"}})
    world.read()
    assert counts() == [before[0], before[1] + 1]

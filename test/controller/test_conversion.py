"""ServiceMonitors and their like in a cluster: what becomes of them, and of whatever else has their names."""

import json
from typing import Any

import pytest
from attrs import evolve

from test.apiserver.memory import Memory
from test.controller.world import World, agent
from test.convert.recorded import definition
from vmagent_operator.controller.gauges import gauges
from vmagent_operator.convert.sources import SOURCES, enabled
from vmagent_operator.settings import load

MONITORS = "servicemonitors.monitoring.coreos.com"
TARGETS = "vmservicescrapes.operator.victoriametrics.com"
MONITOR = "/apis/monitoring.coreos.com/v1/namespaces/apps/servicemonitors/app"
TARGET = "/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes/app"
GROUP = "operator.victoriametrics.com"
REFERENCES = {"VM_ENABLEDPROMETHEUSCONVERTEROWNERREFERENCES": "true"}
DEFINITIONS = [definition(source.kind) for source in SOURCES]


def world_with(*given: dict[str, Any], environ: dict[str, str] | None = None) -> World:
    """A cluster with prometheus-operator's definitions, where the operator has done what there is to do."""
    world = World(environ or {}, definitions=DEFINITIONS)
    for manifest in given:
        world.add(manifest)
    world.settle()
    return world


def monitor(name: str = "app", **spec: Any) -> dict[str, Any]:
    """A ServiceMonitor."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": name, "namespace": "apps", "labels": {"team": "a"}},
        "spec": {"selector": {"matchLabels": {"app": name}}, "endpoints": [{"port": "http"}], **spec},
    }


def target(name: str = "app", port: str = "own", **metadata: Any) -> dict[str, Any]:
    """A VMServiceScrape of somebody's own."""
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMServiceScrape",
        "metadata": {"name": name, "namespace": "apps", **metadata},
        "spec": {"selector": {}, "endpoints": [{"port": port}]},
    }


def ports(world: World, name: str = "app") -> list[str]:
    """The ports of the target."""
    return [endpoint["port"] for endpoint in world.get(TARGETS, "apps", name).get("spec", {}).get("endpoints", ())]


def target_writes(world: World) -> list[tuple[str, str]]:
    """What was written to targets, statuses aside."""
    return [
        (method, path)
        for method, path in world.writes()
        if "namespaces/apps/vm" in path and not path.endswith("/status")
    ]


def told(world: World) -> set[tuple[str, str]]:
    """Reason and message of the Events on sources."""
    return {
        (event["reason"], event["message"])
        for _, event in world.api.store.items("events")
        if event["involvedObject"]["apiVersion"].startswith("monitoring.coreos.com/")
    }


GONE = {f"{GROUP}/source-gone": "ServiceMonitor"}


def notes(world: World, name: str = "app") -> dict[str, str]:
    """The annotations of a target."""
    return world.get(TARGETS, "apps", name)["metadata"].get("annotations") or {}


def test_a_monitor_is_converted_within_a_second_and_selected() -> None:
    world = world_with(agent(selectAllByDefault=True))
    world.add(monitor())
    world.settle(1.0)
    made = world.get(TARGETS, "apps", "app")
    assert made["spec"] == {"selector": {"matchLabels": {"app": "app"}}, "endpoints": [{"port": "http"}]}
    assert made["metadata"]["labels"] == {"team": "a"}
    assert not {"annotations", "ownerReferences", "finalizers"} & made["metadata"].keys()
    world.settle()
    assert world.get(TARGETS, "apps", "app")["status"]["updateStatus"] == "operational"
    assert target_writes(world) == [("PATCH", TARGET)]


def test_every_kind_is_converted() -> None:
    objects = {
        "PodMonitor": {"selector": {}, "podMetricsEndpoints": [{"port": "a"}]},
        "Probe": {"prober": {"url": "a:1"}, "targets": {"staticConfig": {"static": ["b"]}}},
        "ScrapeConfig": {"staticConfigs": [{"targets": ["a:1"]}]},
    }
    world = world_with()
    for source in SOURCES[1:]:
        metadata = {"name": "app", "namespace": "apps"}
        head = {"apiVersion": source.kind.api_version, "kind": source.kind.name, "metadata": metadata}
        world.add({**head, "spec": objects[source.kind.name]})
    world.settle(1.0)
    for source in SOURCES[1:]:
        assert world.names(f"{source.target.plural}.{GROUP}") == ["app"]


def test_changes_of_the_source_take_effect_and_what_is_taken_away_goes() -> None:
    world = world_with(monitor(jobLabel="x", endpoints=[{"port": "http", "interval": "10s"}, {"port": "b"}]))
    world.patch(
        MONITOR, {"spec": {"jobLabel": None, "endpoints": [{"port": "c"}]}, "metadata": {"labels": {"team": "b"}}}
    )
    world.settle(1.0)
    made = world.get(TARGETS, "apps", "app")
    assert made["spec"] == {"selector": {"matchLabels": {"app": "app"}}, "endpoints": [{"port": "c"}]}
    assert made["metadata"]["labels"] == {"team": "b"}


def test_a_restart_writes_nothing() -> None:
    world = world_with(monitor(targetLimit=3), monitor("b"))
    world.start()
    world.settle()
    assert target_writes(world) == []
    assert [path for _, path in world.writes() if "events" in path] == []
    assert not [path for method, path in world.transport.requests if path.startswith(TARGET)]


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"endpoints": [{"port": "other"}]}},
        {"spec": {"jobLabel": "other", "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}},
        {"spec": {"discoveryRole": "service", "namespaceSelector": {"any": True}}},
        {"metadata": {"labels": {"team": "other", "more": "x"}, "annotations": {"manual": "1"}}},
        {"metadata": {"labels": None}},
        {"metadata": {"finalizers": ["apps.victoriametrics.com/finalizer"]}},
    ],
)
def test_a_changed_target_is_repaired(change: dict[str, Any]) -> None:
    world = world_with(monitor())
    before = world.get(TARGETS, "apps", "app")
    world.patch(TARGET, change)
    world.settle(1.0)
    after = world.get(TARGETS, "apps", "app")
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("labels") == before["metadata"]["labels"]
    assert not after["metadata"].get("annotations")
    assert not after["metadata"].get("finalizers")
    count = len(target_writes(world))
    world.settle(300.0)
    assert len(target_writes(world)) == count


def test_a_deleted_target_comes_back() -> None:
    world = world_with(monitor())
    world.delete(TARGET)
    world.settle(1.0)
    assert ports(world) == ["http"]


def test_a_target_outlives_its_source_unless_references_are_asked_for() -> None:
    world = world_with(monitor())
    world.delete(MONITOR)
    world.settle(1.0)
    assert ports(world) == ["http"]
    gone = {f"{GROUP}/source-gone": "ServiceMonitor"}
    assert world.get(TARGETS, "apps", "app")["metadata"]["annotations"] == gone
    world.add(monitor())
    world.settle(1.0)
    assert not world.get(TARGETS, "apps", "app")["metadata"].get("annotations")
    world = world_with(monitor(), environ=REFERENCES)
    assert world.get(TARGETS, "apps", "app")["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "name": "app",
            "uid": world.get(MONITORS, "apps", "app")["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    world.delete(MONITOR)
    world.settle()
    assert world.names(TARGETS) == []


def test_a_source_that_is_made_again_keeps_its_target() -> None:
    world = world_with(monitor(), environ=REFERENCES)
    world.delete(MONITOR)
    world.add(monitor())
    world.settle()
    (reference,) = world.get(TARGETS, "apps", "app")["metadata"]["ownerReferences"]
    assert reference["uid"] == world.get(MONITORS, "apps", "app")["metadata"]["uid"]


def test_definitions_that_come_later_are_noticed() -> None:
    world = World()
    world.settle()
    for each in DEFINITIONS:
        world.api.add(each)
    world.api.settle()
    world.add(monitor())
    world.settle(120.0)
    assert ports(world) == ["http"]


@pytest.mark.parametrize(
    ("strategy", "labels"),
    [
        ("prefer-prometheus", {"a": "new", "b": "2"}),
        ("prefer-victoriametrics", {"a": "old", "manual": "1"}),
        ("merge-prometheus-priority", {"a": "new", "b": "2", "manual": "1"}),
        ("merge-victoriametrics-priority", {"a": "old", "b": "2", "manual": "1"}),
    ],
)
def test_labels_are_merged_as_the_target_says(strategy: str, labels: dict[str, str]) -> None:
    first = monitor()
    first["metadata"]["labels"] = {"a": "old", "c": "3"}
    world = world_with(first)
    notes = {f"{GROUP}/merge-meta-strategy": strategy}
    world.patch(TARGET, {"metadata": {"annotations": notes}})
    world.settle()
    world.patch(TARGET, {"metadata": {"labels": {"manual": "1"}}})
    world.settle()
    world.patch(MONITOR, {"metadata": {"labels": {"a": "new", "b": "2", "c": None}}})
    world.settle(1.0)
    found = world.get(TARGETS, "apps", "app")["metadata"]
    assert found["labels"] == labels | ({"c": "3"} if strategy == "prefer-victoriametrics" else {})
    assert found["annotations"] == notes
    count = len(target_writes(world))
    world.settle(300.0)
    world.start()
    world.settle()
    assert len(target_writes(world)) == 0 < count


def test_a_target_that_is_to_be_left_alone_is() -> None:
    world = world_with(monitor())
    world.patch(TARGET, {"metadata": {"annotations": {f"{GROUP}/ignore-prometheus-updates": "enabled"}}})
    world.patch(MONITOR, {"spec": {"endpoints": [{"port": "new"}]}})
    world.settle()
    assert ports(world) == ["http"]
    world.patch(TARGET, {"metadata": {"annotations": {f"{GROUP}/ignore-prometheus-updates": "no"}}})
    world.settle(1.0)
    assert ports(world) == ["new"]


def test_what_is_lost_is_named_on_both() -> None:
    world = world_with(monitor(targetLimit=3, endpoints=[{"port": "http", "enableHttp2": True}]))
    notes = world.get(TARGETS, "apps", "app")["metadata"]["annotations"]
    assert notes == {f"{GROUP}/not-converted": "spec.targetLimit, spec.endpoints[0].enableHttp2"}
    ((reason, message),) = told(world)
    assert (reason, message) == (
        "PartlyConverted",
        "VMServiceScrape apps/app lacks spec.targetLimit: vmagent's kinds have no such limit; "
        "spec.endpoints[0].enableHttp2: vmagent speaks HTTP/1.1",
    )
    world.patch(MONITOR, {"spec": {"targetLimit": None, "endpoints": [{"port": "http"}]}})
    world.settle(1.0)
    assert not world.get(TARGETS, "apps", "app")["metadata"].get("annotations")


def test_a_source_that_cannot_be_converted_says_why() -> None:
    schemaless = definition(SOURCES[0].kind)
    version = schemaless["spec"]["versions"][0]
    open_ = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schemaless = {
        **schemaless,
        "spec": {**schemaless["spec"], "versions": [{**version, "schema": {"openAPIV3Schema": open_}}]},
    }
    world = World(definitions=[schemaless])
    world.add(monitor(endpoints=[{"port": 80}]))
    world.settle()
    assert world.names(TARGETS) == []
    assert told(world) == {("InvalidSpec", "not converted: spec.endpoints[0].port: expected string, got integer")}


def test_it_is_counted_which_kinds_are_converted() -> None:
    for world, count in ((World(), 0.0), (world_with(monitor()), 1.0)):
        world.settle()
        found = {name: series for name, _, _, series in gauges(world.system)}
        assert found["operator_prometheus_converter_active_watchers"] == {
            (source.kind.singular,): count for source in SOURCES
        }
    assert found["operator_controller_objects_count"]["servicemonitor",] == 1


@pytest.mark.parametrize("environ", [{"VM_ENABLEDPROMETHEUSCONVERTER_SERVICESCRAPE": "false"}])
def test_a_converter_can_be_switched_off(environ: dict[str, str]) -> None:
    assert world_with(monitor(), environ=environ).names(TARGETS) == []


@pytest.mark.parametrize("disabled", ["ServiceMonitor", "VMServiceScrape"])
def test_a_kind_is_not_converted_if_it_or_its_target_is_disabled(disabled: str) -> None:
    settings = evolve(load({}), disabled_kinds=frozenset({disabled}))
    assert [row.kind.name for row in enabled(settings)] == ["PodMonitor", "Probe", "ScrapeConfig"]


@pytest.mark.parametrize(
    ("disabled", "count"), [({"VMAgent"}, 4), ({"VMSingle", "VMCluster"}, 4), ({"VMAgent", "VMSingle"}, 0)]
)
def test_nothing_is_converted_that_nobody_could_scrape(disabled: set[str], count: int) -> None:
    assert len(list(enabled(evolve(load({}), disabled_kinds=frozenset(disabled))))) == count


def go_writes(world: World, **labels: str) -> None:
    """What the Go operator does at an event of the source: it writes the whole target as it would have it."""
    live = world.get(TARGETS, "apps", "app")
    endpoints = [{"port": "go", "attach_metadata": {}}]
    spec = {"selector": live["spec"]["selector"], "endpoints": endpoints, "attach_metadata": {}}
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {**live["metadata"], "labels": labels, "annotations": notes}
    body = json.dumps({**live, "metadata": metadata, "spec": spec}).encode()
    headers = {"content-type": "application/json"}
    answer = Memory(world.api, agent="app/v0.74").request("PUT", TARGET, headers=headers, body=body, timeout=5)
    assert answer.status == 200, answer.body
    world.api.settle()


def test_beside_the_go_operator_each_of_its_writes_is_set_right_once() -> None:
    world = world_with(monitor())
    for number in range(3):
        go_writes(world, team="a", number=str(number))
        world.settle(60.0)
        made = world.get(TARGETS, "apps", "app")
        assert made["spec"] == {"selector": {"matchLabels": {"app": "app"}}, "endpoints": [{"port": "http"}]}
        assert (made["metadata"]["labels"], made["metadata"].get("annotations") or {}) == ({"team": "a"}, {})
    # For each, what goes from the metadata, the fields that become ours, and the content.
    assert len(target_writes(world)) <= 1 + 3 * 3


def test_somebody_who_keeps_undoing_is_named_and_written_to_once_a_minute() -> None:
    world = world_with(monitor())
    for number in range(30):
        world.patch(TARGET, {"spec": {"endpoints": [{"port": f"other-{number}"}]}})
        world.settle(1.0)
    assert {reason for reason, _ in told(world)} == {"ConflictingController"}
    assert len(target_writes(world)) < 15


def test_only_watched_namespaces_are_converted() -> None:
    elsewhere = monitor("elsewhere")
    elsewhere["metadata"]["namespace"] = "other"
    world = world_with(monitor(), elsewhere, environ={"WATCH_NAMESPACE": "apps"})
    assert world.names(TARGETS) == ["app"]
    world.delete(MONITOR)
    world.settle(1.0)
    assert notes(world) == GONE


def test_a_source_that_is_going_is_converted_still() -> None:
    going = monitor()
    going["metadata"]["finalizers"] = ["example.com/wait"]
    world = world_with(going)
    world.delete(MONITOR)
    world.patch(MONITOR, {"spec": {"endpoints": [{"port": "new"}]}})
    world.settle(1.0)
    assert (ports(world), notes(world)) == (["new"], {})

"""The dashboard and the alerts ask for what a running operator exposes, and the panels do not cover each other."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import yaml
from attrs import frozen

from test.controlplane import binaries
from test.controlplane.cluster import eventually
from test.demo import examples
from test.manifests.built import MANIFESTS, build, one
from test.manifests.exposed import Running, operator
from test.vmagent.local import Server, stopped
from vmagent_operator.identity import API_VERSION

DASHBOARD = json.loads((MANIFESTS / "monitoring/grafana/vmagent-operator.json").read_text())
TARGETS = {
    f"{panel['title']} {target['refId']}": target
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
RULES = yaml.safe_load((MANIFESTS / "monitoring/victoriametrics/vmrule.yaml").read_text())["spec"]["groups"][0]["rules"]
OF_THE_TARGET = {"job", "instance", "pod"}
"""Labels that a scrape adds."""
RARE = {"namespace", "code"}
"""Labels whose values in alerts are those of trouble."""
SILENT = {"Expanding", "Failed", "Paused or ignored", "Owners that are not operational"}
"""Panels that show nothing where all is well."""
NEWS = [
    {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": "news", "namespace": "monitoring"},
        "spec": {"remoteWrite": [{"url": "http://db"}], "selectAllByDefault": True} if kind == "VMAgent" else {},
    }
    for kind in ("VMAgent", "VMSingle")
]
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SELECTOR = re.compile(r"(\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


@frozen
class Exposed:
    """The values of each label of each metric."""

    metrics: dict[str, dict[str, set[str]]]

    def check(self, query: str, legend: str = "") -> None:
        """Assert that all of this query is there."""
        asked = SELECTOR.findall(query)
        assert asked, query
        labels = set(OF_THE_TARGET)
        for name, matchers in asked:
            assert name in self.metrics, name
            labels |= self.metrics[name].keys()
            for label, operator_, value in MATCHER.findall(matchers):
                if label not in OF_THE_TARGET:
                    assert label in self.metrics[name], f"{name} has no label {label}"
                    wanted = set(value.split("|")) if operator_ in ("=~", "!~") else {value}
                    there = self.metrics[name][label]
                    assert label in RARE or wanted <= there or "VM.*" in wanted, f"{name}: {label} is in {there}"
        for group in GROUPING.findall(query):
            assert set(group.split(", ")) <= labels, group
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels, legend


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with operator(tmp_path_factory.mktemp("operator")) as found:
        yield found


@pytest.fixture(scope="module")
def exposed(running: Running) -> Exposed:
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in SAMPLE.findall(running.metrics()):
        values = found.setdefault(name, {})
        for label, value in LABEL.findall(labels):
            values.setdefault(label, set()).add(value)
    return Exposed(found)


def test_panels_lie_beside_and_below_each_other() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len({*cells})
    assert {x for x, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_query_looks_at_what_is_chosen() -> None:
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource", "job", "instance"]
    for target in TARGETS.values():
        for _, matchers in SELECTOR.findall(target["expr"]):
            assert matchers.startswith('job=~"$job", instance=~"$instance"')
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in DASHBOARD["panels"] if "targets" in panel)


def test_the_sidecar_of_grafana_finds_it() -> None:
    found = one(build("monitoring/grafana"), "ConfigMap", "vmagent-operator-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert [json.loads(text) for text in found["data"].values()] == [DASHBOARD]


def test_what_panels_and_alerts_ask_for_is_exposed(exposed: Exposed) -> None:
    for target in TARGETS.values():
        exposed.check(target["expr"], target["legendFormat"])
    for rule in RULES:
        exposed.check(rule["expr"].replace('up{job="vmagent-operator"}', 'vm_app_version{job="vmagent-operator"}'))


@pytest.mark.parametrize(
    ("query", "legend"),
    [
        ('deepth{queue="a"}', ""),
        ('depth{kind="a"}', ""),
        ('depth{queue="b"}', ""),
        ('depth{queue=~"a|b"}', ""),
        ('sum by (kind) (depth{queue="a"})', ""),
        ('depth{queue="a"}', "{{kind}}"),
    ],
)
def test_what_is_not_exposed_is_noticed(query: str, legend: str) -> None:
    exposed = Exposed({"depth": {"queue": {"a"}}})
    exposed.check('sum by (queue, pod) (depth{job="x", queue="a"})', "{{queue}}")
    with pytest.raises(AssertionError):
        exposed.check(query, legend)


@pytest.fixture(scope="module")
def database(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """VictoriaMetrics, which scrapes the operator as our scrape object has it do."""
    folder = tmp_path_factory.mktemp("database")
    (endpoint,) = one(build("monitoring/victoriametrics"), "VMServiceScrape")["spec"]["endpoints"]
    job = {
        "job_name": "vmagent-operator",
        "scrape_interval": "1s",
        "honor_labels": endpoint["honorLabels"],
        "static_configs": [{"targets": [running.address], "labels": {"namespace": "vmagent-operator", "pod": "a"}}],
    }
    (folder / "scrape.yaml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    flags = (f"-storageDataPath={folder / 'data'}", f"-promscrape.config={folder / 'scrape.yaml'}")
    server = Server(binaries.victoria("victoria-metrics"), (*flags, "-search.latencyOffset=0s"), {}, folder / "log")
    with stopped(server):
        server.start()
        eventually(lambda: ask(server, "vm_app_version") != [])
        examples.create(running.client, NEWS)  # times are those of something that happens
        eventually(lambda: ask(server, 'operator_object_status{name="news", status="operational"} == 1') != [])
        eventually(lambda: ask(server, "count_over_time(vm_app_version[1m]) >= 5") != [])
        yield server


def ask(server: Server, query: str) -> list[dict[str, Any]]:
    """The series that a query gives now."""
    found = json.loads(
        server.get("/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": int(time.time())}))
    )
    return list(found["data"]["result"])


@pytest.mark.vmagent
def test_every_panel_shows_something(database: Server) -> None:
    silent = set[str]()

    def look() -> bool:
        silent.clear()
        for panel in DASHBOARD["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$__rate_interval", "1m")
                if not ask(database, query.replace("$job", ".+").replace("$instance", ".+")):
                    silent.add(panel["title"])
        return silent <= SILENT

    with suppress(AssertionError):  # what the last reconciles tell comes a little later
        eventually(look, seconds=30, every_seconds=1)
    assert silent <= SILENT


@pytest.mark.vmagent
def test_owners_are_told_apart_by_their_own_namespace(database: Server) -> None:
    found = ask(database, 'operator_object_status{status="operational"} == 1')
    assert {(each["metric"]["namespace"], each["metric"]["pod"]) for each in found} == {("monitoring", "a")}

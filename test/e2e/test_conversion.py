"""Prometheus objects on a real API server: converted as soon as there are such, scraped, repaired, and then left alone."""

from __future__ import annotations

import time

from test.controlplane.cluster import eventually
from test.e2e import prometheus
from test.e2e.world import World
from vmagent_operator.convert.sources import SOURCES

MONITOR = SOURCES[0]
SECONDS = 10.0
"""For what takes a fraction of one: the machine may be busy."""


def test_a_chart_is_scraped_as_it_is(world: World, namespaces: tuple[str, str]) -> None:
    agents, shop = namespaces
    world.create("VMAgent", agents, "main", {"remoteWrite": [{"url": "http://vm"}], "selectAllByDefault": True})
    with prometheus.defined(world.api):
        prometheus.convert_each(world, shop)
        wanted = {f"{each}/{shop}/chart" for each in ("serviceScrape", "podScrape", "probe", "scrapeConfig")}
        eventually(lambda: wanted <= {"/".join(name.split("/")[:3]) for name in world.jobs(agents, "main")}, seconds=60)
        source, target = (place(MONITOR, shop, "chart") for place in (prometheus.path, prometheus.target))

        def ports() -> list[str]:
            found = world.api.find(target) or {"spec": {"endpoints": []}}
            return [each["port"] for each in found["spec"]["endpoints"]]

        world.api.merge(source, {"spec": {"endpoints": [{"port": "a"}, {"port": "b"}]}, "metadata": {"labels": None}})
        eventually(lambda: ports() == ["a", "b"], seconds=SECONDS)
        eventually(lambda: not world.api.get(target)["metadata"].get("labels"), seconds=SECONDS)
        world.api.merge(target, {"spec": {"endpoints": [{"port": "edited"}]}, "metadata": {"labels": {"mine": "x"}}})
        eventually(lambda: ports() == ["a", "b"], seconds=SECONDS)
        world.api.delete(target)
        eventually(lambda: ports() == ["a", "b"], seconds=SECONDS)
        eventually(lambda: world.is_operational(agents, "main"), seconds=60)
        time.sleep(2)
        before = [world.api.get(prometheus.target(each, shop, "chart"))["metadata"]["generation"] for each in SOURCES]
        world.api.merge(
            source, {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}}
        )
        time.sleep(2)
        after = [world.api.get(prometheus.target(each, shop, "chart"))["metadata"]["generation"] for each in SOURCES]
        assert before == after


def test_somebodys_own_object_is_not_overwritten(world: World, namespaces: tuple[str, str]) -> None:
    _, shop = namespaces
    world.create("VMServiceScrape", shop, "chart", {"selector": {}, "endpoints": [{"port": "own"}]})
    with prometheus.defined(world.api):
        world.api.create(
            prometheus.path(MONITOR, shop),
            {
                "apiVersion": MONITOR.kind.api_version,
                "kind": MONITOR.kind.name,
                "metadata": {"name": "chart"},
                "spec": prometheus.SPECS["ServiceMonitor"],
            },
        )

        def told() -> list[str]:
            events = world.api.items(f"/api/v1/namespaces/{shop}/events")
            return [each["message"] for each in events if each["reason"] == "NotConverted"]

        eventually(lambda: bool(told()), seconds=90)
        assert told()[0].startswith(
            f"VMServiceScrape {shop}/chart exists and is not converted from ServiceMonitor chart"
        )
        assert world.get("VMServiceScrape", shop, "chart")["spec"]["endpoints"] == [{"port": "own"}]

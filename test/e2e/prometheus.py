"""Prometheus objects of each kind for a scenario, and the definitions that they need."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from test.controlplane.api import Api, Json, Refused
from test.controlplane.cluster import eventually
from test.convert.recorded import definition
from test.e2e.world import OWN, World
from vmagent_operator.convert.sources import SOURCES, Source

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SPECS: dict[str, Json] = {
    "ServiceMonitor": {"selector": {}, "endpoints": [{"port": "http"}]},
    "PodMonitor": {"selector": {}, "podMetricsEndpoints": [{"port": "http"}]},
    "Probe": {"prober": {"url": "prober:9115"}, "targets": {"staticConfig": {"static": ["a"]}}},
    "ScrapeConfig": {"staticConfigs": [{"targets": ["a:1"]}]},
}


@contextmanager
def defined(api: Api) -> Iterator[None]:
    """A cluster with prometheus-operator's definitions; they and all objects of theirs go again."""
    try:
        for source in SOURCES:
            api.create(DEFINITIONS, definition(source.kind))
        for source in SOURCES:
            eventually(partial(_is_there, api, path(source, "default")))
        yield
    finally:
        for source in SOURCES:
            api.delete(f"{DEFINITIONS}/{source.kind.plural}.monitoring.coreos.com")
        for source in SOURCES:
            eventually(partial(_is_gone, api, path(source, "default")))


def path(source: Source, namespace: str, name: str = "") -> str:
    """The path of the sources in a namespace, or of one."""
    return f"/apis/{source.kind.api_version}/namespaces/{namespace}/{source.kind.plural}" + (name and f"/{name}")


def target(source: Source, namespace: str, name: str) -> str:
    """The path of what it becomes."""
    return f"{OWN}/namespaces/{namespace}/{source.target.plural}/{name}"


def convert_each(world: World, namespace: str, name: str = "chart") -> None:
    """An object of each kind is made, and becomes what it does."""
    for source in SOURCES:
        manifest = {
            "apiVersion": source.kind.api_version,
            "kind": source.kind.name,
            "metadata": {"name": name, "labels": {"team": "a"}},
            "spec": SPECS[source.kind.name],
        }
        world.api.create(path(source, namespace), manifest)
    for source in SOURCES:  # definitions that were not there when the operator started are looked for every 30 s
        eventually(partial(_is_there, world.api, target(source, namespace, name)), seconds=90)


def _is_there(api: Api, place: str) -> bool:
    try:
        return api.find(place) is not None
    except Refused as error:
        if error.status == 429:  # of a kind that is new: storage is (re)initializing
            return False
        raise


def _is_gone(api: Api, place: str) -> bool:
    return api.find(place) is None

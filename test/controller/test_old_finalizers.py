"""Old releases of the Go operator put its finalizer on children and on what an agent refers to: it goes with the agent."""

from typing import Any

import pytest

from test.apiserver.store import clone
from test.controller.test_passes import AGENTS, KEY
from test.controller.world import World, agent
from vmagent_operator.identity import FINALIZER

PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
SPEC: dict[str, Any] = {
    "additionalScrapeConfigs": {"name": "jobs", "key": "jobs.yaml"},
    "relabelConfig": {"name": "rules", "key": "rules.yaml"},
    "selectAllByDefault": True,
    "podDisruptionBudget": {"minAvailable": 1},
    "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
    "serviceSpec": {"metadata": {"name": "more"}, "spec": {"ports": [{"port": 5432, "name": "x"}]}},
}


def referred(kind: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "monitoring", "finalizers": [FINALIZER, "example.com/other"]}
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": metadata,
        ("stringData" if kind == "Secret" else "data"): data,
    }


def held(world: World) -> list[str]:
    """What still has the finalizer."""
    everything = world.api.store.everything()
    return [
        f"{storage}/{name}"
        for storage, name, value in everything
        if FINALIZER in value["metadata"].get("finalizers", ())
    ]


@pytest.mark.parametrize("spec", ["sound", "changed"])
@pytest.mark.parametrize("mode", [{}, {"statefulMode": True}, {"daemonSetMode": True}], ids=str)
@pytest.mark.parametrize("environ", [{}, {"WATCH_NAMESPACE": "monitoring"}], ids=["cluster", "namespaced"])
def test_deleting_the_agent_frees_all(environ: dict[str, str], mode: dict[str, Any], spec: str) -> None:
    world = World(environ)
    world.add(referred("Secret", "jobs", **{"jobs.yaml": "[]"}))
    world.add(referred("ConfigMap", "rules", **{"rules.yaml": "[]"}))
    world.add(referred("ConfigMap", "unrelated"))
    world.add(agent(**SPEC, **mode))
    world.settle(60)
    assert world.get(AGENTS, *KEY)["status"]["updateStatus"] == "operational"
    for storage, name, value in [*world.api.store.everything()]:
        if value["metadata"].get("labels", {}).get("managed-by") == "vm-operator" and not storage.startswith("pods"):
            marked = clone(value)
            marked["metadata"]["finalizers"] = [FINALIZER]
            world.api.store.put(storage, name, marked)
    gone = dict.fromkeys(SPEC) if spec == "changed" else {}
    live = clone(world.get(AGENTS, *KEY))
    live["spec"] = {key: part for key, part in (live["spec"] | gone | {"paused": True}).items() if part is not None}
    world.api.store.put(AGENTS, KEY, live)
    world.start()
    world.delete(PATH)
    world.settle(120)
    assert world.get(AGENTS, *KEY) == {}
    assert held(world) == ["configmaps/('monitoring', 'unrelated')"]
    assert world.get("secrets", "monitoring", "jobs")["metadata"]["finalizers"] == ["example.com/other"]
    assert world.get("deployments.apps", "monitoring", "vmagent-main") == {}

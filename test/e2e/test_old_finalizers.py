"""What an old release of the Go operator has put its finalizer on does not keep a namespace from going."""

from __future__ import annotations

from test.controlplane.cluster import eventually
from test.e2e.test_scenarios import REMOTE, Names
from test.e2e.world import CHILD_KINDS, World

FINALIZER = "apps.victoriametrics.com/finalizer"
MARKED = {"metadata": {"finalizers": [FINALIZER]}}


def test_the_namespace_goes_with_the_agent(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("Secret", namespace, "jobs", stringData={"jobs.yaml": "[]"})
    world.create("ConfigMap", namespace, "rules", data={"rules.yaml": "[]"})
    named = {
        "additionalScrapeConfigs": {"name": "jobs", "key": "jobs.yaml"},
        "relabelConfig": {"name": "rules", "key": "rules.yaml"},
        "podDisruptionBudget": {"minAvailable": 1},
    }
    world.create("VMAgent", namespace, "main", REMOTE | named | {"selectAllByDefault": True})
    eventually(lambda: world.is_operational(namespace, "main"), seconds=60)
    children = [child.split(" ", 1) for child in world.children(namespace, "main")]
    assert {kind for kind, _ in children} <= set(CHILD_KINDS)
    world.merge("VMAgent", namespace, "main", {"spec": {"paused": True}})
    eventually(lambda: world.status("VMAgent", namespace, "main").get("updateStatus") == "paused")
    for kind, name in [*children, ["Secret", "jobs"], ["ConfigMap", "rules"]]:
        world.merge(kind, namespace, name, MARKED)
    roles = [name for kind, name in children if kind == "ClusterRole"]
    assert roles
    world.delete("Namespace", "", namespace)
    eventually(lambda: world.find("Namespace", "", namespace) is None, seconds=60)
    eventually(lambda: all(world.find("ClusterRole", "", name) is None for name in roles))
    world.create("Namespace", "", namespace)  # for whoever cleans up

"""One reconcile as a whole: in which order it tells and does things, what it spares itself, and what it waits for."""

from typing import Any

import pytest

from test.apiserver.faults import Fault
from test.apiserver.pods import Fate
from test.controller import test_vmcluster, test_vmsingle
from test.controller.test_faults import doubts, unserve
from test.controller.test_passes import AGENTS, KEY, SCRAPES, change, configuration, secret, status
from test.controller.world import World, agent, scrape
from vmagent_operator.controller.steps.conflicts import PAUSE_SECONDS
from vmagent_operator.identity import API_VERSION

PATH = f"/apis/{API_VERSION}/namespaces/monitoring/vmagents/main"
DEPLOYMENT = "/apis/apps/v1/namespaces/monitoring/deployments/vmagent-main"
SERVICE = "/api/v1/namespaces/monitoring/services/vmagent-main"
TOKEN = {"name": "auth", "key": "token"}


def settled(environ: dict[str, str] | None = None, **spec: Any) -> World:
    """An agent at rest, and an object that it scrapes."""
    world = World(environ or {})
    world.add(scrape())
    world.add(agent(selectAllByDefault=True, **spec))
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    return world


def sample(world: World, name: str) -> float:
    """What a metric without labels says."""
    return world.system.metrics.registry.get_sample_value(f"vmagent_operator_{name}") or 0.0


def test_the_status_tells_of_a_new_spec_before_anything_is_done_about_it() -> None:
    world = settled()
    world.transport.requests.clear()
    change(world, AGENTS, *KEY, replicaCount=2)
    world.settle(60)
    writes = world.writes()
    assert writes.index(("PATCH", f"{PATH}/status")) < writes.index(("PATCH", DEPLOYMENT))


def test_what_has_not_changed_is_not_decided_anew() -> None:
    world = settled()
    before = sample(world, "config_skipped_renders_total")
    world.patch(PATH, {"metadata": {"labels": {"a": "b"}}})
    world.settle(700)
    skipped = sample(world, "config_skipped_renders_total")
    assert skipped > before
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.read()
    world.system.work()
    assert sample(world, "config_skipped_renders_total") == skipped


def test_an_agent_that_fails_keeps_what_it_has_said_of_its_objects_through_a_restart() -> None:
    world = settled()
    before = world.get(SCRAPES, "apps", "app")["status"]
    change(world, AGENTS, *KEY, inlineScrapeConfig="a: mapping")
    world.settle(60)
    world.start()
    world.add(scrape("late"))
    world.settle(60)
    assert status(world)["updateStatus"] == "failed"
    assert world.get(SCRAPES, "apps", "app")["status"] == before


def test_an_agent_that_waits_for_its_end_says_nothing_more() -> None:
    world = settled()
    world.api.faults.add(Fault(verb="update", resource=f"{SCRAPES}/status", status=403, reason="Forbidden", times=0))
    world.delete(PATH)
    world.transport.requests.clear()
    world.settle(20)
    assert world.names(AGENTS) == ["main"]
    assert ("PATCH", f"{PATH}/status") not in world.writes()


def test_the_pod_that_keeps_a_rollout_from_its_end_is_named_once_that_takes_too_long() -> None:
    world = settled({"VM_APPREADYTIMEOUT": "30s"})
    world.api.workloads.set("Deployment monitoring/*", Fate.CRASHING)
    labels = world.get("deployments.apps", "monitoring", "vmagent-main")["spec"]["selector"]["matchLabels"]
    world.add(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "vmagent-main-x", "namespace": "monitoring", "labels": labels},
            "spec": {"containers": [{"name": "vmagent", "image": "a"}]},
        }
    )
    change(world, AGENTS, *KEY, image={"tag": "v1.140.0"})
    world.settle(20)
    assert status(world)["reason"] == "Deployment vmagent-main: readyReplicas is 0 of 1"
    world.settle(300)
    assert status(world)["reason"] == "Deployment vmagent-main: readyReplicas is 0 of 1: pod vmagent-main-x is Pending"
    assert status(world)["updateStatus"] == "expanding"


def test_a_service_that_is_made_anew_is_told_of() -> None:
    world = settled()
    change(world, AGENTS, *KEY, serviceSpec={"useAsDefault": True, "spec": {"clusterIP": "None"}})
    world.settle(60)
    told = [message for _, reason, message in world.events() if reason == "Recreating"]
    assert [message.partition(":")[0] for message in told] == [
        "Service monitoring/vmagent-main is deleted and made again"
    ]


def test_what_had_no_kind_is_tried_again_after_a_minute() -> None:
    world = World({"VM_FORCERESYNCINTERVAL": "0"})
    served = {key: kind for key, kind in world.api.served.items() if kind.name == "PodDisruptionBudget"}
    unserve(world, "PodDisruptionBudget")
    world.add(agent(podDisruptionBudget={"minAvailable": 1}))
    world.settle(30)
    assert "PodDisruptionBudget is not installed" in doubts(world)
    world.api.served.update(served)
    world.settle(70)
    assert world.names("poddisruptionbudgets.policy") == ["vmagent-main"]
    world.settle(60)
    before = len(world.outcomes)
    world.settle(200)
    assert len(world.outcomes) == before, "what has all is looked at no more"


@pytest.mark.parametrize(("environ", "is_read"), [({}, True), ({"WATCH_NAMESPACE": "monitoring"}, False)])
def test_storage_classes_are_read_where_the_operator_has_the_whole_cluster(
    environ: dict[str, str], is_read: bool
) -> None:
    world = World(environ)
    world.add(test_vmsingle.single(**test_vmsingle.storage("1Gi")))
    world.settle(60)
    world.patch(test_vmsingle.PATH, {"spec": test_vmsingle.storage("2Gi")})
    world.transport.requests.clear()
    world.settle(60)
    assert any("storageclasses" in path for _, path in world.transport.requests) is is_read


def test_rights_are_not_narrowed_while_their_source_is_in_trouble() -> None:
    world = settled()
    troubled = {"ClusterRole"}
    world.system.stores.is_healthy = lambda kind: kind.kind not in troubled
    roles = "clusterroles.rbac.authorization.k8s.io"
    name = "monitoring:monitoring:vmagent-main"
    wide = world.get(roles, "", name)["rules"]
    change(world, AGENTS, *KEY, ingestOnlyMode=True)
    world.settle(120)
    assert world.get(roles, "", name).get("rules") == wide
    troubled.clear()
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(120)
    assert world.get(roles, "", name).get("rules") != wide


def test_rights_that_somebody_has_added_are_taken_away_unless_their_source_is_in_trouble() -> None:
    world = settled()
    troubled = {"ClusterRole"}
    world.system.stores.is_healthy = lambda kind: kind.kind not in troubled
    roles, name = "clusterroles.rbac.authorization.k8s.io", "monitoring:monitoring:vmagent-main"
    own = world.get(roles, "", name)["rules"]
    wide = [*own, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    world.patch(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}", {"rules": wide})
    world.settle(120)
    assert world.get(roles, "", name)["rules"] == wide
    troubled.clear()
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(120)
    assert world.get(roles, "", name)["rules"] == own


def test_a_pause_of_a_war_lasts_to_its_end() -> None:
    world = settled()
    state = world.system.owners["vmagent"].reconciler.states.of(*KEY).conflicts
    change(world, AGENTS, *KEY, replicaCount=2)
    world.read()
    now = world.clock.seconds
    state.until, state.rested_at = now + 600, now - PAUSE_SECONDS + 0.5
    done = world.system.work()
    assert done is not None
    assert (done[2].kind, done[2].after_seconds) == ("conflict", 0.5)
    world.settle(60)
    assert world.get("deployments.apps", "monitoring", "vmagent-main")["spec"]["replicas"] == 2


def test_a_first_configuration_leaves_the_agents_hands_and_its_secrets_do_not() -> None:
    world = World()
    world.add(secret("auth", token="first"))
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": TOKEN}]))
    world.settle(60)
    assert "scrape_configs: []" in configuration(world)
    entries = world.get("secrets", "monitoring", "vmagent-main")["metadata"]["managedFields"]
    ours = [entry["fieldsV1"].get("f:data", {}) for entry in entries if entry["manager"] == "vmagent-operator"]
    assert ours == [{"f:monitoring_auth_token": {}}]
    written = [method for method, path in world.writes() if path.endswith("/secrets/vmagent-main")]
    assert len(written) == 2, "made and released; what stays is not taken away in between"


def test_after_a_restart_what_the_stores_have_is_not_asked_for() -> None:
    world = settled()
    world.start()
    world.settle(60)
    asked = {path for method, path in world.transport.requests if method == "GET"}
    assert not asked & {DEPLOYMENT, SERVICE}


def test_what_comes_after_a_workload_waits_for_it_though_its_last_state_is_ready() -> None:
    world = test_vmcluster.world()
    world.transport.requests.clear()
    world.patch(test_vmcluster.PATH, {"spec": {"clusterVersion": "v1.151.0-cluster"}})
    world.read()
    world.system.work()
    changed = [path.rpartition("/")[2] for method, path in world.writes() if "/statefulsets/" in path]
    assert changed == ["vmstorage-main"]


def test_a_workload_that_never_gets_a_pod_is_told_by_what_it_says_itself() -> None:
    world = World({"VM_APPREADYTIMEOUT": "30s"})
    world.api.workloads.makes_pods = False
    world.api.workloads.set("Deployment monitoring/vmagent-main", Fate.STUCK)
    world.add(agent())
    world.settle(120)
    said = status(world)["reason"]
    assert said.startswith("Deployment vmagent-main: ")
    assert said == said.rstrip(": ")

"""What a VMAgent gets, keeps and loses, pass by pass, against a server in memory."""

import base64
import gc
import gzip
import hashlib
from typing import Any

import pytest
from attrs import evolve

from test.apiserver.pods import Fate
from test.controller.world import World, agent, scrape
from vmagent_operator.api import kinds
from vmagent_operator.kube.resource import SECRETS
from vmagent_operator.scrape import fragment
from vmagent_operator.scrape.fragment import Fragment
from vmagent_operator.scrape.jobs import service
from vmagent_operator.scrape.references import Reference

AGENTS = "vmagents.operator.victoriametrics.com"
SCRAPES = "vmservicescrapes.operator.victoriametrics.com"
KEY = ("monitoring", "main")
CONFIG = "vmagent.yaml.gz"
FINALIZER = "apps.victoriametrics.com/finalizer"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(AGENTS, *KEY).get("status") or {}
    return found


def configuration(world: World) -> str:
    return gzip.decompress(
        base64.b64decode(world.get("secrets", "monitoring", "vmagent-main")["data"][CONFIG])
    ).decode()


def change(world: World, resource: str, namespace: str, name: str, **spec: Any) -> None:
    """Edit the spec of an object as its user would; None removes a field."""
    kind = next(kind for kind in world.api.served.values() if kind.storage == resource)
    path = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    world.patch(f"{path}/namespaces/{namespace}/{kind.plural}/{name}", {"spec": spec})


def test_a_new_agent_becomes_operational_and_then_nothing_is_asked_or_written(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    assert status(world)["observedGeneration"] == 1
    assert world.get(AGENTS, *KEY)["metadata"]["finalizers"] == [FINALIZER]
    assert "job_name: serviceScrape/apps/app/0" in configuration(world)
    assert world.get(SCRAPES, "apps", "app")["status"]["updateStatus"] == "operational"
    before = len(world.transport.requests)
    world.settle(240)
    watched = [path for method, path in world.transport.requests[before:] if method == "GET" and path.count("/") < 6]
    assert world.transport.requests[before:] == [("GET", path) for path in watched]


def test_a_change_after_a_quiet_time_is_acted_on_at_once_and_the_next_ones_once_a_window(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    delays = []
    for port in ("a", "b"):
        change(world, SCRAPES, "apps", "app", endpoints=[{"port": port}])
        world.read()
        delays.append(world.system.owners["vmagent"].queue.next_due_seconds())
        world.settle(delays[-1] or 0)
    assert delays == [pytest.approx(0.005), pytest.approx(0.5)]


def test_a_restart_writes_nothing(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True, statefulMode=True, replicaCount=2))
    world.settle(120)
    assert status(world)["updateStatus"] == "operational"
    world.start()
    world.settle(120)
    assert world.writes() == []


def test_deletion_takes_along_what_the_garbage_collector_does_not(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(60)
    assert world.names(AGENTS) == []
    assert [
        name for name in world.names("clusterroles.rbac.authorization.k8s.io") if name.startswith("monitoring:")
    ] == []
    assert "conditions" not in world.get(SCRAPES, "apps", "app")["status"]


def test_a_deleted_scrape_object_leaves_the_configuration_at_once(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes/app")
    world.settle(1)
    assert "serviceScrape/apps/app" not in configuration(world)


def test_a_change_after_a_quiet_time_is_written_at_once_and_a_flood_in_few_passes(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle(100)
    change(world, SCRAPES, "apps", "app", endpoints=[{"port": "metrics"}])
    world.settle(0.1)
    assert "regex: metrics" in configuration(world)
    passes = len(world.outcomes)
    for number in range(50):
        world.add(scrape(f"more{number}"))
        world.settle(0.02)
    world.settle(2)
    assert "serviceScrape/apps/more49" in configuration(world)
    assert len(world.outcomes) - passes <= 5


def test_statuses_of_scrape_objects_wake_nobody(world: World) -> None:
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle(20)
    passes = len(world.outcomes)
    world.patch(
        "/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes/app/status",
        {"status": {"reason": "somebody's word"}},
    )
    world.settle(1)
    assert len(world.outcomes) == passes


def test_a_pause_freezes_everything_but_the_status(world: World) -> None:
    world.add(agent(selectAllByDefault=True))
    world.settle()
    change(world, AGENTS, *KEY, paused=True, replicaCount=3)
    world.add(scrape())
    world.settle()
    assert status(world)["updateStatus"] == "paused"
    assert world.get("deployments.apps", "monitoring", "vmagent-main")["spec"]["replicas"] == 1
    assert "apps/app" not in configuration(world)
    change(world, AGENTS, *KEY, paused=None)
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    assert world.get("deployments.apps", "monitoring", "vmagent-main")["spec"]["replicas"] == 3
    assert "apps/app" in configuration(world)


def test_the_status_says_how_many_pods_each_workload_has(world: World) -> None:
    world.add(agent(replicaCount=2, shardCount=2))
    world.add(agent("single"))
    world.add(agent("nodes", daemonSetMode=True))
    world.settle()
    names = ("main", "single", "nodes")
    found = {name: world.get(AGENTS, "monitoring", name)["status"]["replicas"] for name in names}
    nodes = world.get("daemonsets.apps", "monitoring", "vmagent-nodes")["status"]["desiredNumberScheduled"]
    assert found == {"main": 2, "single": 1, "nodes": nodes}


def test_an_agent_that_cannot_be_built_keeps_its_children(world: World) -> None:
    world.add(agent())
    world.settle()
    before = world.get("deployments.apps", "monitoring", "vmagent-main")
    change(world, AGENTS, *KEY, inlineScrapeConfig="a: mapping")
    world.settle(60)
    assert status(world)["updateStatus"] == "failed"
    assert "inlineScrapeConfig" in status(world)["reason"]
    assert world.get("deployments.apps", "monitoring", "vmagent-main") == before
    passes = len(world.outcomes)
    world.settle(600)
    assert len(world.outcomes) == passes


def test_a_missing_secret_fails_the_agent_until_it_appears(world: World) -> None:
    selector = {"name": "auth", "key": "token"}
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": selector}]))
    world.settle(10)
    assert status(world)["updateStatus"] == "failed"
    assert "secret monitoring/auth not found" in status(world)["reason"]
    world.add(secret("auth", token="x"))
    world.settle(3)
    assert status(world)["updateStatus"] != "failed"
    world.settle(10)
    assert status(world)["updateStatus"] == "operational"


def test_a_missing_secret_of_a_scrape_object_leaves_only_that_out(world: World) -> None:
    world.add(scrape())
    world.add(scrape("locked", endpoints=[{"port": "http", "bearerTokenSecret": {"name": "auth", "key": "token"}}]))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    assert "serviceScrape/apps/app/0" in configuration(world)
    assert "serviceScrape/apps/locked/0" not in configuration(world)
    assert (
        world.get(SCRAPES, "apps", "locked")["status"]["reason"]
        == "spec.endpoints[0].bearerTokenSecret: secret apps/auth not found"
    )
    assert (
        "Warning",
        "ScrapeObjectRejected",
        "spec.endpoints[0].bearerTokenSecret: secret apps/auth not found",
    ) in world.events()
    world.add(secret("auth", "apps", token="first"))
    world.settle(3)
    assert "bearer_token: first" in configuration(world)
    world.patch("/api/v1/namespaces/apps/secrets/auth", {"data": {"token": base64.b64encode(b"second").decode()}})
    world.settle(3)
    assert "bearer_token: second" in configuration(world)


def test_a_namespace_that_is_relabelled_moves_in_and_out(world: World) -> None:
    world.add(scrape())
    world.add(agent(serviceScrapeNamespaceSelector={"matchLabels": {"scraped": "yes"}}))
    world.settle()
    assert "apps/app" not in configuration(world)
    world.patch("/api/v1/namespaces/apps", {"metadata": {"labels": {"scraped": "yes"}}})
    world.settle(3)
    assert "apps/app" in configuration(world)
    world.patch("/api/v1/namespaces/apps", {"metadata": {"labels": {"scraped": "no"}}})
    world.settle(3)
    assert "apps/app" not in configuration(world)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"statefulMode": True}),
        ({"statefulMode": True}, {"statefulMode": None}),
        ({}, {"daemonSetMode": True}),
        ({"daemonSetMode": True}, {"daemonSetMode": None}),
        ({}, {"shardCount": 2}),
        ({"shardCount": 3}, {"shardCount": 1}),
        ({"shardCount": 2, "statefulMode": True}, {"shardCount": None, "statefulMode": None, "daemonSetMode": True}),
        ({"podDisruptionBudget": {"minAvailable": 1}}, {"podDisruptionBudget": None}),
        ({"networkPolicy": {"ingress": [{}]}}, {"networkPolicy": None}),
        ({"inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}]}, {"inlineRelabelConfig": None}),
        ({}, {"ingestOnlyMode": True}),
        ({}, {"serviceAccountName": "theirs"}),
        ({}, {"disableSelfServiceScrape": True}),
        (
            {"serviceSpec": {"metadata": {"name": "old"}, "spec": {}}},
            {"serviceSpec": {"metadata": {"name": "new"}, "spec": {}}},
        ),
        ({}, {"useLegacyNaming": True}),
    ],
)
def test_a_change_of_mode_ends_as_if_it_had_always_been_so(before: dict[str, Any], after: dict[str, Any]) -> None:
    fresh, changed = World(), World()
    fresh.add(agent(**{key: value for key, value in {**before, **after}.items() if value is not None}))
    fresh.settle(60)
    changed.add(agent(**before))
    changed.settle(60)
    change(changed, AGENTS, *KEY, **after)
    changed.settle(60)
    assert status(changed)["updateStatus"] == "operational"
    assert changed.children() == fresh.children()


def test_a_stateful_set_is_rolled_pod_by_pod(world: World) -> None:
    world.add(agent(statefulMode=True, replicaCount=3))
    world.settle(60)
    before = world.uids("pods")
    change(world, AGENTS, *KEY, image={"tag": "v1.140.0"})
    world.settle(120)
    after = world.uids("pods")
    assert status(world)["updateStatus"] == "operational"
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert [path for _, path in world.writes() if path.endswith("/eviction")] == [
        f"/api/v1/namespaces/monitoring/pods/vmagent-main-{ordinal}/eviction" for ordinal in range(3)
    ]


def test_a_workload_that_crashes_is_named_in_the_status(world: World) -> None:
    world.api.workloads.set("Deployment monitoring/*", Fate.CRASHING)
    world.add(agent())
    world.settle(30)
    assert status(world)["updateStatus"] == "expanding"
    assert "Deployment vmagent-main" in status(world)["reason"]
    world.settle(120)
    assert status(world)["updateStatus"] in ("failed", "expanding")
    assert ("Warning", "RolloutStuck") in {event[:2] for event in world.events()}
    world.api.workloads.set("Deployment monitoring/*", Fate.READY)
    world.settle(180)
    assert status(world)["updateStatus"] == "operational"


def test_a_child_of_somebody_else_is_left_alone(world: World) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "u", "controller": True}
    world.api.collector.is_on = False
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "vmagent-main", "namespace": "monitoring", "ownerReferences": [owner]},
    }
    world.add(account)
    world.add(agent())
    world.settle(10)
    assert status(world)["reason"] == "ServiceAccount monitoring/vmagent-main belongs to Deployment other"
    assert world.get("serviceaccounts", "monitoring", "vmagent-main")["metadata"]["ownerReferences"] == [owner]
    assert "OwnershipConflict" in {event[1] for event in world.events()}
    assert world.names("deployments.apps") == []


def test_drift_is_repaired_and_what_others_add_stays(world: World) -> None:
    world.add(agent(replicaCount=1))
    world.settle()
    path = "/apis/apps/v1/namespaces/monitoring/deployments/vmagent-main"
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    world.patch(path, {"spec": {"replicas": 5, "template": template}, "metadata": {"labels": {"theirs": "kept"}}})
    world.settle(5)
    live = world.get("deployments.apps", "monitoring", "vmagent-main")
    assert live["spec"]["replicas"] == 1
    assert live["spec"]["template"]["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": "now"}
    assert live["metadata"]["labels"]["theirs"] == "kept"


def test_children_that_are_deleted_come_back(world: World) -> None:
    world.add(agent())
    world.settle()
    before = world.children()
    for path in (
        "/apis/apps/v1/namespaces/monitoring/deployments/vmagent-main",
        "/api/v1/namespaces/monitoring/secrets/vmagent-main",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/monitoring:monitoring:vmagent-main",
    ):
        world.delete(path)
    world.settle(10)
    assert world.children() == before


def test_a_first_configuration_belongs_to_the_user_once_nothing_is_selected(world: World) -> None:
    world.add(agent())
    world.settle()
    assert "scrape_configs: []" in configuration(world)
    own = base64.b64encode(b"scrape_configs: [{job_name: mine}]").decode()
    world.patch("/api/v1/namespaces/monitoring/secrets/vmagent-main", {"data": {CONFIG: own}})
    change(world, AGENTS, *KEY, replicaCount=2)
    world.settle(90)
    assert world.get("secrets", "monitoring", "vmagent-main")["data"][CONFIG] == own
    change(world, AGENTS, *KEY, selectAllByDefault=True)
    world.settle()
    last = configuration(world)
    assert "serviceScrape/monitoring/vmagent-main/0" in last
    change(world, AGENTS, *KEY, selectAllByDefault=None)
    world.settle()
    assert configuration(world) == last


def test_a_configuration_that_was_there_before_the_agent_outlives_it(world: World) -> None:
    world.add(secret("vmagent-main", **{CONFIG: "scrape_configs: []"}))
    world.add(agent())
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    metadata = world.get("secrets", "monitoring", "vmagent-main")["metadata"]
    assert "ownerReferences" not in metadata
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(60)
    assert world.names(AGENTS) == []
    assert "vmagent-main" in world.names("secrets")


def test_objects_of_the_go_operator_are_taken_over_without_a_new_template(world: World) -> None:
    other = World()
    other.add(agent(selectAllByDefault=True, affinity={"podAffinity": {}}))
    other.settle()
    world.add({**agent(selectAllByDefault=True, affinity={"podAffinity": {}})})
    uid = world.get(AGENTS, *KEY)["metadata"]["uid"]
    for manifest in other.manifests(owner_uid=uid):
        world.add(manifest, manager="app")
    before = world.get("deployments.apps", "monitoring", "vmagent-main")["metadata"]["generation"]
    world.settle()
    live = world.get("deployments.apps", "monitoring", "vmagent-main")
    assert live["metadata"]["generation"] == before
    change(world, AGENTS, *KEY, affinity=None)
    world.settle()
    live = world.get("deployments.apps", "monitoring", "vmagent-main")
    assert "affinity" not in live["spec"]["template"]["spec"]


def test_a_recreated_agent_keeps_the_children_of_its_predecessor(world: World) -> None:
    world.add(agent())
    world.settle()
    world.api.collector.is_on = False
    metadata = world.get(AGENTS, *KEY)["metadata"]
    path = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
    world.delete(path)
    world.patch(path, {"metadata": {"finalizers": None}})
    world.add(agent())
    uid = world.get(AGENTS, *KEY)["metadata"]["uid"]
    world.settle()
    world.api.collector.is_on = True
    world.settle()
    assert uid != metadata["uid"]
    for resource in ("deployments.apps", "services", "secrets", "serviceaccounts"):
        owners = world.get(resource, "monitoring", "vmagent-main")["metadata"]["ownerReferences"]
        assert [owner["uid"] for owner in owners] == [uid]


def test_jobs_move_to_a_new_secret_only_when_pods_mount_it() -> None:
    world = World({"VM_CONFIG_DATA_BUDGET_BYTES": "2000"})
    world.add(agent(selectAllByDefault=True, disableSelfServiceScrape=True))
    world.add(scrape("app000"))
    world.settle()
    world.api.workloads.set("Deployment monitoring/*", Fate.READY, 20.0)
    for number in range(1, 60):
        path = "/" + hashlib.sha256(str(number).encode()).hexdigest()  # what does not compress
        world.add(scrape(f"app{number:03}", endpoints=[{"port": "http", "path": path}]))
    world.settle(10)
    assert "vmagent-main-sc-1" in world.names("secrets")
    assert "app059" not in configuration(world)
    assert "scrape_config_files" not in configuration(world)
    world.settle(60)
    assert "scrape_config_files" in configuration(world)
    assert status(world)["updateStatus"] == "operational"


def test_somebody_who_undoes_our_writes_slows_them_down(world: World) -> None:
    world.add(agent(replicaCount=1))
    world.settle()
    path = "/apis/apps/v1/namespaces/monitoring/deployments/vmagent-main"
    for _ in range(40):
        world.patch(path, {"spec": {"replicas": 5}})
        world.settle(2)
    repairs = sum(written == ("PATCH", path) for written in world.writes())
    assert repairs <= 16
    (message,) = {message for _, reason, message in world.events() if reason == "ConflictingController"}
    assert message == "somebody else (kubectl) keeps changing Deployment monitoring/vmagent-main: spec.replicas"


def test_in_namespaced_mode_nothing_of_the_cluster_is_touched() -> None:
    world = World({"WATCH_NAMESPACE": "monitoring,apps"})
    world.add(scrape())
    world.add(scrape("other", "elsewhere"))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    assert "apps/app" in configuration(world)
    assert "elsewhere" not in configuration(world)
    asked = {path for _, path in world.transport.requests if "/namespaces/" not in path}
    assert asked == {
        "/apis/monitoring.coreos.com/v1",
        "/apis/monitoring.coreos.com/v1alpha1",
    }  # whether there are such kinds
    assert ("apps", "monitoring:monitoring:vmagent-main") in dict(
        world.api.store.items("roles.rbac.authorization.k8s.io")
    )
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(60)
    assert world.names("roles.rbac.authorization.k8s.io") == []


def secret(name: str, namespace: str = "monitoring", **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def test_roles_of_an_agent_whose_finalizer_was_taken_off_are_swept(world: World) -> None:
    world.add(agent())
    world.settle()
    path = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main"
    world.patch(path, {"metadata": {"finalizers": None}})
    world.delete(path)
    world.start()
    world.settle(100)
    assert "monitoring:monitoring:vmagent-main" in world.names("clusterroles.rbac.authorization.k8s.io")
    world.settle(300)
    assert "monitoring:monitoring:vmagent-main" not in world.names("clusterroles.rbac.authorization.k8s.io")
    assert "monitoring:monitoring:vmagent-main" not in world.names("clusterrolebindings.rbac.authorization.k8s.io")


def test_a_bug_over_one_object_is_logged_counted_and_told_by_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def reason_of(spec: Any, work: Any) -> Any:
        if work.object.name == "bad":
            raise RuntimeError("s3cr3t")
        return service.jobs(spec, work)

    builder = evolve(fragment.BUILDERS[kinds.VMSERVICESCRAPE], jobs=reason_of)
    monkeypatch.setattr(fragment, "BUILDERS", {**fragment.BUILDERS, kinds.VMSERVICESCRAPE: builder})
    world.add(scrape())
    world.add(scrape("bad"))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    assert status(world)["updateStatus"] == "operational"
    assert "serviceScrape/apps/app/0" in configuration(world)
    assert world.get(SCRAPES, "apps", "bad")["status"]["updateStatus"] == "failed"
    assert "internal error, see the operator's log" in str(world.get(SCRAPES, "apps", "bad")["status"])
    (said,) = (line for line in caplog.messages if "internal error" in line)
    assert said.startswith("vmservicescrape apps/bad: internal error: RuntimeError at fragment.py:")
    assert "s3cr3t" not in said
    errors = world.system.metrics.registry.get_sample_value
    assert errors("vmagent_operator_object_errors_total", {"kind": "vmservicescrape"}) == 1


def test_of_a_secret_only_the_keys_that_are_named_are_kept(world: World) -> None:
    data = {key: base64.b64encode(key.encode()).decode() for key in ("token", "later", "never")}
    annotations = {"large": "x" * 1000}
    metadata = {"name": "s", "namespace": "apps", "annotations": annotations}
    world.add({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    endpoint = {"port": "http", "bearerTokenSecret": {"name": "s", "key": "token"}}
    world.add(scrape(endpoints=[endpoint]))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    reads = world.system.owners["vmagent"].reconciler.states.of(*KEY).reads.contents
    assert reads[Reference("Secret", "apps", "s")].content == {"token": "token"}
    stored = world.system.stores.get(SECRETS, "apps", "s")
    assert "annotations" not in stored["metadata"]
    other = {"port": "http", "bearerTokenSecret": {"name": "s", "key": "later"}}
    change(world, SCRAPES, "apps", "app", endpoints=[endpoint, other])
    world.settle()
    assert "bearer_token: later" in configuration(world)
    reads = world.system.owners["vmagent"].reconciler.states.of(*KEY).reads.contents
    assert reads[Reference("Secret", "apps", "s")].content == {"token": "token", "later": "later"}


def test_values_of_secrets_are_held_as_long_as_somebody_refers_to_them(world: World) -> None:
    world.add(secret("s", "apps", token="top-secret"))
    world.add(scrape(endpoints=[{"port": "http", "bearerTokenSecret": {"name": "s", "key": "token"}}]))
    # In no other test is there an agent like that, with which it would share what it makes of an object.
    world.add(agent(selectAllByDefault=True, minScrapeInterval="7s"))
    world.settle()

    def held() -> int:
        gc.collect()
        found = [each for each in gc.get_objects() if isinstance(each, Fragment) and b"top-secret" in each.entry.text]
        return len(found) + len(world.system.owners["vmagent"].reconciler.states.of(*KEY).reads.contents)

    assert held() > 0
    change(world, SCRAPES, "apps", "app", endpoints=[{"port": "http"}])
    world.settle(60)
    assert held() == 0
    change(
        world, SCRAPES, "apps", "app", endpoints=[{"port": "http", "bearerTokenSecret": {"name": "s", "key": "token"}}]
    )
    world.settle(60)
    assert held() > 0
    world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main")
    world.settle(120)
    assert held() == 0


def test_what_is_doubtful_is_told_by_a_condition_and_one_event() -> None:
    world = World()
    world.add(agent(license={"key": "k", "keyRef": {"name": "license", "key": "k"}}))
    world.settle()
    condition = next(each for each in status(world)["conditions"] if each["type"] == "Degraded")
    assert (condition["status"], condition["reason"]) == ("False", "DoubtfulSpec")
    assert condition["message"] == "spec.license: both key and keyRef are set"
    before = len(world.writes())
    world.settle(600.0)
    assert len(world.writes()) == before
    assert [message for _, reason, message in world.events() if reason == "InvalidSpec"] == [condition["message"]]

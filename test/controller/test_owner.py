"""What a key leads to: another object of the name, one that is gone, a bug, a change of anything around it."""

import base64
import logging
from typing import Any

import pytest

from test.apiserver.faults import Fault
from test.controller.test_passes import AGENTS, SCRAPES, change, configuration, secret, status
from test.controller.test_vmcluster import cluster
from test.controller.world import World, agent, scrape
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.kube import resource
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.scrape.references import Reference

BASE = "/apis/operator.victoriametrics.com/v1beta1/namespaces"
PATH = f"{BASE}/monitoring/vmagents/main"
KEY = ("monitoring", "main")


def test_another_object_of_the_name_begins_anew() -> None:
    world = World()
    broken = agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": {"name": "auth", "key": "token"}}])
    world.add(broken)
    world.settle()
    world.patch(PATH, {"metadata": {"finalizers": None}})
    world.delete(PATH)
    world.add(broken)
    world.settle()
    told = [
        event["involvedObject"]["uid"] for _, event in world.api.store.items("events") if event["type"] == "Warning"
    ]
    assert len(set(told)) == 2
    assert status(world)["updateStatus"] == "failed"


@pytest.mark.parametrize(("crashes", "state"), [(1, None), (2, "failed")])
def test_a_bug_is_told_by_the_status_when_it_comes_again(
    crashes: int, state: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    reconciler = world.system.owners["vmagent"].reconciler
    world.add(agent())
    world.read()
    for _ in range(crashes):
        assert reconciler.crashed(*KEY).kind == "crash"
    world.clock.seconds += 60
    if crashes > 1:
        reconciler.crashed(*KEY)
    assert status(world).get("updateStatus") == state


def test_bugs_with_a_reconcile_in_between_are_none_in_a_row() -> None:
    world = World()
    reconciler = world.system.owners["vmagent"].reconciler
    world.add(agent())
    world.settle()
    reconciler.crashed(*KEY)
    reconciler.reconcile(*KEY)
    reconciler.crashed(*KEY)
    assert status(world)["updateStatus"] == "operational"
    for _ in range(2):
        assert reconciler.crashed("monitoring", "gone").kind == "crash"


def test_unknown_fields_are_named_once_for_each_spec(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    reconciler = world.system.owners["vmagent"].reconciler

    def told() -> list[str]:
        found = [message for message in caplog.messages if "unknown fields" in message]
        caplog.clear()
        return found

    with caplog.at_level(logging.WARNING):
        world.add(agent())
        world.settle(60)
        assert told() == []
        raw = world.get(AGENTS, *KEY)
        metadata = {**raw["metadata"], "generation": 9, "resourceVersion": "999"}
        odd = {**raw, "metadata": metadata, "spec": {**raw["spec"], "colour": "red"}}
        world.system.stores.of(reconciler.tools.of.resource).apply(Event("MODIFIED", odd))
        reconciler.reconcile(*KEY)
        reconciler.reconcile(*KEY)
    assert told() == ["vmagent monitoring/main: unknown fields are ignored: spec.colour"]


def test_an_agent_that_is_edited_before_our_finalizer_is_on_it_is_looked_at_again() -> None:
    world = World()
    world.add(agent())
    world.read()
    world.patch(PATH, {"metadata": {"finalizers": ["example.com/mine"]}})
    world.system.work()
    assert world.names("deployments.apps") == []
    assert world.get(AGENTS, *KEY)["metadata"]["finalizers"] == ["example.com/mine"]
    world.settle(60)
    assert "apps.victoriametrics.com/finalizer" in world.get(AGENTS, *KEY)["metadata"]["finalizers"]
    assert "example.com/mine" in world.get(AGENTS, *KEY)["metadata"]["finalizers"]
    assert status(world)["updateStatus"] == "operational"


def test_content_is_read_once_for_each_version_of_it() -> None:
    world = World()
    world.add(secret("auth", token="x"))
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": {"name": "auth", "key": "token"}}]))
    world.settle(60)

    def reads() -> int:
        found = sum(path.endswith("/secrets/auth") for _, path in world.transport.requests)
        world.transport.requests.clear()
        return found

    assert reads() == 1
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert reads() == 0
    world.patch("/api/v1/namespaces/monitoring/secrets/auth", {"data": {"token": base64.b64encode(b"y").decode()}})
    world.settle(60)
    assert reads() == 1
    states = world.system.owners["vmagent"].reconciler.states
    (read,) = states.of(*KEY).reads.contents.values()
    assert read.content == {"token": "y"}


def test_who_uses_what_is_forgotten_with_the_owner() -> None:
    world = World()
    world.add(scrape())
    world.add(secret("auth", token="x"))
    world.add(
        agent(
            selectAllByDefault=True,
            remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": {"name": "auth", "key": "token"}}],
        )
    )
    world.settle(60)
    usage, key = world.system.mapper.usage, ("vmagent", *KEY)
    assert Reference("Secret", "monitoring", "auth") in usage.references.values(key)
    assert Reference("Secret", "monitoring", "vmagent-main") in usage.references.values(key)
    verdicts = world.system.owners["vmagent"].reconciler.tools.verdicts
    (object_,) = [each for each in world.system.stores.items(custom(kinds.VMSERVICESCRAPE)) if each.name == "app"]
    assert len(verdicts.of(object_)) == 1
    assert object_ in usage.selected[key].objects()
    world.delete(PATH)
    world.settle(120)
    assert (len(usage.references), len(usage.selected)) == (0, 0)
    assert (verdicts.of(object_), verdicts.released(object_)) == ({}, frozenset())


def test_a_change_of_a_scrape_object_s_status_by_another_is_mended() -> None:
    world = World()
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    wanted = world.get(SCRAPES, "apps", "app")["status"]
    world.patch(f"{BASE}/apps/vmservicescrapes/app/status", {"status": {"conditions": None, "updateStatus": "failed"}})
    world.settle(60)
    found = world.get(SCRAPES, "apps", "app")["status"]
    assert found["updateStatus"] == wanted["updateStatus"]
    assert [each["type"] for each in found["conditions"]] == [each["type"] for each in wanted["conditions"]]


def test_a_namespace_s_labels_change_what_its_objects_miss() -> None:
    world = World()
    world.add(scrape())
    world.add(agent(serviceScrapeNamespaceSelector={"matchLabels": {"env": "prod"}}, serviceScrapeSelector={}))
    world.settle(60)
    before = world.get(SCRAPES, "apps", "app")["status"]["reason"]
    world.patch("/api/v1/namespaces/apps", {"metadata": {"labels": {"env": "dev"}}})
    world.settle(60)
    after = world.get(SCRAPES, "apps", "app")["status"]["reason"]
    assert (before != after, "env=dev" in after) == (True, True)


def test_what_concerns_no_selection_has_no_status_looked_at() -> None:
    world = World()
    world.add(scrape())
    world.add(agent())
    world.settle(60)
    statuses = world.system.statuses["VMServiceScrape"].queue
    assert statuses.snapshot().waiting == {}
    world.add(secret("other", "apps", token="x"))
    world.patch(PATH, {"metadata": {"annotations": {"a": "b"}}})
    world.read()
    assert statuses.snapshot().waiting == {}
    world.patch(PATH, {"spec": {"serviceScrapeSelector": {}}})
    world.read()
    assert ("apps", "app") in statuses.snapshot().waiting


def test_a_role_without_an_owner_is_looked_at_later() -> None:
    world = World()
    labels = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}
    metadata = {"name": "monitoring:monitoring:vmagent-main", "labels": labels}
    world.add({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": []})
    world.settle(299)
    assert world.names("clusterroles.rbac.authorization.k8s.io") == [metadata["name"]]
    world.settle(2)
    assert world.names("clusterroles.rbac.authorization.k8s.io") == []


def test_a_role_without_an_owner_goes_in_another_namespace_too() -> None:
    world = World({"WATCH_NAMESPACE": "monitoring,apps"})
    labels = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}
    metadata = {"name": "monitoring:monitoring:vmagent-main", "namespace": "apps", "labels": labels}
    world.add({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": []})
    world.settle(301)
    assert world.names("roles.rbac.authorization.k8s.io") == []


def test_a_role_that_the_garbage_collector_takes_is_left_to_it() -> None:
    world = World()
    world.api.collector.is_on = False
    labels = {"managed-by": "vm-operator", "app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "main"}
    owner = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMAgent", "name": "main", "uid": "gone"}
    metadata = {"name": "vmagent-main", "namespace": "monitoring", "labels": labels, "ownerReferences": [owner]}
    world.add({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": []})
    world.settle(900)
    assert world.names("roles.rbac.authorization.k8s.io") == ["vmagent-main"]
    assert [path for _, path in world.transport.requests if path == PATH] == []


def test_roles_whose_removal_fails_are_removed_later() -> None:
    world = World()
    world.add(agent())
    world.settle(60)
    world.api.faults.add(Fault(verb="delete", resource="clusterroles.*", times=3, status=500))
    world.patch(PATH, {"metadata": {"finalizers": None}})
    world.delete(PATH)
    world.settle(900)
    assert world.names("clusterroles.rbac.authorization.k8s.io") == []
    assert world.names("clusterrolebindings.rbac.authorization.k8s.io") == []


def test_a_new_spec_is_tried_at_once_however_often_the_last_one_failed() -> None:
    world = World()
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": {"name": "auth", "key": "token"}}]))
    world.settle(600)
    queue = world.system.owners["vmagent"].queue
    assert status(world)["updateStatus"] == "failed"
    change(
        world, AGENTS, *KEY, remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": {"name": "b", "key": "t"}}]
    )
    world.settle(0.5)
    assert "secret monitoring/b not found" in status(world)["reason"]
    due = queue.next_due_seconds()
    assert due is not None
    assert due < 5


def test_a_configuration_is_the_owners_only_in_the_secret_of_its_name() -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    told = {reason for _, reason, _ in world.events()}
    assert "ConfigUpdated" in told
    assert "job_name" in configuration(world)
    assert world.system.stores.get(resource.SECRETS, "monitoring", "vmagent-main") is not None


def test_only_workloads_whose_number_others_depend_on_are_counted() -> None:
    world = World()
    gatherer = world.system.owners["vmcluster"].reconciler.tools.gatherer
    raw = cluster()
    raw["metadata"] |= {"uid": "uid-main", "resourceVersion": "1"}
    reference = {"apiVersion": raw["apiVersion"], "kind": "VMCluster", "name": "main", "uid": "uid-main"}
    for number, name in enumerate(("vmstorage-main", "vmselect-main", "vmstorage-other")):
        metadata = {"name": name, "namespace": "monitoring", "uid": name, "resourceVersion": str(number + 1)}
        manifest = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": 3}}
        manifest["metadata"]["ownerReferences"] = [reference]  # type: ignore[index]
        world.system.stores.of(resource.STATEFULSETS).apply(Event("ADDED", manifest))
    assert gatherer._replicas(kinds.read(raw)) == {"vmstorage-main": 3}


def test_claims_that_are_being_deleted_are_not_counted_as_there() -> None:
    world = World()
    world.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}})
    gatherer = world.system.owners["vmsingle"].reconciler.tools.gatherer
    found: Any = None
    world.add(
        {
            "apiVersion": "operator.victoriametrics.com/v1beta1",
            "kind": "VMSingle",
            "metadata": {"name": "main", "namespace": "monitoring"},
            "spec": {"storage": {"resources": {"requests": {"storage": "1Gi"}}}},
        }
    )
    world.settle(60)
    found = world.system.stores.get(gatherer.of.resource, *KEY)
    assert gatherer._claims(found) == {"vmsingle-main"}
    world.patch(
        "/api/v1/namespaces/monitoring/persistentvolumeclaims/vmsingle-main",
        {"metadata": {"finalizers": ["example.com/slow"]}},
    )
    world.delete("/api/v1/namespaces/monitoring/persistentvolumeclaims/vmsingle-main")
    world.read()
    assert gatherer._claims(found) == frozenset()

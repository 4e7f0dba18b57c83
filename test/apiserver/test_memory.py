"""The in-memory face: watches that are polled, faults, a face that lags, permissions, workloads as told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define

from test.apiserver.api import Api
from test.apiserver.faults import Fault
from test.apiserver.memory import Memory
from test.apiserver.pods import Fate
from test.apiserver.rbac import Authorizer
from test.apiserver.store import Store
from vmagent_operator.kube.errors import NetworkError, Timeout

Json = dict[str, Any]
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
APPLY = {"content-type": "application/apply-patch+yaml"}


@define
class Clock:
    """The time of a server."""

    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Api:
    return Api(Store(clock))


@pytest.fixture
def face(api: Api) -> Memory:
    return Memory(api)


def configmap(name: str, **meta: Any) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}


def send(face: Memory, method: str, path: str, body: Json | None = None, **query: str) -> tuple[int, Json]:
    data = None if body is None else json.dumps(body).encode()
    answer = face.request(method, path, query=tuple(query.items()), body=data, timeout=5)
    return answer.status, json.loads(answer.body)


def watched(face: Memory, path: str = CONFIGMAPS, **query: str) -> Iterator[bytes]:
    return iter(face.stream(path, query=(("watch", "true"), *query.items()), idle_timeout=60))


def due(lines: Iterator[bytes]) -> list[tuple[str, str]]:
    """Type and name of the events that are due."""
    found = []
    for line in lines:
        if not line:
            break
        event = json.loads(line)
        found.append(
            (event["type"], event["object"].get("metadata", {}).get("name") or str(event["object"].get("code", "")))
        )
    return found


def test_a_watch_gives_what_has_happened_and_then_nothing(face: Memory) -> None:
    _, listing = send(face, "GET", CONFIGMAPS)
    lines = watched(face, resourceVersion=listing["metadata"]["resourceVersion"])
    assert due(lines) == []
    send(face, "POST", CONFIGMAPS, configmap("a"))
    send(face, "PUT", f"{CONFIGMAPS}/a", configmap("a", labels={"x": "y"}))
    send(face, "DELETE", f"{CONFIGMAPS}/a")
    assert due(lines) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert due(lines) == []


def test_objects_enter_and_leave_a_selector(face: Memory) -> None:
    lines = watched(face, labelSelector="x=y", resourceVersion="1")
    send(face, "POST", CONFIGMAPS, configmap("a"))
    assert due(lines) == []
    send(face, "PUT", f"{CONFIGMAPS}/a", configmap("a", labels={"x": "y"}))
    assert due(lines) == [("ADDED", "a")]
    send(face, "PUT", f"{CONFIGMAPS}/a", configmap("a"))
    assert due(lines) == [("DELETED", "a")]


def test_a_watch_from_before_the_window_is_told_so(api: Api, face: Memory) -> None:
    send(face, "POST", CONFIGMAPS, configmap("a"))
    api.store.compact()
    assert due(watched(face, resourceVersion="2")) == [("ERROR", "410")]


def test_a_continue_token_expires_with_the_window(api: Api, face: Memory) -> None:
    for name in ("a", "b"):
        send(face, "POST", CONFIGMAPS, configmap(name))
    _, first = send(face, "GET", CONFIGMAPS, limit="1")
    send(face, "POST", CONFIGMAPS, configmap("c"))
    api.store.compact()
    status, answer = send(face, "GET", CONFIGMAPS, limit="1", **{"continue": first["metadata"]["continue"]})
    assert (status, answer["reason"]) == (410, "Expired")


def test_a_bookmark_has_the_present_version(api: Api, face: Memory) -> None:
    lines = watched(face, resourceVersion="1", allowWatchBookmarks="true")
    api.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "elsewhere"}})
    api.bookmark()
    event = json.loads(next(lines))
    assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("BOOKMARK", str(api.store.version))


def test_initial_events_end_with_a_marked_bookmark(face: Memory) -> None:
    send(face, "POST", CONFIGMAPS, configmap("a"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    lines = watched(face, **query)
    assert json.loads(next(lines))["type"] == "ADDED"
    assert json.loads(next(lines))["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_at_its_timeout(face: Memory, clock: Clock) -> None:
    lines = watched(face, resourceVersion="1", timeoutSeconds="30")
    assert next(lines) == b""
    clock.advance(30)
    assert list(lines) == []


def test_metadata_only_watches_show_metadata(face: Memory) -> None:
    headers = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
    lines = iter(face.stream(CONFIGMAPS, query=(("watch", "true"),), headers=headers, idle_timeout=60))
    send(face, "POST", CONFIGMAPS, configmap("a") | {"data": {"k": "v"}})
    shown = json.loads(next(lines))["object"]
    assert shown.keys() == {"kind", "apiVersion", "metadata"}
    assert shown["kind"] == "PartialObjectMetadata"


def test_a_fault_before_the_effect_prevents_it(api: Api, face: Memory) -> None:
    api.faults.add(Fault(verb="create", resource="configmaps", first=2, status=429, headers={"Retry-After": "7"}))
    assert send(face, "POST", CONFIGMAPS, configmap("a"))[0] == 201
    answer = face.request("POST", CONFIGMAPS, body=json.dumps(configmap("b")).encode(), timeout=5)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert send(face, "GET", f"{CONFIGMAPS}/b")[0] == 404
    assert send(face, "POST", CONFIGMAPS, configmap("b"))[0] == 201


def test_an_answer_is_lost_after_the_effect(api: Api, face: Memory) -> None:
    api.faults.add(Fault(verb="create", is_after=True, is_lost=True))
    with pytest.raises(NetworkError):
        send(face, "POST", CONFIGMAPS, configmap("a"))
    assert send(face, "GET", f"{CONFIGMAPS}/a")[0] == 200


def test_a_hanging_request_times_out_without_effect(api: Api, face: Memory) -> None:
    api.faults.add(Fault(name="a", hangs=True))
    with pytest.raises(Timeout):
        send(face, "DELETE", f"{CONFIGMAPS}/a")


def test_a_watch_is_cut_in_the_middle_of_a_line(api: Api, face: Memory) -> None:
    api.faults.add(Fault(verb="watch", cut_at=20))
    lines = watched(face, resourceVersion="1")
    assert next(lines) == b""
    send(face, "POST", CONFIGMAPS, configmap("a"))
    with pytest.raises(NetworkError):
        next(lines)


def test_a_replica_stands_still_until_it_follows(api: Api) -> None:
    replica = api.replica()
    face = Memory(api, replica=replica)
    send(face, "POST", CONFIGMAPS, configmap("a"))
    assert send(face, "GET", f"{CONFIGMAPS}/a")[0] == 404
    replica.follow(api)
    assert send(face, "GET", f"{CONFIGMAPS}/a")[0] == 200
    assert replica.store.version == api.store.version


def deployment(replicas: int = 2, kind: str = "Deployment", **spec: Any) -> Json:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}


def status_of(api: Api, resource: str = "deployments.apps") -> Json:
    live = api.store.get(resource, ("default", "web"))
    assert live is not None
    status: Json = live["status"]
    return status


def test_workloads_are_ready_at_once_unless_told_otherwise(api: Api, clock: Clock) -> None:
    api.workloads.set("Deployment default/web", Fate.READY, delay_seconds=10)
    api.add(deployment())
    api.settle()
    assert "readyReplicas" not in status_of(api)
    clock.advance(10)
    api.tick()
    assert status_of(api)["readyReplicas"] == 2
    api.workloads.set("*", Fate.STUCK)
    api.settle()
    assert ("Progressing", "ProgressDeadlineExceeded") in {
        (one["type"], one["reason"]) for one in status_of(api)["conditions"]
    }


def test_a_quiet_server_writes_nothing(api: Api) -> None:
    api.add(deployment())
    api.tick()
    before = api.store.version
    api.tick()
    assert api.store.version == before


def test_pods_of_a_set_that_is_rolled_by_deletion_keep_their_revision(api: Api, face: Memory) -> None:
    api.workloads.makes_pods = True
    api.add(deployment(kind="StatefulSet", serviceName="web", updateStrategy={"type": "OnDelete"}))
    api.settle()
    assert (status_of(api, "statefulsets.apps")["readyReplicas"], len(api.store.items("pods"))) == (2, 2)
    path = "/apis/apps/v1/namespaces/default/statefulsets/web"
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "x:2"}]
    face.request(
        "PATCH",
        path,
        headers={"Content-Type": "application/json-patch+json"},
        body=json.dumps(patch).encode(),
        timeout=5,
    )
    assert status_of(api, "statefulsets.apps").get("updatedReplicas", 0) == 0
    send(
        face,
        "POST",
        "/api/v1/namespaces/default/pods/web-1/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web-1"}},
    )
    images = {name: pod["spec"]["containers"][0]["image"] for (_, name), pod in api.store.items("pods")}
    assert images == {"web-0": "x:1", "web-1": "x:2"}
    assert status_of(api, "statefulsets.apps")["updatedReplicas"] == 1


def test_a_budget_refuses_an_eviction(api: Api, face: Memory) -> None:
    api.workloads.makes_pods = True
    api.add(deployment(replicas=1, kind="StatefulSet", serviceName="web"))
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    api.add({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget})
    api.settle()
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web-0"}}
    status, answer = send(face, "POST", "/api/v1/namespaces/default/pods/web-0/eviction", eviction)
    assert (status, answer["details"]["causes"][0]["reason"]) == (429, "DisruptionBudget")


ACCOUNT = "system:serviceaccount:default:op"


def grant(api: Api, *rules: Json) -> None:
    group = "rbac.authorization.k8s.io"
    api.add({"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "op"}, "rules": list(rules)})
    subject = {"kind": "ServiceAccount", "name": "op", "namespace": "default"}
    binding = {"roleRef": {"kind": "ClusterRole", "name": "op"}, "subjects": [subject]}
    api.add({"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "op"}} | binding)


def rule(*verbs: str, group: str = "", resource: str = "configmaps") -> Json:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def test_permissions_are_enforced_and_their_use_is_recorded(api: Api) -> None:
    grant(api, rule("get"), rule("list"), rule("delete"))
    guard = Authorizer(api)
    guard.install()
    face = Memory(api, user=ACCOUNT)
    assert send(face, "GET", CONFIGMAPS)[0] == 200
    status, answer = send(face, "POST", CONFIGMAPS, configmap("a"))
    text = f'configmaps is forbidden: User "{ACCOUNT}" cannot create resource "configmaps" in API group "" in the namespace "default"'
    assert (status, answer["message"]) == (403, text)
    assert guard.used == {("ClusterRole op", 1)}
    assert [action.verb for _, action in guard.refused] == ["create"]


def test_an_apply_that_creates_needs_both_verbs(api: Api) -> None:
    grant(api, rule("patch"))
    Authorizer(api).install()
    face = Memory(api, user=ACCOUNT)
    body, query = json.dumps(configmap("a")).encode(), (("fieldManager", "x"),)
    assert face.request("PATCH", f"{CONFIGMAPS}/a", query=query, headers=APPLY, body=body, timeout=5).status == 403
    api.add(configmap("a"))
    assert face.request("PATCH", f"{CONFIGMAPS}/a", query=query, headers=APPLY, body=body, timeout=5).status == 200


@pytest.mark.parametrize(("verbs", "status"), [(["get"], 201), (["get", "watch"], 403)])
def test_nobody_grants_more_than_they_have(api: Api, verbs: list[str], status: int) -> None:
    grant(api, rule("get"), rule("create", group="rbac.authorization.k8s.io", resource="roles"))
    Authorizer(api).install()
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "a"},
        "rules": [rule(*verbs)],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    assert send(Memory(api, user=ACCOUNT), "POST", path, role)[0] == status

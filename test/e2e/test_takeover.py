"""Moving over from the Go operator, and back, restarts nothing and loses nothing: every recorded case on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import define, evolve

from test.controlplane.api import Api, Json
from test.controlplane.servers import Programs, programs, running
from test.e2e.predecessor import MANAGER, Predecessor, key_of, path_of
from test.golden.compare import differences, documents, indexed
from test.golden.test_recorded import CASES, DEVIATIONS, METADATA
from vmagent_operator import settings
from vmagent_operator.api import crd, kinds
from vmagent_operator.cli import render
from vmagent_operator.controller.outcome import Outcome
from vmagent_operator.controller.system import System
from vmagent_operator.kube import connection
from vmagent_operator.kube.client import Client
from vmagent_operator.kube.takeover import MANAGER as OURS

pytestmark = pytest.mark.cluster
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
FOREIGN = {"labels": {"example.com/team": "web"}, "annotations": {"example.com/note": "kept"}}
RESTARTED = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
MOST_PASSES = 4


def _is_complete(name: str) -> bool:
    """Whether the Go operator succeeded, from nothing."""
    if METADATA[name].get("live") or CASES[name].parent.name != "vmagent":
        return False
    recorded = documents(CASES[name] / "want.yaml")
    return bool(recorded) and "errors" not in recorded[0]


NAMES = [name for name in CASES if _is_complete(name)]


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The kubeconfig of an API server without controllers, where nothing changes but by the two operators."""
    bare = programs()
    with running(Programs(bare.etcd, bare.apiserver)) as kubeconfig:
        api = Api(kubeconfig)
        for kind in kinds.KINDS:
            api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd.manifest(kind))
        yield kubeconfig


@define
class Writes:
    """A transport that counts what it is asked to change, statuses and events aside."""

    transport: connection.Connection
    paths: list[str]

    def request(self, method: str, path: str, **rest: Any) -> Any:
        """See Transport."""
        if method != "GET" and not path.endswith("/status") and "/events" not in path:
            self.paths.append(f"{method} {path}")
        return self.transport.request(method, path, **rest)

    def stream(self, path: str, **rest: Any) -> Any:
        """See Transport."""
        return self.transport.stream(path, **rest)


@define
class Successor:
    """Our operator: every pass is that of a process just started, so that nothing but the cluster can be remembered."""

    connection: connection.Connection
    environ: Mapping[str, str]

    def work(self) -> list[str]:
        """One pass for each VMAgent; what it wrote. AssertionError if one of them does not get through."""
        writes = Writes(self.connection, [])
        client = Client(writes)
        system = System(client, client, settings.load(self.environ))
        for informer in system.informers():
            informer.step()
        system.reconciler.server = render.server(self.environ.get("KUBERNETES_VERSION", "1.36"))
        for key in list(system.queue.snapshot().waiting):
            outcome = system.reconciler.reconcile(*key)
            assert outcome.kind == "done", (key, outcome)
        return writes.paths


@define
class History:
    """A case before the take-over, with what others have set, and after it. `again` is what a restart writes."""

    name: str
    predecessor: Predecessor
    before: dict[str, Json]
    after: dict[str, Json]
    again: list[str]


@pytest.fixture(scope="module", params=NAMES)
def history(request: pytest.FixtureRequest, server: Path) -> Iterator[History]:
    """One recorded case, taken over; gone afterwards."""
    case, api = CASES[request.param], Api(server)
    predecessor = Predecessor(api, documents(case / "given.yaml"), documents(case / "want.yaml"))
    environ = {key: str(value) for key, value in (METADATA[request.param].get("env") or {}).items()}
    access = connection.load(str(server), environ={})
    successor = Successor(connection.connect(access, version="test", watches=1, workers=1).worker, environ)
    try:
        predecessor.install()
        _touch(predecessor)
        before = predecessor.live()
        passes = 0
        while (written := successor.work()) and passes < MOST_PASSES:
            passes += 1
        yield History(request.param, predecessor, before, predecessor.live(), written)
    finally:
        predecessor.remove()


def _touch(predecessor: Predecessor) -> None:
    """Set something on every object as people and other controllers do."""
    for manifest in predecessor.children():
        patch: Json = {"metadata": FOREIGN}
        if manifest["kind"] in WORKLOADS:
            patch["spec"] = {"template": {"metadata": {"annotations": RESTARTED}}}
        if manifest["kind"] == "Service":
            patch["spec"] = {"sessionAffinity": "ClientIP"}
        predecessor.api.merge(path_of(manifest), patch)
        predecessor.settle(manifest)


def test_what_is_there_stays_as_it_is(history: History) -> None:
    allowed = DEVIATIONS.get(history.name, ())
    before, after = _content(history.before), _content(history.after)
    assert [found for found in differences(before, after) if not found[0].startswith(allowed)] == []


def test_no_object_is_made_anew_and_no_pod_restarts(history: History) -> None:
    allowed = tuple(path.removeprefix(".") for path in DEVIATIONS.get(history.name, ()))
    for key, before in history.before.items():
        after = history.after[key]
        assert after["metadata"]["uid"] == before["metadata"]["uid"], key
        if before["kind"] in WORKLOADS and not any(path.startswith(key) for path in allowed):
            assert after["spec"] == before["spec"]
            assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_fields_change_hands(history: History) -> None:
    for manifest in history.predecessor.children():
        entries = history.after[key_of(manifest)]["metadata"]["managedFields"]
        owners = [(entry["manager"], entry["operation"]) for entry in entries if "subresource" not in entry]
        assert (OURS, "Apply") in owners
        assert (MANAGER, "Update") not in owners


def test_a_restart_writes_nothing(history: History) -> None:
    assert history.again == []


def test_the_go_operator_can_go_on(history: History) -> None:
    for manifest in history.predecessor.children():
        updated = history.predecessor.update(manifest)
        before = history.before[key_of(manifest)]
        assert list(differences(_content({"": before}), _content({"": updated}))) == []
        if manifest["kind"] in WORKLOADS:
            assert updated["spec"] == before["spec"]


def _content(objects: Mapping[str, Json]) -> dict[str, Json]:
    """What objects say, without statuses and the server's own metadata; Secrets as text."""
    bare = [{key: value for key, value in each.items() if key != "status"} for each in objects.values()]
    return indexed(map(render.decoded, bare))

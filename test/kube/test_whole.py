"""All of it together, in real threads, against the in-process API server over HTTP."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from test.apiserver.faults import Fault
from test.apiserver.http import Server
from test.kube.manager import MANAGER
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.loop import Loop
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.clock import SystemClock
from vmagent_operator.kube.errors import Cancelled, Conflict, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.http.connection import connect
from vmagent_operator.kube.http.credentials import load
from vmagent_operator.kube.leader import Candidate, Elector
from vmagent_operator.kube.resource import CONFIGMAPS, NAMESPACES, Manifest


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(tokens={"secret": "admin"}) as running:
        yield running


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    access = load(str(server.kubeconfig(tmp_path / "config", "secret")), environ={})
    worker = connect(access, agent="app/test", watches=1, workers=1).worker
    client = Client(worker, manager=MANAGER)
    client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}})
    yield client
    worker.close()


def configmap(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ns", "name": name}, "data": data}


def test_a_store_follows_the_server_through_faults_and_its_thread_ends_when_told(
    server: Server, client: Client
) -> None:
    """Its first watch is cut in the middle of a line, its second one refused, its third one finds its version gone."""
    server.api.faults.add(Fault(verb="watch", resource="configmaps", cut_at=40))
    server.api.faults.add(Fault(verb="watch", resource="configmaps", first=2, status=503))
    server.api.faults.add(Fault(verb="watch", resource="configmaps", first=3, status=410, reason="Expired"))
    client.apply(CONFIGMAPS, configmap("a", x="1"))
    heard: queue.Queue[Change[Manifest]] = queue.Queue()
    store: Store[Manifest] = Store(lambda manifest: manifest)
    informer = Informer.of(client, Collection(CONFIGMAPS, namespace="ns", jitter=lambda: -0.95), store, heard.put)
    stop = threading.Event()
    loop = Loop(informer.name, informer.step, SystemClock(), stop)
    loop.start()
    assert heard.get(timeout=30).old is None
    made = client.apply(CONFIGMAPS, configmap("b", x="1"))
    assert heard.get(timeout=30).new == client.get(CONFIGMAPS, "ns", "b")
    client.delete(CONFIGMAPS, "ns", "b", uid=made["metadata"]["uid"])
    gone = heard.get(timeout=30)
    assert (gone.old is not None, gone.new) == (True, None)
    assert [item["data"] for item in store.items()] == [{"x": "1"}]
    stop.set()
    informer.close()
    assert loop.join(30)
    assert (informer.has_synced, loop.is_healthy) == (True, True)


def test_only_the_leader_writes(client: Client) -> None:
    one, two = (
        Elector.of(client, Candidate(namespace="ns", name="lease", identity=identity)) for identity in ("one", "two")
    )
    one.step()
    two.step()
    attrs.evolve(client, before_write=one.before_write).create(CONFIGMAPS, configmap("a"))
    with pytest.raises(Cancelled):
        attrs.evolve(client, before_write=two.before_write).create(CONFIGMAPS, configmap("b"))
    assert one.release()
    two.step()
    attrs.evolve(client, before_write=two.before_write).create(CONFIGMAPS, configmap("b"))
    assert {item["metadata"]["name"] for item in client.list(CONFIGMAPS, "ns").items} == {"a", "b"}


def test_what_was_not_read_is_not_deleted(client: Client) -> None:
    made = client.create(CONFIGMAPS, configmap("a"))["metadata"]
    with pytest.raises(Conflict):
        client.delete(CONFIGMAPS, "ns", "a", uid="another")
    with pytest.raises(Conflict):
        client.delete(CONFIGMAPS, "ns", "a", uid=made["uid"], resource_version="1")
    client.delete(CONFIGMAPS, "ns", "a", uid=made["uid"], resource_version=made["resourceVersion"])
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        client.get(CONFIGMAPS, "ns", "a")


def test_pages_and_metadata_only(client: Client) -> None:
    for name in "abc":
        client.create(CONFIGMAPS, configmap(name, x="1"))
    listing = client.list(CONFIGMAPS, "ns", page_size=2, metadata_only=True)
    assert [(item["kind"], item["metadata"]["name"], "data" in item) for item in listing.items] == [
        ("ConfigMap", name, False) for name in "abc"
    ]


def test_what_the_server_offers(client: Client) -> None:
    major, minor = client.server_version()
    assert (major, minor > 20) == (1, True)
    assert "apps/v1" in client.groups()
    assert [client.serves(kind) for kind in (CONFIGMAPS, attrs.evolve(CONFIGMAPS, version="v9"))] == [True, False]

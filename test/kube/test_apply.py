"""Bringing one object about, whatever the server answers."""

from typing import Any

import pytest

from test.apiserver.api import Api
from test.apiserver.faults import Fault
from test.apiserver.memory import Memory
from test.kube.manager import MANAGER
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Conflict, Forbidden, NetworkError
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError
from vmagent_operator.kube.write.managedfields import Previous


@pytest.fixture
def api() -> Api:
    api = Api()
    api.collector.is_on = False  # the owners do not exist
    api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    return api


@pytest.fixture
def applier(api: Api) -> Applier:
    return Applier(Client(Memory(api), manager=MANAGER, jitter=lambda: 0.0), jitter=lambda: 0.0)


def config_map(owner: str = "main", **data: str) -> dict[str, Any]:
    reference = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMAgent", "name": owner}
    metadata = {
        "name": "c",
        "namespace": "n",
        "ownerReferences": [{**reference, "uid": f"uid-{owner}", "controller": True}],
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def data(api: Api) -> dict[str, str]:
    found: dict[str, str] = (api.store.get("configmaps", ("n", "c")) or {}).get("data", {})
    return found


def test_an_object_is_made_changed_and_then_left_alone(api: Api, applier: Applier) -> None:
    assert applier.ensure(config_map(a="1", b="2")).action == "create"
    assert applier.ensure(config_map(a="1", c="3")).paths == ("data.b", "data.c")
    assert data(api) == {"a": "1", "c": "3"}
    version = api.store.version
    assert applier.ensure(config_map(a="1", c="3")).action == ""
    assert api.store.version == version


def test_an_effect_whose_answer_is_lost_counts_as_done(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", is_after=True, is_lost=True))
    assert applier.ensure(config_map(a="1")).action == "create"
    assert data(api) == {"a": "1"}


def test_a_write_that_was_lost_is_told_of(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", is_lost=True))
    with pytest.raises(NetworkError):
        applier.ensure(config_map(a="1"))
    assert data(api) == {}


def test_conflicts_are_tried_again_a_few_times(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", status=409, reason="Conflict", times=4))
    assert applier.ensure(config_map(a="1")).action == "create"
    api.faults.add(Fault(verb="patch", status=409, reason="Conflict", times=5))
    with pytest.raises(Conflict, match=r"^ConfigMap n/c: somebody else keeps writing to it$"):
        applier.ensure(config_map(a="2"))


def test_the_object_of_another_controller_is_not_touched(api: Api, applier: Applier) -> None:
    applier.ensure(config_map("other", a="theirs"))
    with pytest.raises(NotOwnedError, match=r"^ConfigMap n/c belongs to VMAgent other$"):
        applier.ensure(config_map(a="ours"))
    assert data(api) == {"a": "theirs"}


def test_an_object_that_is_being_deleted_is_waited_for(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    client = applier.client
    client.merge_patch(resource.CONFIGMAPS, "n", "c", {"metadata": {"finalizers": ["example.com/slow"]}})
    client.delete(resource.CONFIGMAPS, "n", "c", uid=client.get(resource.CONFIGMAPS, "n", "c")["metadata"]["uid"])
    with pytest.raises(WaitingError, match=r"^ConfigMap n/c is being deleted$"):
        applier.ensure(config_map(a="2"))


def test_a_key_that_is_released_stays_and_is_no_longer_ours(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(mine="1", yours="2"))
    applier.ensure(config_map(mine="1"), Previous(released=frozenset({"yours"})))
    assert data(api) == {"mine": "1", "yours": "2"}
    applier.ensure(config_map(), Previous(released=frozenset({"yours"})))
    assert data(api) == {"yours": "2"}


def test_what_is_removed_is_the_object_that_was_looked_at(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    assert not applier.remove(resource.CONFIGMAPS, "n", "c", lambda live: False)
    assert data(api) == {"a": "1"}
    assert applier.remove(resource.CONFIGMAPS, "n", "c", lambda live: True)
    assert data(api) == {}
    assert not applier.remove(resource.CONFIGMAPS, "n", "c", lambda live: True)


def test_a_refusal_is_passed_on(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", status=403, reason="Forbidden"))
    with pytest.raises(Forbidden):
        applier.ensure(config_map(a="1"))

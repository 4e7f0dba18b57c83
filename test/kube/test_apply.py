"""Bringing one object about, whatever the server answers."""

import json
from typing import Any

import attrs
import pytest

from test.apiserver.api import Api
from test.apiserver.faults import Fault
from test.apiserver.memory import Memory
from test.kube.manager import MANAGER
from test.kube.virtual import VirtualClock
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Cancelled, Conflict, Forbidden, Invalid, NetworkError
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.meter import Exchange, Meter
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError
from vmagent_operator.kube.write.managedfields import Migration
from vmagent_operator.kube.write.ownership import Policy


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


@attrs.define(eq=False)
class Requests(Meter):
    """The verbs of the requests since the last look."""

    verbs: list[str] = attrs.field(factory=list)

    def exchange(self, exchange: Exchange) -> None:
        self.verbs.append(exchange.verb)

    def take(self) -> list[str]:
        taken, self.verbs = self.verbs, []
        return taken


def test_a_change_costs_a_look_and_a_write(api: Api, applier: Applier) -> None:
    requests = Requests()
    applier.client = attrs.evolve(applier.client, meter=requests)
    for value, sent in (("1", ["get", "apply"]), ("1", ["get"]), ("2", ["get", "apply"])):
        applier.ensure(config_map(a=value))
        assert requests.take() == sent


def test_an_effect_whose_answer_is_lost_counts_as_done(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", is_after=True, is_lost=True))
    assert applier.ensure(config_map(a="1")).action == "create"
    assert data(api) == {"a": "1"}


def test_a_write_that_was_lost_is_an_error(api: Api, applier: Applier) -> None:
    api.faults.add(Fault(verb="patch", is_lost=True))
    with pytest.raises(NetworkError):
        applier.ensure(config_map(a="1"))
    assert data(api) == {}


def test_so_is_a_change_that_was_lost(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    api.faults.add(Fault(verb="patch", is_lost=True))
    with pytest.raises(NetworkError):
        applier.ensure(config_map(a="2"))
    assert data(api) == {"a": "1"}


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


def test_an_object_that_nothing_shows_to_be_ours_is_not_touched(api: Api, applier: Applier) -> None:
    api.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "1"}})
    version = api.store.version
    with pytest.raises(NotOwnedError, match=r"^ConfigMap n/c exists and is not ours: delete or rename it$"):
        applier.ensure(config_map(a="1"))
    assert api.store.version == version


def test_an_object_that_appears_between_look_and_write_is_not_merged_into(api: Api, applier: Applier) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"b": "2"}}

    def appear() -> None:
        if not data(api):
            api.add(theirs)

    applier.before_write = appear
    with pytest.raises(NotOwnedError):
        applier.ensure(config_map(a="1"))  # no field of it conflicts with theirs
    assert data(api) == {"b": "2"}
    assert "ownerReferences" not in (api.store.get("configmaps", ("n", "c")) or {})["metadata"]


def test_an_object_that_is_only_added_to_keeps_all_else_and_is_never_made(api: Api, applier: Applier) -> None:
    name = {"name": "c", "namespace": "n"}
    share = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"a": "1"}}
    with pytest.raises(WaitingError, match=r"^ConfigMap n/c is gone, and not ours to make$"):
        applier.ensure(share)
    given: dict[str, Any] = {"labels": {"managed-by": "helm"}, "finalizers": [MANAGER.upgrades_finalizer]}
    api.add({**share, "metadata": {**name, **given}, "data": {"b": "2"}}, "kubectl")
    assert applier.ensure(share).paths == ("data.a",)
    assert data(api) == {"a": "1", "b": "2"}
    metadata = (api.store.get("configmaps", ("n", "c")) or {})["metadata"]
    assert {key: metadata.get(key) for key in given} == given
    assert "kubectl" in {entry["manager"] for entry in metadata["managedFields"]}


def test_a_key_that_is_its_users_is_made_once_and_never_overwritten(api: Api, applier: Applier) -> None:
    migration = Migration(released=frozenset({"yours"}))
    applier.ensure(config_map(mine="1", yours="first"), migration)
    applier.client.merge_patch(resource.CONFIGMAPS, "n", "c", {"data": {"yours": "edited"}})
    applier.ensure(config_map(mine="2", yours="first"), migration)
    assert data(api) == {"mine": "2", "yours": "edited"}


def test_an_object_of_which_all_is_its_users_is_made_once_too(api: Api, applier: Applier) -> None:
    migration = Migration(released=frozenset({"yours"}))
    applier.ensure(config_map(yours="first"), migration)
    applier.client.merge_patch(resource.CONFIGMAPS, "n", "c", {"data": {"yours": "edited"}})
    applier.ensure(config_map(yours="first"), migration)
    assert data(api) == {"yours": "edited"}


def test_a_finalizer_that_alone_shows_whose_an_object_is_goes_last(api: Api, applier: Applier) -> None:
    applier.policy = Policy(finalizer=MANAGER.upgrades_finalizer)
    metadata = {"name": "c", "namespace": "n", "finalizers": [MANAGER.upgrades_finalizer]}
    api.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    api.faults.add(Fault(verb="patch", is_after=True, status=403, reason="Forbidden"))
    with pytest.raises(Forbidden):
        applier.ensure(config_map(a="1"))  # as if the process had died after its first write
    live = (api.store.get("configmaps", ("n", "c")) or {})["metadata"]
    assert (live["finalizers"], len(live["ownerReferences"])) == ([MANAGER.upgrades_finalizer], 1)
    applier.ensure(config_map(a="1"))
    assert "finalizers" not in (api.store.get("configmaps", ("n", "c")) or {})["metadata"]


def test_what_an_earlier_operator_left_is_ours_and_as_desired_after_one_call(api: Api, applier: Applier) -> None:
    """Fields, finalizer and content."""
    earlier = config_map(a="1", gone="2")
    earlier["metadata"]["finalizers"] = [MANAGER.upgrades_finalizer]
    api.add(earlier, "app")
    assert applier.ensure(config_map(a="3")).action == "take over, apply"
    assert (data(api), finalizers(api)) == ({"a": "3"}, [])
    version = api.store.version
    assert applier.ensure(config_map(a="3")).action == ""
    assert api.store.version == version


def test_a_finalizer_of_an_earlier_operator_that_is_left_goes_with_the_next_change(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    names = {"metadata": {"finalizers": [MANAGER.upgrades_finalizer, "example.com/other"]}}
    applier.client.merge_patch(resource.CONFIGMAPS, "n", "c", names)
    assert applier.ensure(config_map(a="2")).action == "apply, take over"
    assert finalizers(api) == ["example.com/other"]


def test_an_object_that_is_being_deleted_is_waited_for(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    client = applier.client
    client.merge_patch(resource.CONFIGMAPS, "n", "c", {"metadata": {"finalizers": ["example.com/slow"]}})
    client.delete(resource.CONFIGMAPS, "n", "c", uid=client.get(resource.CONFIGMAPS, "n", "c")["metadata"]["uid"])
    with pytest.raises(WaitingError, match=r"^ConfigMap n/c is being deleted$"):
        applier.ensure(config_map(a="2"))


def test_a_key_that_is_released_stays_and_is_no_longer_ours(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(mine="1", yours="2"))
    applier.ensure(config_map(mine="1"), Migration(released=frozenset({"yours"})))
    assert data(api) == {"mine": "1", "yours": "2"}
    applier.ensure(config_map(), Migration(released=frozenset({"yours"})))
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


@pytest.mark.parametrize("edits", [1, 2])
def test_what_changes_between_look_and_removal_is_looked_at_once_more(api: Api, applier: Applier, edits: int) -> None:
    applier.ensure(config_map(a="1"))
    looks: list[str] = []

    def edited_meanwhile(live: dict[str, Any]) -> bool:
        looks.append(live["metadata"]["resourceVersion"])
        if len(looks) <= edits:
            applier.client.merge_patch(resource.CONFIGMAPS, "n", "c", {"data": {"edit": str(len(looks))}})
        return True

    if edits == 1:
        assert applier.remove(resource.CONFIGMAPS, "n", "c", edited_meanwhile)
    else:
        with pytest.raises(Conflict, match=r"^ConfigMap c: somebody else keeps writing to it$"):
            applier.remove(resource.CONFIGMAPS, "n", "c", edited_meanwhile)
    assert (len(set(looks)), data(api)) == (2, {} if edits == 1 else {"a": "1", "edit": "2"})


def test_nothing_is_removed_or_stripped_when_writes_are_forbidden(api: Api, applier: Applier) -> None:
    applier.ensure(config_map(a="1"))
    applier.client.merge_patch(
        resource.CONFIGMAPS, "n", "c", {"metadata": {"finalizers": [MANAGER.upgrades_finalizer]}}
    )
    version = api.store.version
    applier.before_write = forbidden
    for write in (applier.remove, applier.strip_finalizer):
        with pytest.raises(Cancelled):
            write(resource.CONFIGMAPS, "n", "c", lambda live: True)
    with pytest.raises(Cancelled):
        applier.ensure(config_map(a="2"))
    assert api.store.version == version


def forbidden() -> None:
    raise Cancelled("not now")


def test_the_finalizer_of_an_earlier_operator_comes_off_and_no_other(api: Api, applier: Applier) -> None:
    metadata = {"name": "c", "namespace": "n", "finalizers": ["example.com/slow", MANAGER.upgrades_finalizer]}
    api.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    applier.strip_finalizer(resource.CONFIGMAPS, "n", "c", lambda live: False)
    applier.strip_finalizer(resource.CONFIGMAPS, "n", "d", lambda live: True)
    assert finalizers(api) == metadata["finalizers"]
    applier.strip_finalizer(resource.CONFIGMAPS, "n", "c", lambda live: True)
    assert finalizers(api) == ["example.com/slow"]
    version = api.store.version
    applier.strip_finalizer(resource.CONFIGMAPS, "n", "c", lambda live: True)
    assert api.store.version == version


def finalizers(api: Api) -> list[str]:
    return list((api.store.get("configmaps", ("n", "c")) or {})["metadata"].get("finalizers", ()))


@pytest.mark.parametrize("is_removed", [True, False])
def test_what_is_being_deleted_waits_for_no_finalizer_of_an_earlier_operator(
    api: Api, applier: Applier, is_removed: bool
) -> None:
    applier.ensure(config_map(a="1"))
    names = [MANAGER.upgrades_finalizer, "example.com/slow"]
    applier.client.merge_patch(resource.CONFIGMAPS, "n", "c", {"metadata": {"finalizers": names}})
    applier.client.delete(resource.CONFIGMAPS, "n", "c", uid=uid(api, "configmaps", "c"))
    if is_removed:
        assert applier.remove(resource.CONFIGMAPS, "n", "c", lambda live: True)
    else:
        with pytest.raises(WaitingError):
            applier.ensure(config_map(a="1"))
    assert finalizers(api) == ["example.com/slow"]


def uid(api: Api, plural: str, name: str) -> str:
    return str((api.store.get(plural, ("n", name)) or {})["metadata"]["uid"])


def test_rounds_against_another_writer_are_a_hundredth_of_a_second_apart(api: Api) -> None:
    clock = VirtualClock()
    applier = Applier(Client(Memory(api), manager=MANAGER, clock=clock), jitter=lambda: 1.0)
    api.faults.add(Fault(verb="patch", status=409, reason="AlreadyExists", times=2))
    applier.ensure(config_map(a="1"))
    assert clock.waits == pytest.approx([0.011, 0.011])


def service(type_: str = "ClusterIP", **more: Any) -> dict[str, Any]:
    metadata = config_map()["metadata"]
    spec = {"type": type_, "ports": [{"name": "http", "port": 80}], "selector": {"app": "x"}, **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {**metadata, "name": "s"}, "spec": spec}


def test_what_cannot_be_changed_is_deleted_and_made_again(api: Api, applier: Applier) -> None:
    applier.ensure(service())
    before = uid(api, "services", "s")
    owner = {"apiVersion": "v1", "kind": "Service", "name": "s", "uid": before}
    part = {"name": "part", "namespace": "n", "ownerReferences": [owner]}
    api.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": part})
    told = list[str]()
    applier.before_recreation = told.append
    written = applier.ensure(service(clusterIP="None"))
    assert (written.action, written.paths) == ("apply, create", ("spec.clusterIP",))
    assert len(told) == 1
    assert told[0].startswith("Service n/s is deleted and made again: ")
    assert "may not change once set" in told[0]
    assert written.metadata["uid"] == uid(api, "services", "s") != before
    part = (api.store.get("configmaps", ("n", "part")) or {})["metadata"]
    assert part["ownerReferences"] == [owner]  # goes with the object that it was part of


@pytest.mark.parametrize("type_", ["NodePort", "LoadBalancer", "ExternalName"])
def test_a_service_that_becomes_another_type_stays_the_same_object(api: Api, applier: Applier, type_: str) -> None:
    applier.ensure(service())
    before = uid(api, "services", "s")
    applier.ensure(service(type_, **({"externalName": "db.example"} if type_ == "ExternalName" else {})))
    assert uid(api, "services", "s") == before
    applier.ensure(service())
    assert uid(api, "services", "s") == before


def test_a_service_for_all_that_is_refused_stays(api: Api, applier: Applier) -> None:
    applier.ensure(service())
    before = api.store.get("services", ("n", "s"))
    with pytest.raises(Invalid):
        applier.ensure(service(ports=[{"port": 80}, {"port": 81}]))
    assert api.store.get("services", ("n", "s")) == before


def stateful_set(labels: dict[str, str] | None = None, grace: int = 30) -> dict[str, Any]:
    labels = labels or {"app": "x"}
    containers = [{"name": "a", "image": "a"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"serviceName": "s", "replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    spec["minReadySeconds"] = grace
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {**config_map()["metadata"], "name": "w"},
        "spec": spec,
    }


@pytest.mark.parametrize("changed", [stateful_set({"app": "y"}), stateful_set(grace=60)])
def test_the_pods_of_a_stateful_set_outlive_it(api: Api, applier: Applier, changed: dict[str, Any]) -> None:
    """Also of one of which only an older server refuses the change."""
    applier.ensure(stateful_set())
    before = uid(api, "statefulsets.apps", "w")
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "w", "uid": before, "controller": True}
    metadata = {"name": "w-0", "namespace": "n", "labels": {"app": "x"}, "ownerReferences": [owner]}
    api.add(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    )
    if changed == stateful_set(grace=60):
        cause = {"reason": "FieldValueForbidden", "field": "spec"}
        body = {"kind": "Status", "reason": "Invalid", "details": {"causes": [cause]}}
        api.faults.add(Fault(verb="patch", status=422, body=json.dumps(body).encode()))
    applier.ensure(changed)
    api.settle()
    assert uid(api, "statefulsets.apps", "w") != before
    pod = api.store.get("pods", ("n", "w-0"))
    assert pod is not None
    assert not pod["metadata"].get("ownerReferences")


@pytest.mark.parametrize(
    ("desired", "cause"),
    [
        (config_map(a="2"), {"reason": "FieldValueForbidden", "field": "spec"}),
        (stateful_set(grace=60), {"reason": "FieldValueInvalid", "field": "spec"}),
        (stateful_set(grace=60), {"reason": "FieldValueForbidden", "field": "spec.replicas"}),
    ],
)
def test_no_other_refusal_costs_the_object(
    api: Api, applier: Applier, desired: dict[str, Any], cause: dict[str, str]
) -> None:
    applier.ensure(config_map(a="1"))
    applier.ensure(stateful_set())
    version = api.store.version
    body = {"kind": "Status", "reason": "Invalid", "details": {"causes": [cause]}}
    api.faults.add(Fault(verb="patch", status=422, body=json.dumps(body).encode()))
    with pytest.raises(Invalid):
        applier.ensure(desired)
    assert api.store.version == version


def test_a_server_that_does_not_keep_what_it_is_given_is_not_asked_for_ever(api: Api, applier: Applier) -> None:
    applier.ensure(service())
    api.faults.add(Fault(verb="delete", status=404, reason="NotFound", times=0))
    with pytest.raises(Conflict, match=r"^Service n/s: somebody else keeps writing to it$"):
        applier.ensure(service(clusterIP="None"))

"""What engine and steps learn of each kind of owner."""

from typing import Any

import pytest

from test.controller.test_vmcluster import cluster
from test.controller.test_vmsingle import single
from test.controller.world import agent
from vmagent_operator import settings
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.child import content_digest
from vmagent_operator.controller.engine.kind import ConfigTarget, Owner, OwnerKind, Workload
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.controller.vmcluster import VMCLUSTER
from vmagent_operator.controller.vmsingle import VMSINGLE

TODAY = settings.load({})


def read(raw: dict[str, Any]) -> Owner:
    return kinds.read(raw)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({"selectAllByDefault": True}, ConfigTarget(name="vmagent-main", key="vmagent.yaml.gz", is_unmanaged=False)),
        ({}, ConfigTarget(name="vmagent-main", key="vmagent.yaml.gz", is_unmanaged=True)),
        ({"useLegacyNaming": True}, ConfigTarget(name="main", key="vmagent.yaml.gz", is_unmanaged=True)),
        ({"ingestOnlyMode": True}, None),
    ],
)
def test_where_the_configuration_of_an_agent_goes(spec: dict[str, Any], want: ConfigTarget | None) -> None:
    assert VMAGENT.config(read(agent(**spec))) == want


@pytest.mark.parametrize(
    ("spec", "is_unmanaged"),
    [({"ingestOnlyMode": False, "selectAllByDefault": True}, False), ({"ingestOnlyMode": False}, True), ({}, None)],
)
def test_where_that_of_a_single_goes(spec: dict[str, Any], is_unmanaged: bool | None) -> None:
    found = VMSINGLE.config(read(single(**spec)))
    assert (found and (found.name, found.is_unmanaged)) == (
        None if is_unmanaged is None else ("vmsingle-main", is_unmanaged)
    )


@pytest.mark.parametrize(
    ("behavior", "want"), [(None, 1), ({}, 1), ({"maxUnavailable": 3}, 3), ({"maxUnavailable": "50%"}, "50%")]
)
def test_how_many_pods_may_be_missing(behavior: dict[str, Any] | None, want: int | str) -> None:
    given = read(agent(statefulMode=True, statefulRollingUpdateStrategyBehavior=behavior))
    assert VMAGENT.max_unavailable(given, "vmagent-main") == want
    parts = {
        "vmstorage": {"replicaCount": 3, "rollingUpdateStrategyBehavior": behavior},
        "vmselect": {"replicaCount": 2},
    }
    given = read(cluster(**parts))
    assert VMCLUSTER.max_unavailable(given, "vmstorage-main") == want
    assert VMCLUSTER.max_unavailable(given, "vmselect-main") == 1
    assert VMCLUSTER.max_unavailable(given, "another") == 1


@pytest.mark.parametrize(
    ("kind", "spec", "want"),
    [
        ("Deployment", {}, {"spec.replicas"}),
        ("StatefulSet", {}, {"spec.replicas"}),
        ("Service", {}, set()),
        ("Deployment", {"replicaCount": 0}, set()),
    ],
)
def test_the_number_of_pods_is_anothers_to_say_only_where_nobody_says_it_here(
    kind: str, spec: dict[str, Any], want: set[str]
) -> None:
    assert VMAGENT.yields(read(agent(**spec)), {"kind": kind}) == want


@pytest.mark.parametrize(
    ("workload", "spec", "want"),
    [
        ("vmselect-main", {"vmselect": {"replicaCount": 2}}, set()),
        ("vmselect-main", {"vmselect": {"replicaCount": 2, "hpa": {"maxReplicas": 5}}}, {"spec.replicas"}),
        ("vmselect-main", {"vmselect": {}}, {"spec.replicas"}),
        ("vminsert-main", {"vminsert": {}, "vmselect": {"replicaCount": 2}}, {"spec.replicas"}),
        ("vmstorage-main", {"vmstorage": {}}, set()),
        ("vmstorage-main", {"vmstorage": {"hpa": {"maxReplicas": 5}}}, {"spec.replicas"}),
        ("another", {"vmselect": {}}, set()),
    ],
)
def test_storage_nodes_are_anothers_to_count_only_where_an_autoscaler_is_asked_for(
    workload: str, spec: dict[str, Any], want: set[str]
) -> None:
    manifest = {"kind": "StatefulSet", "metadata": {"name": workload}}
    assert VMCLUSTER.yields(read(cluster(**spec)), manifest) == want
    assert VMCLUSTER.yields(read(cluster(**spec)), {**manifest, "kind": "Service"}) == set()


def test_an_agent_selects_itself_unless_that_is_switched_off() -> None:
    assert [each["metadata"]["name"] for each in VMAGENT.self_scrapes(read(agent()), TODAY)] == ["vmagent-main"]
    assert VMAGENT.self_scrapes(read(agent(disableSelfServiceScrape=True)), TODAY) == ()
    assert [each["metadata"]["name"] for each in VMSINGLE.self_scrapes(read(single()), TODAY)] == ["vmsingle-main"]
    assert VMSINGLE.self_scrapes(read(single(disableSelfServiceScrape=True)), TODAY) == ()


def test_an_account_that_somebody_names_stays() -> None:
    for of, raw in ((VMAGENT, agent), (VMSINGLE, single), (VMCLUSTER, cluster)):
        assert of.service_account(read(raw(serviceAccountName="theirs"))) == "theirs"


def test_the_claim_of_a_single_has_had_two_names_and_stays_unless_asked_otherwise() -> None:
    assert VMSINGLE.claims(read(single())) == ("vmsingle-main", "main")
    assert VMSINGLE.keeps_claims(read(single()))
    assert not VMSINGLE.keeps_claims(read(single(removePvcAfterDelete=True)))
    assert VMSINGLE.keeps_claims(read(single(retentionPeriod={"not": "text"})))


def test_the_parts_of_a_cluster_are_told_of_one_by_one() -> None:
    scaled = {"replicaCount": 2, "hpa": {"maxReplicas": 5, "minReplicas": 2, "metrics": []}}
    found = {each.condition: each for each in VMCLUSTER.workloads(read(cluster(vmselect=scaled, vminsert=None)))}
    assert found["VMStorageReady"] == Workload(name="vmstorage-main", condition="VMStorageReady", is_counted=True)
    assert found["VMSelectReady"] == Workload(name="vmselect-main", condition="VMSelectReady", is_counted=True)
    assert found["VMInsertReady"] == Workload(name="", condition="VMInsertReady", is_counted=False)
    assert found[""] == Workload(name="", condition="", is_counted=False)


def test_a_balancer_is_one_of_them_where_there_is_one() -> None:
    (found,) = [
        each
        for each in VMCLUSTER.workloads(
            read(cluster(requestsLoadBalancer={"enabled": True, "spec": {"replicaCount": 2}}))
        )
        if not each.condition
    ]
    assert found.name
    assert not found.is_counted
    given = read(cluster(vmstorage=None))
    assert not any(each.is_counted for each in VMCLUSTER.workloads(given))


def test_a_kind_that_says_nothing_of_it_has_neither_and_loses_one_pod_at_a_time() -> None:
    plain = OwnerKind(kind=VMAGENT.kind, apps=VMAGENT.apps, desired=VMAGENT.desired, scale=VMAGENT.scale)
    given = read(agent())
    assert plain.max_unavailable(given, "main") == 1
    assert plain.keeps_claims(given)
    assert (plain.claims(given), plain.workloads(given), plain.self_scrapes(given, TODAY)) == ((), (), ())
    assert (plain.config(given), plain.scrape_owner(given, TODAY), plain.service_account(given)) == (None, None, "")
    assert plain.yields(given, {"kind": "Deployment"}) == frozenset()


def test_the_same_object_is_the_same_whatever_the_order_of_its_keys() -> None:
    one, two = {"kind": "Service", "spec": {"a": 1, "b": 2}}, {"spec": {"b": 2, "a": 1}, "kind": "Service"}
    assert content_digest(one) == content_digest(two) != content_digest({**one, "spec": {"a": 1}})


def test_objects_of_other_data_are_others() -> None:
    one = {"kind": "Secret", "data": {"a": "x", "b": "y"}}
    others: tuple[dict[str, str], ...] = ({"a": "x"}, {"a": "y", "b": "x"}, {"a": "x", "c": "y"}, {})
    assert content_digest(one) == content_digest({"data": {"b": "y", "a": "x"}, "kind": "Secret"})
    assert len({content_digest(one), *(content_digest({**one, "data": data}) for data in others)}) == 5
    assert content_digest({**one, "data": {}}) != content_digest({"kind": "Secret"})

"""Shards, and what an agent's scale says of them."""

from typing import Any

import pytest
from attrs import evolve

from test.desired.test_vmagent import inputs, objects
from test.scrape.cases import agent
from vmagent_operator.desired.vmagent.features import scale
from vmagent_operator.desired.workload import shard

SELECTOR = (
    "app.kubernetes.io/component=monitoring,app.kubernetes.io/instance=main,app.kubernetes.io/name=vmagent,"
    "managed-by=vm-operator"
)


@pytest.mark.parametrize(
    ("spec", "shards", "replicas"),
    [
        ({}, 1, 1),
        ({"replicaCount": 0}, 1, 0),
        ({"replicaCount": 3}, 1, 3),
        ({"shardCount": 4}, 4, 1),
        ({"shardCount": 4, "replicaCount": 2}, 4, 2),
        ({"daemonSetMode": True}, 1, 0),
    ],
)
def test_the_scale_of_an_agent(spec: dict[str, Any], shards: int, replicas: int) -> None:
    assert scale(agent(spec)) == {"selector": SELECTOR, "shards": shards, "replicas": replicas}


def test_of_an_agent_that_cannot_be_read_the_scale_stays_what_it_was() -> None:
    broken = evolve(agent(), spec=None)
    assert scale(broken) == {"selector": SELECTOR, "shards": 1}
    assert scale(evolve(broken, status={"shards": 5})) == {"selector": SELECTOR, "shards": 5}


def test_a_flag_of_a_shard_takes_the_place_of_the_same_one_in_its_container_alone() -> None:
    given = [{"name": "own", "args": ["-b=1"]}, {"name": "main", "args": ["-a=1", "--b=2", "-c"]}, {"name": "last"}]
    workload = {"spec": {"template": {"spec": {"containers": given}}}}
    own, main, last = shard.with_flags(workload, "main", {"b": 3, "d": 4})["spec"]["template"]["spec"]["containers"]
    assert (own["args"], main["args"], last) == (["-b=1"], ["-a=1", "-c", "-b=3", "-d=4"], {"name": "last"})


@pytest.mark.parametrize("env", [{}, {"VM_COMMON_ANNOTATIONS": "a=b"}])
def test_the_scrape_object_of_an_agent_on_each_node_has_common_annotations_and_no_others(env: dict[str, str]) -> None:
    spec = {"daemonSetMode": True, "managedMetadata": {"annotations": {"c": "d"}}}
    metadata = objects(inputs(spec, env))["VMPodScrape/vmagent-main"]["metadata"]
    assert metadata.get("annotations", "none") == ({"a": "b"} if env else "none")


@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ({}, {"type": "RollingUpdate"}),
        ({"daemonSetUpdateStrategy": "OnDelete"}, {"type": "OnDelete"}),
        ({"daemonSetUpdateStrategy": ""}, {}),
    ],
)
def test_how_the_pods_of_all_nodes_are_replaced(given: dict[str, Any], strategy: dict[str, str]) -> None:
    built = objects(inputs({"daemonSetMode": True, **given}))["DaemonSet/vmagent-main"]
    assert built["spec"]["updateStrategy"] == strategy

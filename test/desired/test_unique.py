"""Lists that Kubernetes keeps by a key."""

from typing import Any

import pytest

from test.controller.world import World, agent
from vmagent_operator.desired.workload import unique


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]}, {"env": [{"name": "B"}, {"name": "A", "value": "2"}]}),
        ({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 80, "protocol": "TCP"}]}, {"ports": [{"containerPort": 80, "name": "a"}]}),
        ({"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}, None),
        ({"env": "odd", "ports": [1, 2, {"name": "x"}, {"name": "x"}]}, None),
    ],
)  # fmt: skip
def test_a_container(given: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    assert unique.container(given) == (given if wanted is None else wanted)


def test_host_aliases() -> None:
    given: list[dict[str, Any]] = [
        {"ip": "1", "hostnames": ["a", "b"]},
        {"ip": "2"},
        {"ip": "1", "hostnames": ["b", "c"]},
    ]
    assert unique.host_aliases(given) == [{"ip": "1", "hostnames": ["a", "b", "c"]}, {"ip": "2"}]
    assert given[0]["hostnames"] == ["a", "b"]


DOUBLE: dict[str, dict[str, Any]] = {
    "extraEnvs": {"extraEnvs": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
    "env": {"containers": [{"name": "side", "image": "i", "env": [{"name": "A"}, {"name": "A", "value": "2"}]}]},
    "ports": {"containers": [{"name": "side", "image": "i", "ports": [{"containerPort": 80}, {"containerPort": 80}]}]},
    "own port": {"containers": [{"name": "vmagent", "ports": [{"containerPort": 8429, "name": "x"}]}]},
    "init": {"initContainers": [{"name": "side", "image": "i", "env": [{"name": "A"}, {"name": "A", "value": "2"}]}]},
    "hosts": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.1", "hostnames": ["b"]}]},
    "pull": {"imagePullSecrets": [{"name": "reg"}, {"name": "reg"}]},
}


@pytest.mark.parametrize("mode", [{}, {"statefulMode": True}, {"daemonSetMode": True}], ids=str)
@pytest.mark.parametrize("given", DOUBLE.values(), ids=DOUBLE.keys())
def test_an_agent_with_two_items_of_a_key_becomes_operational(given: dict[str, Any], mode: dict[str, Any]) -> None:
    world = World()
    world.add(agent(**given, **mode))
    world.settle()
    status = world.get("vmagents.operator.victoriametrics.com", "monitoring", "main")["status"]
    assert status["updateStatus"] == "operational", status


def test_what_is_refused_at_any_rate_is_told() -> None:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 80}]
    world = World()
    world.add(agent(serviceSpec={"spec": {"ports": ports}}))
    world.settle()
    status = world.get("vmagents.operator.victoriametrics.com", "monitoring", "main")["status"]
    assert status["updateStatus"] == "failed"
    assert 'duplicate entries for key [port=80,protocol="TCP"]' in status["reason"]

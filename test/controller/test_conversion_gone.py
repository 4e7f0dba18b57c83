"""Sources that have gone, be it while nobody looked: their targets say so, or go with them."""

from typing import Any

from test.apiserver.memory import Memory
from test.controller.test_conversion import (
    DEFINITIONS,
    GONE,
    MONITOR,
    MONITORS,
    REFERENCES,
    TARGETS,
    monitor,
    notes,
    target,
    target_writes,
    world_with,
)
from vmagent_operator.kube.errors import Forbidden


def test_a_source_that_went_while_nobody_looked_is_missed() -> None:
    world = world_with(monitor(), monitor("other"))
    world.add(target("mine"))
    world.delete(MONITOR)
    world.start()
    world.settle(1.0)
    assert (notes(world), notes(world, "other"), notes(world, "mine")) == (GONE, {}, {})
    assert [method for method, path in target_writes(world)] == ["PATCH"]
    world.start()
    world.settle()
    assert target_writes(world) == []


def test_a_target_that_belongs_to_a_source_which_went_while_nobody_looked_goes() -> None:
    world = world_with(monitor(), environ=REFERENCES)
    world.delete(MONITOR)
    world.start()
    world.settle(1.0)
    assert (world.names(TARGETS), target_writes(world)) == ([], [])


def test_no_source_is_missed_before_it_is_known_which_there_are() -> None:
    world = world_with(monitor(), monitor("other"))
    world.delete(MONITOR)
    world.start()
    sources = [each for each in world.informers if each.name == "ServiceMonitor"]
    late, world.informers = world.informers, tuple(each for each in world.informers if each not in sources)
    world.settle(100.0)
    assert (notes(world), notes(world, "other"), target_writes(world)) == ({}, {}, [])
    world.informers = late
    world.settle(30.0)
    assert (notes(world), notes(world, "other")) == (GONE, {})


def test_no_source_is_missed_where_its_kind_is_not_served() -> None:
    world = world_with(monitor())
    world.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{MONITORS}")
    world.start()
    world.settle(300.0)
    assert (notes(world), target_writes(world)) == ({}, [])
    world.api.add(DEFINITIONS[0])
    world.api.settle()
    world.settle(120.0)
    assert notes(world) == GONE


def test_a_refused_word_is_tried_again_ever_later() -> None:
    world = world_with(monitor())

    class Refusing(Memory):
        """A server that lets nobody patch targets."""

        def request(self, method: str, path: str, **rest: Any) -> Any:
            """See Transport."""
            if method == "PATCH" and "vmservicescrapes/app" in path:
                self.requests.append((method, path))
                raise Forbidden("no", status=403)
            return super().request(method, path, **rest)

    refusing = Refusing(world.api)
    world.connect(refusing)
    world.delete(MONITOR)
    world.settle(600.0)
    asked = [path for method, path in refusing.requests if method == "PATCH"]
    assert 2 <= len(asked) <= 20
    assert notes(world) == {}

"""A process that dies at any of its writes, before or after the server has carried it out, ends where an undisturbed one does."""

import json
from typing import Any

import pytest
from attrs import define

from test.apiserver.memory import Memory, MemoryStream
from test.controller.test_passes import AGENTS, KEY, change, status
from test.controller.world import World, agent, scrape
from vmagent_operator.kube.http.transport import Response


class Killed(BaseException):
    """SIGKILL; no `except Exception` sees it."""


@define
class Fragile:
    """A transport that dies at its `at`-th write, before or after its effect."""

    face: Memory
    at: int
    after: bool
    writes: int = 0

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        if method == "GET":
            return self.face.request(method, path, **rest)
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Killed
        answer = self.face.request(method, path, **rest)
        if self.writes == self.at:
            raise Killed
        return answer

    def stream(self, path: str, **rest: Any) -> MemoryStream:
        """See Transport."""
        return self.face.stream(path, **rest)


SCENARIOS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "create": (None, {"selectAllByDefault": True, "podDisruptionBudget": {"minAvailable": 1}}),
    "edit": (
        {"selectAllByDefault": True},
        {"replicaCount": 2, "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}]},
    ),
    "mode": ({"selectAllByDefault": True}, {"statefulMode": True}),
    "shards": ({"selectAllByDefault": True, "shardCount": 2}, {"shardCount": 1}),
    "account": ({"selectAllByDefault": True}, {"serviceAccountName": "theirs"}),
}


def prepared(before: dict[str, Any] | None) -> World:
    world = World()
    world.add(scrape())
    if before is not None:
        world.add(agent(**before))
        world.settle(10)
    return world


def begin(world: World, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    if before is None:
        world.add(agent(**after))
    else:
        change(world, AGENTS, *KEY, **after)


def outcome(world: World) -> str:
    return json.dumps([sorted(map(str, world.children().items())), status(world)["updateStatus"]])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_any_write_changes_nothing_in_the_end(name: str) -> None:
    before, after = SCENARIOS[name]
    undisturbed = prepared(before)
    begin(undisturbed, before, after)
    undisturbed.settle(30)
    wanted = outcome(undisturbed)
    for at in range(1, 60):
        for late in (False, True):
            world = prepared(before)
            begin(world, before, after)
            fragile = Fragile(world.transport, at, late)
            world.connect(fragile)
            try:
                world.settle(10)
            except Killed:
                world.start()
                world.settle(20)
                assert outcome(world) == wanted, f"killed at write {at}, {'after' if late else 'before'} its effect"
            else:
                assert at > 1
                return
    raise AssertionError("more writes than expected")

"""The inside of the process as its debug pages show it: names, times and counts, and no content of any object."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from test.controller.test_passes import AGENTS, KEY, SCRAPES, change, secret
from test.controller.world import World, agent, scrape
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.serve.pages import Debug


@pytest.fixture(scope="module")
def world() -> World:
    """An agent that is held up, one that is paused from the first, and a queue that is not empty."""
    world = World()
    world.add(scrape())
    world.add(secret("auth", token="s3cret"))
    token = {"name": "auth", "key": "token"}
    world.add(agent(selectAllByDefault=True, remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": token}]))
    world.add(agent("idle", paused=True))
    world.settle(60)
    return world


def ask(world: World, path: str, **query: str) -> Any:
    """The page as text or, if it is that, as JSON."""
    pages = Debug(world.system, {"a": 1}).pages()
    page = pages.get(path) or next(pages[each] for each in pages if path.startswith(each))
    answer = page({**query, "": path}, {})
    if answer.status != 200:
        return answer.status
    is_json = answer.content_type == "application/json"
    return json.loads(answer.body) if is_json else answer.body.decode()


def test_an_owner_is_shown_by_names(world: World) -> None:
    shown = ask(world, "/debug/vmagents/monitoring/main")
    assert (shown["outcome"], shown["failure"], shown["waitingFor"]) == ("done", "", "")
    assert "Deployment monitoring/vmagent-main" in shown["children"]
    assert shown["selected"] == ["VMServiceScrape apps/app", "VMServiceScrape monitoring/vmagent-main"]
    assert len(bytes.fromhex(shown["fingerprint"])) == 32
    assert "s3cret" not in json.dumps(shown)


def test_of_one_that_has_done_nothing_there_is_nothing_to_show(world: World) -> None:
    shown = ask(world, "/debug/vmagents/monitoring/idle")
    assert (shown["children"], shown["selected"], shown["fingerprint"]) == ([], [], "")


@pytest.mark.parametrize("path", ["monitoring/other", "other/main", "main", ""])
def test_of_one_that_is_not_there_nothing_is_shown(world: World, path: str) -> None:
    assert ask(world, f"/debug/vmagents/{path}") == 404


def test_what_an_owner_waits_for_is_shown_while_it_waits(world: World) -> None:
    state = world.system.owners["vmagent"].reconciler.states.of(*KEY).rollout
    state.waiting_for, state.waiting_since = "Deployment vmagent-main: being updated", 1.0
    assert ask(world, "/debug/vmagents/monitoring/main")["waitingFor"] == "Deployment vmagent-main: being updated"
    state.waiting_since = None
    assert ask(world, "/debug/vmagents/monitoring/main")["waitingFor"] == ""


def test_queues_and_sources_are_shown(world: World) -> None:
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.read()
    queues = ask(world, "/debug/queue")
    assert "monitoring/main" in queues["vmagent"]["waiting"]
    sources = {each["kind"]: each for each in ask(world, "/debug/informers")}
    assert sources["VMAgent"]["objects"] == 2
    assert (sources["VMAgent"]["phase"], sources["VMAgent"]["error"]) == ("watching", None)
    assert sources["VMAgent"]["activeAt"] == "2026-01-01T00:01:00+00:00"
    first = next(iter(world.system.informers))
    first.state.error = NotFound("gone")
    assert ask(world, "/debug/informers")[0]["error"] == "gone"
    first.state.error = None
    assert sources["VMServiceScrape"]["objects"] == len(world.names(SCRAPES))
    assert ask(world, "/debug/config") == {"a": 1}


def test_threads_and_garbage_are_shown(world: World) -> None:
    assert f"{threading.current_thread().name}\n" in ask(world, "/debug/threads")
    assert "test_threads_and_garbage_are_shown" in ask(world, "/debug/threads")
    assert ask(world, "/debug/gc").keys() == {"counts", "stats"}


@pytest.fixture
def no_tracing() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("no_tracing")
def test_allocations_are_shown_between_start_and_stop(world: World) -> None:
    assert ask(world, "/debug/tracemalloc") == "not started, see ?start\n"
    assert ask(world, "/debug/tracemalloc", start="") == "started\n"
    assert tracemalloc.is_tracing()
    kept = [bytearray(1000) for _ in range(100)]
    assert "test_pages.py" in ask(world, "/debug/tracemalloc", top="5000")
    for top, most in (("1", 1), ("x", 20), ("\u00b2", 20)):
        assert 1 <= len(ask(world, "/debug/tracemalloc", top=top).splitlines()) <= most
    assert len(kept) == 100
    assert ask(world, "/debug/tracemalloc", stop="") == "stopped\n"
    assert not tracemalloc.is_tracing()

"""What one change costs, counted and not timed: the same work wherever it happens and however many objects there are."""

import random
from collections import Counter
from typing import Any

import pytest

from test.controller.world import World, agent, scrape
from vmagent_operator.api import kinds
from vmagent_operator.controller.steps.reconcile import Reconcile
from vmagent_operator.scrape import fragment
from vmagent_operator.scrape.text import gzip

OBJECTS = 400
SCRAPES = "/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes"
LARGE = {"limits": {"memory": "16Gi"}}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the dear functions have been called."""
    counted = Counter[str]()

    def counting(module: Any, name: str, what: str, first: Any = None) -> None:
        function = getattr(module, name)

        def call(*given: Any) -> Any:
            counted[what] += first in (None, given[0])
            return function(*given)

        monkeypatch.setattr(module, name, call)

    counting(fragment, "_isolated", "fragments")
    counting(gzip, "piece", "pieces")
    counting(Reconcile, "run", "reconciles")
    counting(kinds, "decode", "specs", kinds.VMSERVICESCRAPE.spec_class)
    return counted


@pytest.fixture
def world() -> World:
    """One agent that scrapes everything, all of it told."""
    world = World()
    for number in range(OBJECTS):
        world.add(scrape(f"app-{number:03}"))
    world.add(agent(selectAllByDefault=True, resources=LARGE))
    world.settle(600)
    return world


def change(world: World, number: int, port: str) -> list[tuple[str, str]]:
    """Change one object, and let everything come to rest; what has been written."""
    before = len(world.writes())
    world.patch(f"{SCRAPES}/app-{number:03}", {"spec": {"endpoints": [{"port": port}]}})
    world.settle(50)
    return [write for write in world.writes()[before:] if "/events/" not in write[1]]


@pytest.mark.parametrize("number", [0, 57, 399])
def test_one_change_costs_one_reconcile_one_fragment_two_pieces_and_two_writes(
    world: World, work: Counter[str], number: int
) -> None:
    written = change(world, number, f"p{number}")
    assert work["reconciles"] == 1
    assert work["fragments"] == 1
    assert 1 <= work["pieces"] <= 2
    # That of the object, whatever becomes of its status, and that of the agent's own as it would be.
    assert work["specs"] <= 2
    assert sorted(path.split("/")[-2:] for _, path in written) == [
        [f"app-{number:03}", "status"],
        ["secrets", "vmagent-main"],
    ]


def test_one_change_reads_the_configuration_and_its_agent_once(world: World) -> None:
    before = len(world.transport.requests)
    change(world, 57, "again")
    read = Counter(
        path.split("?")[0].split("/")[-1] for method, path in world.transport.requests[before:] if method == "GET"
    )
    assert (read["vmagent-main"], read["main"]) == (1, 1)


def test_a_status_costs_neither_fragment_nor_piece(world: World, work: Counter[str]) -> None:
    path = f"{SCRAPES}/app-007/status"
    at = "2026-01-01T00:00:00Z"
    condition = {"type": "x", "status": "True", "reason": "X", "lastTransitionTime": at, "lastUpdateTime": at}
    status = {"conditions": [condition]}
    world.patch(path, {"status": status})
    world.settle(120)  # with two resyncs
    assert (work["fragments"], work["pieces"]) == (0, 0)


def test_agents_of_many_contexts_make_one_fragment_each_of_what_changes(world: World, work: Counter[str]) -> None:
    for number in range(12):  # more than a cache of a few would hold
        world.add(
            agent(f"other-{number}", selectAllByDefault=True, resources=LARGE, minScrapeInterval=f"{number + 1}s")
        )
    world.settle(600)
    work.clear()
    change(world, 57, "again")
    assert work["fragments"] == 13
    assert work["pieces"] <= 2 * 13


def test_agents_that_scrape_the_same_share_the_work(world: World, work: Counter[str]) -> None:
    for number in range(5):
        world.add(agent(f"twin-{number}", selectAllByDefault=True, resources=LARGE))
    world.settle(600)
    assert work["fragments"] <= 2 * 6  # each also makes an object for its own metrics, which all scrape
    work.clear()
    change(world, 57, "again")
    assert work["fragments"] == 1
    # Heads differ, since each names its agent: only what stands near one is compressed for itself.
    assert work["pieces"] <= 2 * 6


def test_agents_do_not_undo_each_other_s_work_over_other_keys_of_a_secret(work: Counter[str]) -> None:
    world = World()
    data = dict.fromkeys(("one", "two"), "eA==")
    world.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "apps"}, "data": data})
    for number in range(20):
        endpoint = {"port": "http", "bearerTokenSecret": {"name": "s", "key": "one" if number else "two"}}
        world.add(scrape(f"app-{number:02}", endpoints=[endpoint]))
    world.add(agent("all", selectAllByDefault=True))
    world.add(
        agent("some", serviceScrapeSelector={"matchLabels": {"app": "app-07"}}, serviceScrapeNamespaceSelector={})
    )
    world.settle(600)
    work.clear()
    world.patch(f"{SCRAPES}/app-07", {"spec": {"endpoints": [{"port": "web"}]}})
    world.settle(120)
    assert work["fragments"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_edits_ends_in_the_bytes_of_a_fresh_start(seed: int) -> None:
    chosen = random.Random(seed)
    world = World({"VM_CONFIG_DATA_BUDGET_BYTES": "1200"})
    names = [f"app-{chosen.randrange(1 << 30):08x}" for _ in range(150)]
    world.add(scrape("first"))
    world.add(
        agent(serviceScrapeSelector={"matchLabels": {"yes": "1"}}, serviceScrapeNamespaceSelector={}, resources=LARGE)
    )
    for _ in range(120):
        name = chosen.choice(names)
        exists = bool(world.get("vmservicescrapes.operator.victoriametrics.com", "apps", name))
        labels = {"yes": chosen.choice(("1", "1", "0"))}
        endpoints = [{"port": chosen.choice("abc"), "path": f"/{chosen.randrange(1 << 40):x}"}]
        if not exists:
            world.add(
                {**scrape(name, endpoints=endpoints), "metadata": {"name": name, "namespace": "apps", "labels": labels}}
            )
        elif chosen.random() < 0.3:
            world.delete(f"{SCRAPES}/{name}")
        else:
            world.patch(f"{SCRAPES}/{name}", {"metadata": {"labels": labels}, "spec": {"endpoints": endpoints}})
        if chosen.random() < 0.4:
            world.settle(chosen.choice((0.1, 2.0)))
    world.settle(600)
    assert len([name for name in world.names("secrets") if "vmagent-main" in name]) > 2
    world.start()
    world.settle(600)
    assert [path for _, path in world.writes() if "secrets" in path] == []

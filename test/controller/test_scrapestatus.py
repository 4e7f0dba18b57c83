"""What a scrape object says of itself: written by its own controller, from what all owners have left behind."""

from typing import Any

from test.apiserver.faults import Fault
from test.controller.world import World, agent, scrape
from vmagent_operator.kube.http.transport import Response

KIND = "vmservicescrapes.operator.victoriametrics.com"
PATH = "/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes"
AGENTS = "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents"


def said(world: World, name: str = "app") -> tuple[str, str]:
    """State and reason of an object."""
    status = world.get(KIND, "apps", name).get("status") or {}
    return status.get("updateStatus", ""), status.get("reason", "")


def status_writes(world: World) -> int:
    return sum(path.endswith("/status") and "vmservicescrapes" in path for _, path in world.writes())


def selecting(**labels: str) -> dict[str, Any]:
    """An agent that selects by these labels in all namespaces."""
    return agent(serviceScrapeSelector={"matchLabels": labels}, serviceScrapeNamespaceSelector={})


def test_what_nobody_selects_says_what_it_misses_and_says_so_once() -> None:
    world = World()
    world.add(scrape())
    world.add(selecting(app="shop"))
    world.settle()
    state, reason = said(world)
    assert state == "ignored"
    assert reason == (
        "no owner selects it; the nearest, monitoring/main, does not: labels: selector asks app=shop, object has app=app"
    )
    assert world.system.statuses["VMServiceScrape"].queue.next_due_seconds() is None
    before = status_writes(world)
    world.settle(3600.0)
    assert status_writes(world) == before


def test_the_miss_is_gone_when_the_object_is_selected() -> None:
    world = World()
    world.add(scrape())
    world.add(selecting(app="shop"))
    world.settle()
    world.patch(f"{PATH}/app", {"metadata": {"labels": {"app": "shop"}}})
    world.settle()
    assert said(world) == ("operational", "")


def test_a_changed_selector_changes_what_is_missed() -> None:
    world = World()
    world.add(scrape())
    world.add(selecting(app="shop"))
    world.settle()
    world.patch(f"{AGENTS}/main", {"spec": {"serviceScrapeSelector": {"matchLabels": {"app": "cart"}}}})
    world.settle()
    assert "asks app=cart" in said(world)[1]


def test_a_failing_agent_does_not_keep_others_from_telling() -> None:
    world = World()
    world.add(scrape())
    world.add(selecting(app="shop"))
    world.add(agent("broken", relabelConfig={"name": "missing", "key": "rules"}))
    world.settle()
    assert said(world)[0] == "ignored"


def test_an_object_that_takes_no_status_keeps_nobody_from_theirs() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.add(scrape(name))
    refuse_status(world, "/a/status")
    world.add(agent(selectAllByDefault=True))
    world.settle(60.0)
    assert [said(world, name)[0] for name in ("a", "b", "c")] == ["", "operational", "operational"]
    assert status_writes(world) < 20


def test_what_an_agent_said_goes_with_it() -> None:
    world = World()
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    world.delete(f"{AGENTS}/main")
    world.settle()
    assert world.get("vmagents.operator.victoriametrics.com", "monitoring", "main") == {}
    assert "conditions" not in world.get(KIND, "apps", "app")["status"]


def test_a_restart_writes_nothing_again() -> None:
    world = World()
    for number in range(5):
        world.add(scrape(f"app-{number}"))
    world.add(selecting(app="app-1"))
    world.settle()
    world.start()
    world.settle()
    assert status_writes(world) == 0


def refuse_status(world: World, suffix: str) -> None:
    """Have the server refuse what is written to paths with this end."""
    inner = world.transport

    class Refusing:
        def request(self, method: str, path: str, **rest: Any) -> Response:
            if method != "GET" and path.endswith(suffix):
                inner.requests.append((method, path))
                return Response(422, {}, b'{"kind": "Status", "reason": "Invalid", "message": "no", "code": 422}')
            return inner.request(method, path, **rest)

        def stream(self, path: str, **rest: Any) -> Any:
            return inner.stream(path, **rest)

    world.connect(Refusing())


def test_without_any_owner_an_object_says_so_whatever_it_asks_for() -> None:
    world = World()
    world.add(scrape())
    for number in range(2):
        world.patch(f"{PATH}/app", {"spec": {"endpoints": [{"port": f"http{number}"}]}})
        world.settle()
        assert said(world) == ("ignored", "no owner selects it: there is none that scrapes")
        found = world.get(KIND, "apps", "app")
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    writes = status_writes(world)
    world.settle(7200)
    assert status_writes(world) == writes


def test_an_owner_that_comes_and_goes_is_told_of() -> None:
    world = World()
    world.add(scrape())
    world.settle()
    world.add(agent(selectAllByDefault=True))
    world.settle()
    assert said(world) == ("operational", "")
    world.delete(f"{AGENTS}/main")
    world.settle(60)
    assert said(world) == ("ignored", "no owner selects it: there is none that scrapes")


def test_while_owners_cannot_be_read_nobody_says_that_there_are_none() -> None:
    world = World()
    world.system.stores.is_healthy = lambda kind: kind.plural != "vmagents"
    world.add(scrape())
    world.settle(600)
    assert said(world) == ("", "")


def test_what_others_owners_said_is_summed_up_by_them() -> None:
    world = World()
    condition = {
        "type": "main.far.vmagent.victoriametrics.com/Applied",
        "status": "True",
        "reason": "ConfigParsedAndApplied",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    }
    status = {"observedGeneration": 1, "updateStatus": "operational", "conditions": [condition]}
    world.add(scrape())
    world.patch(f"{PATH}/app/status", {"status": status})
    world.settle(60)
    assert status_writes(world) == 0
    assert world.get(KIND, "apps", "app")["status"] == status


def test_a_conflict_is_counted_and_the_status_is_written_all_the_same() -> None:
    world = World()
    world.api.faults.add(Fault(verb="update", resource=f"{KIND}/status", status=409, reason="Conflict"))
    world.add(scrape())
    world.add(agent(selectAllByDefault=True, disableSelfServiceScrape=True))
    world.settle(60)
    assert world.get(KIND, "apps", "app")["status"]["updateStatus"] == "operational"
    sample = world.system.metrics.registry.get_sample_value
    labels = {"kind": "vmservicescrape", "result": "conflict"}
    assert sample("vmagent_operator_status_writes_total", labels) == 1

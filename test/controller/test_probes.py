"""What starting waits for, what a process says of itself, and how it ends: on a clock that moves when somebody waits."""

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from test.controller.world import VirtualClock, World, agent
from vmagent_operator.controller.manager import (
    OPENSHIFT,
    Manager,
    StartError,
    Timing,
)
from vmagent_operator.kube.errors import NetworkError
from vmagent_operator.kube.http.transport import Response

FRESH_SECONDS, LONGEST_PASS_SECONDS = 2.0, 600.0
OWNER_DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vmagents.operator.victoriametrics.com"


@define
class BusyClock(VirtualClock):
    """Something else happens whenever somebody waits."""

    meanwhile: Callable[[], object] = field(default=lambda: None)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See Clock."""
        super().wait(event, seconds)
        self.meanwhile()
        return event.is_set()


@define(eq=False)
class Lease:
    """A candidate that leads, or does not."""

    stepped_at: float = 0.0
    released: int = 0
    timing: Any = field(factory=lambda: SimpleNamespace(lease_seconds=15.0))
    elected: threading.Event = field(factory=threading.Event)
    lost: threading.Event = field(factory=threading.Event)

    def step(self) -> float:
        """See Elector."""
        self.elected.set()
        return 60.0

    def release(self) -> bool:
        """See Elector."""
        self.released += 1
        return True


@define
class Answers:
    """A server that gives these answers, the last one for ever: JSON, or nothing at all."""

    given: list[bytes | None]
    groups: bytes = b'{"groups": []}'

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        if path == "/apis":
            return Response(200, {}, self.groups)
        body = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if body is None:
            raise NetworkError("no route to host", sent=False)
        return Response(200, {}, body)


def manager(timing: Timing = Timing(), lease: Lease | None = None, clock: VirtualClock | None = None) -> Manager:  # noqa: B008
    """A manager of a cluster in memory that nothing has been asked of yet."""
    world = World(clock=clock or BusyClock())
    world.system.informers.by_kind.clear()
    candidate: Any = lease
    return Manager(world.system, world.system.client, candidate, timing, threading.Event(), threading.Event())


def answering(given: Manager, *answers: bytes | None, groups: bytes = b'{"groups": []}') -> Manager:
    """The same in front of a server that answers so."""
    server: Any = Answers([*answers], groups)
    given.system.client.transport = server
    return given


VERSION = b'{"major": "1", "minor": "33+"}'


def test_what_the_server_offers_is_asked_until_it_answers() -> None:
    groups = b'{"groups": [{"versions": [{"groupVersion": "apps/v1"}, {"groupVersion": "%s"}]}]}' % OPENSHIFT.encode()
    each = answering(manager(), None, None, VERSION, groups=groups)
    each.discover()
    assert each.has_discovered
    assert each.system.server.version == (1, 33)
    assert each.system.server.openshift


def test_a_server_that_is_no_openshift_is_none() -> None:
    each = answering(manager(), VERSION)
    each.discover()
    assert not each.system.server.openshift


def test_a_server_without_a_version_is_taken_for_what_the_flag_says() -> None:
    each = answering(manager(Timing(default_version=(1, 27))), b"{}")
    each.discover()
    assert each.system.server.version == (1, 27)


def test_a_server_that_never_answers_ends_the_process_in_time() -> None:
    each = answering(manager(Timing(sync_seconds=60.0)), None)
    with pytest.raises(StartError, match=r"the API server does not answer: .*no route to host"):
        each.discover()
    assert 30 < each.system.client.clock.monotonic() <= 60
    assert not each.has_discovered


def test_a_stop_while_nobody_answers_asks_no_more() -> None:
    clock = BusyClock()
    each = answering(manager(clock=clock), None)
    clock.meanwhile = each.stop.set
    assert each.run() == 0
    assert not each.system.informers.by_kind


def test_a_store_that_does_not_fill_is_named_with_what_keeps_it() -> None:
    each = manager(Timing(sync_seconds=60.0))
    each.system.watch()
    with pytest.raises(StartError, match=r"not synced in time: VMAgent.* \(no answer\), .*Secret"):
        each.is_synced()
    assert each.system.client.clock.monotonic() == pytest.approx(60, abs=1)


def test_a_definition_that_is_not_there_is_not_waited_for() -> None:
    clock = BusyClock()
    world = World(clock=clock)
    world.delete(OWNER_DEFINITION)
    each = Manager(
        world.system, world.system.client, None, Timing(sync_seconds=60.0), threading.Event(), threading.Event()
    )
    clock.meanwhile = world.read
    assert each.is_synced()
    assert each.unready() == ""


def test_whoever_stops_meanwhile_is_not_synced() -> None:
    clock = BusyClock()
    each = manager(clock=clock)
    each.system.watch()
    clock.meanwhile = each.stop.set
    assert not each.is_synced()


def test_what_a_process_is_not_ready_for_is_named() -> None:
    world = World()
    each = Manager(world.system, world.system.client, None, Timing(), threading.Event(), threading.Event())
    assert each.unready().startswith("not synced: VMAgent")
    world.read()
    assert each.unready() == ""
    each.stop.set()
    assert each.unready() == "stopping"


def test_a_standby_that_fills_its_stores_first_is_not_ready_before() -> None:
    each = answering(manager(Timing(is_warm=True)), VERSION)
    each.discover()
    assert each.unready() == "starting"


def test_a_lease_that_nobody_looks_after_is_told() -> None:
    lease = Lease()
    each = manager(lease=lease)
    each.system.client.clock.seconds = 100.0  # type: ignore[attr-defined]
    assert each.stuck_lease() == ""  # nobody leads here
    lease.elected.set()
    lease.stepped_at = 65.0
    assert each.stuck_lease() == ""
    lease.stepped_at = 64.0
    assert each.stuck_lease() == "no step for 36 s"
    assert manager().stuck_lease() == ""


def test_a_reconcile_that_hangs_is_told() -> None:
    each = manager()
    queue = each.system.owners["vmagent"].queue
    queue.add(("apps", "main"))
    queue.pop()
    each.system.client.clock.seconds += LONGEST_PASS_SECONDS  # type: ignore[attr-defined]
    assert each.stuck_passes() == ""
    each.system.client.clock.seconds += 1  # type: ignore[attr-defined]
    assert each.stuck_passes() == "stuck: vmagent apps/main"
    queue.done(("apps", "main"))
    assert each.stuck_passes() == ""


def test_a_thread_that_has_died_is_told_but_for_workers_that_are_to_end() -> None:
    each = manager()
    assert each.dead_threads() == ""
    worker = threading.Thread(target=lambda: None, name="vmagent-0")
    worker.start()
    worker.join()
    each.threads.workers.append(worker)
    assert each.dead_threads() == "dead: vmagent-0"
    each.stop.set()
    assert each.dead_threads() == ""


def test_what_goes_on_in_a_loop_is_told_when_it_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    each = manager()
    each._loop("events", lambda: 60.0)
    assert each.dead_threads() == ""
    (loop,) = each.threads.loops
    monkeypatch.setattr(type(loop), "is_healthy", False)
    assert each.dead_threads() == "dead: events"
    each.stop.set()
    assert each.dead_threads() == "dead: events"
    each.threads.ended.set()


@pytest.mark.parametrize("waited_seconds", [0.0, FRESH_SECONDS])
def test_only_who_has_waited_for_the_lease_reads_anew(waited_seconds: float) -> None:
    clock = BusyClock()
    world = World(clock=clock)
    candidate: Any = Lease()
    each = Manager(world.system, world.system.client, candidate, Timing(), threading.Event(), threading.Event())
    clock.meanwhile = world.read
    assert each.is_synced()
    world.add(agent())
    before = len(world.transport.requests)
    clock.seconds += waited_seconds
    assert each._is_fresh()
    assert (len(world.transport.requests) > before) == bool(waited_seconds)


def test_whoever_has_no_rival_reads_nothing_anew() -> None:
    world = World()
    each = Manager(world.system, world.system.client, None, Timing(), threading.Event(), threading.Event())
    world.read()
    before = len(world.transport.requests)
    assert each._is_fresh()
    assert world.transport.requests[before:] == []


@pytest.mark.parametrize(
    ("is_lost", "releases", "code", "released"), [(False, True, 0, 1), (False, False, 0, 0), (True, True, 1, 0)]
)
def test_a_process_ends_well_unless_another_leads_by_now(
    is_lost: bool, releases: bool, code: int, released: int
) -> None:
    lease = Lease()
    each = answering(manager(Timing(releases_lease=releases), lease), VERSION)
    each.stop.set()
    if is_lost:
        lease.lost.set()
    assert each.run() == code
    assert lease.released == released
    assert each.closing.is_set()


def test_workers_that_do_not_return_keep_the_lease_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    lease = Lease()
    each = manager(Timing(stop_seconds=0.0), lease)
    queue = each.system.owners["vmagent"].queue
    queue.add(("apps", "main"))
    queue.pop()
    each.stop.set()
    with caplog.at_level(logging.ERROR):
        assert each.run() == 1
    assert lease.released == 0
    said = [record.message for record in caplog.records if record.name.endswith("controller.manager")]
    assert said == ["stop: workers did not return within 0 s"]

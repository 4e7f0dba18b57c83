"""The threads around a system: who stands for election when, what a stop waits for, and what it still says."""

import base64
import gc
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import define, evolve, field

from test.apiserver.faults import Fault
from test.apiserver.memory import Memory, MemoryStream
from test.controller.world import World, agent, scrape
from vmagent_operator.controller import manager
from vmagent_operator.controller.manager import Manager, StartError, Timing
from vmagent_operator.kube.clock import SystemClock
from vmagent_operator.kube.errors import NetworkError
from vmagent_operator.kube.http.transport import Response

SOON_SECONDS = 20.0


@define(eq=False)
class Candidate:
    """Wins at its first step unless somebody else leads, and remembers what it was asked for."""

    wins: bool = True
    steps: int = 0
    released: int = 0
    lease_seconds: float = 15.0
    stepped_at: float = 0.0
    elected: threading.Event = field(factory=threading.Event)
    lost: threading.Event = field(factory=threading.Event)

    def step(self) -> float:
        """See Elector."""
        self.steps += 1
        if self.wins:
            self.elected.set()
        return 0.01

    def release(self) -> bool:
        """See Elector."""
        self.released += 1
        return True


@define
class Patient:
    """The cluster's answers one at a time, and watches that look for news fifty times a second, unless they are silent."""

    face: Memory
    is_silent: bool = False
    lock: threading.Lock = field(factory=threading.Lock)

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        with self.lock:
            return self.face.request(method, path, **rest)

    def stream(self, path: str, **rest: Any) -> Any:
        """See Transport."""
        with self.lock:
            return PatientStream(self.face.stream(path, **rest), self)


class PatientStream:
    """See Patient."""

    def __init__(self, stream: MemoryStream, server: Patient) -> None:
        self.status, self.headers, self.close = stream.status, stream.headers, stream.close
        self.stream, self.server = stream, server

    def __iter__(self) -> Iterator[bytes]:
        for line in self.stream:
            if not line or self.server.is_silent:
                time.sleep(0.02)
            yield b"" if self.server.is_silent else line


@define(eq=False)
class Process:
    """A manager that runs in a thread, over a cluster in memory and on the clock of the wall."""

    world: World
    candidate: Any
    manager: Manager
    server: Patient
    ended: list[int | StartError] = field(factory=list)
    thread: threading.Thread = field(init=False)

    def start(self) -> None:
        """Run it."""

        def run() -> None:
            try:
                self.ended.append(self.manager.run())
            except StartError as error:
                self.ended.append(error)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def stop(self) -> float:
        """Have it end; how many seconds that took."""
        started = time.monotonic()
        self.manager.stop.set()
        self.thread.join(SOON_SECONDS)
        assert not self.thread.is_alive()
        return time.monotonic() - started


def process(timing: Timing = Timing()) -> Process:  # noqa: B008
    """A process that is not started."""
    world = World(clock=SystemClock())  # type: ignore[arg-type]
    candidate: Any = Candidate()
    stop, closing = threading.Event(), threading.Event()
    world.system.informers.by_kind.clear()  # the manager makes its own
    patient = Patient(world.transport)
    world.connect(patient)
    client = evolve(world.system.client, transport=patient)
    return Process(world, candidate, Manager(world.system, client, candidate, timing, stop, closing), patient)


@define
class Hanging:
    """A server that takes every request and answers none of them."""

    until: threading.Event

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        self.until.wait(30)
        raise NetworkError("gone", sent=True)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def running() -> Iterator[list[Process]]:
    """Processes that end with the test."""
    started: list[Process] = []
    yield started
    for each in started:
        each.manager.stop.set()
        each.thread.join(SOON_SECONDS)
        each.manager.threads.ended.set()  # where it could not start, nobody does, and later tests would hear of it
        for informer in each.manager.system.informers:
            informer.close()


def test_a_warm_standby_that_cannot_sync_leaves_the_lease_alone(running: list[Process]) -> None:
    each = process(Timing(sync_seconds=0.5))
    each.world.api.faults.add(Fault(verb="list", resource="secrets", times=0, status=403, reason="Forbidden"))
    running.append(each)
    each.start()
    eventually(lambda: each.ended)
    assert str(each.ended[0]).startswith("not synced in time: Secret")
    assert each.candidate.steps == 0


def test_garbage_is_looked_for_except_while_everything_is_loaded(
    running: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, is_synced = list[bool](), Manager.is_synced

    def look(self: Manager) -> bool:
        looked.append(gc.isenabled())
        return is_synced(self)

    monkeypatch.setattr(Manager, "is_synced", look)
    each = process(Timing(sync_seconds=0.5))
    each.world.api.faults.add(Fault(verb="list", resource="secrets", times=0, status=403, reason="Forbidden"))
    running.append(each)
    each.start()
    eventually(lambda: each.ended)
    assert (looked, gc.isenabled()) == ([False], True)


def test_a_leader_that_cannot_sync_gives_the_lease_back(running: list[Process]) -> None:
    each = process(Timing(sync_seconds=0.5, is_warm=False))
    each.world.api.faults.add(Fault(verb="list", resource="secrets", times=0, status=403, reason="Forbidden"))
    running.append(each)
    each.start()
    eventually(lambda: each.ended)
    assert isinstance(each.ended[0], StartError)
    assert each.candidate.steps
    assert each.candidate.released == 1


def test_a_cold_standby_is_ready_once_the_server_has_answered(running: list[Process]) -> None:
    each = process(Timing(is_warm=False))
    each.candidate.wins = False
    running.append(each)
    assert each.manager.unready() == "starting"
    each.start()
    eventually(lambda: not each.manager.unready())
    assert not each.manager.system.informers.by_kind


def test_a_stop_does_not_wait_for_a_server_that_hangs(running: list[Process]) -> None:
    each = process()
    held = threading.Event()
    each.world.connect(Hanging(held))
    running.append(each)
    each.start()
    eventually(lambda: any(thread.name == "discovery" for thread in threading.enumerate()))
    assert each.stop() < 2
    held.set()


def test_owners_have_as_many_workers_as_are_asked_for_and_statuses_one(running: list[Process]) -> None:
    each = process(Timing(workers=3))
    running.append(each)
    each.start()
    eventually(lambda: each.manager.threads.workers)
    each.stop()
    names = [worker.name.rpartition("-")[0] for worker in each.manager.threads.workers]
    assert (names.count("vmagent"), names.count("vmservicescrape")) == (3, 1)


def test_a_stop_in_good_order_is_no_error(running: list[Process], caplog: pytest.LogCaptureFixture) -> None:
    each = process()
    running.append(each)
    each.start()
    eventually(lambda: each.manager.threads.workers)
    each.stop()
    assert each.ended == [0]
    said = [each for each in caplog.records if each.name == manager.__name__ and each.levelname == "ERROR"]
    assert said == []


def test_what_the_last_reconciles_had_to_tell_goes_out_at_the_stop(running: list[Process]) -> None:
    each = process()
    running.append(each)
    each.start()
    eventually(lambda: each.manager.threads.workers)
    each.world.add(agent(selectAllByDefault=True))
    eventually(lambda: each.world.names("deployments.apps"))
    told = evolve(next(iter(each.world.system.stores.items(each.world.owners[0].resource))))
    each.manager.system.recorder.record(told, "Normal", "LastWords", "said at the end")
    each.stop()
    assert ("Normal", "LastWords", "said at the end") in each.world.events()
    assert each.candidate.released == 1


def test_a_standby_reads_anew_before_it_writes_whatever_its_watches_kept_to_themselves(
    running: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "FRESH_SECONDS", 0.0)
    each = process()
    each.candidate.wins = False
    each.world.add(scrape("old"))
    each.world.add(agent(selectAllByDefault=True))
    running.append(each)
    each.start()
    eventually(lambda: each.manager.system.informers.by_kind and not each.manager.unready())
    each.server.is_silent = True
    each.world.delete("/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes/old")
    each.world.add(scrape("new"))
    each.candidate.wins = True
    eventually(lambda: each.world.get("secrets", "monitoring", "vmagent-main"))
    data = each.world.get("secrets", "monitoring", "vmagent-main")["data"]["vmagent.yaml.gz"]
    text = gzip.decompress(base64.b64decode(data)).decode()
    assert ("apps/new" in text, "apps/old" in text) == (True, False)

"""Events: repetition is counted, floods are folded, and nothing of it can fail a pass."""

import pytest

from test.apiserver.api import Api
from test.apiserver.faults import Fault
from test.apiserver.memory import Memory
from test.controller.world import VirtualClock, agent
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.events import BURST, MAX_MESSAGE, QUEUE_LENGTH, Recorder
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.kube.http.client import Client

dropped: list[str] = []


@pytest.fixture
def api() -> Api:
    api = Api()
    api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}})
    dropped.clear()
    return api


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def recorder(api: Api, clock: VirtualClock) -> Recorder:
    return Recorder(
        Client(Memory(api), manager=FIELD_MANAGER, clock=clock, jitter=lambda: 0.0), "operator-0", dropped.append
    )


def about(name: str = "main") -> CustomObject[object]:
    raw = agent(name)
    raw["metadata"] |= {"uid": f"uid-{name}", "resourceVersion": "1"}
    return kinds.read(raw)


def events(api: Api) -> list[tuple[str, str, int]]:
    return sorted((event["reason"], event["message"], event["count"]) for _, event in api.store.items("events"))


def test_the_same_event_is_counted(api: Api, recorder: Recorder) -> None:
    for _ in range(3):
        recorder.record(about(), "Warning", "Failed", "no such secret")
    recorder.flush()
    assert events(api) == [("Failed", "no such secret", 3)]


def test_similar_events_are_folded_together(api: Api, recorder: Recorder) -> None:
    for number in range(14):
        recorder.record(about(), "Warning", "Failed", f"message {number}")
    recorder.flush()
    found = events(api)
    assert len(found) == 11
    assert sum(count for _, _, count in found) == 14


def test_one_object_cannot_flood_the_api(api: Api, recorder: Recorder, clock: VirtualClock) -> None:
    for number in range(BURST + 5):
        recorder.record(about(), "Normal", f"Reason{number}", "x")
    recorder.record(about("other"), "Normal", "Fine", "x")
    recorder.flush()
    assert len(events(api)) == BURST + 1
    assert dropped == ["spam"] * 5
    clock.seconds += 300
    recorder.record(about(), "Normal", "Later", "x")
    recorder.flush()
    assert ("Later", "x", 1) in events(api)


def test_an_event_that_has_expired_is_made_anew(api: Api, recorder: Recorder) -> None:
    recorder.record(about(), "Normal", "Fine", "x")
    recorder.flush()
    for name, _ in list(api.store.items("events")):
        api.objects.remove(api.kind("v1", "Event"), name)
    recorder.record(about(), "Normal", "Fine", "x")
    recorder.flush()
    assert events(api) == [("Fine", "x", 1)]


def test_a_server_that_takes_no_events_is_let_be(api: Api, recorder: Recorder) -> None:
    api.faults.add(Fault(verb="create", resource="events", status=500, times=0))
    recorder.record(about(), "Normal", "Fine", "x")
    recorder.flush()
    assert dropped == ["api"]


def test_messages_and_the_queue_are_bounded(api: Api, recorder: Recorder) -> None:
    recorder.record(about(), "Normal", "Long", "ä" * MAX_MESSAGE)
    recorder.flush()
    assert [len(message.encode()) for _, message, _ in events(api)] == [MAX_MESSAGE]
    for _ in range(QUEUE_LENGTH + 2):
        recorder.record(about(), "Normal", "Fine", "x")
    assert dropped == ["queue"] * 2

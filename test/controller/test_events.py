"""Events: repetition is counted, floods are folded, and nothing of it can fail a pass."""

import pytest

from test.apiserver.api import Api
from test.apiserver.faults import Fault
from test.apiserver.memory import Memory
from test.controller.world import VirtualClock, agent
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine import events as module
from vmagent_operator.controller.engine.events import Recorder
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.kube.http.client import Client

QUEUE_LENGTH, MAX_MESSAGE, BURST = 1000, 1024, 25
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


def test_what_is_similar_is_so_for_ten_minutes(api: Api, recorder: Recorder, clock: VirtualClock) -> None:
    for number in range(10):
        recorder.record(about(), "Warning", "Failed", f"message {number}")
    recorder.flush()
    clock.seconds += 600
    recorder.record(about(), "Warning", "Failed", "still too many")
    recorder.flush()
    folded = "(combined from similar events)"
    assert [message for _, message, _ in events(api) if "message" not in message] == [folded]
    clock.seconds += 1
    recorder.record(about(), "Warning", "Failed", "told again")
    recorder.flush()
    assert ("Failed", "told again", 1) in events(api)


def test_more_may_be_told_every_five_minutes(api: Api, recorder: Recorder, clock: VirtualClock) -> None:
    def tell(name: str) -> int:
        before = len(dropped)
        recorder.record(about(), "Normal", name, "x")
        recorder.flush()
        return len(dropped) - before

    assert sum(tell(f"Reason{number}") for number in range(BURST)) == 0
    clock.seconds += 299
    assert tell("Early") == 1
    clock.seconds += 1
    assert (tell("Late"), tell("Later")) == (0, 1)
    clock.seconds += 300 * BURST * 2
    assert sum(tell(f"Again{number}") for number in range(BURST + 1)) == 1


@pytest.mark.parametrize(("failures", "lost"), [(1, []), (2, ["api"])])
def test_a_note_is_written_at_the_second_try_or_not_at_all(
    api: Api, recorder: Recorder, failures: int, lost: list[str]
) -> None:
    api.faults.add(Fault(verb="create", resource="events", status=409, reason="AlreadyExists", times=failures))
    recorder.record(about(), "Normal", "Fine", "x")
    recorder.flush()
    assert dropped == lost
    assert len(events(api)) == 1 - len(lost)


def test_a_namespace_that_is_going_is_not_tried_again(api: Api, recorder: Recorder) -> None:
    api.faults.add(Fault(verb="create", resource="events", status=403, reason="Forbidden", times=1))
    recorder.record(about(), "Normal", "Fine", "x")
    recorder.flush()
    assert (dropped, events(api)) == (["api"], [])


def test_who_and_what_and_when_is_told(api: Api, recorder: Recorder, clock: VirtualClock) -> None:
    recorder.record(about(), "Warning", "Failed", "x")
    recorder.flush()
    clock.seconds += 60
    recorder.record(about(), "Warning", "Failed", "x")
    recorder.flush()
    ((_, event),) = api.store.items("events")
    assert event["involvedObject"]["uid"] == "uid-main"
    assert event["reportingInstance"] == "operator-0"
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:01:00Z"


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


def test_what_was_told_of_longest_ago_is_forgotten_first(
    api: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN_LENGTH", 3)

    def counts(*names: str) -> list[int]:
        for name in names:
            recorder.record(about(name), "Normal", "Fine", name)
        recorder.flush()
        return sorted(count for _, message, count in events(api) if message == names[-1])

    assert counts("a", "b", "c", "d", "d") == [2], "the newest is known"
    assert counts("a") == [1, 1], "the oldest is not"


def test_a_flood_is_one_as_long_as_it_lasts(api: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_LENGTH", 3)

    def is_told(name: str) -> bool:
        before = len(dropped)
        recorder.record(about(name), "Normal", "Fine", "x")
        recorder.flush()
        return len(dropped) == before

    assert all(is_told("main") for _ in range(BURST))
    assert [(is_told(other), is_told("main")) for other in "abcdef"] == [(True, False)] * 6
    assert all(map(is_told, ("a", "b", "c", "main"))), "what was quiet while others were told of"


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


def test_who_writes_events_waits_for_one_and_not_when_there_is_one(
    api: Api, recorder: Recorder, clock: VirtualClock
) -> None:
    assert recorder.step() == 0
    assert clock.seconds == 1
    recorder.record(about(), "Warning", "Failed", "a")
    recorder.step()
    assert (clock.seconds, len(events(api))) == (1, 1)
    recorder.step()
    assert clock.seconds == 2

"""Leader election: candidates on one virtual clock against one lease, whose server can be made to fail."""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test.kube.manager import MANAGER
from test.kube.script import BREAKS
from test.kube.virtual import VirtualClock
from vmagent_operator.kube.errors import Cancelled
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.http.transport import Query, Response, Stream
from vmagent_operator.kube.leader import Candidate, Elector, check, micro_time
from vmagent_operator.kube.meter import Meter


@attrs.define(eq=False)
class LeaseServer:
    """Holds one lease; `faults` are what becomes of the next requests, "" for nothing special.

    A fault that starts with "after " strikes when the request has had its effect.
    """

    lease: dict[str, Any] | None = None
    version: int = 0
    faults: list[str] = attrs.field(factory=list)
    down: bool = False
    sent: list[str] = attrs.field(factory=list)
    latency_seconds: float = 0.0
    clock: VirtualClock = attrs.field(factory=VirtualClock)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,
    ) -> Response:
        self.sent.append(method)
        self.clock.seconds += min(self.latency_seconds, timeout)
        fault = "timeout" if self.latency_seconds > timeout else self.faults.pop(0) if self.faults else ""
        if self.down:
            raise BREAKS["refused"]()
        if fault.isdigit():
            return Response(int(fault), {}, b"{}")
        if fault and not fault.startswith("after "):
            raise BREAKS[fault]()
        answer = self._answer(method, json.loads(body or b"null"))
        if fault:
            raise BREAKS[fault.removeprefix("after ")]()
        return answer

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] | None = None, idle_timeout: float
    ) -> Stream:
        raise AssertionError("nobody watches a lease")

    def _answer(self, method: str, body: Any) -> Response:
        if method == "POST" and self.lease is not None:
            return Response(409, {}, b'{"reason": "AlreadyExists"}')
        if method != "POST" and self.lease is None:
            return Response(404, {}, b"{}")
        if method == "PUT":
            assert self.lease
            if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
                return Response(409, {}, b'{"reason": "Conflict"}')
        if method != "GET":
            self.version += 1
            self.lease = body | {
                "metadata": body["metadata"] | {"uid": "u", "resourceVersion": str(self.version)},
            }
        return Response(200, {}, json.dumps(self.lease).encode())

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease
        return dict(self.lease["spec"])


@attrs.define(eq=False)
class LeaseMeter(Meter):
    leads: list[bool] = attrs.field(factory=list)
    failures: list[str] = attrs.field(factory=list)
    slow: int = 0

    def leading(self, leading: bool) -> None:
        self.leads.append(leading)

    def lease_failed(self, operation: str) -> None:
        self.failures.append(operation)

    def slow_renewal(self) -> None:
        self.slow += 1


def candidate(
    server: LeaseServer, identity: str = "one", clock: VirtualClock | None = None
) -> tuple[Elector, LeaseMeter]:
    meter = LeaseMeter()
    client = Client(server, manager=MANAGER, clock=clock or server.clock, meter=meter)
    return Elector.of(client, Candidate(namespace="ns", name="lease", identity=identity), jitter=lambda: 0.0), meter


def leader(identity: str = "one") -> tuple[Elector, LeaseServer, LeaseMeter]:
    server = LeaseServer()
    elector, meter = candidate(server, identity)
    assert elector.step() == 2
    assert elector.is_leader
    return elector, server, meter


def test_the_first_candidate_creates_the_lease() -> None:
    elector, server, meter = leader()
    assert server.lease == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": "ns", "name": "lease", "uid": "u", "resourceVersion": "1"},
        "spec": {
            "holderIdentity": "one",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    }
    assert (meter.leads, elector.elected.is_set(), elector.lost.is_set()) == ([True], True, False)


def test_a_renewal_is_one_write_and_keeps_when_and_how_often_it_was_acquired() -> None:
    """P-41, P-42"""
    elector, server, meter = leader()
    server.clock.seconds = 2
    assert elector.step() == 2
    assert server.sent[2:] == ["PUT"]
    assert server.spec | {"renewTime": ""} == server.spec | {"leaseTransitions": 0, "renewTime": ""}
    assert (server.spec["acquireTime"], server.spec["renewTime"]) == (
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:02.000000Z",
    )
    assert meter.slow == 0


def test_a_renewal_that_meets_a_conflict_reads_and_writes_again() -> None:
    elector, server, meter = leader()
    assert server.lease
    server.lease["metadata"]["resourceVersion"] = "changed"
    elector.step()
    assert (server.sent[2:], elector.is_leader, meter.slow) == (["PUT", "GET", "PUT"], True, 1)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC)])
def test_a_timestamp_has_six_digits_of_a_second(moment: datetime) -> None:
    """P-43, K-16"""
    assert micro_time(moment) == f"2026-01-01T00:00:00.{moment.microsecond:06}Z"


@pytest.mark.parametrize("offset_seconds", [-3600.0, 0.0, 3600.0])
def test_a_lease_is_free_when_it_was_seen_unchanged_for_its_duration_by_our_own_clock(offset_seconds: float) -> None:
    """P-40, F-50: whatever its timestamps say."""
    _, server, _ = leader()
    server.clock.wall_offset_seconds = offset_seconds
    other, meter = candidate(server, "two")
    server.clock.seconds = 100
    while server.clock.seconds < 114.9:
        server.clock.wait(threading.Event(), other.step())
        assert not other.is_leader
    server.clock.seconds = 115
    other.step()
    assert other.is_leader
    assert (server.spec["holderIdentity"], server.spec["leaseTransitions"]) == ("two", 1)
    assert meter.leads == [True]


def test_the_record_says_itself_how_long_it_is_valid() -> None:
    _, server, _ = leader()
    assert server.lease
    server.lease["spec"]["leaseDurationSeconds"] = 60
    other, _ = candidate(server, "two")
    other.step()
    server.clock.seconds = 59
    other.step()
    assert not other.is_leader
    server.clock.seconds = 60
    other.step()
    assert other.is_leader


def test_a_candidate_keeps_waiting_while_the_leader_renews() -> None:
    elector, server, _ = leader()
    other, _ = candidate(server, "two")
    for _ in range(100):
        server.clock.wait(threading.Event(), elector.step())
        other.step()
    assert (elector.is_leader, other.is_leader, server.spec["leaseTransitions"]) == (True, False, 0)


def test_candidates_retry_after_one_to_two_point_two_periods() -> None:
    _, server, _ = leader()
    other, _ = candidate(server, "two")
    other.jitter = iter([0.0, 1.0]).__next__
    assert [other.step(), other.step()] == pytest.approx([2.0, 4.4])


def test_the_gate_closes_at_the_renew_deadline_and_not_when_somebody_notices() -> None:
    """P-45, F-35: after a pause of the whole process the write is not sent."""
    elector, server, _ = leader()
    server.clock.seconds = 9.9
    elector.before_write()
    server.clock.seconds = 10
    with pytest.raises(Cancelled, match="not sent: this process is not the leader"):
        elector.before_write()


def test_a_renewal_counts_from_before_its_request() -> None:
    elector, server, _ = leader()
    server.latency_seconds = 4
    server.clock.seconds = 2
    elector.step()
    server.clock.seconds = 11.9
    assert elector.is_leader
    server.clock.seconds = 12
    assert not elector.is_leader


def test_leadership_is_lost_when_no_renewal_succeeds_in_time() -> None:
    """P-42, P-44, F-34: and no request outlasts the deadline."""
    elector, server, meter = leader()
    server.down = True
    while not elector.lost.is_set():
        server.clock.wait(threading.Event(), elector.step())
    assert server.clock.seconds == 10
    assert meter.leads == [True, False]
    server.down, before = False, len(server.sent)
    elector.step()
    assert (len(server.sent), elector.is_leader) == (before, False)


def test_a_slow_server_does_not_hide_the_deadline() -> None:
    elector, server, meter = leader()
    server.latency_seconds = 1e6
    while not elector.lost.is_set():
        server.clock.wait(threading.Event(), elector.step())
    assert server.clock.seconds == pytest.approx(10)
    assert set(meter.failures) == {"get", "update"}


def test_leadership_is_lost_at_once_to_another_holder() -> None:
    elector, server, _ = leader()
    assert server.lease
    server.lease["metadata"]["resourceVersion"] = "9"
    server.lease["spec"]["holderIdentity"] = "two"
    elector.step()
    assert (elector.lost.is_set(), server.spec["holderIdentity"]) == (True, "two")


def test_a_leader_that_comes_back_too_late_does_not_renew() -> None:
    """F-35: suspended for a minute, with nobody else around."""
    elector, server, _ = leader()
    server.clock.seconds = 60
    elector.step()
    assert (elector.lost.is_set(), server.spec["renewTime"]) == (True, "2026-01-01T00:00:00.000000Z")


@pytest.mark.parametrize("fault", ["after reset", "after timeout"])
def test_a_create_whose_answer_is_lost_still_makes_a_leader(fault: str) -> None:
    server = LeaseServer(faults=["", fault])
    elector, meter = candidate(server)
    elector.step()
    assert not elector.is_leader
    elector.step()
    assert (elector.is_leader, server.spec["leaseTransitions"], meter.failures) == (True, 0, ["create"])


def test_a_renewal_whose_answer_is_lost_is_repeated_after_a_read() -> None:
    elector, server, _ = leader()
    server.faults = ["after reset"]
    elector.step()
    assert (elector.is_leader, server.sent[2:]) == (True, ["PUT", "GET", "PUT"])


def test_two_candidates_for_a_free_lease_make_one_leader() -> None:
    server = LeaseServer()
    one, _ = candidate(server, "one")
    two, _ = candidate(server, "two")
    server.faults = ["404", "", "404"]
    one.step()
    two.step()
    assert (one.is_leader, two.is_leader, server.spec["holderIdentity"]) == (True, False, "one")


def test_a_released_lease_is_taken_at_once() -> None:
    """P-47"""
    elector, server, meter = leader()
    assert elector.release() is True
    assert (server.spec["holderIdentity"], server.spec["leaseDurationSeconds"]) == ("", 1)
    assert (elector.is_leader, meter.leads) == (False, [True, False])
    other, _ = candidate(server, "two")
    other.step()
    assert (other.is_leader, server.spec["leaseTransitions"]) == (True, 1)


def test_a_release_that_meets_a_conflict_is_tried_again() -> None:
    elector, server, meter = leader()
    server.faults = ["", "409"]
    assert elector.release() is True
    assert (server.spec["holderIdentity"], meter.failures) == ("", ["release"])


def test_a_release_is_given_up_at_the_renew_deadline() -> None:
    elector, server, _ = leader()
    server.faults = ["", "409"] * 1000
    assert elector.release() is False
    assert server.clock.seconds == pytest.approx(10, abs=0.11)


def test_what_another_holds_by_now_is_not_released() -> None:
    elector, server, _ = leader()
    assert server.lease
    server.lease["spec"]["holderIdentity"] = "two"
    assert elector.release() is False
    assert server.spec["holderIdentity"] == "two"


def test_who_is_not_leader_releases_nothing() -> None:
    _, server, _ = leader()
    other, _ = candidate(server, "two")
    other.step()
    before = len(server.sent)
    assert other.release() is False
    assert len(server.sent) == before


def test_after_a_release_no_step_takes_the_lease_again() -> None:
    elector, server, _ = leader()
    elector.release()
    elector.step()
    assert server.spec["holderIdentity"] == ""


@pytest.mark.parametrize(
    ("durations", "fault"),
    [
        ((15, 10, 2), ""),
        ((10, 10, 2), "the lease duration must exceed the renew deadline"),
        ((15, 2.4, 2), "the renew deadline must exceed 1.2 times the retry period"),
    ],
)
def test_durations_that_cannot_work_are_told(durations: tuple[float, float, float], fault: str) -> None:
    """P-38"""
    assert check(*durations) == fault


FAULTS = st.sampled_from(["", "", "", "", "reset", "after reset", "after timeout", "409"])
STEPS = st.tuples(st.integers(0, 1), st.sampled_from([0.0, 2.0, 9.0, 16.0]), st.tuples(FAULTS, FAULTS))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(STEPS, min_size=10, max_size=40), st.lists(st.sampled_from([-3600.0, 0.0, 3600.0]), min_size=2, max_size=2)
)
def test_there_are_never_two_leaders(history: list[tuple[int, float, tuple[str, str]]], skews: list[float]) -> None:
    """Whatever becomes of the requests, however wrong the wall clocks are."""
    server = LeaseServer()
    clocks = [attrs.evolve(server.clock, wall_offset_seconds=skew) for skew in skews]
    candidates = [candidate(server, f"c{index}", clock)[0] for index, clock in enumerate(clocks)]
    for index, seconds, faults in history:
        for clock in clocks:
            clock.seconds += seconds
        server.faults = list(faults)
        candidates[index].step()
        assert sum(elector.is_leader for elector in candidates) <= 1

"""When a kind that answers 404 may be believed to be gone."""

import pytest

from test.kube.manager import MANAGER
from test.kube.script import ScriptedTransport, reply
from test.kube.virtual import VirtualClock
from vmagent_operator.kube.cache.absence import Absence, definition_deleted
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Resource


@pytest.mark.parametrize(
    ("answers_at", "is_gone"),
    [
        ([5.0, 35.0, 65.0], [False, False, True]),
        ([0.0, 30.0, 59.9, 60.0], [False, False, False, True]),
        ([0.0, 1.0, 2.0, 3.0], [False] * 4),  # as while an API server starts
        ([0.0, 1000.0, 1000.1], [False, False, True]),  # two answers are two, however far apart
    ],
)
def test_a_kind_is_gone_after_three_answers_and_a_minute(answers_at: list[float], is_gone: list[bool]) -> None:
    absence = Absence()
    assert [absence.lasts(now) for now in answers_at] == is_gone


def test_what_was_counted_is_over_once_the_kind_has_been_listed_or_found_in_discovery() -> None:
    for forget in (Absence.end, Absence.forget):
        absence = Absence()
        for now in (0.0, 30.0):
            assert not absence.lasts(now)
        forget(absence)
        assert [absence.lasts(now) for now in (60.0, 90.0, 120.0)] == [False, False, True]


def test_of_a_definition_no_more_is_asked_for_than_whether_it_is_there() -> None:
    transport = ScriptedTransport([reply(status=404), reply({"metadata": {"name": "x"}})])
    client = Client(transport, manager=MANAGER, clock=VirtualClock())
    assert not definition_deleted(client, Resource("example.org", "v1", "things", "Thing"))
    assert transport.sent[1].path.endswith("/customresourcedefinitions/things.example.org")
    assert "as=PartialObjectMetadata;" in transport.sent[1].headers["accept"]  # a schema may have megabytes

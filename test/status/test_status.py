"""Statuses as values: of agents, and of the scrape objects that they look at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve

from test.scrape.cases import agent, obj
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scale, spec
from vmagent_operator.status.conditions import READY, STALLED, condition_type
from vmagent_operator.status.owner import State, applied_spec, owner_status
from vmagent_operator.status.scrape import scrape_status

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PARENT = "main.mon.vmagent.victoriametrics.com/Applied"
CASES = [*yaml.safe_load_all(Path(__file__).with_name("test_status.yaml").read_text())]


def scrape(*conditions: dict[str, Any], generation: int = 1) -> CustomObject[Any]:
    """A scrape object with these conditions; what they leave out is as a parent of long ago would have written it."""
    usual = {"status": "True", "reason": "ConfigParsedAndApplied", "observedGeneration": 1}
    times = {"lastTransitionTime": "2026-01-01T00:00:00Z", "lastUpdateTime": "2026-01-02T00:00:00Z"}
    full = [{**usual, **times, **condition} for condition in conditions]
    found = obj("VMStaticScrape", {"targetEndpoints": []}, uid="u", generation=generation)
    return evolve(found, status={"conditions": full} if full else {})


def of_parent(status: dict[str, Any] | None) -> dict[str, Any]:
    """The condition of the one parent in the status of a scrape object."""
    assert status is not None
    (found,) = (each for each in status["conditions"] if each["type"] == PARENT)
    return dict(found)


def brief(status: dict[str, Any] | None) -> dict[str, Any] | None:
    """A status with its conditions as `type without its suffix: status message`, None as it is; the summary is left out."""
    if status is None:
        return None
    shown = [
        f"{c['type'].removesuffix('.victoriametrics.com/Applied')}: {c['status']} {c.get('message', '')}".strip()
        for c in status.get("conditions", ())
        if c["type"] not in (READY, STALLED)
    ]
    rest = {key: status[key] for key in ("updateStatus", "reason") if key in status}
    return rest | ({"conditions": shown} if shown else {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_scrape_object(case: dict[str, Any]) -> None:
    given = scrape(*case.get("given", ()))
    if case.get("released"):
        assert brief(scrape_status(given, {}, {PARENT}, NOW)) == case["want"]
    else:
        assert brief(scrape_status(given, {PARENT: case.get("message")}, (), NOW)) == case["want"]


def test_condition_is_named_after_its_parent() -> None:
    assert condition_type(agent()) == PARENT


def test_times_tell_flips_from_looks() -> None:
    status = scrape_status(scrape({"type": PARENT, "lastUpdateTime": "2026-01-01T12:00:00Z"}), {PARENT: None}, (), NOW)
    assert of_parent(status)["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert of_parent(status)["lastUpdateTime"] == "2026-01-02T00:00:00Z"
    flipped = scrape_status(scrape({"type": PARENT}), {PARENT: "broken"}, (), NOW)
    assert of_parent(flipped)["lastTransitionTime"] == "2026-01-02T00:00:00Z"


def test_a_new_generation_is_told_at_once() -> None:
    status = scrape_status(scrape({"type": PARENT}, generation=2), {PARENT: None}, (), NOW)
    assert status is not None
    assert (status["observedGeneration"], of_parent(status)["observedGeneration"]) == (2, 2)


def test_what_was_written_is_not_written_again() -> None:
    first = scrape_status(scrape(), {PARENT: "broken"}, (), NOW)
    assert first is not None
    again = evolve(scrape(), status=first)
    assert scrape_status(again, {PARENT: "broken"}, (), NOW + timedelta(hours=1)) is None
    late = scrape_status(again, {PARENT: "broken"}, (), NOW + timedelta(hours=1, minutes=31))
    assert of_parent(late)["lastUpdateTime"] == "2026-01-02T01:31:00Z"


def test_refreshes_of_many_objects_are_spread() -> None:
    due = 0
    for number in range(200):
        one = evolve(scrape({"type": PARENT}), metadata=evolve(scrape().metadata, uid=f"u{number}", generation=1))
        first = scrape_status(one, {PARENT: None}, (), NOW)
        assert first is not None
        one = evolve(one, status=first)
        due += scrape_status(one, {PARENT: None}, (), NOW + timedelta(minutes=75)) is not None
    assert 60 < due < 140


def test_long_messages_are_cut() -> None:
    status = scrape_status(scrape(), {PARENT: "ä" * 40000}, (), NOW)
    assert status is not None
    assert len(of_parent(status)["message"]) == 32768
    assert {len(each["message"]) for each in status["conditions"] if each["type"] != PARENT} == {1024}


@pytest.mark.parametrize(
    ("state", "reason", "conditions"),
    [
        ("operational", "", {"Available": "True", "Degraded": "False", "Progressing": "False", "Ready": "True"}),
        (
            "expanding",
            "waiting for x",
            {"Degraded": "False", "Progressing": "True", "Ready": "False", "Reconciling": "True"},
        ),
        ("failed", "broken", {"Degraded": "True", "Progressing": "False", "Ready": "False", "Stalled": "True"}),
    ],
)
def test_agent(state: State, reason: str, conditions: dict[str, str]) -> None:
    given = agent({"shardCount": 3, "replicaCount": 2, "license": {"key": "secret"}}, generation=7)
    is_available = True if state == "operational" else None
    status = owner_status(given, state, reason, NOW, scale=scale(given), is_available=is_available)
    assert (status["updateStatus"], status.get("reason", "")) == (state, reason)
    assert (status["shards"], status["replicas"], status["observedGeneration"]) == (3, 2, 7)
    assert status["selector"].startswith("app.kubernetes.io/component=monitoring,app.kubernetes.io/instance=main,")
    assert {condition["type"]: condition["status"] for condition in status["conditions"]} == conditions
    assert ("lastAppliedSpec" in status) == (state == "operational")
    assert "secret" not in str(status)
    again = owner_status(
        evolve(given, status=status),
        state,
        reason,
        NOW + timedelta(days=1),
        scale=scale(given),
        is_available=is_available,
    )
    assert again == status


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [({}, 1), ({"replicaCount": 0}, 0), ({"replicaCount": 3}, 3), ({"daemonSetMode": True}, 0), ({"hpa": {}}, 1)],
)
def test_without_a_number_an_agent_has_one_pod(spec: dict[str, Any], replicas: int) -> None:
    assert scale(agent(spec))["replicas"] == replicas


def said(status: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """The conditions as type -> status, reason and message."""
    return {each["type"]: (each["status"], each["reason"], each.get("message", "")) for each in status["conditions"]}


def test_whether_workloads_are_ready_is_told_once_that_is_known() -> None:
    def available(is_available: bool | None, given: CustomObject[Any]) -> dict[str, Any]:
        return owner_status(given, "expanding", "", NOW, scale={}, is_available=is_available)

    assert "Available" not in said(available(None, agent()))
    unready = available(False, agent())
    assert said(unready)["Available"] == ("False", "WorkloadsNotReady", "")
    kept = available(None, evolve(agent(), status=unready))
    assert said(kept)["Available"] == ("False", "WorkloadsNotReady", "")
    assert said(available(True, evolve(agent(), status=kept)))["Available"] == ("True", "WorkloadsReady", "")


def test_each_workload_has_a_condition_that_says_what_it_lacks() -> None:
    workloads = {"One": "", "Two": "2 of 3 pods are ready", "Three": None}
    found = said(owner_status(agent(), "expanding", "", NOW, scale={}, workloads=workloads))
    assert {key: found[key] for key in workloads} == {
        "One": ("True", "Ready", ""),
        "Two": ("False", "NotReady", "2 of 3 pods are ready"),
        "Three": ("Unknown", "NotAskedFor", ""),
    }


def test_a_reason_goes_with_what_it_was_the_reason_for_and_all_else_stays() -> None:
    before = {"reason": "broken", "lastAppliedSpec": {"a": 1}, "somebody": "else's"}
    status = owner_status(evolve(agent(), status=before), "expanding", "", NOW, scale={"shards": 2})
    assert (status["lastAppliedSpec"], status["somebody"], status["shards"]) == ({"a": 1}, "else's", 2)
    assert "reason" not in status
    assert not any("message" in each for each in status["conditions"])


def test_nobody_counts_as_gone_while_no_owner_has_told_its_time_for_long() -> None:
    """As after days without an operator: what the others said is as old as what is there."""
    gone, other = (f"{name}.mon.vmagent.victoriametrics.com/Applied" for name in ("gone", "other"))
    old = {"lastUpdateTime": "2025-11-01T00:00:00Z"}
    given = scrape({"type": PARENT, **old}, {"type": gone, **old}, {"type": other, **old})
    left = scrape_status(given, {}, {gone}, NOW)
    assert left is not None
    assert [each["type"] for each in left["conditions"]] == ["Ready", PARENT, other]
    told = scrape_status(given, {PARENT: None}, {gone}, NOW)
    assert told is not None
    assert [each["type"] for each in told["conditions"]] == ["Ready", PARENT]


def test_what_stands_among_conditions_and_is_none_is_passed_over() -> None:
    odd = evolve(agent(), status={"conditions": ["x", 5, None, {"type": 5}, {"status": "True"}, {"type": "Own"}]})
    status = owner_status(odd, "failed", "broken", NOW, scale={})
    assert [each["type"] for each in status["conditions"]] == ["Degraded", "Own", "Progressing", "Ready", "Stalled"]
    none = owner_status(evolve(agent(), status={"conditions": "x"}), "failed", "broken", NOW, scale={})
    assert [each["type"] for each in none["conditions"]] == ["Degraded", "Progressing", "Ready", "Stalled"]


def test_doubts_are_told_without_failing() -> None:
    status = owner_status(
        agent(), "operational", "", NOW, scale=scale(agent()), warnings=("spec.port: is no port number",)
    )
    degraded = next(condition for condition in status["conditions"] if condition["type"] == "Degraded")
    assert (degraded["status"], degraded["message"]) == ("False", "spec.port: is no port number")


def test_a_paused_agent_keeps_what_its_status_said() -> None:
    failed = owner_status(agent(), "failed", "broken", NOW, scale=scale(agent()))
    paused = owner_status(evolve(agent(), status=failed), "paused", "", NOW, scale=scale(agent()))
    assert paused == {**failed, "updateStatus": "paused"}


def test_an_agent_that_is_paused_with_something_else_is_not_ready() -> None:
    well = owner_status(agent(), "operational", "", NOW, scale=scale(agent()))
    for asked, ready in (({"paused": True}, "True"), ({"paused": True, "logLevel": "WARN"}, "Unknown")):
        paused = owner_status(evolve(agent(asked), status=well), "paused", "", NOW, scale=scale(agent()))
        assert said(paused)["Ready"][0] == ready


@pytest.mark.parametrize("state", ["failed", "paused"])
def test_of_a_spec_that_cannot_be_read_the_status_can_be_told(state: State) -> None:
    ready = {"type": READY, "status": "True"}
    broken = evolve(agent({}), spec=None, status={"conditions": [ready]})
    told = owner_status(broken, state, "why", NOW, scale={})
    assert [each["status"] for each in told["conditions"] if each["type"] == READY] == [
        "True" if state == "paused" else "False"
    ]


def test_an_undecodable_agent_counts_as_one_shard() -> None:
    broken = agent({"shardCount": "many"})
    status = owner_status(broken, "failed", "x" * 2000, NOW, scale=scale(broken))
    assert (status["shards"], len(status["reason"])) == (1, 1024)


def test_applied_spec_remembers_what_was_asked_for() -> None:
    given = agent({"shardCount": 2, "license": {"key": "k", "forceOffline": True}})
    assert applied_spec(spec(given)) == {
        "remoteWrite": [{"url": "http://vm"}],
        "selectAllByDefault": True,
        "shardCount": 2,
        "license": {"forceOffline": True},
    }

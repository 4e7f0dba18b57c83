"""Nobody's object costs much, whatever its author has in mind, and nobody else's jobs change for it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from test.scrape.hostile import BYTES, OBJECTS, SETTINGS, agent, configured, scrape, service, static
from vmagent_operator.api.kinds import SCRAPE_KINDS, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.commands.limits import page
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.limits import (
    ASSET_KEY_CHARACTERS,
    CREDENTIAL_CHARACTERS,
    OBJECT_JOBS,
    OBJECT_RULES,
    OBJECT_TEXT_BYTES,
    TABLE,
)
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape import fragment as fragments
from vmagent_operator.scrape.checks.budget import Budget
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.expressions.regex import weight
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.scrape.share import Room

ROOT = Path(__file__).parents[2]
MOST_SECONDS, MOST_BYTES = 0.5, 100_000_000
ROOM = 2
"""The dearest takes 0.45 s; and what uses much memory is slowed down more by others than the loop by which this is judged."""
IN_OBJECTS = {name: case for name, case in OBJECTS.items() if case[0]()["kind"] != "VMAgent"}
GOOD = [
    scrape("VMStaticScrape", {"targetEndpoints": [{"targets": [f"fine:{n}"]}]}, f"fine{n}", "good") for n in range(9)
]


@pytest.fixture(scope="module")
def costs() -> dict[str, dict[str, Any]]:
    """What each hostile object came to, in a process that must survive all of them."""
    command = ["prlimit", f"--as={BYTES}", sys.executable, "-m", "test.scrape.hostile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_costs_little_and_its_status_names_field_and_limit(
    name: str, costs: dict[str, dict[str, Any]]
) -> None:
    cost, named = costs[name], OBJECTS[name][2]
    assert (cost["seconds"] < MOST_SECONDS * ROOM, cost["bytes"] < MOST_BYTES) == (True, True), cost
    assert named in cost["message"]
    assert bool(cost["message"]) == bool(named), cost["message"]
    assert not named or cost["message"].startswith("spec."), cost["message"]
    assert "internal error" not in cost["message"]


@pytest.mark.parametrize("name", IN_OBJECTS)
def test_the_jobs_of_others_stay_what_they_are(name: str) -> None:
    build, given, named = IN_OBJECTS[name]
    before, after = configured(*GOOD), configured(*GOOD, build(), given=given)
    if named:
        assert after.main.text == before.main.text
        assert [finding.object.name for finding in after.findings] == ["x"]
    else:
        jobs = before.main.text.split(b"scrape_configs:\n")[1]
        assert jobs in after.main.text


def test_what_is_just_within_the_limits_is_taken() -> None:
    found = configured(service(endpoints=[{"port": "a"}] * OBJECT_JOBS))
    assert found.findings == ()
    assert found.main.text.count(b"job_name") == OBJECT_JOBS
    token = {Reference("Secret", "bad", "s"): {"k": "x" * CREDENTIAL_CHARACTERS}}
    endpoint = {"targets": ["a"], "bearerTokenSecret": {"name": "s", "key": "k"}}
    assert configured(static(endpoint), given=token).findings == ()


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("x{1000}", 115_000, 500_000),
        ("[a-z0-9_]{1000}", 250_000, 900_000),
        (r"\pL{1000}", 18_000_000, 20_000_000),
        (r"(\p{Greek}{10}){100}", 18_000_000, 20_000_000),
        ("((a{10}){10}){10}", 600_000, 1_500_000),
        ("a(b|c)*d[e-f]+g?", 4_000, 10_000),
        ("[0-9a-f]{8}-[0-9a-f]{4}", 8_000, 16_000),
        ("b{30}", 15_000, 30_000),
        ('{job="a"}', 0, 6000),
        ("[" * 5000, 0, 2_000_000),
        ("{" * 5000, 0, 1_000_000),
        ("{99999999999}{,}{}", 0, 5000),
        ("(x|)" * 100, 156_000, 250_000),
        ("(a{0,10}){100}", 644_000, 1_600_000),
        ("(x{2,}y{3,}){100}", 405_000, 1_000_000),
        ("(?i)(abcdefgh){100}", 277_000, 700_000),
        ("([^:]+):.*", 50_000, 60_000),
        ("[^:]{900}", 45_000_000, 46_000_000),
        (r"(\D|\S|\W|\PN|[[:^alpha:]]|[\x00-\x{ffff}]|[a-\x{ffff}]|[a-ÿ]){10}", 4_000_000, 5_000_000),
        (r"\[^:\]\\D", 0, 6_000),
        (r"[^\]]{900}", 45_000_000, 47_000_000),
        ("[^]/]{900}", 45_000_000, 47_000_000),
        (r"[]!-\x{1e943}]{900}", 45_000_000, 47_000_000),
        (r"[^:]\Q\E{900}", 45_000_000, 47_000_000),
        ("[^:](?s){900}", 45_000_000, 47_000_000),
        (r"\Q[\E\D{900}\]", 45_000_000, 47_000_000),
        (r"[[:alpha:]\pL]{1000}", 47_000_000, 60_000_000),
        (r"[\]\pL]{1000}", 47_000_000, 60_000_000),
    ],
)
def test_repetitions_count_by_what_they_take_of_vmagent(text: str, least: int, most: int) -> None:
    assert least <= weight(text) <= most


@pytest.mark.parametrize(
    "selector",
    [
        r'{a=~"[^:]{900}"}',
        r'{a=~"\x5b^:\x5d\x7b900\x7d"}',
        r'{a=~"\\D" + "{900}"}',
        'WITH (n = "[^:]{300}", f = {a=~n + n + n}) f',
    ],
)
def test_a_selector_counts_by_what_comes_out_of_it(selector: str) -> None:
    budget = Budget()
    assert list(budget.counted([{"action": "drop", "if": selector}]))
    assert 45_000_000 < budget.taken_bytes < 46_000_000


def test_the_texts_of_a_rule_count_as_they_are_joined() -> None:
    budget = Budget()
    assert list(budget.counted([{"action": "drop", "regex": ["[^:", "]{900}"]}]))
    assert 45_000_000 < budget.taken_bytes < 47_000_000
    budget = Budget()
    assert list(budget.counted([{"action": "drop", "regex": "^" * 20_000 + "[^:]{900}"}]))
    assert 45_000_000 < budget.taken_bytes < 47_000_000


def test_a_bug_over_one_object_is_its_own_and_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Iterator[Any]:
        raise KeyError("s3cr3t")

    kind = read(service()).kind
    monkeypatch.setattr(fragments, "BUILDERS", {**fragments.BUILDERS, kind: fragments.Builder("x", broken)})
    found = configured(*GOOD, service())
    assert found.main.text == configured(*GOOD).main.text
    (finding,) = found.findings
    assert finding.message == "internal error, see the operator's log"
    assert finding.bug.startswith("KeyError at fragment.py:")
    assert "broken" in finding.bug
    assert "s3cr3t" not in finding.bug


def test_names_of_files_that_a_secret_cannot_have_are_cut_and_stay_apart() -> None:
    keys = ["k" * 252 + end for end in ("1", "2")]
    given = {Reference("Secret", "bad", "s"): dict.fromkeys(keys, "text")}
    tls = [{"targets": ["a"], "tlsConfig": {"ca": {"secret": {"name": "s", "key": key}}}} for key in keys]
    found = configured(static(*tls), given=given)
    assert found.findings == ()
    assert [len(key) for key in found.assets] == [ASSET_KEY_CHARACTERS] * 2
    assert all(f"/{key}\n".encode() in found.main.text for key in found.assets)


def shared(room: Room, *objects: Manifest, given: dict[Reference, dict[str, str]] | None = None) -> Configuration:
    """The configuration of an agent with little room."""
    made = [read(raw) for raw in objects]
    by_kind = {kind: [obj for obj in made if obj.kind is kind] for kind in SCRAPE_KINDS}
    owner = read(agent())
    namespaces = {obj.namespace: {"some": "label"} for obj in made}
    by = scrape_owner(owner, SETTINGS)
    return configuration(by, select(by, by_kind, namespaces), SecretSnapshot(given or {}), room)


def aged(namespace: str, number: int, created: int, endpoint: Any = None) -> Manifest:
    """A small object, made in that minute."""
    raw = scrape("VMStaticScrape", {"targetEndpoints": [endpoint or {"targets": ["a:1"]}]}, f"n{number:03}", namespace)
    raw["metadata"]["creationTimestamp"] = f"2026-01-01T{created // 60:02}:{created % 60:02}:00Z"
    return raw


def kept(found: Configuration) -> set[str]:
    """Whose jobs are in."""
    return {obj.key for obj in found.applied}


SIZE = len(configured(aged("a", 0, 0)).main.text) - len(configured().main.text) + len(" []")
"""Bytes of one job of `aged` in a namespace with a name of one letter."""


def test_a_namespace_cannot_push_others_out() -> None:
    small = [aged("b", number, 500 + number) for number in range(20)]
    hog = [aged("a", number, number) for number in range(200)]
    found = shared(Room(text_bytes=100 * SIZE), *hog, *small)
    assert {f"b/n{number:03}" for number in range(20)} <= kept(found)
    assert 75 <= sum(key.startswith("a/") for key in kept(found)) <= 80
    assert {finding.object.namespace for finding in found.findings} == {"a"}
    (message,) = {finding.message for finding in found.findings}
    assert message == (
        f"spec: there is no room for it: namespace a has had its share of the {100 * SIZE} bytes of configuration "
        "that this agent may have (limit OWNER_TEXT_BYTES)"
    )


def test_namespaces_that_all_want_too_much_get_as_much() -> None:
    found = shared(Room(text_bytes=90 * SIZE), *(aged(ns, n, n) for ns in "abc" for n in range(100)))
    assert [sum(key.startswith(ns) for key in kept(found)) for ns in "abc"] == pytest.approx([30] * 3, abs=1)


def test_older_objects_stay_whatever_comes_later() -> None:
    before = [aged("a", number, number) for number in range(50, 150)]
    first = kept(shared(Room(text_bytes=60 * SIZE), *before))
    later = [aged("a", number, 1000 + number) for number in range(50)]
    assert kept(shared(Room(text_bytes=60 * SIZE), *later, *before)) == first
    assert first == {f"a/n{number:03}" for number in range(50, 50 + len(first))}


def test_a_small_change_moves_little() -> None:
    objects = [aged(ns, n, n) for ns in "abc" for n in range(100)]
    first = kept(shared(Room(text_bytes=150 * SIZE), *objects))
    without = kept(shared(Room(text_bytes=150 * SIZE), *objects[1:]))
    assert len(first ^ without) <= 4


def test_an_object_that_is_too_large_does_not_close_its_namespace() -> None:
    large = aged("a", 0, 0, {"targets": ["a:1"], "labels": {"l": "x" * 200 * SIZE}})
    small = [aged("a", number, number) for number in range(1, 9)]
    assert kept(shared(Room(text_bytes=50 * SIZE), large, *small)) == {f"a/n{number:03}" for number in range(1, 9)}


def test_too_many_files_cost_those_who_have_the_most() -> None:
    given = {Reference("Secret", "a", f"s{n}"): {"k": "x" * 400_000} for n in range(3)}
    given[Reference("Secret", "b", "s0")] = {"k": "x" * 1000}

    def tls(secret: str) -> dict[str, Any]:
        return {"targets": ["a:1"], "tlsConfig": {"ca": {"secret": {"name": secret, "key": "k"}}}}

    hog = [aged("a", n, n, tls(f"s{n}")) for n in range(3)]
    others = [aged("b", 0, 9, tls("s0")), aged("a", 5, 5)]
    found = shared(Room(), *hog, *others, given=given)
    assert kept(found) == {"a/n000", "a/n001", "a/n005", "b/n000"}
    assert "limit OWNER_ASSETS_BYTES" in found.findings[0].message
    assert sum(map(len, found.assets.values())) < 1 << 20


def test_jobs_are_shared_too() -> None:
    found = shared(Room(jobs=10), *(aged("a", n, n) for n in range(12)))
    assert len(kept(found)) == 10
    assert "limit OWNER_JOBS" in found.findings[0].message


def test_further_jobs_of_the_agent_go_first() -> None:
    extra = "\n".join(f"- job_name: own{number}" for number in range(100))
    owner = read(agent(inlineScrapeConfig=extra))
    made = [read(aged("a", n, n)) for n in range(100)]
    by = scrape_owner(owner, SETTINGS)
    picked = select(by, {made[0].kind: made}, {"a": {}})
    found = configuration(by, picked, SecretSnapshot({}), Room(text_bytes=len(extra) + 10 * SIZE))
    assert len(found.applied) == 10
    assert found.main.text.count(b"job_name: own") == 100


def test_a_room_for_all_changes_nothing() -> None:
    objects = [aged(ns, n, n) for ns in "abc" for n in range(20)]
    assert shared(Room(text_bytes=60 * SIZE), *objects).main.text == shared(Room(), *objects).main.text


def test_what_has_no_room_is_not_even_built(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"l": "x" * 1_000_000}
    objects = [aged("a", n, n, {"targets": ["a:1"], "labels": labels}) for n in range(100)]
    built: list[str] = []

    def counting(obj: CustomObject[Any], *rest: Any) -> fragments.Fragment | Finding:
        built.append(obj.key)
        return fragments.fragment(obj, *rest)

    monkeypatch.setattr("vmagent_operator.scrape.config.fragment", counting)
    found = shared(Room(text_bytes=3 * OBJECT_TEXT_BYTES), *objects)
    assert len(found.applied) == 12
    assert len(set(built)) < 20


def test_further_jobs_that_are_too_much_are_the_agents_own_fault() -> None:
    with pytest.raises(OwnerError, match=r"spec\.inlineScrapeConfig: .*limit YAML_NESTING"):
        configured(agent(inlineScrapeConfig="- a: " + "[" * 5000))


def test_the_page_is_the_table() -> None:
    assert (ROOT / "docs" / "limits.md").read_text() == page()


def test_every_limit_knows_its_name_and_reason() -> None:
    from vmagent_operator import limits

    assert all(getattr(limits, each.name) is each for each in TABLE)
    assert all(each == each.value > 0 and each.why and each.bounds and each.unit for each in TABLE)
    assert OBJECT_RULES.exceeded == "more than 30000 relabeling rules (limit OBJECT_RULES)"
    assert evolve(Finding(read(agent()), "x"), bug="y").bug == "y"

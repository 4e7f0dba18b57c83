"""The informer against a scripted server: what it asks next, after how long, and what it shows meanwhile."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from test.kube.manager import MANAGER
from test.kube.script import Reply, ScriptedTransport, Sent, broken, reply
from test.kube.virtual import VirtualClock
from vmagent_operator.kube.cache.absence import Absence, definition_deleted
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.meter import Meter
from vmagent_operator.kube.resource import Manifest, Resource

CASES = list(yaml.safe_load_all((Path(__file__).parent / "test_informer.yaml").read_text()))
THINGS = Resource("example.org", "v1", "things", "Thing")


def thing(text: str) -> Manifest:
    """`name@version/uid` as an object."""
    name, _, rest = text.partition("@")
    version, _, uid = rest.partition("/")
    return {"metadata": {"name": name, "namespace": "ns", "uid": uid or name, "resourceVersion": version}}


def short(manifest: Manifest) -> str:
    return f"{manifest['metadata']['name']}@{manifest['metadata']['resourceVersion']}"


def described(change: Change[Manifest]) -> str:
    subject = change.new or change.old
    assert subject
    sign = "~" if change.old and change.new else "+" if change.new else "?" if change.is_final_state_unknown else "-"
    return sign + str(subject["metadata"]["name"])


@attrs.define(eq=False)
class Counts(Meter):
    """What the metrics would say."""

    lists: Counter[str] = attrs.field(factory=Counter)
    watches: Counter[str] = attrs.field(factory=Counter)
    differences: int = 0
    handler_failures: int = 0

    def listed(self, kind: str, namespace: str, reason: str, result: str) -> None:
        self.lists[reason] += 1

    def watched(self, kind: str, namespace: str, result: str) -> None:
        self.watches[result] += 1

    def differed(self, kind: str, namespace: str, count: int) -> None:
        assert count > 0  # a list that shows no fault is told to nobody
        self.differences += count

    def handler_failed(self, kind: str, namespace: str) -> None:
        self.handler_failures += 1


@attrs.define(eq=False)
class Rig:
    """An informer, its server's script, and the waits between requests."""

    clock: VirtualClock = attrs.field(factory=VirtualClock)
    transport: ScriptedTransport = attrs.field(factory=ScriptedTransport)
    counts: Counts = attrs.field(factory=Counts)
    changes: list[str] = attrs.field(factory=list)
    waited: float = 0.0
    required: bool = True
    informer: Informer[Manifest] = attrs.field(init=False)
    last: Reply | None = None
    watches: list[Reply] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        client = Client(self.transport, manager=MANAGER, clock=self.clock, meter=self.counts)
        self.informer = Informer.of(
            client,
            Collection(THINGS, jitter=lambda: 0.0),
            Store(lambda manifest: manifest),
            lambda change: self.changes.append(described(change)),
            Absence(required=self.required),
        )

    def expect(self, kind: str, entry: dict[str, Any]) -> None:
        """Add one request to the script, with what must hold when it comes."""
        build = {"list": self._list, "watch": self._watch, "discovery": self._discovery}[kind]

        def answer(sent: Sent) -> Reply:
            self._check(kind, sent, entry)
            self.waited = 0.0
            assert all(watch.closed for watch in self.watches), "one connection at a time"
            self.last = broken(entry["breaks"]) if kind == "list" and "breaks" in entry else build(entry)
            self.watches += [self.last] * (kind == "watch")
            return self.last

        self.transport.replies.append(answer)

    def run(self) -> None:
        """Step until the script is over and its last watch has nothing to say."""
        for _ in range(1000):
            idle = not self.transport.replies and self.last is not None and self.last.stays_open
            seconds = self.informer.step()
            self.waited += seconds
            self.clock.seconds += seconds
            if idle and self.informer.state.phase is Phase.WATCHING and not self.last_pending():
                return
        raise AssertionError(f"the script did not come to its end: {self.transport.sent[-3:]}")

    def last_pending(self) -> bool:
        assert self.last
        version = self.last.headers.get("last", "")
        return bool(version) and self.informer.state.resource_version != version

    def _check(self, kind: str, sent: Sent, entry: dict[str, Any]) -> None:
        asked = "watch" if "watch" in sent.query else "list" if sent.path.endswith("/things") else "discovery"
        assert asked == kind
        if "waited" in entry:
            assert self.waited == pytest.approx(entry["waited"])
        if kind == "watch":
            assert sent.query["resourceVersion"] == str(entry["from"])
            assert sent.query["allowWatchBookmarks"] == "true"
        if kind == "list":
            assert "resourceVersion" not in sent.query
            assert sent.query.get("continue") == entry.get("token")
            assert sent.query.get("limit") == entry.get("limit", "500")
        if "shows" in entry:
            assert sorted(map(short, self.informer.store.items())) == entry["shows"]
        informer = self.informer
        facts = {"phase": informer.state.phase.value, "synced": informer.has_synced, "healthy": informer.is_healthy}
        assert {name: facts[name] for name in facts if name in entry} == {
            name: entry[name] for name in facts if name in entry
        }

    def _list(self, entry: dict[str, Any]) -> Reply:
        if "status" in entry:
            return self._refusal(entry)
        objects = [thing(text) for text in entry.get("objects", ())]
        objects += [thing(f"o{number}@{number + 1}") for number in range(entry.get("many", 0))]
        metadata = {"resourceVersion": str(entry["version"]), "continue": entry.get("continue", "")}
        return reply({"kind": "ThingList", "metadata": metadata, "items": objects})

    def _watch(self, entry: dict[str, Any]) -> Reply:
        if entry.get("status", 200) != 200:
            self._passes(entry)
            return self._refusal(entry)
        events = []
        for text in entry.get("events", ()):
            type_, _, subject = text.partition(" ")
            events.append({"type": type_, "object": thing(subject)})
        if "error" in entry:
            events.append({"type": "ERROR", "object": entry["error"]})
        lines = [*(json.dumps(event) for event in events[:1]), *entry.get("lines", ())]
        lines += [json.dumps(event) for event in events[1:]]
        ends = "lasts" in entry or "breaks" in entry or "lines" in entry
        return Reply(
            lines=tuple(line.encode() for line in lines),
            headers={"last": events[-1]["object"]["metadata"]["resourceVersion"]} if events and not ends else {},
            breaks=entry.get("breaks", ""),
            then=lambda: self._passes(entry),
            stays_open=not ends,
        )

    def _passes(self, entry: dict[str, Any]) -> None:
        self.clock.seconds += entry.get("lasts", 0)
        self.clock.wall_offset_seconds += entry.get("wall", 0)

    def _discovery(self, entry: dict[str, Any]) -> Reply:
        if "status" in entry:
            return self._refusal(entry)
        return reply({"resources": [{"name": "things"}] if entry["served"] else []})

    def _refusal(self, entry: dict[str, Any]) -> Reply:
        headers = {"retry_after": str(entry["retry_after"])} if "retry_after" in entry else {}
        return reply({"kind": "Status", "reason": entry.get("reason", "")}, entry["status"], **headers)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_reaction(case: dict[str, Any]) -> None:
    rig = Rig(required=case.get("required", True))
    if "objects_at_start" in case:
        rig.expect("list", {"version": 10, "many": case["objects_at_start"]})
    for entry in case["script"]:
        for kind, details in entry.items():
            rig.expect(kind, details)
    rig.run()
    want = case["want"]
    assert dict(rig.counts.lists) == want["lists"]
    assert rig.counts.differences == want.get("differences", 0)
    assert dict(rig.counts.watches) == want.get("watches", rig.counts.watches)
    assert rig.informer.has_synced
    if "count" in want:
        assert len(rig.informer.store) == want["count"]
        assert rig.changes[case["objects_at_start"] :] == want["changes_after_start"]
    else:
        assert sorted(map(short, rig.informer.store.items())) == want.get("store", [])
        assert rig.changes == want.get("changes", [])


def synced() -> Rig:
    rig = Rig()
    rig.expect("list", {"version": 10, "objects": ["a@1"]})
    rig.expect("watch", {"from": 10})
    rig.run()
    return rig


def test_a_handler_that_fails_is_counted_and_stops_nothing() -> None:
    """C-16, C-19: the others hear of their changes, and the source has synced."""
    rig = Rig()
    heard: list[str] = []

    def fail_once(change: Change[Manifest]) -> None:
        heard.append(described(change))
        if len(heard) == 1:
            raise RuntimeError("a bug")

    rig.informer.on_change = fail_once
    rig.expect("list", {"version": 10, "objects": ["a@1", "b@2"]})
    rig.expect("watch", {"from": 10})
    rig.run()
    assert (heard, rig.counts.handler_failures, rig.informer.has_synced) == (["+a", "+b"], 1, True)


def test_the_store_shows_a_change_before_its_handler_runs_and_is_not_synced_before_it_returns() -> None:
    rig = Rig()
    seen: list[tuple[int, bool]] = []
    rig.informer.on_change = lambda change: seen.append((len(rig.informer.store), rig.informer.has_synced))
    rig.expect("list", {"version": 10, "objects": ["a@1", "b@2"]})
    rig.expect("watch", {"from": 10})
    rig.run()
    assert seen == [(2, False), (2, False)]


def test_closing_ends_a_watch_that_is_being_opened() -> None:
    rig = Rig()
    rig.expect("list", {"version": 10})
    rig.informer.step()
    rig.expect("watch", {"from": 10})
    build = rig.transport.replies.pop()
    assert not isinstance(build, Reply)

    def closes_meanwhile(sent: Sent) -> Reply:
        rig.informer.close()
        return build(sent)

    rig.transport.replies.append(closes_meanwhile)
    rig.informer.step()
    assert rig.last is not None
    assert rig.last.closed
    assert [rig.informer.step(), rig.informer.state.phase] == [0.0, Phase.STOPPED]


def test_closing_ends_the_watch() -> None:
    rig = synced()
    rig.informer.close()
    assert [watch.closed for watch in rig.watches] == [True], "its reader may be waiting in it"
    rig.informer.step()
    rig.informer.step()
    assert rig.informer.state.phase is Phase.STOPPED


def test_an_exception_that_nobody_expects_leaves_a_machine_that_goes_on_at_the_last_version() -> None:
    """C-25: what its thread does is call `step` again."""
    rig = synced()
    rig.expect("watch", {"from": 10, "events": ["ADDED b@11"]})
    transform = rig.informer.store.transform
    rig.informer.store.transform = lambda manifest: manifest["bug"]
    assert rig.last
    rig.last.stays_open = False
    rig.clock.seconds += 5
    rig.informer.step()
    rig.informer.step()
    with pytest.raises(KeyError, match="bug"):
        rig.informer.step()
    rig.informer.store.transform = transform
    rig.expect("watch", {"from": 10, "events": ["ADDED b@11"]})
    rig.run()
    assert rig.changes == ["+a", "+b"]


def test_unhealthy_since_the_first_fault_and_healthy_with_the_next_watch() -> None:
    rig = synced()
    assert rig.informer.is_healthy
    assert rig.last
    rig.last.stays_open = False
    rig.expect("watch", {"from": 10, "status": 503})
    rig.expect("watch", {"from": 10, "status": 503})
    rig.clock.seconds = 100.0
    for _ in range(3):
        rig.clock.seconds += rig.informer.step()
    assert rig.informer.state.unhealthy_since == 100.0
    assert str(rig.informer.state.error) == "503 Service Unavailable"
    rig.expect("watch", {"from": 10})
    rig.run()
    assert [rig.informer.state.unhealthy_since, rig.informer.state.error] == [None, None]


def test_a_watch_that_we_break_off_ourselves_is_no_fault_and_the_list_comes_at_once() -> None:
    rig = synced()
    assert rig.last
    rig.last.stays_open = False
    rig.clock.seconds += 5

    def breaks_off(sent: Sent) -> Reply:
        rig.informer.refresh()
        return broken("reset")

    rig.transport.replies.append(breaks_off)
    rig.expect("list", {"version": 20, "objects": ["a@1", "b@15"], "waited": 0})
    rig.expect("watch", {"from": 20})
    rig.run()
    assert (rig.changes, rig.informer.failures.backoff.errors) == (["+a", "+b"], 0)


def test_several_namespaces_are_several_informers_over_one_store() -> None:
    store: Store[Manifest] = Store(lambda manifest: manifest)
    transport = ScriptedTransport()
    client = Client(transport, manager=MANAGER, clock=VirtualClock())
    names = list[str]()
    for namespace, versions in (("one", "12"), ("two", "3"), ("one", "2")):
        items = [
            {"metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": name}}
            for name in versions
        ]
        transport.replies.append(reply({"metadata": {"resourceVersion": "9"}, "items": items}))
        informer = Informer.of(client, Collection(THINGS, namespace=namespace), store, lambda change: None)
        informer.step()
        names.append(informer.name)
    assert names == ["Thing one", "Thing two", "Thing one"]
    assert sorted(item["metadata"]["name"] for item in store.items()) == ["2", "3"]
    assert [sent.path for sent in transport.sent] == [
        f"/apis/example.org/v1/namespaces/{namespace}/things" for namespace in ("one", "two", "one")
    ]


@pytest.mark.parametrize(
    ("replies", "is_gone"),
    [
        ([reply({"resources": [{"name": "things"}]})], False),
        ([reply({"resources": []}), reply(status=404)], True),
        ([reply(status=404), reply(status=403)], True),
        ([reply(status=404), reply({"metadata": {"name": "x"}})], False),
        ([reply(status=404), reply({"metadata": {"name": "x", "deletionTimestamp": "now"}})], True),
    ],
)
def test_a_kind_is_gone_if_discovery_and_its_definition_say_so(replies: list[Any], is_gone: bool) -> None:
    """C-21, where the definition may be read."""
    assert (
        definition_deleted(Client(ScriptedTransport(replies), manager=MANAGER, clock=VirtualClock()), THINGS) is is_gone
    )


def test_watch_timeouts_are_spread_over_one_to_two_times_the_minimum() -> None:
    """C-6"""
    rig = synced()
    rig.informer.collection = attrs.evolve(rig.informer.collection, jitter=lambda: 0.5)
    assert rig.last
    rig.last.stays_open = False
    rig.clock.seconds += 300
    rig.expect("watch", {"from": 10})
    rig.run()
    assert [sent.query["timeoutSeconds"] for sent in rig.transport.sent[1:]] == ["300", "450"]


@pytest.mark.parametrize(
    ("required", "level", "at_seconds"), [(True, "WARNING", [0.0, 60.0, 120.0]), (False, "INFO", [0.0])]
)
def test_a_kind_that_is_not_served_is_worth_a_line_a_minute_if_it_is_required(
    caplog: pytest.LogCaptureFixture, required: bool, level: str, at_seconds: list[float]
) -> None:
    rig = Rig(required=required)
    lines = list[float]()
    for _ in range(5):
        rig.expect("list", {"status": 404})
        rig.expect("discovery", {"served": False})
        caplog.clear()
        with caplog.at_level("INFO"):
            seconds = rig.informer.step()
        assert (rig.informer.state.phase, rig.informer.state.absent_at, seconds) == (
            Phase.ABSENT,
            rig.clock.seconds,
            30,
        )
        if caplog.records:
            assert [(each.levelname, each.message) for each in caplog.records] == [
                (level, "Thing: the API server does not serve it")
            ]
            lines.append(rig.clock.seconds)
        rig.clock.seconds += seconds
    assert lines == at_seconds
    rig.expect("list", {"version": 10})
    rig.expect("watch", {"from": 10, "status": 404})
    rig.expect("list", {"status": 404})
    rig.expect("discovery", {"served": False})
    for _ in range(3):
        rig.clock.seconds += rig.informer.step()
    assert rig.informer.state.phase is not Phase.ABSENT  # it has been there, so three answers are needed

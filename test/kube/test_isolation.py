"""What is wrong with one object of an answer costs neither the others nor their source."""

import json
import threading
from typing import Any

import pytest

from test.kube.manager import MANAGER
from test.kube.script import ScriptedTransport, reply
from test.kube.virtual import VirtualClock
from vmagent_operator.kube import errors
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.loop import Loop
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.errors import BadResponse
from vmagent_operator.kube.http import answer as answers
from vmagent_operator.kube.http.client import Client, Patience
from vmagent_operator.kube.resource import Manifest, Remains, Resource

THINGS = Resource("example.org", "v1", "things", "Thing")
LIMIT = 100
TOO_DEEP = f"spec: nested deeper than {LIMIT} levels"


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + "1" * (opening != "[") + closing * levels


def thing(name: str, spec: str = "{}", **more: str) -> str:
    """A Thing as text, its members as they are given."""
    metadata = f'{{"name":"{name}","namespace":"ns","uid":"u-{name}","resourceVersion":"7","labels":{{"a":"b"}}}}'
    members = {"metadata": metadata, "spec": spec, **more}
    return "{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}"


def things(*items: str) -> str:
    return f'{{"kind":"ThingList","metadata":{{"resourceVersion":"9"}},"items":[{",".join(items)}]}}'


def added(item: str) -> bytes:
    return f'{{"type":"ADDED","object":{item}}}'.encode()


POISON = {
    "arrays": (nested(1100), TOO_DEEP),
    "objects": (nested(9000, '{"a":', "}"), TOO_DEEP),
    "just too deep": (nested(LIMIT), TOO_DEEP),
    "no JSON": ('{"a":tru}', "spec: the answer is not JSON"),
    "a number that Python refuses": ("9" * 5000, "spec: the answer is not JSON"),
}


@pytest.mark.parametrize("name", POISON)
def test_an_object_that_cannot_be_read_is_one_item_of_its_list(name: str) -> None:
    spec, fault = POISON[name]
    client = Client(ScriptedTransport([reply(things(thing("a"), thing("bad", spec), thing("b")))]), manager=MANAGER)
    one, bad, other = client.list(THINGS).items
    assert [one["spec"], other["spec"]] == [{}, {}]
    assert isinstance(bad, Remains)
    assert bad.fault == fault
    assert bad == {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": json.loads(thing("bad"))["metadata"],
    }


@pytest.mark.parametrize("name", POISON)
def test_an_object_that_cannot_be_read_is_one_event_of_its_watch(name: str) -> None:
    spec, fault = POISON[name]
    event = answers.event(added(thing("bad", spec)), THINGS, False)
    assert (event.type, event.object.fault, event.object["metadata"]["uid"]) == ("ADDED", fault, "u-bad")


def test_objects_may_have_as_many_levels_as_the_limit_says() -> None:
    deep = thing("a", nested(LIMIT - 1))
    client = Client(ScriptedTransport([reply(things(deep)), reply(deep)]), manager=MANAGER)
    assert client.list(THINGS).items[0]["spec"] == json.loads(nested(LIMIT - 1))
    assert not isinstance(client.get(THINGS, "ns", "a"), Remains)
    assert answers.event(added(deep), THINGS, False).object["spec"] == json.loads(nested(LIMIT - 1))


def test_managed_fields_and_status_are_no_loss() -> None:
    """Both repeat, or are, what anybody may have nested; what the operator reads is elsewhere."""
    deep = nested(1100, '{"f:a":', "}")
    metadata = f'{{"name":"a","resourceVersion":"7","managedFields":[{{"fieldsV1":{deep}}}]}}'
    text = f'{{"metadata":{metadata},"spec":{{"b":1}},"status":{{"lastAppliedSpec":{deep}}}}}'
    live = Client(ScriptedTransport([reply(text)]), manager=MANAGER).get(THINGS, "ns", "a")
    assert not isinstance(live, Remains)
    assert (live["metadata"], live["spec"]) == ({"name": "a", "resourceVersion": "7"}, {"b": 1})
    assert "status" not in live


def test_of_metadata_that_cannot_be_read_as_a_whole_what_the_limit_allows_is_read() -> None:
    deep = nested(1100, '{"f:a":', "}")

    def live(levels: int) -> Manifest:
        metadata = f'{{"name":"a","resourceVersion":"7","labels":{nested(levels)},"managedFields":[{deep}]}}'
        return Client(ScriptedTransport([reply(f'{{"metadata":{metadata}}}')]), manager=MANAGER).get(THINGS, "ns", "a")

    assert live(LIMIT - 2)["metadata"]["labels"] == json.loads(nested(LIMIT - 2))
    assert "labels" not in live(LIMIT - 1)["metadata"]


@pytest.mark.parametrize(
    "text",
    [
        nested(1100),
        nested(100_000),
        things(nested(1100)),
        things('{"spec":' + nested(1100) + "}"),
        things(thing("a"))[:-3],
        '{"metadata":{},"items":' + nested(1100) + "}",
    ],
)
def test_an_answer_without_objects_to_tell_apart_is_bad(text: str) -> None:
    with pytest.raises(BadResponse):
        Client(ScriptedTransport([reply(text)]), manager=MANAGER, patience=Patience(tries=1)).list(THINGS)


@pytest.mark.parametrize("line", [nested(1100), '{"type":"ADDED","object":' + nested(1100) + "}", '{"type":' * 500])
def test_a_line_without_an_object_is_bad(line: str) -> None:
    with pytest.raises(BadResponse):
        answers.event(line.encode(), THINGS, False)


@pytest.mark.parametrize("key", ["namespace", "uid"])
def test_an_identity_that_is_no_text_is_bad(key: str) -> None:
    raw = {"metadata": {"name": "a", "resourceVersion": "7", key: ["x"]}}
    with pytest.raises(BadResponse, match="a Thing of the answer has a namespace or uid that is no text"):
        answers.named(raw, THINGS, False)


def test_an_error_with_a_nested_body_is_that_of_its_status() -> None:
    error = errors.from_response(403, {}, nested(60_000).encode())
    assert (type(error), error.message) == (errors.Forbidden, "403 Forbidden")


def test_an_object_that_a_bug_cannot_take_is_kept_without_its_content() -> None:
    def transform(raw: Manifest) -> Any:
        if "bomb" in raw.get("spec", {}):
            raise KeyError("bomb")
        return raw

    def shapes(raw: Manifest) -> list[str]:
        return [raw["spec"]["shape"]] if "spec" in raw else []

    store: Store[Any] = Store(transform, {"shape": shapes})
    specs = {"good": {"shape": "round"}, "transform": {"bomb": 1}, "index": {}}
    raws = [{"kind": "Thing", "metadata": json.loads(thing(name))["metadata"], "spec": specs[name]} for name in specs]
    store.replace(store.decode(raw) for raw in raws)
    assert [item["metadata"]["name"] for item in store.by("shape", "round")] == ["good"]
    for name in ("transform", "index"):
        kept: Any = store.get("ns", name)
        assert kept.fault == "internal error, see the operator's log"
        assert kept["metadata"] == {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": "7"}
    assert store.failures == 2


def test_a_source_whose_thread_fails_is_not_to_be_believed_until_it_goes_on() -> None:
    transport = ScriptedTransport([reply(things()), lambda sent: 1 / 0, reply(things())])  # type: ignore[list-item, return-value]
    client = Client(transport, manager=MANAGER, clock=VirtualClock())
    informer = Informer.of(client, Collection(THINGS), Store(lambda raw: raw), lambda change: None)
    informer.step()
    with pytest.raises(ZeroDivisionError):
        informer.step()
    assert (informer.state.phase, informer.is_healthy, str(informer.state.error)) == (
        Phase.BACKOFF,
        False,
        "division by zero",
    )


def test_a_nested_object_takes_no_thread_with_it() -> None:
    store: Store[Any] = Store(lambda raw: raw)
    items = [thing(name, spec) for name, (spec, _) in POISON.items()]
    transport = ScriptedTransport([reply(things(thing("good"), *items))])
    informer = Informer.of(Client(transport, manager=MANAGER), Collection(THINGS), store, lambda change: None)
    stop = threading.Event()

    def step() -> float:
        stop.set()
        return informer.step()

    loop = Loop("things", step, VirtualClock(), stop)
    loop.start()
    assert loop.join(10)
    assert (informer.has_synced, loop.is_healthy, len(store)) == (True, True, 1 + len(POISON))

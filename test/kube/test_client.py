"""The client against a scripted server: what it sends, what it repeats, what it refuses to send."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from test.kube.manager import MANAGER
from test.kube.script import Reply, ScriptedTransport, broken, reply
from test.kube.virtual import VirtualClock
from vmagent_operator.kube import errors
from vmagent_operator.kube.errors import (
    ApiError,
    BadResponse,
    Cancelled,
    NetworkError,
    NotFound,
    ServerError,
    Timeout,
    TooManyRequests,
)
from vmagent_operator.kube.http import call as calls
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.kube.http.client import Client, Patience
from vmagent_operator.kube.http.ratelimit import Bucket, Spare
from vmagent_operator.kube.meter import Exchange, Meter
from vmagent_operator.kube.resource import (
    BY_KIND,
    CLUSTERROLES,
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    SECRETS,
    Manifest,
    Resource,
    of,
)

SECRET: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "5"},
    "data": {"key": "dmFsdWU="},
}
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


def client(*replies: Reply, **options: Any) -> tuple[Client, ScriptedTransport, VirtualClock]:
    transport, clock = ScriptedTransport(list(replies)), VirtualClock()
    return Client(transport, manager=MANAGER, clock=clock, **{"jitter": lambda: 1.0, **options}), transport, clock


def forbid() -> None:
    raise Cancelled("not now")


@pytest.mark.parametrize(
    ("resource", "place", "path"),
    [
        (SECRETS, ("ns", "a"), "/api/v1/namespaces/ns/secrets/a"),
        (SECRETS, (None,), "/api/v1/secrets"),
        (DEPLOYMENTS, ("ns",), "/apis/apps/v1/namespaces/ns/deployments"),
        (DEPLOYMENTS, ("ns", "a", "status"), "/apis/apps/v1/namespaces/ns/deployments/a/status"),
        (NAMESPACES, (None, "ns"), "/api/v1/namespaces/ns"),
        (CLUSTERROLES, (None, "a:b"), "/apis/rbac.authorization.k8s.io/v1/clusterroles/a:b"),
        (SECRETS, ("n/s", "a?b"), "/api/v1/namespaces/n%2Fs/secrets/a%3Fb"),
    ],
)
def test_paths(resource: Resource, place: Any, path: str) -> None:
    assert resource.path(*place) == path


def test_a_route_names_no_object() -> None:
    """M-2"""
    assert SECRETS.route("ns", "a") == "/api/v1/namespaces/{namespace}/secrets/{name}"
    assert SECRETS.route() == "/api/v1/secrets"
    assert NAMESPACES.route(None, "ns", "status") == "/api/v1/namespaces/{name}/status"


def test_a_path_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="ClusterRole has no namespace, got 'ns'"):
        CLUSTERROLES.path("ns", "a")
    with pytest.raises(ValueError, match="Secret a needs a namespace"):
        SECRETS.path(None, "a")


def test_a_manifest_tells_its_resource() -> None:
    assert of({"apiVersion": "apps/v1", "kind": "Deployment"}) is DEPLOYMENTS


def test_what_has_no_namespace() -> None:
    assert {resource.kind for resource in BY_KIND.values() if not resource.namespaced} == {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "StorageClass",
        "CustomResourceDefinition",
    }


def test_get() -> None:
    api, transport, _ = client(reply(SECRET))
    assert api.get(SECRETS, "ns", "a") == SECRET
    assert (transport.sent[0].method, transport.sent[0].path) == ("GET", "/api/v1/namespaces/ns/secrets/a")


@pytest.mark.parametrize("kind", ["PartialObjectMetadata", "Secret"])
def test_metadata_only_keeps_nothing_else_even_of_a_server_that_sends_everything(kind: str) -> None:
    api, transport, _ = client(reply(SECRET | {"kind": kind}))
    assert api.get(SECRETS, "ns", "a", metadata_only=True) == {k: v for k, v in SECRET.items() if k != "data"}
    assert transport.sent[0].headers["accept"] == METADATA_ONLY


def test_a_list_reads_all_pages_of_one_moment() -> None:
    """C-2, C-3; its items say what they are, which the server leaves out."""
    pages = [
        {"metadata": {"resourceVersion": "7", "continue": "next"}, "items": [{"metadata": SECRET["metadata"]}]},
        {"metadata": {"resourceVersion": "8"}, "items": None},
    ]
    api, transport, _ = client(*map(reply, pages))
    listing = api.list(SECRETS, "ns", selector="a=b", metadata_only=True)
    assert (listing.resource_version, listing.items) == ("7", ({k: v for k, v in SECRET.items() if k != "data"},))
    assert [dict(sent.query) for sent in transport.sent] == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "next"},
    ]
    assert (transport.sent[0].headers["accept"], transport.sent[0].timeout) == (METADATA_LIST, 60)


def test_an_object_is_made_what_is_kept_of_it_as_its_page_comes_in() -> None:
    api, transport, _ = client(reply({"metadata": {"resourceVersion": "7"}, "items": [SECRET]}))
    assert api.list_with(lambda manifest: str(manifest["metadata"]["name"]), SECRETS).items == ("a",)
    assert transport.sent[0].query == {"limit": "500"}


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"metadata": {}, "items": []},
        {"metadata": {"resourceVersion": "7"}},
        {"metadata": {"resourceVersion": "7"}, "items": {}},
        {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]},
        "<html>",
    ],
)
def test_a_list_of_another_shape_is_no_empty_list(page: Any) -> None:
    api, _, _ = client(reply(page), patience=Patience(tries=1))
    with pytest.raises(BadResponse):
        api.list(SECRETS)


def test_watch() -> None:
    lines = (b'{"type":"ADDED","object":%s}' % _json(SECRET), b"", b'{"type":"ERROR","object":{"code":410}}')
    api, transport, _ = client(Reply(lines=lines))
    with api.watch(SECRETS, resource_version="7", selector="a=b", timeout_seconds=312.4) as watch:
        events = list(watch)
    assert events == [Event("ADDED", SECRET), None, Event("ERROR", {"code": 410})]
    assert transport.sent[0].timeout == 150
    assert transport.sent[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "312",
        "labelSelector": "a=b",
    }


def test_a_watch_refused_is_an_error_with_the_servers_reason() -> None:
    api, _, _ = client(reply({"reason": "Expired", "message": "too old"}, 410))
    with pytest.raises(errors.Gone, match="too old"):
        api.watch(SECRETS, resource_version="7", timeout_seconds=1)


@pytest.mark.parametrize(
    ("write", "method", "path", "query", "content_type"),
    [
        (
            lambda api: api.apply(SECRETS, SECRET),
            "PATCH",
            "/secrets/a",
            {"fieldManager": "me", "force": "true"},
            "apply-patch+yaml",
        ),
        (
            lambda api: api.apply(SECRETS, SECRET, force=False),
            "PATCH",
            "/secrets/a",
            {"fieldManager": "me", "force": "false"},
            "apply-patch+yaml",
        ),
        (lambda api: api.create(SECRETS, SECRET), "POST", "/secrets", {"fieldManager": "me"}, "json"),
        (
            lambda api: api.replace(SECRETS, SECRET, subresource="status"),
            "PUT",
            "/secrets/a/status",
            {"fieldManager": "me"},
            "json",
        ),
        (
            lambda api: api.json_patch(SECRETS, "ns", "a", SECRET),
            "PATCH",
            "/secrets/a",
            {"fieldManager": "me"},
            "json-patch+json",
        ),
        (
            lambda api: api.merge_patch(SECRETS, "ns", "a", SECRET, subresource="status"),
            "PATCH",
            "/secrets/a/status",
            {"fieldManager": "me"},
            "merge-patch+json",
        ),
    ],
)
def test_writes(
    write: Callable[[Client], Manifest], method: str, path: str, query: dict[str, str], content_type: str
) -> None:
    """P-58: every one carries the field manager. P-46: none may outlast the lease."""
    api, transport, _ = client(reply(SECRET))
    write(api)
    (sent,) = transport.sent
    assert (sent.method, sent.path) == (method, f"/api/v1/namespaces/ns{path}")
    assert (sent.query, sent.timeout) == (query, 14)
    assert sent.headers["content-type"] == f"application/{content_type}"


def test_apply_asks_for_metadata_only() -> None:
    """R-13: a Secret's content does not travel back."""
    api, transport, _ = client(reply(SECRET))
    assert "data" not in api.apply(SECRETS, SECRET)
    assert transport.sent[0].headers["accept"] == METADATA_ONLY


def test_delete_is_bound_to_the_object_that_was_read() -> None:
    """R-14, K-23"""
    api, transport, _ = client(reply())
    api.delete(SECRETS, "ns", "a", uid="u", resource_version="5", propagation="Foreground")
    assert (transport.sent[0].method, transport.sent[0].body) == (
        "DELETE",
        {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "u", "resourceVersion": "5"},
            "propagationPolicy": "Foreground",
        },
    )


def test_evict_is_bound_to_the_pod_that_was_read() -> None:
    api, transport, _ = client(reply(status=429))
    with pytest.raises(TooManyRequests):
        api.evict("ns", "a", uid="u")
    (sent,) = transport.sent
    assert (sent.method, sent.path) == ("POST", "/api/v1/namespaces/ns/pods/a/eviction")
    assert sent.body["deleteOptions"] == {"preconditions": {"uid": "u"}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda api: api.delete(SECRETS, "ns", "a", uid=""),
            "an object is deleted by its UID, never by its name alone",
        ),
        (lambda api: api.evict("ns", "a", uid=""), "an object is deleted by its UID, never by its name alone"),
        (
            lambda api: api.replace(SECRETS, {"metadata": {"name": "a", "uid": "u"}}),
            "a Secret to replace needs uid and resourceVersion",
        ),
        (
            lambda api: api.create(CONFIGMAPS, {"metadata": {"namespace": "ns"}, "x": math.nan}),
            "Out of range float values are not JSON compliant",
        ),
    ],
)
def test_what_is_never_sent(call: Callable[[Client], object], message: str) -> None:
    api, transport, _ = client()
    with pytest.raises(ValueError, match=message):
        call(api)
    assert transport.sent == []


def test_a_closed_gate_stops_writes_but_no_reads() -> None:
    """P-45"""
    api, transport, _ = client(reply(SECRET), before_write=forbid)
    assert api.get(SECRETS, "ns", "a") == SECRET
    for write in (
        lambda: api.apply(SECRETS, SECRET),
        lambda: api.create(SECRETS, SECRET),
        lambda: api.replace(SECRETS, SECRET),
        lambda: api.json_patch(SECRETS, "ns", "a", []),
        lambda: api.merge_patch(SECRETS, "ns", "a", {}),
        lambda: api.delete(SECRETS, "ns", "a", uid="u"),
        lambda: api.evict("ns", "a", uid="u"),
    ):
        with pytest.raises(Cancelled, match="not now"):
            write()
    assert len(transport.sent) == 1


def test_the_gate_is_asked_after_the_wait_for_the_budget() -> None:
    api, transport, clock = client()
    bucket = Bucket(0.5, 1, clock)
    bucket.reserve()
    asked: list[float] = []

    def before_write() -> None:
        asked.append(clock.seconds)
        raise Cancelled("closed meanwhile")

    with pytest.raises(Cancelled):
        attrs.evolve(api, limiter=bucket, before_write=before_write).create(SECRETS, SECRET)
    assert (asked, transport.sent) == ([2.0], [])


def test_a_check_stops_every_request() -> None:
    """R-29"""
    api, transport, _ = client(before_request=forbid)
    for call in (
        lambda: api.get(SECRETS, "ns", "a"),
        lambda: api.list(SECRETS),
        lambda: api.watch(SECRETS, resource_version="1", timeout_seconds=1),
        lambda: api.server_version(),
    ):
        with pytest.raises(Cancelled):
            call()
    assert transport.sent == []


@pytest.mark.parametrize(
    "fault",
    [
        broken("refused"),
        broken("reset"),
        broken("timeout"),
        *(reply(status=status) for status in (429, 500, 502, 503, 504)),
    ],
)
def test_a_read_is_repeated_after_a_growing_time(fault: Reply) -> None:
    """P-61"""
    api, transport, clock = client(fault, fault, reply(SECRET))
    assert api.get(SECRETS, "ns", "a") == SECRET
    assert (len(transport.sent), clock.waits) == (3, [0.1, 0.2])


def test_a_read_is_given_up_after_three_tries() -> None:
    api, transport, _ = client(*(reply(status=503) for _ in range(3)))
    with pytest.raises(ServerError):
        api.get(SECRETS, "ns", "a")
    assert len(transport.sent) == 3


@pytest.mark.parametrize(
    "fault", [reply(status=status) for status in (400, 401, 403, 404, 409, 410, 422, 501)] + [reply("[]")]
)
def test_what_repeating_would_not_mend_is_not_repeated(fault: Reply) -> None:
    api, transport, _ = client(fault)
    with pytest.raises(ApiError):
        api.get(SECRETS, "ns", "a")
    assert len(transport.sent) == 1


@pytest.mark.parametrize("fault", [broken("reset"), broken("timeout"), reply(status=500), reply(status=429)])
def test_a_write_that_the_server_may_have_seen_is_never_repeated(fault: Reply) -> None:
    """P-61, R-16, F-23"""
    api, transport, _ = client(fault)
    with pytest.raises(ApiError):
        api.create(SECRETS, SECRET)
    assert len(transport.sent) == 1


def test_a_write_that_surely_was_not_sent_is() -> None:
    api, transport, _ = client(broken("refused"), reply(SECRET))
    assert api.create(SECRETS, SECRET) == SECRET
    assert len(transport.sent) == 2


def test_a_client_for_those_with_loops_of_their_own_repeats_nothing() -> None:
    api, transport, _ = client(broken("refused"), patience=Patience(tries=1))
    with pytest.raises(NetworkError):
        api.get(SECRETS, "ns", "a")
    assert len(transport.sent) == 1


@pytest.mark.parametrize(("asked", "waits", "sent"), [("7", [7.0], 2), ("10", [10.0], 2), ("11", [], 1)])
def test_retry_after_is_honoured_up_to_ten_seconds(asked: str, waits: list[float], sent: int) -> None:
    """F-20: a worker is not held for longer; whoever scheduled it learns of the time instead."""
    api, transport, clock = client(reply(status=429, retry_after=asked), reply(SECRET))
    with suppress(TooManyRequests):
        api.get(SECRETS, "ns", "a")
    assert (clock.waits, len(transport.sent)) == (waits, sent)


def test_all_tries_together_have_one_deadline() -> None:
    """C-13"""
    api, transport, _ = client(reply(status=503, retry_after="9"), reply(status=503, retry_after="9"))
    with pytest.raises(ServerError):
        attrs.evolve(api, patience=Patience(seconds=15)).get(SECRETS, "ns", "a")
    assert [sent.timeout for sent in transport.sent] == [15, 6]


def test_stopping_ends_the_wait_for_another_try() -> None:
    api, transport, _ = client(reply(status=503))
    api.stop.set()
    with pytest.raises(Cancelled, match="stopped before the request was repeated"):
        api.get(SECRETS, "ns", "a")
    assert len(transport.sent) == 1


def test_the_budget_lets_a_burst_through_and_then_a_steady_stream() -> None:
    """P-59"""
    api, _, clock = client(*(reply(SECRET) for _ in range(5)))
    limited = attrs.evolve(api, limiter=Bucket(4, 2, clock))
    for _ in range(5):
        limited.get(SECRETS, "ns", "a")
    assert clock.waits == [0.25, 0.25, 0.25]


def test_low_priority_requests_take_what_others_leave() -> None:
    api, _, clock = client(*[reply(SECRET)] * 6)
    budget = Bucket(10, 4, clock)
    ordinary, low = attrs.evolve(api, limiter=budget), attrs.evolve(api, limiter=Spare(budget, 2))
    for caller in (low, low, ordinary, ordinary):
        caller.get(SECRETS, "ns", "a")
    assert clock.waits == []
    low.get(SECRETS, "ns", "a")
    assert clock.waits == [pytest.approx(0.3)]
    ordinary.get(SECRETS, "ns", "a")
    assert len(clock.waits) == 1


def test_what_is_reserved_stays_for_others() -> None:
    clock = VirtualClock()
    budget = Bucket(10, 4, clock)
    waited = [Spare(budget, 2).acquire(threading.Event()) for _ in range(4)]
    assert waited == pytest.approx([0, 0, 0.1, 0.1])
    assert [budget.reserve(), budget.reserve(), budget.reserve()] == pytest.approx([0, 0, 0.1])


def test_stopping_ends_the_wait_for_the_budget() -> None:
    api, transport, clock = client()
    bucket = Bucket(1, 1, clock)
    bucket.reserve()
    api.stop.set()
    with pytest.raises(Cancelled, match="stopped while waiting for the request budget"):
        attrs.evolve(api, limiter=bucket).get(SECRETS, "ns", "a")
    assert transport.sent == []


def test_a_budget_that_leaves_no_time_sends_nothing() -> None:
    api, transport, clock = client()
    bucket = Bucket(0.01, 1, clock)
    bucket.reserve()
    with pytest.raises(NetworkError, match="left no time") as caught:
        attrs.evolve(api, limiter=bucket, patience=Patience(tries=1)).create(SECRETS, SECRET)
    assert (caught.value.is_uncertain, transport.sent) == (False, [])


def test_the_meter_hears_of_every_exchange() -> None:
    exchanges: list[Exchange] = []
    throttled: list[tuple[float, bool]] = []

    class Exchanges(Meter):
        def exchange(self, exchange: Exchange) -> None:
            exchanges.append(exchange)

        def throttled(self, seconds: float, pool: str, *, by_server: bool) -> None:
            throttled.append((seconds, by_server))

    api, _, _ = client(
        reply(status=429, retry_after="3"),
        reply(SECRET, date="Thu, 01 Jan 2026 00:00:09 GMT"),
        broken("reset"),
        meter=Exchanges(),
    )
    api.get(SECRETS, "ns", "a")
    with pytest.raises(NetworkError):
        api.delete(SECRETS, "ns", "a", uid="u")
    assert [
        (exchange.verb, exchange.route, exchange.kind, exchange.status, type(exchange.error).__name__)
        for exchange in exchanges
    ] == [
        ("get", "/api/v1/namespaces/{namespace}/secrets/{name}", "Secret", 429, "TooManyRequests"),
        ("get", "/api/v1/namespaces/{namespace}/secrets/{name}", "Secret", 200, "NoneType"),
        ("delete", "/api/v1/namespaces/{namespace}/secrets/{name}", "Secret", 0, "NetworkError"),
    ]
    assert [exchange.date for exchange in exchanges] == [None, datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC), None]
    assert throttled == [(3.0, True)]


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_the_time_of_an_answer_is_that_of_a_zone(zone: str) -> None:
    """Also where the header names none: a time without one could not be compared with ours."""
    dates: list[datetime | None] = []

    class Dates(Meter):
        def exchange(self, exchange: Exchange) -> None:
            dates.append(exchange.date)

    client(reply(SECRET, date=f"Thu, 01 Jan 2026 00:00:09 {zone}"), meter=Dates())[0].get(SECRETS, "ns", "a")
    assert [date and (date.isoformat()) for date in dates] == ["2026-01-01T00:00:09+00:00"]


@pytest.mark.parametrize(("minor", "version"), [("36", (1, 36)), ("30+", (1, 30))])
def test_server_version(minor: str, version: tuple[int, int]) -> None:
    """P-4"""
    assert client(reply({"major": "1", "minor": minor}))[0].server_version() == version


@pytest.mark.parametrize("body", [[], 5, "null", '"x"', "{", ""])
@pytest.mark.parametrize(
    "ask",
    [
        Client.server_version,
        Client.groups,
        lambda client: client.serves(SECRETS),
        lambda client: client.get(SECRETS, "ns", "a"),
        lambda client: client.list(SECRETS),
    ],
)
def test_an_answer_that_is_no_object_is_an_error_of_the_server(ask: Callable[[Client], object], body: Any) -> None:
    """And none of ours, which nobody would expect from a request."""
    with pytest.raises(BadResponse, match="the answer is not "):
        ask(client(*[reply(body)] * 3)[0])


@pytest.mark.parametrize("body", [{}, {"major": "1", "minor": "x"}])
def test_a_version_that_cannot_be_read(body: Manifest) -> None:
    with pytest.raises(BadResponse, match="the server's version cannot be read"):
        client(reply(body))[0].server_version()


def test_groups() -> None:
    groups = [
        {"versions": [{"groupVersion": "apps/v1"}]},
        {"versions": [{"groupVersion": "a/v1"}, {"groupVersion": "a/v2"}]},
    ]
    assert client(reply({"groups": groups}))[0].groups() == {"apps/v1", "a/v1", "a/v2"}


@pytest.mark.parametrize(
    ("answer", "served"),
    [
        (reply({"resources": [{"name": "deployments"}, {"name": "deployments/status"}]}), True),
        (reply({"resources": [{"name": "replicasets"}]}), False),
        (reply(status=404), False),
    ],
)
def test_serves(answer: Reply, served: bool) -> None:
    api, transport, _ = client(answer)
    assert api.serves(DEPLOYMENTS) is served
    assert transport.sent[0].path == "/apis/apps/v1"


def test_not_found_names_the_object_in_the_servers_words() -> None:
    api, _, _ = client(reply({"reason": "NotFound", "message": 'secrets "a" not found'}, 404))
    with pytest.raises(NotFound, match='secrets "a" not found'):
        api.get(SECRETS, "ns", "a")


def test_a_timeout_is_uncertain() -> None:
    api, _, _ = client(broken("timeout"))
    with pytest.raises(Timeout) as caught:
        api.create(SECRETS, SECRET)
    assert caught.value.is_uncertain


def _json(manifest: Manifest) -> bytes:
    return reply(manifest).lines[0]


def test_a_read_has_no_body_and_a_write_no_more_than_its_json() -> None:
    """NaN is no JSON, and the server would say so in worse words."""
    assert (calls.encode(None), calls.encode({"a": [1, None]}), calls.encode([])) == (None, b'{"a":[1,null]}', b"[]")
    with pytest.raises(ValueError, match="not JSON compliant"):
        calls.encode(math.nan)


@pytest.mark.parametrize("status", [300, 302])
def test_a_redirection_is_no_answer(status: int) -> None:
    """Following one would send our token to whoever it names."""
    api, transport, _ = client(reply(SECRET, status, location="http://elsewhere/"))
    with pytest.raises(BadResponse):
        api.get(SECRETS, "ns", "a")
    assert len(transport.sent) == 1


def test_a_list_that_expires_without_pages_too_is_gone() -> None:
    api, transport, _ = client(*(reply(status=410) for _ in range(3)))
    with pytest.raises(errors.Gone):
        api.list(SECRETS)
    assert [sent.query.get("limit") for sent in transport.sent] == ["500", "500", None]

"""Which objects an agent picks, and the first reason against each other one."""

import pytest
from attrs import evolve

from test.scrape.cases import Case, agent, cases, obj, settings
from vmagent_operator.api.kinds import VMPODSCRAPE
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.owner import asks_for_nothing
from vmagent_operator.scrape.selection import SelectorError, matches, nearest_miss, not_selected, select

NAMESPACES = {"mon": {"team": "platform"}, "shop": {"team": "shop"}}


@cases("select")
def test_selection(case: Case) -> None:
    given = case["given"]
    kind = given.get("kind", "VMPodScrape")
    spec: Case = {"podMetricsEndpoints": [], "targetEndpoints": []}
    metadata = given.get("metadata", {})
    objects = [
        obj(kind, spec, namespace="shop", name="b", labels={"app": "y"}, **metadata),
        obj(kind, spec, namespace="mon", name="a", labels={"app": "x"}, **metadata),
    ]
    owner = agent({"selectAllByDefault": False} | given["agent"])
    with_environ = settings(**given.get("environ", {}))
    refused = {o.key: not_selected(scrape_owner(owner, with_environ), o, NAMESPACES) for o in objects}
    assert {key: found and found.reason for key, found in refused.items()} == case["want"]
    chosen = [*select(scrape_owner(owner, with_environ), {objects[0].kind: objects}, NAMESPACES).objects()]
    assert [o.key for o in chosen] == sorted(key for key, reason in case["want"].items() if reason is None)
    assert all(matches(scrape_owner(owner, with_environ), o, NAMESPACES) for o in chosen)


def test_a_disabled_kind_counts_as_empty() -> None:
    disabled = evolve(settings(), disabled_kinds=frozenset({"VMPodScrape"}))
    found = not_selected(scrape_owner(agent(), disabled), obj("VMPodScrape", {"podMetricsEndpoints": []}), NAMESPACES)
    assert found is not None
    assert found.message == "VMPodScrape is disabled in the operator"


@pytest.mark.parametrize(
    ("namespaces", "why"),
    [
        ({"mon": {}}, "; there is no namespace shop"),
        ({"mon": {}, "shop": {"team": "x"}}, " asks team=shop, namespace shop has team=x"),
    ],
)
def test_why_a_namespace_is_not_selected(namespaces: dict[str, dict[str, str]], why: str) -> None:
    owner = scrape_owner(agent({"podScrapeNamespaceSelector": {"matchLabels": {"team": "shop"}}}), settings())
    found = not_selected(owner, obj("VMPodScrape", {}, namespace="shop"), namespaces)
    assert found is not None
    assert found.message.endswith(why)


@pytest.mark.parametrize(
    ("spec", "asks"),
    [
        ({}, False),
        ({"selectAllByDefault": True}, True),
        ({"podScrapeSelector": {}}, True),
        ({"probeNamespaceSelector": {}}, True),
        ({"inlineScrapeConfig": "- {}"}, True),
        ({"additionalScrapeConfigs": {"name": "a", "key": "b"}}, True),
        ({"scrapeInterval": "30s"}, False),
    ],
)
def test_an_agent_that_selects_nothing_and_has_no_jobs_of_its_own_leaves_its_configuration_to_the_user(
    spec: dict[str, object], asks: bool
) -> None:
    owner = scrape_owner(agent({"selectAllByDefault": False} | spec), settings())
    assert asks_for_nothing(owner.scraping) is not asks


def test_the_nearest_of_several_owners_is_named_also_if_two_are_called_the_same() -> None:
    """As a VMAgent and a VMSingle may be."""
    far, near = agent({"selectAllByDefault": False}), agent({"podScrapeSelector": {"matchLabels": {"a": "b"}}})
    owners = [scrape_owner(owner, settings()) for owner in (far, near, near)]
    found = obj("VMPodScrape", {}, namespace="mon")
    message = "no owner selects it; the nearest, mon/main, does not: labels: selector asks a=b, object has no label a"
    for order in (owners, owners[::-1]):
        assert nearest_miss(order, found, NAMESPACES) == message
    assert nearest_miss([*owners, scrape_owner(agent(), settings())], found, NAMESPACES) == ""
    assert nearest_miss([], found, NAMESPACES) == ""


def test_objects_are_sorted_by_the_bytes_of_namespace_and_name() -> None:
    objects = [obj("VMPodScrape", {}, namespace=n, name="x") for n in ("a", "a-b", "B")]
    chosen = select(scrape_owner(agent(), settings()), {VMPODSCRAPE: objects}, {}).objects()
    assert [o.key for o in chosen] == ["B/x", "a-b/x", "a/x"]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("podScrapeSelector", "spec.podScrapeSelector.matchLabels: 'a b' is no label value"),
        ("podScrapeNamespaceSelector", "spec.podScrapeNamespaceSelector.matchLabels: 'a b' is no label value"),
    ],
)
def test_a_selector_that_is_none_is_an_error_of_the_agent(field: str, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select(scrape_owner(agent({field: {"matchLabels": {"x": "a b"}}}), settings()), {}, {})
    assert str(caught.value) == message

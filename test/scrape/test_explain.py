"""Whether an owner scrapes an object, and the first link that breaks."""

from typing import Any

import pytest

from test.scrape.cases import agent, obj, settings
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.explain import verdict
from vmagent_operator.scrape.references import SecretSnapshot

STATIC = {"targetEndpoints": [{"targets": ["a:1"]}, {"targets": ["b:1"]}]}
BAD = {"targetEndpoints": [{"targets": ["a:1"], "interval": "soon"}]}


@pytest.mark.parametrize(
    ("owner", "spec", "broken", "message"),
    [
        ({}, STATIC, "", ""),
        ({}, BAD, "object", "spec.targetEndpoints[0].interval: 'soon' is no duration such as 30s or 1h30m"),
        ({"scrapeInterval": "soon"}, BAD, "agent", "spec.scrapeInterval: 'soon' is no duration such as 30s or 1h30m"),
        (
            {"staticScrapeSelector": {"matchLabels": {"a": "b c"}}},
            STATIC,
            "agent",
            "spec.staticScrapeSelector.matchLabels: 'b c' is no label value",
        ),
        (
            {"scrapeInterval": "soon", "staticScrapeSelector": {"matchLabels": {"a": "b"}}},
            STATIC,
            "labels",
            "selector asks a=b, object has no label a",
        ),
    ],
)
def test_the_first_link_that_breaks(owner: dict[str, Any], spec: dict[str, Any], broken: str, message: str) -> None:
    made = obj("VMStaticScrape", spec, name="s")
    found = verdict(scrape_owner(agent(owner), settings()), made, {"mon": {}}, SecretSnapshot({}))
    assert (found.broken, found.message) == (broken, message)
    assert found.jobs == (("staticScrape/mon/s/0", "staticScrape/mon/s/1") if not broken else ())
    assert found.is_selected is (broken in ("", "object"))

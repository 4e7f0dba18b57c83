"""What keeps an object from being selected, and what there is in place of the label that is asked for."""

from typing import Any

import pytest

from vmagent_operator.api.core import LabelSelector
from vmagent_operator.model.decode import decode
from vmagent_operator.scrape import labelselector

LABELS = {"App": "web", "team": "a", "tier": "x"}


@pytest.mark.parametrize(
    ("asked", "want"),
    [
        ({"matchLabels": {"team": "a"}}, ""),
        ({"matchLabels": {"team": "b"}}, "asks team=b, object has team=a"),
        ({"matchLabels": {"app": "web"}}, "asks app=web, object has no label app but App=web"),
        ({"matchLabels": {"teams": "a"}}, "asks teams=a, object has no label teams but team=a"),
        ({"matchLabels": {"release": "a"}}, "asks release=a, object has no label release"),
        (
            {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["b", "a"]}]},
            "asks team notin (a,b), object has team=a",
        ),
        (
            {"matchExpressions": [{"key": "team", "operator": "Exists"}, {"key": "tire", "operator": "Exists"}]},
            "asks tire, object has no label tire but tier=x",
        ),
    ],
)
def test_the_first_requirement_that_is_not_met_is_told(asked: dict[str, Any], want: str) -> None:
    selector = decode(LabelSelector, asked).value
    assert labelselector.mismatch(selector, LABELS, "object") == want
    assert labelselector.matches(selector, LABELS) is (not want)


def test_without_any_label_nothing_is_near() -> None:
    selector = decode(LabelSelector, {"matchLabels": {"app": "web"}}).value
    assert labelselector.mismatch(selector, {}, "object") == "asks app=web, object has no label app"

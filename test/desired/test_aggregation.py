"""Which rules of stream aggregation an agent is failed for, since vmagent would not start with them."""

from typing import Any

import pytest
import yaml

from test.desired.test_vmagent import inputs
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.scrape.errors import OwnerError

RULE: dict[str, Any] = {"interval": "1m", "outputs": ["last"]}


def refusal(rule: str, **common: Any) -> str:
    """What an agent's status says of this rule beside an interval and an output, "" if it is taken."""
    config = {"rules": [RULE | yaml.safe_load(f"{{{rule}}}")], **common}
    try:
        desired(inputs({"streamAggrConfig": config}))
    except OwnerError as error:
        return str(error).removeprefix("spec.streamAggrConfig.rules[0].")
    return ""


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("interval: 1s", ""),
        ("interval: 999ms", "interval: is shorter than 1s"),
        ("interval: ''", "interval: required"),
        ("interval: 30s, dedup_interval: 30s", ""),
        ("interval: 30s, dedup_interval: 10s", ""),
        ("interval: 30s, dedup_interval: 0s", ""),
        ("interval: 30s, dedup_interval: 31s", "dedup_interval: is longer than interval"),
        ("interval: 30s, dedup_interval: 20s", "interval: is no multiple of dedup_interval"),
        ("interval: 30s, staleness_interval: 30s", ""),
        ("interval: 30s, staleness_interval: 29s", "staleness_interval: is shorter than interval"),
        ("outputs: []", "outputs: required"),
        ("outputs: [last, max]", ""),
        ("outputs: [last, max, last]", "outputs[2]: last is there already"),
        ("outputs: [mean]", "outputs[0]: vmagent knows no 'mean'"),
        ("outputs: ['quantiles(0, 0.5, 1)']", ""),
        ("outputs: ['quantiles(nan)']", ""),
        ("outputs: ['quantiles(1.1)']", "outputs[0]: vmagent knows no 'quantiles(1.1)'"),
        ("outputs: ['quantiles(-0.1)']", "outputs[0]: vmagent knows no 'quantiles(-0.1)'"),
        ("outputs: ['quantiles(a)']", "outputs[0]: vmagent knows no 'quantiles(a)'"),
        ("outputs: ['quantiles(0.5']", "outputs[0]: vmagent knows no 'quantiles(0.5'"),
        ("outputs: ['quantiles(0.5)', 'quantiles(0.9)']", "outputs[1]: quantiles(0.9) is there already"),
        ("by: [a]", ""),
        ("without: [a]", ""),
        ("by: [a], without: [b]", "without: by is set as well"),
        ("keep_metric_names: true", ""),
        ("keep_metric_names: false, outputs: [last, max]", ""),
        ("keep_metric_names: true, outputs: [last, max]", "keep_metric_names: needs a single output"),
        ("keep_metric_names: true, outputs: ['quantiles(0.5)']", ""),
        (
            "keep_metric_names: true, outputs: ['quantiles(0.5,0.9)']",
            "keep_metric_names: quantiles(0.5,0.9) gives several series",
        ),
        (
            "keep_metric_names: true, outputs: [histogram_bucket]",
            "keep_metric_names: histogram_bucket gives several series",
        ),
    ],
)
def test_a_rule_is_taken_or_the_agent_says_what_is_wrong_with_it(rule: str, why: str) -> None:
    assert refusal(rule) == why


def test_common_options_count_for_each_rule_that_has_none_of_its_own() -> None:
    assert refusal("interval: 30s", dedupInterval="31s") == "dedup_interval: is longer than interval"
    assert refusal("interval: 30s, dedup_interval: 10s", dedupInterval="31s") == ""
    assert refusal("keep_metric_names: true", keepInput=True) == "keep_metric_names: keepInput is set as well"
    assert refusal("keep_metric_names: false", keepInput=True) == ""

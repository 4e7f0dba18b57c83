"""Labels that tell vmagent how to scrape can neither stop it nor cross what the agent enforces."""

from typing import Any

import pytest
import yaml

from test.scrape.cases import Case, agent, cases, obj, settings
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.checks import special
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.references import SecretSnapshot

DROP = special.dropped()


def rules(kind: str, spec: dict[str, Any], owner: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of the only job of an object."""
    found = fragment(obj(kind, spec), context(scrape_owner(agent(owner), settings())), SecretSnapshot({}))
    assert not isinstance(found, Finding), found.message
    (job,) = yaml.safe_load(found.entry.text)
    made: list[dict[str, Any]] = job["relabel_configs"]
    return made


@cases("special")
def test_rules_at_the_end(case: Case) -> None:
    found = rules(case["kind"], case["spec"], case.get("agent", {}))
    assert list(filter(None, map(said, found))) == case["want"]
    if "drop" in case["want"]:
        assert found[-1]["action"] == "labeldrop"


def said(rule: dict[str, Any]) -> str | None:
    """What a rule does about special labels, if anything."""
    if rule == DROP:
        return "drop"
    if rule.get("target_label") in special.LABELS:
        return f"write {rule['target_label']}"
    if "if" in rule and rule["action"] == "labeldrop":
        assert rule["if"].startswith(f'{{{rule["regex"]}!~"')
        return f"guard {rule['regex']}"
    return next((f"drop all but {kept}" for kept in special.LABELS if rule == without(kept)), None)


def without(kept: str) -> dict[str, Any]:
    """The rule that drops all labels but one."""
    return special.dropped([label for label in special.LABELS if label != kept])


@pytest.mark.parametrize(
    ("label", "bad", "good"),
    [
        ("__scrape_interval__", ("0s", "-5s", "0.5ms", "soon", "1i"), ("1s", "30", "1m30s", "${1}", "%{EVERY}", "")),
        ("__scrape_timeout__", ("0", "soon"), ("100ms",)),
        ("__series_limit__", ("99999999999", "many", "1.5"), ("100", "-1", "10000000")),
        ("__sample_limit__", ("many", "1" * 19), ("5", "9" * 18)),
        ("__label_limit__", ("", "x")[1:], ("5",)),
        ("__stream_parse__", ("yes",), ("true", "0")),
        ("__tenant_id__", ("me", "1:2:3", "-1"), ("1", "1:2")),
    ],
)
def test_a_value_that_is_written_out_must_do(label: str, bad: tuple[str, ...], good: tuple[str, ...]) -> None:
    assert [value for value in bad if special.literal_fault(label, value) is None] == []
    assert [value for value in good if special.literal_fault(label, value)] == []


def test_the_object_is_told_which_field_it_is() -> None:
    endpoint = {
        "targets": ["a"],
        "labels": {"__scrape_interval__": "0s"},
        "relabelConfigs": [{"targetLabel": "__scrape_interval__", "replacement": "-1s"}],
    }
    made = obj("VMStaticScrape", {"targetEndpoints": [endpoint], "seriesLimit": 10_000_001})
    found = fragment(made, context(scrape_owner(agent(), settings())), SecretSnapshot({}))
    assert isinstance(found, Finding)
    assert found.message == (
        "spec.seriesLimit: more than 10000000 series (limit SERIES_OF_A_TARGET); "
        "spec.targetEndpoints[0].labels.__scrape_interval__: vmagent takes no '0s' for __scrape_interval__; "
        "spec.targetEndpoints[0].relabelConfigs[0].replacement: vmagent takes no '-1s' for __scrape_interval__"
    )


def test_an_interval_beyond_what_vmagent_can_count_is_none() -> None:
    made = obj("VMStaticScrape", {"targetEndpoints": [{"targets": ["a"], "interval": "9223372036855ms"}]})
    found = fragment(made, context(scrape_owner(agent({"minScrapeInterval": "30s"}), settings())), SecretSnapshot({}))
    assert isinstance(found, Finding)
    assert found.message == "spec.targetEndpoints[0].interval: '9223372036855ms' is too long"


@pytest.mark.parametrize("label", sorted(special.LABELS))
def test_a_rule_that_renames_parts_of_all_labels_may_write_each(label: str) -> None:
    rule = {"action": "labelmap_all", "regex": "-", "replacement": "_"}
    assert special.may_write((rule,), label, special.Origin.CLUSTER)

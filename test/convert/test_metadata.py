"""Names, labels, annotations and references of converted objects, and whether those of a live one are as they are to be."""

from typing import Any

import pytest
from attrs import evolve

from vmagent_operator.api.kinds import read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.convert import metadata
from vmagent_operator.convert.sources import BY_NAME, convert, enabled
from vmagent_operator.convert.sources import read as read_source
from vmagent_operator.convert.table import Loss
from vmagent_operator.identity import API_VERSION, IGNORE_PROMETHEUS, NOT_CONVERTED, SOURCE_GONE
from vmagent_operator.settings import load

KIND = BY_NAME["ServiceMonitor"].kind
REFERENCE = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "name": "app", "uid": "u-1"}


def source(**own: Any) -> CustomObject[Any]:
    """A ServiceMonitor."""
    return read_source(
        KIND, {"kind": "ServiceMonitor", "metadata": {"name": "app", "namespace": "mon", "uid": "u-1", **own}}
    )


def target(**own: Any) -> Any:
    """The metadata of a VMServiceScrape."""
    raw = {"apiVersion": API_VERSION, "kind": "VMServiceScrape", "metadata": {"name": "app", "namespace": "mon", **own}}
    return read(raw | {"spec": {"endpoints": []}}).metadata


@pytest.mark.parametrize(("count", "end"), [(20, "f19"), (21, "f19 and 1 more"), (30, "f19 and 10 more")])
def test_of_what_is_lost_twenty_fields_are_named(count: int, end: str) -> None:
    losses = [Loss(f"f{number}", "why") for number in range(count)]
    text = metadata.converted(source(), losses, load({}))["annotations"][NOT_CONVERTED]
    assert text == ", ".join(f"f{number}" for number in range(19)) + f", {end}"


def test_rules_that_are_left_out_are_not_named() -> None:
    made = metadata.converted(source(), [Loss("f", "why", is_rule=True)], load({}))
    assert made == {"name": "app", "namespace": "mon"}


def test_what_kubectl_has_applied_to_the_source_is_kept_nowhere() -> None:
    found = source(annotations={metadata.LAST_APPLIED: "{}", "a": "b"})
    assert found.metadata.annotations == {"a": "b"}
    assert metadata.converted(found, [], load({}))["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    ("change", "is_about"),
    [
        ({}, True),
        ({"uid": "another"}, True),
        ({"apiVersion": "monitoring.coreos.com/v9"}, True),
        ({"apiVersion": "example.com/v1"}, False),
        ({"kind": "PodMonitor"}, False),
        ({"name": "other"}, False),
    ],
    ids=str,
)
def test_whether_a_reference_is_to_the_source(change: dict[str, str], is_about: bool) -> None:
    assert metadata.is_about({**REFERENCE, **change}, source()) is is_about
    assert not metadata.is_about({}, source())


OTHER = {**REFERENCE, "name": "other", "uid": "u-2"}
OLD = {**REFERENCE, "uid": "u-0"}


@pytest.mark.parametrize(
    ("desired", "live", "is_merged"),
    [
        ({}, {}, True),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1"}}, True),
        ({"labels": {"a": "1"}}, {"labels": {"a": "2"}}, False),
        ({}, {"labels": {"a": "1"}}, False),
        ({"annotations": {"a": "1"}}, {"annotations": {"a": "1"}}, True),
        ({"annotations": {"a": "1"}}, {"annotations": {"a": "2"}}, False),
        ({"annotations": {"a": "1"}}, {}, False),
        ({}, {"annotations": {"a": "1"}}, False),
        ({}, {"annotations": {IGNORE_PROMETHEUS: "no"}}, True),
        ({}, {"annotations": {SOURCE_GONE: "yes"}}, False),
        ({}, {"annotations": {NOT_CONVERTED: "f"}}, False),
        ({"annotations": {NOT_CONVERTED: "f"}}, {"annotations": {NOT_CONVERTED: "f"}}, True),
        ({"ownerReferences": [REFERENCE]}, {"ownerReferences": [REFERENCE]}, True),
        ({"ownerReferences": [REFERENCE]}, {"ownerReferences": [OTHER, REFERENCE]}, True),
        ({"ownerReferences": [REFERENCE]}, {"ownerReferences": [OTHER]}, False),
        ({"ownerReferences": [REFERENCE]}, {"ownerReferences": [OLD]}, False),
        ({}, {"ownerReferences": [OTHER]}, True),
        ({}, {"ownerReferences": [REFERENCE]}, True),
        ({}, {"ownerReferences": [OLD]}, False),
    ],
    ids=str,
)
def test_whether_a_target_is_as_it_is_to_be(desired: Any, live: Any, is_merged: bool) -> None:
    assert metadata.is_merged(desired, target(**live), source()) is is_merged


@pytest.mark.parametrize(("text", "is_ignored"), [("enabled", True), ("true", False)])
def test_whether_a_target_is_to_be_left_alone(text: str, is_ignored: bool) -> None:
    assert metadata.is_ignored({IGNORE_PROMETHEUS: text}) is is_ignored
    assert not metadata.is_ignored({})


@pytest.mark.parametrize(
    ("size", "want"),
    [
        ("1PB", "1125899906842624"),
        ("2E", "2305843009213693952"),
        ("512", "512"),
        ("1.5B", "1"),
        ("0", None),
        ("16MB", "16MiB"),
    ],
)
def test_a_size_is_spelled_as_vmagent_reads_it(size: str, want: str | None) -> None:
    spec = {"selector": {}, "endpoints": [{"port": "a"}], "bodySizeLimit": size}
    made = convert(read_source(KIND, {"metadata": {"name": "a", "namespace": "b"}, "spec": spec}), load({}))
    assert made.manifest is not None
    assert made.manifest["spec"]["endpoints"][0].get("max_scrape_size") == want


def test_a_probe_has_no_proxy_of_its_own() -> None:
    spec = {"proxyUrl": "http://p", "prober": {"url": "prober"}}
    made = convert(
        read_source(BY_NAME["Probe"].kind, {"metadata": {"name": "a", "namespace": "b"}, "spec": spec}), load({})
    )
    assert made.manifest is not None
    assert "proxyURL" not in made.manifest["spec"]
    assert made.lost.startswith("spec.proxyUrl: ")


@pytest.mark.parametrize(("follows", "lost"), [(True, ""), (False, "spec.ec2SDConfigs[0].followRedirects: ")])
def test_what_says_the_default_is_not_lost(follows: bool, lost: str) -> None:
    spec = {"ec2SDConfigs": [{"region": "r", "followRedirects": follows}]}
    given = {"metadata": {"name": "a", "namespace": "b"}, "spec": spec}
    made = convert(read_source(BY_NAME["ScrapeConfig"].kind, given), load({}))
    assert made.manifest is not None
    assert made.lost[: len(lost) or None] == lost


def test_all_kinds_are_converted_unless_somebody_says_no() -> None:
    assert [row.kind.name for row in enabled(load({}))] == list(BY_NAME)
    off = load({"VM_ENABLEDPROMETHEUSCONVERTER_PROBE": "false"})
    assert [row.kind.name for row in enabled(off)] == [name for name in BY_NAME if name != "Probe"]
    assert [row.kind.name for row in enabled(evolve(load({}), converters={}))] == list(BY_NAME)

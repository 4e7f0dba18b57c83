"""Where a name, a number or a text begins to be too much."""

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from test.desired.test_vmagent import inputs
from test.scrape.cases import obj
from vmagent_operator.api.apps import AppParams, EmbeddedHPA, EmbeddedVPA, License
from vmagent_operator.api.storage import Downsampling, RetentionFilter
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.desired.workload import checks, retention
from vmagent_operator.limits import REPLICAS
from vmagent_operator.model.decode import Fault, decode
from vmagent_operator.scrape.errors import OwnerError


def said(faults: Iterator[Fault]) -> list[str]:
    """The faults as the status tells them."""
    return [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("name", "namespace", "faults"),
    [
        ("a" * 63, "n", []),
        ("a" * 64, "n", ["the name of the label of an instance ends at 63"]),
        ("a.b", "n", ["a service cannot have a dot in its name"]),
        ("a", "n" * 270, []),
        ("a", "n" * 320, ["the name of a condition ends at 316"]),
    ],
)
def test_the_name_of_an_owner(name: str, namespace: str, faults: list[str]) -> None:
    owner = obj("VMAgent", {}, name=name, namespace=namespace)
    assert [text.partition(", ")[2] or text.partition(": ")[2] for text in said(checks.owner_name(owner))] == faults


def test_a_condition_is_as_long_as_its_type_may_be() -> None:
    def faults(length: int) -> list[str]:
        return said(checks.owner_name(obj("VMAgent", {}, name="a", namespace="n" * length)))

    longer = int(faults(400)[0].partition(" is ")[2].partition(" ")[0])
    fits = 400 - (longer - 316)
    assert (len(faults(fits)), len(faults(fits + 1))) == (0, 1)


@pytest.mark.parametrize(("length", "fits"), [(253, True), (254, False)])
def test_the_name_of_an_object(length: int, fits: bool) -> None:
    assert (said(checks.object_name("a" * length, "a role")) == []) is fits


@pytest.mark.parametrize(
    ("spec", "length", "fits"),
    [
        ({}, 55, True),  # with `vmagent-`, a Service's 63
        ({}, 56, False),
        ({"serviceSpec": {"metadata": {"name": "s" * 63}, "spec": {}}}, 4, True),
        ({"serviceSpec": {"metadata": {"name": "s" * 64}, "spec": {}}}, 4, False),
        ({"serviceSpec": {"metadata": {"name": "vmagent-aaaa"}, "spec": {}}}, 4, False),
        ({"serviceSpec": {"useAsDefault": True, "metadata": {"name": "vmagent-aaaa"}, "spec": {}}}, 4, True),
        ({"statefulMode": True}, 44, True),  # a StatefulSet's 52
        ({"statefulMode": True}, 45, False),
        ({"statefulMode": True, "shardCount": 10}, 42, True),
        ({"statefulMode": True, "shardCount": 11}, 42, False),
    ],
)
def test_names_that_children_get(spec: dict[str, Any], length: int, fits: bool) -> None:
    owner = obj("VMAgent", {"remoteWrite": [{"url": "http://vm"}]} | spec, name="a" * length, uid="u")
    given = evolve(inputs(spec), owner=owner)
    if fits:
        assert desired(given).stages
        return
    with pytest.raises(OwnerError, match="name"):
        desired(given)


@pytest.mark.parametrize(
    ("count", "fits"), [(None, True), (0, True), (int(REPLICAS), True), (int(REPLICAS) + 1, False)]
)
def test_replicas(count: int | None, fits: bool) -> None:
    assert (said(checks.replicas(AppParams(replica_count=count), "spec")) == []) is fits


@pytest.mark.parametrize(
    ("least", "most", "fits"), [(None, 1, True), (None, None, False), (2, 2, True), (3, 2, False), (0, 1, True)]
)
def test_bounds_of_an_autoscaler(least: int | None, most: int | None, fits: bool) -> None:
    given = decode(EmbeddedHPA, {"minReplicas": least, "maxReplicas": most}, "spec").value
    assert (said(checks.autoscaler(given, "spec")) == []) is fits


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, ["updatePolicy.updateMode", "resourcePolicy.containerPolicies"]),
        ({"updatePolicy": {"updateMode": "Off"}}, ["resourcePolicy.containerPolicies"]),
        ({"updatePolicy": {"updateMode": "Off"}, "resourcePolicy": {"containerPolicies": [{}]}}, []),
    ],
)
def test_a_vertical_autoscaler_says_when_and_for_whom(given: dict[str, Any], faults: list[str]) -> None:
    assert said(checks.whole_vertical(decode(EmbeddedVPA, given, "spec").value, "v")) == [
        f"v.{each}: required" for each in faults
    ]
    assert said(checks.whole_vertical(None, "v")) == []


@pytest.mark.parametrize(
    ("text", "fits"), [("", True), ("0", False), ("1", True), ("65535", True), ("65536", False), ("http", False)]
)
def test_ports(text: str, fits: bool) -> None:
    assert (said(checks.port(text, "spec.port")) == []) is fits


@pytest.mark.parametrize(
    ("sleep", "seconds", "fits"), [(None, 5, True), (5, None, True), (4, 5, True), (5, 5, False), (0, 0, False)]
)
def test_a_pod_has_time_left_after_its_sleep(sleep: int | None, seconds: int | None, fits: bool) -> None:
    params = AppParams(pre_stop_sleep_seconds=sleep, termination_grace_period_seconds=seconds)
    assert (said(checks.grace(params, "spec")) == []) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [(0, False), (1, True), ("0%", False), ("1%", True), ("100%", True), ("101%", False), ("", False), (None, False)],
)
def test_how_many_pods_at_a_time(value: int | str | None, fits: bool) -> None:
    assert (said(checks.batch(value, "spec")) == []) is fits


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, []),
        ({"key": "a"}, []),
        ({"keyRef": {"name": "a", "key": "b"}, "reloadInterval": "1h"}, []),
        ({"key": "a", "keyRef": {"name": "a", "key": "b"}}, ["l: both key and keyRef are set"]),
        ({"key": "a", "reloadInterval": "1h"}, ["l.reloadInterval: has a meaning only with keyRef"]),
    ],
)
def test_licenses(given: dict[str, Any], faults: list[str]) -> None:
    of = decode(License, given, "spec").value
    assert said(checks.license(of, "l")) + said(checks.interval(of, "l")) == faults


def rules(*periods: str, **more: str) -> dict[str, Any]:
    """A rule with periods such as `30d:5m`."""
    split = (period.partition(":") for period in periods)
    return {"periods": [{"offset": offset, "interval": interval} for offset, _, interval in split], **more}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"rules": [rules("30d:5m", "180d:1h")]}, []),
        ({"rules": [rules("30d:5m"), rules("30d:5m", filter="{a='b'}")]}, []),
        ({"rules": [rules("30d:5m"), rules("30d:5m")]}, ["rules[1].filter: every series has a rule already"]),
        (
            {"rules": [rules("1d:1m", filter="a"), rules("1d:1m", filter="a")]},
            ["rules[1].filter: a has a rule already"],
        ),
        ({"rules": [rules("1d:1m", filter="a{")]}, ["rules[0].filter: 'a{' is no series selector: unexpected end"]),
        ({"rules": [rules()]}, ["rules[0].periods: required"]),
        ({"rules": [rules(":")]}, ["rules[0].periods[0].offset: required", "rules[0].periods[0].interval: required"]),
        ({"rules": [rules("30x:5m")]}, ["rules[0].periods[0].offset: '30x' is no duration such as 30s or 1h30m"]),
        ({"rules": [rules("0s:0s")]}, []),
        ({"rules": [rules("1h:0s")]}, ["rules[0].periods[0].interval: is not longer than 0s"]),
        ({"rules": [rules("7m:2m")]}, ["rules[0].periods[0].offset: is no multiple of 2m"]),
        (
            {"rules": [rules("1h:5m", "14m:7m")]},
            ["rules[0].periods: each interval has to be a multiple of the shorter ones"],
        ),
        ({"dedupInterval": "30s", "rules": [rules("1h:5m")]}, []),
        ({"dedupInterval": "0s", "rules": [rules("1h:5m")]}, []),
        (
            {"dedupInterval": "2m", "rules": [rules("1h:5m")]},
            ["rules[0].periods[0].interval: is no multiple of dedupInterval"],
        ),
        ({"dedupInterval": "soon"}, ["dedupInterval: 'soon' is no duration such as 30s or 1h30m"]),
    ],
)
def test_how_old_samples_are_thinned_out(given: dict[str, Any], faults: list[str]) -> None:
    asked = decode(Downsampling, given, "spec").value
    assert said(retention.downsampling_faults(asked, "d", is_licensed=True)) == [f"d.{each}" for each in faults]
    assert said(retention.downsampling_faults(asked, "d", is_licensed=False))[0] == "d: needs a license"
    assert said(retention.downsampling_faults(None, "d", is_licensed=False)) == []


@pytest.mark.parametrize(
    ("period", "kept", "fits"),
    [
        ("", "31d", True),  # a month of 31 days by default
        ("", "745h", False),
        ("1", "744h", True),
        ("2", "62d", True),
        ("2", "1489h", False),
        ("1w", "7d", True),
        ("1w", "1", False),
        ("40d", "1", True),
    ],
)
def test_nothing_is_kept_for_longer_than_everything_else(period: str, kept: str, fits: bool) -> None:
    given = [RetentionFilter(filter="{a='b'}", retention=kept)]
    why = f"f[0].retention: is longer than the retention period of {period or 1}"
    assert said(retention.filter_faults(given, "f", period, is_licensed=True)) == ([] if fits else [why])
    assert said(retention.filter_faults([], "f", period, is_licensed=False)) == []


def test_what_is_wrong_with_a_retention_filter() -> None:
    given = [RetentionFilter(filter="a{", retention="1x"), RetentionFilter(filter="a", retention="")]
    assert said(retention.filter_faults(given, "f", "", is_licensed=False)) == [
        "f: needs a license",
        "f[0].filter: 'a{' is no series selector: unexpected end",
        "f[0].retention: '1x' is no duration such as 30s or 1h30m",
        "f[1].retention: required",
    ]

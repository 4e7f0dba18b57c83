"""Quantities as numbers, and in the form that Kubernetes stores."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.api.crd import structures
from vmagent_operator.quantity import are_equal, canonical, parse, whole_bytes

NUMBERS = st.from_regex(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})", fullmatch=True, alphabet="+-.0123456789")
SUFFIXES = ("", *"numkMGTPE", *(f"{letter}i" for letter in "KMGTPE"), "e3", "E-3", "e+0")

CANONICAL = (
    *(("1500000000", "1500M"), ("2.5Gi", "2560Mi"), ("0", "0"), ("0Mi", "0"), ("0.5", "500m"), ("0.5Ki", "512")),
    *(("1024Mi", "1Gi"), ("1023Ki", "1023Ki"), ("1000m", "1"), ("1000k", "1M"), ("1.0001Gi", "1073849198182400u")),
    *(("1e3", "1e3"), ("1E3", "1e3"), ("5e0", "5"), ("12e-3", "12e-3"), ("1E", "1E"), ("0.1n", "1n"), ("-0.1n", "-1n")),
    *(("-5", "-5"), (" 1 ", "1"), ("", ""), ("much", "much"), ("1 Gi", "1 Gi")),
)


@pytest.mark.parametrize(("text", "stored"), CANONICAL)
def test_canonical(text: str, stored: str) -> None:
    assert canonical(text) == stored


@given(st.integers(-(10**12), 10**12), st.sampled_from(("", "n", "u", "m", "k", "M", "Ki", "Mi", "e2", "E-1")))
def test_canonical_stays_canonical(number: int, suffix: str) -> None:
    stored = canonical(f"{number}{suffix}")
    assert canonical(stored) == stored


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10Gi", 10 << 30),
        ("1500M", 1_500_000_000),
        (5, 5),
        ("1500m", None),
        ("0", None),
        ("-1", None),
        ("8Ei", None),
        ("x", None),
    ],
)
def test_whole_bytes(text: str | int, size: int | None) -> None:
    assert whole_bytes(text) == size


@pytest.mark.parametrize(
    ("left", "right"),
    [("0.5", "500m"), ("1Gi", "1024Mi"), (2, "2"), ("1e3", "1k"), ("2.5Gi", "2560Mi"), ("0.1n", "1n")],
)
def test_quantities_are_equal_by_value(left: Any, right: Any) -> None:
    assert are_equal(left, right)


@pytest.mark.parametrize(("left", "right"), [("1", "2"), ("1M", "1Mi"), ("x", "x"), (None, None), ("1", None)])
def test_what_is_no_quantity_equals_none(left: Any, right: Any) -> None:
    assert not are_equal(left, right)


@pytest.mark.parametrize("text", ["", "unlimited", "1 Gi", "Gi", "1e3k", "1ki", "1e", "--1", "1.2.3", "\u0661", None])
def test_what_is_no_quantity_has_no_number(text: Any) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", f"1e{'9' * 60}", "9" * 100_000, f"{'9' * 65}Mi"])
def test_a_number_that_nobody_means_is_not_computed(text: str) -> None:
    assert parse(text) is None
    assert canonical(text) == text


@given(NUMBERS, st.sampled_from(SUFFIXES))
def test_what_is_read_is_what_the_api_server_takes(number: str, suffix: str) -> None:
    pattern = structures()["io.k8s.api.core.v1.EmptyDirVolumeSource"]["properties"]["sizeLimit"]["pattern"]
    assert parse(number + suffix) is not None
    assert re.search(pattern, number + suffix)
    assert re.search(pattern, canonical(number + suffix))

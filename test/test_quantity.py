"""Quantities in the form that Kubernetes stores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.quantity import canonical, whole_bytes

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

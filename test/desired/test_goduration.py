"""Durations of flags, as Go reads them."""

import pytest

from vmagent_operator.desired.around.goduration import InvalidDuration, nanoseconds
from vmagent_operator.limits import QUANTITY_CHARACTERS


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0", 0),
        ("-0", 0),
        ("1s", 10**9),
        ("1h30m", 5400 * 10**9),
        ("-1.5ms", -1_500_000),
        ("+.5us", 500),
        ("1.s", 10**9),
        ("1\u00b5s1\u03bcs", 2000),
        ("1ns2us3ms", 3_002_001),
        ("1m", 60 * 10**9),
        ("0.5h", 1800 * 10**9),
        ("9223372036854775807ns", 2**63 - 1),
        ("0" * (QUANTITY_CHARACTERS - 2) + "1s", 10**9),
        ("2540400h", 2540400 * 3600 * 10**9),
    ],
)
def test_length(text: str, length: int) -> None:
    assert nanoseconds(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1d",
        "1 s",
        "s",
        ".s",
        "1s ",
        "1m-1s",
        "3000000h",
        "9223372036854775808ns",
        "0" * (QUANTITY_CHARACTERS - 1) + "1s",
        "1S",
        "1e3s",
    ],
)
def test_no_duration(text: str) -> None:
    with pytest.raises(InvalidDuration):
        nanoseconds(text)

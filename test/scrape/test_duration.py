"""Durations mean what vmagent takes them for."""

import pytest

from vmagent_operator.scrape.checks.duration import InvalidDuration, fault, milliseconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        *(("30s", 30_000), ("1m30s", 90_000), ("1.5m", 90_000), ("1.h", 3_600_000), ("90", 90_000), ("59.9", 59_900)),
        *(("1mS", 1), ("2H", 7_200_000), ("1W-6d", 86_400_000), ("-5m", -300_000), ("-1h5m", -3_900_000), ("3i", 0)),
        *(("120.", 120_000), ("1y", 31_536_000_000), ("1e3", 1_000_000), ("-2", -2000)),
        *(("1_0", 10_000), ("0x1p4", 16_000), ("-.5s", -500), ("1h$__interval", 3_600_000), ("-1h-5m", -3_900_000)),
        *(("-1h0m5s", -3_605_000), ("0m5s", 5000), ("-0.5ms", 0), ("106751d", 9_223_286_400_000)),
    ],
)
def test_durations(text: str, length: int) -> None:
    assert milliseconds(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5M",
        "90 m",
        "m5",
        "10x",
        ".5s",
        "+5s",
        "5m5",
        "1.5.5h",
        "-",
        "-$__interval",
        "1__0",
        "1e999",
        "null",
        "1mi",
        "300y",
        "-300y",
        "106752d",
        "0x10",
        "1e400",
        "9" * 65,
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidDuration):
        milliseconds(text)


def test_a_duration_may_be_as_long_as_its_limit() -> None:
    assert milliseconds("0" * 63 + "1") == 1000
    assert fault("0" * 64 + "1") == "more than 64 characters (limit QUANTITY_CHARACTERS)"

"""Sizes are judged as vmagent reads them."""

import pytest

from vmagent_operator.scrape.checks.size import fault


@pytest.mark.parametrize("text", ["1", "16MB", "16mib", "1.5kB", "1e3", "-1", ".5GiB", "1_0TB", "0x1p4KB", "+1."])
def test_sizes(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize(
    "text", ["", "x", "1 MB", "1k", "1B", "1Gi", "inf", "nan", "1e400", "0x10", "MB", "1__0", "_1", "1e", "0x1p99999"]
)
def test_what_is_no_size(text: str) -> None:
    assert fault(text) == f"{text!r} is no size such as 16MB"


def test_the_limit_is_named() -> None:
    assert fault("1" * 64) is None
    assert fault("1" * 65) == "more than 64 characters (limit QUANTITY_CHARACTERS)"

"""Configurations are those of the Go operator, except where it is wrong."""

from pathlib import Path

import pytest

from test.scrape import golden

CASES = sorted(path.parent for path in golden.CASES.glob("*/given.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_case(case: Path) -> None:
    assert golden.differences(case) == []

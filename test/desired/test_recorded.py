"""The recorded cases that are about builders. They are quick, and so this folder's tests notice by themselves what is built."""

import pytest

from test.golden.cases import CASES, LIVE, judge, rendered

NAMES = [name for name, case in CASES.items() if case.parent.name in ("vmagent", "storage") and name not in LIVE]


@pytest.mark.parametrize("name", NAMES)
def test_same_objects(name: str) -> None:
    found = rendered(name)
    judge(name, found.objects, found.errors)

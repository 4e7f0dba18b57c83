"""Conversions of the Go operator, and where ours differ on purpose."""

from typing import Any

import pytest

from test.convert.recorded import cases, deviations, differences
from vmagent_operator.convert.sources import BY_NAME, convert, read
from vmagent_operator.settings import load

SETTINGS = load({})
CASES = cases()
DEVIATIONS = deviations()


def compared(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the Go operator and ours both decide."""
    metadata = manifest["metadata"]
    return {"spec": manifest["spec"], **{key: metadata.get(key) for key in ("labels", "annotations")}}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_conversion_is_that_of_the_go_operator(case: dict[str, Any]) -> None:
    given = case["given"]
    made = convert(read(BY_NAME[given["kind"]].kind, given), SETTINGS)
    assert made.manifest is not None, made.error
    found = tuple(differences(compared(case["want"]), compared(made.manifest)))
    assert found == DEVIATIONS.get(case["id"], ())


def test_every_deviation_is_of_a_case() -> None:
    assert not DEVIATIONS.keys() - {case["id"] for case in CASES}

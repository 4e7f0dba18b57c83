"""Conversions of the Go operator, and where ours differ on purpose."""

import copy
from typing import Any

import pytest

from test.convert.recorded import cases, deviations, differences
from vmagent_operator.convert import predecessor
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


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_conversion_is_recognised_and_nothing_else_is(case: dict[str, Any]) -> None:
    source = read(BY_NAME[case["given"]["kind"]].kind, case["given"])
    recorded = case["want"]
    held = {part: recorded["metadata"].get(part) or {} for part in ("labels", "annotations")}
    assert predecessor.doubt(source, recorded, held, SETTINGS) == ""
    for part, key in (("spec", "scrapeClass"), ("labels", "another"), ("annotations", "another")):
        changed = copy.deepcopy(recorded)
        place = changed if part == "spec" else changed["metadata"]
        place[part] = {**(place.get(part) or {}), key: "x"}
        more = {each: changed["metadata"].get(each) or {} for each in held}
        found = predecessor.doubt(source, changed, more, SETTINGS)
        assert found == f"its {part}.{key} is not what the Go operator makes of the source"


def test_every_deviation_is_of_a_case() -> None:
    assert not DEVIATIONS.keys() - {case["id"] for case in CASES}

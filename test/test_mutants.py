"""The tool that breaks the code: what it changes, and that nothing is listed as equivalent that is no longer there."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from test.mutants import EQUIVALENT, Coverage, equivalent, mutants
from test.tracing import (
    PACKAGE,
    SELECT,
    TRACE,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_runtest_protocol,
)
from vmagent_operator.api.kinds import VMAGENT
from vmagent_operator.model.fields import slots

TEXT = '''
def f(a: int, b: int = 2) -> bool:
    """At least 1."""
    if not a and b < 1:
        logger.info("a %d", 3)
        g(a)
    return a in (b, True)
'''


def test_comparisons_are_turned_conditions_forced_calls_dropped_and_constants_moved() -> None:
    found = mutants("m.py", TEXT)
    assert [(each.before, each.after) for each in found] == [
        ("2", "5"),
        ("not a and b < 1", "True"),
        ("not a and b < 1", "False"),
        ("not a and b < 1", "(not a or b < 1)"),
        ("not a", "bool(a)"),
        ("b < 1", "b <= 1"),
        ("1", "3"),
        ("g(a)", "pass"),
        ("a in (b, True)", "a not in (b, True)"),
        ("True", "False"),
    ]
    assert {each.where for each in found} == {"f"}
    assert len({ast.dump(ast.parse(each.applied(TEXT))) for each in found}) == len(found)


def test_the_quickest_test_of_each_file_comes_first_as_far_as_the_time_goes() -> None:
    seconds = {"a::1": 1.0, "a::2": 2.0, "b::1": 3.0, "b::2": 0.5, "c::1": 9.0}
    covered = Coverage({}, seconds)
    assert covered.order(frozenset(seconds), 100.0) == ["b::2", "a::1", "c::1", "a::2", "b::1"]
    assert covered.order(frozenset(seconds), 10.5) == ["b::2", "a::1", "c::1"]
    assert covered.order(frozenset(["c::1"]), 1.0) == ["c::1"]
    assert covered.order(frozenset(seconds), 6.5, "b") == ["b::2", "a::1", "b::1"]


def test_where_a_mutant_changes_the_name_of_a_case_all_of_its_file_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names").write_text(json.dumps(["b::2", "a::case 0"]))
    monkeypatch.setenv(SELECT, str(tmp_path / "names"))
    items: list[Any] = [SimpleNamespace(nodeid=name) for name in ("a::1", "a::case 1", "b::1", "b::2", "c::1")]
    pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == ["b::2", "a::1", "a::case 1"]


@pytest.mark.parametrize(("folder", "runs_again"), [("test/model", True), ("test/mod", False), ("test", True)])
def test_a_test_is_seen_to_run_what_an_earlier_one_has_left_in_a_cache_of_its_folder(
    folder: str, runs_again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACE, str(tmp_path / "lines"))
    monkeypatch.setattr("test.tracing.REMEMBERED", [])
    session: Any = SimpleNamespace(config=SimpleNamespace(args=[folder]))
    pytest_collection_finish(session)
    for name in ("a::1", "a::2"):
        item: Any = SimpleNamespace(nodeid=name)
        running = pytest_runtest_protocol(item)
        next(running)
        slots(VMAGENT.spec_class)
        next(running, None)
    (_, _, places) = json.loads((tmp_path / "lines").read_text().splitlines()[1])
    assert any(path == "model/fields.py" for path, _ in places) == runs_again


def test_what_is_listed_as_equivalent_is_there_and_has_a_reason() -> None:
    lines = [line for line in EQUIVALENT.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not line.partition("  # ")[2]] == []
    paths = {name.partition(" ")[0] for name in equivalent()}
    names = {each.name for path in paths for each in mutants(path, (PACKAGE / path).read_text())}
    assert equivalent() - names == set()

"""Log lines: their form, and what is left out."""

import json
import logging
from typing import Any

import pytest

from vmagent_operator.cli.logs import Lines, Repetitions


def record(level: int, message: str, *args: Any) -> logging.LogRecord:
    made = logging.LogRecord("vmagent_operator.kube.queue", level, "queue.py", 7, message, args, None)
    made.created = 1767225600.5
    return made


def test_a_line_is_one_json_object() -> None:
    line = Lines("rfc3339", {}, is_console=False).format(record(logging.WARNING, "vmagent %s: a\nb", "n/a"))
    assert json.loads(line) == {
        "ts": "2026-01-01T00:00:00.500Z",
        "level": "warning",
        "logger": "kube.queue",
        "caller": "queue.py:7",
        "msg": "vmagent n/a: a\nb",
    }
    assert "\n" not in line


def test_fields_have_other_names_on_demand() -> None:
    line = Lines("epoch", {"ts": "time", "msg": "message"}, is_console=False).format(record(logging.INFO, "x"))
    assert json.loads(line).keys() == {"time", "level", "logger", "caller", "message"}


def test_the_console_form_is_separated_by_tabs() -> None:
    line = Lines("rfc3339", {}, is_console=True).format(record(logging.INFO, "x"))
    assert line == "2026-01-01T00:00:00.500Z\tinfo\tkube.queue\tqueue.py:7\tx"


@pytest.mark.parametrize(
    ("level", "passes"), [(logging.WARNING, [True, False, True]), (logging.INFO, [True, True, True])]
)
def test_the_same_complaint_about_the_same_object_comes_once_in_ten_seconds(level: int, passes: list[bool]) -> None:
    now, left_out = [0.0], list[int]()
    repetitions = Repetitions(lambda: left_out.append(1), lambda: now[0])
    seen = []
    for seconds in (0.0, 5.0, 10.0):
        now[0] = seconds
        seen.append(repetitions.filter(record(level, "vmagent %s: failed", "n/a")))
    assert seen == passes
    assert repetitions.filter(record(level, "vmagent %s: failed", "n/b"))
    assert len(left_out) == passes.count(False)

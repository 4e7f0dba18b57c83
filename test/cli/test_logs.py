"""Log lines: their form, and what is left out."""

import json
import logging
import sys
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


def test_nobody_forges_a_record_on_the_console() -> None:
    forged = "a\n2026-11-28T00:00:00Z\tinfo\tFORGED\r\x1b[31mred\x9b2J\u2028\u202e"
    line = Lines("rfc3339", {}, is_console=True).format(record(logging.INFO, "vmagent %s: x", forged))
    assert line.split("\t")[:4] == ["2026-01-01T00:00:00.500Z", "info", "kube.queue", "queue.py:7"]
    assert line.split("\t", 4)[4] == (
        r"vmagent a\n2026-11-28T00:00:00Z\tinfo\tFORGED\r\x1b[31mred\x9b2J\u2028\u202e: x"
    )


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    failed = record(logging.ERROR, "x")
    try:
        raise ValueError("a\n2026-11-28T00:00:00Z\tinfo\tFORGED\x1b[31m")
    except ValueError:
        failed.exc_info = sys.exc_info()
    head, *trace = Lines("rfc3339", {}, is_console=True).format(failed).split("\n")
    assert head.endswith("\tx")
    assert trace[-1] == r"\t2026-11-28T00:00:00Z\tinfo\tFORGED\x1b[31m".replace(r"\t", "\t", 1)
    assert all(line.startswith("\t") for line in trace)


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

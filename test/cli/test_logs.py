"""Log lines: their form, and what is left out."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field

from vmagent_operator.cli import logs
from vmagent_operator.cli.logs import Lines, Queued, Repetitions


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


@define
class Reader:
    """Somebody who reads lines when told to, and not before."""

    reads: threading.Event = field(factory=threading.Event)
    lines: list[bytes] = field(factory=list)
    dropped: list[None] = field(factory=list)

    def write(self, line: bytes) -> None:
        self.reads.wait(10)
        self.lines.append(line)


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.reads.set()


def test_what_nobody_reads_is_dropped_debug_lines_first(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "QUEUE_BYTES", 80)
    handler = Queued(reader.write, lambda: reader.dropped.append(None))
    handler.setFormatter(logging.Formatter("%(levelname).1s %(message)s"))
    handler.handle(record(logging.INFO, "first"))
    while handler._lines:  # until the writer hangs in it
        time.sleep(0.001)
    for level in (logging.DEBUG, logging.INFO):
        for number in range(10):
            handler.handle(record(level, f"line {number}"))
    assert len(reader.dropped) == 12
    reader.reads.set()
    handler.flush()
    kept = [line.decode().split() for line in reader.lines]
    assert [words[0] for words in kept if words[1] == "line"] == ["D"] * 4 + ["I"] * 4
    assert b"W log: lines were left out, since nobody read them: 12\n" in reader.lines


def test_the_end_waits_for_what_is_left_but_not_for_ever(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Queued(reader.write, lambda: None)
    handler.handle(record(logging.INFO, "one"))
    monkeypatch.setattr(logs, "FLUSH_SECONDS", 0.05)
    handler.flush()
    assert reader.lines == []
    monkeypatch.setattr(logs, "FLUSH_SECONDS", 5.0)
    reader.reads.set()
    handler.flush()
    assert reader.lines == [b"one\n"]


def test_a_record_that_cannot_be_formatted_is_dropped(reader: Reader) -> None:
    reader.reads.set()
    handler = Queued(reader.write, lambda: reader.dropped.append(None))
    handler.handle(record(logging.INFO, "%d", "no number"))
    assert len(reader.dropped) == 1


FLOOD = """
import logging, signal, sys, threading
from vmagent_operator.cli import flags, logs
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
logs.configure(flags.parse([]), lambda level: None, lambda: None, lambda: None)
for number in range(50_000):
    logging.info("a line that nobody reads: %d", number)
print("alive", flush=True)
stop.wait(20)
logging.info("stopping")
"""


def test_a_process_whose_stderr_nobody_reads_works_on_and_stops_when_told() -> None:
    command = [sys.executable, "-c", FLOOD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"alive\n"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5

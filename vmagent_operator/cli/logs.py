"""Log records as lines on stderr: JSON or text, counted, and without floods of the same complaint.

Whoever logs never waits for stderr: lines go through a bounded queue to a thread that writes them. When nobody reads
them, debug lines are dropped first, then all, and counted; the work goes on.
"""

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from vmagent_operator.cli.flags import Flags
from vmagent_operator.controller.engine import work

QUEUE_BYTES = 4 << 20
"""Of lines that wait to be written; debug lines get half of it."""
FLUSH_SECONDS = 1.0
"""How long the end of the process waits for what is left to be written."""
QUIET_SECONDS = 10.0
"""How long the same complaint is not repeated: some lines a minute show that it goes on, and leave others to be seen."""
KNOWN = 1000
"""Complaints that are remembered; beyond, all are forgotten and said once more, so that nothing grows without end."""
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
}
NAMES = {logging.CRITICAL: "critical", logging.ERROR: "error", logging.WARNING: "warning", logging.INFO: "info"}
THIRD_PARTY = ("kubernetes", "urllib3")

TIMES: Mapping[str, Callable[[float], float]] = {
    "epoch": lambda seconds: seconds,
    "millis": lambda seconds: seconds * 1e3,
    "nano": lambda seconds: int(seconds * 1e9),
}


def configure(
    flags: Flags, counted: Callable[[str], None], suppressed: Callable[[], None], dropped: Callable[[], None]
) -> None:
    """Send all records to stderr as `flags` say, and as text where somebody sits and nothing is said; `counted` hears the level of every record, `suppressed` and `dropped` of
    each that repeats another or finds no place in the queue."""
    is_devel = flags["zap-devel"]
    level = flags["zap-log-level"]
    is_looked_at = sys.stderr.isatty() and "zap-encoder" not in flags.given
    is_console = is_devel or flags["zap-encoder"] == "console" or is_looked_at
    handler = Queued(partial(_write, sys.stderr.fileno()), dropped)
    handler.setFormatter(Lines(flags["zap-time-encoding"], dict(flags["loggerJSONFields"]), is_console=is_console))
    handler.addFilter(_Count(counted))
    handler.addFilter(Repetitions(suppressed))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if is_devel else LEVELS.get(level, logging.DEBUG))
    for name in THIRD_PARTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


class Queued(logging.Handler):
    """Has lines written by a thread of its own. `write` may block for ever; nobody but that thread will.

    Not through a buffered stream: at the end of the process its lock could not be had while a write hangs.
    """

    def __init__(self, write: Callable[[bytes], None], dropped: Callable[[], None]) -> None:
        super().__init__()
        self._write, self._dropped = write, dropped
        self._lines: deque[bytes] = deque()
        self._bytes = self._left_out = 0
        self._is_writing = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """See Handler."""
        try:
            line = self.format(record).encode(errors="backslashreplace") + b"\n"
        except Exception:  # noqa: BLE001 -- a record that cannot be formatted must not end what has logged it
            self._drop()
            return
        room = QUEUE_BYTES if record.levelno > logging.DEBUG else QUEUE_BYTES // 2
        with self._changed:
            if has_room := self._bytes + len(line) <= room:
                self._lines.append(line)
                self._bytes += len(line)
                self._changed.notify_all()
        if not has_room:
            self._drop()

    def flush(self) -> None:
        """Wait a while for all lines to be written."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._lines or self._is_writing), FLUSH_SECONDS)

    def _drop(self) -> None:
        with self._changed:
            self._left_out += 1
        self._dropped()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                line = self._lines.popleft()
                self._bytes -= len(line)
                left_out, self._left_out = self._left_out, 0
                self._is_writing = True
            with suppress(OSError):  # nobody is there any more to be told of it
                self._write(line)
                if left_out:
                    self._write(self._told(left_out))

    def _told(self, left_out: int) -> bytes:
        text = "log: lines were left out, since nobody read them: %d"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (left_out,), None)
        return self.format(record).encode() + b"\n"


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


class Lines(logging.Formatter):
    """One line for each record; `renamed` gives other names to fields."""

    def __init__(self, times: str, renamed: Mapping[str, str], *, is_console: bool) -> None:
        super().__init__()
        self._times, self._renamed, self._is_console = times, renamed, is_console

    def format(self, record: logging.LogRecord) -> str:
        """See Formatter."""
        fields = {
            "ts": self._time(record.created),
            "level": NAMES.get(record.levelno, "debug"),
            "logger": record.name.removeprefix("vmagent_operator."),
            "caller": f"{record.module}.py:{record.lineno}",
            "msg": record.getMessage(),
        }
        if not self._is_console:  # there the text says it as well, and people have to read it
            fields |= work.current()  # of this thread: a line is made by whoever logs, and only written elsewhere
        if repeated := getattr(record, "suppressed", 0):
            fields["suppressed"] = repeated
        if record.exc_info:
            fields["stacktrace"] = self.formatException(record.exc_info)
        if self._is_console:
            trace = str(fields.pop("stacktrace", "")).splitlines()
            record_line = "\t".join(_on_one_line(str(value)) for value in fields.values())
            return "\n\t".join((record_line, *map(_on_one_line, trace)))  # no record begins with a tab
        return json.dumps({self._renamed.get(name, name): value for name, value in fields.items()}, ensure_ascii=False)

    def _time(self, created: float) -> float | str:
        if self._times in TIMES:
            return TIMES[self._times](created)
        return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _on_one_line(text: str) -> str:
    """`text` without anything that moves the cursor or begins a line, so that nobody's words look like another record."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class _Count(logging.Filter):
    def __init__(self, counted: Callable[[str], None]) -> None:
        super().__init__()
        self._counted = counted

    def filter(self, record: logging.LogRecord) -> bool:
        self._counted(NAMES.get(record.levelno, "debug"))
        return True


class Repetitions(logging.Filter):
    """Lets the same complaint (template and object) pass once in a while, with the number of those left out."""

    def __init__(self, suppressed: Callable[[], None], now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._suppressed, self._now = suppressed, now
        self._seen: dict[tuple[str, str, str], tuple[float, int]] = {}
        """When a complaint has passed last, and how often it was left out since."""
        self._lock = threading.Lock()
        """Around `_seen`: whoever logs comes through here, on a thread of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        if record.levelno < logging.WARNING:
            return True
        args = record.args if isinstance(record.args, tuple) else ()
        key = (record.name, str(record.msg), str(args[0]) if args else "")
        with self._lock:
            now = self._now()
            last, left_out = self._seen.get(key, (float("-inf"), 0))
            if now - last < QUIET_SECONDS:
                self._seen[key] = (last, left_out + 1)
            else:
                if len(self._seen) >= KNOWN:
                    self._seen.clear()
                self._seen[key] = (now, 0)
                record.suppressed = left_out
                return True
        self._suppressed()
        return False

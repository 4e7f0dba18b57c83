"""Where the demonstration writes: 80 columns, colour only for a terminal that wants it, and nobody has to look on."""

import os
import select
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from attrs import define, field

from test.demo.account import Line

WIDTH = 80
BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"
COLOURS = {"operational": GREEN, "failed": RED, "gone": RED, "leaving": YELLOW, "expanding": YELLOW, "ignored": YELLOW}


def is_coloured(out: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `out` is a terminal, and neither NO_COLOR nor a dumb one forbids colours."""
    return out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


@define
class Screen:
    """Lines with the time in front, tables and plain text, all at once visible."""

    out: TextIO = field(factory=lambda: sys.stdout)
    has_colour: bool = False
    now: Callable[[], datetime] = datetime.now
    is_deserted: bool = False
    is_leaving: bool = False

    def say(self, text: str = "") -> None:
        """Plain text, as it is."""
        if self.is_deserted:
            return
        try:
            print(text, file=self.out, flush=True)
        except OSError:
            self.desert()

    def desert(self) -> None:
        """Nobody reads any more: an interruption, unless it is being cleaned up already, which goes on in silence."""
        if self.is_deserted:
            return
        self.is_deserted = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
        if not self.is_leaving:
            raise KeyboardInterrupt

    def watch(self) -> None:
        """Send SIGHUP to this process when the terminal is closed: a `make` in between gets the signal and keeps it."""
        poll = select.poll()
        poll.register(os.dup(self.out.fileno()), 0)
        poll.poll()
        os.kill(os.getpid(), signal.SIGHUP)

    def head(self, text: str) -> None:
        """A line that stands out."""
        self.say(self.paint(text, BOLD))

    def tell(self, text: str, state: str = "") -> None:
        """A line with the time in front, continued below itself where it is too long."""
        stamp = f"{self.now():%H:%M:%S}  "
        first, *rest = wrapped(text, self.width - len(stamp))
        if state:
            first = first.replace(state, self.paint(state, COLOURS.get(state, "")), 1)
        self.say(self.paint(stamp, DIM) + first)
        for more in rest:
            self.say(" " * len(stamp) + more)

    def line(self, line: Line) -> None:
        """What has happened."""
        self.tell("  ".join(filter(None, (line.subject, line.state, line.text))), line.state)

    def table(self, lines: Sequence[Line]) -> None:
        """Lines below each other in columns; the last column is continued below itself."""
        subject = max((len(line.subject) for line in lines), default=0)
        state = max((len(line.state) for line in lines), default=0)
        left = 2 + subject + 2 + state + 2
        for line in lines:
            first, *rest = wrapped(line.text, max(20, self.width - left))
            painted = self.paint(f"{line.state:<{state}}", COLOURS.get(line.state, ""))
            self.say(f"  {line.subject:<{subject}}  {painted}  {first}".rstrip())
            for more in rest:
                self.say(" " * left + more)

    def paint(self, text: str, colour: str) -> str:
        """`text` in a colour, if there are any."""
        return f"\033[{colour}m{text}\033[0m" if self.has_colour and colour else text

    @property
    def width(self) -> int:
        """Columns to fill: those of the terminal, but not more than anybody reads."""
        return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if self.out.isatty() else WIDTH


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`; an empty one for none."""
    return textwrap.wrap(text, max(20, width), subsequent_indent="  ", break_on_hyphens=False) or [""]

"""A program in a terminal of 80 columns, as a person has it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import define, field

PATIENCE_SECONDS = 120.0
SIZE = struct.pack("HHHH", 24, 80, 0, 0)


@define(eq=False)
class Terminal:
    """`command` at work in a terminal of its own. `shown` is all that it has written so far."""

    command: Sequence[str]
    cwd: Path
    environ: Mapping[str, str] = field(factory=dict)
    shown: str = ""
    _process: "subprocess.Popen[bytes] | None" = None
    _master: int = -1
    _taken: int = 0

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, SIZE)
        env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "KUBECONFIG", "COLUMNS")}
        env |= {"TERM": "xterm", **self.environ}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *self.command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self.cwd,
            env=env,
        )
        os.close(slave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            raise

    def until(self, text: str, seconds: float = PATIENCE_SECONDS) -> str:
        """What it shows up to the next `text`, after what was returned before. Raises AssertionError if that does not come."""
        deadline, start = time.monotonic() + seconds, self._taken
        while (at := self.shown.find(text, start)) < 0:
            assert time.monotonic() < deadline, f"no {text!r} in: {self.shown[start:]}"
            assert self._read(0.2), f"it ended without {text!r}: {self.shown[start:]}"
        self._taken = at + len(text)
        return self.shown[start : self._taken]

    def press(self, keys: str) -> None:
        """Type something; `\\x03` is Ctrl-C."""
        os.write(self._master, keys.encode())

    def ended(self) -> int:
        """The exit code, once it has ended and all of it has been read."""
        while self._read(1.0):
            pass
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the terminal, as with a click: the program gets SIGHUP."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self, seconds: float) -> bool:
        """Whether it may still write something."""
        if select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # nobody has the other end any more
                return False
            self.shown += data.decode(errors="replace").replace("\r\n", "\n")
            return bool(data)
        return True

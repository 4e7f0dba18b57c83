"""Child processes that never outlive us: each dies with its parent, whatever ends the parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Exited(Exception):  # noqa: N818
    """A process ended although it should run; the message holds the end of its log."""


class Process:
    """One running program with its log file; its own process group, so that Ctrl-C reaches only us."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Start `command`, both its outputs appended to `log`. Start it from a thread that lives on: see `_tie`."""
        self.name = log.stem
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                preexec_fn=partial(_tie, os.getpid()),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._child.poll()

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self._child.wait()

    def check(self) -> None:
        """Raises Exited when the program has ended."""
        if self.returncode is not None:
            raise Exited(f"{self.name} ended with {self.returncode}: {self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """The last `lines` of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """End its process group at once, as a crash of the machine would."""
        self._signal(signal.SIGKILL)
        self._child.wait()

    def stop(self, *, timeout_seconds: float = 30) -> int:
        """Ask it to end, insist after `timeout_seconds`; the exit code."""
        self._signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._child.poll() is None:
            os.killpg(self._child.pid, number)


def _tie(parent: int) -> None:
    """In the child: be killed when the thread that started us ends, which the main thread does with its process."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent was gone before the tie held

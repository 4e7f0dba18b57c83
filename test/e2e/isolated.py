"""A machine of its own for real traffic: a network namespace whose loopback answers at the address of every pod.

It is gone with the last process, thread or socket in it, however they end: nothing has to be removed.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
PODS = "10.244.0.0/16"
"""Where the stand-in for the kubelet takes addresses of pods from."""


@contextmanager
def isolated() -> Iterator[None]:
    """The calling thread, and what it starts meanwhile, in a network of their own. Raises PermissionError if not root."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as outside:
        _check(libc.unshare(CLONE_NEWNET))
        try:
            for command in (["link", "set", "lo", "up"], ["route", "add", "local", PODS, "dev", "lo"]):
                subprocess.run(["ip", *command], check=True)
            yield
        finally:
            _check(libc.setns(outside.fileno(), CLONE_NEWNET))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""How fast the machine is at present: limits of seconds are meant for an idle one, and a core that others use takes two for one."""

from __future__ import annotations

import time

TURNS = 100_000
YARDSTICK_SECONDS = 0.0015
"""What so many turns of a plain loop take of a core with nothing beside it, such as most of today."""


def slowness() -> float:
    """How many times as long as that they take now; 1 on a machine that is faster."""
    return max(1.0, min(_turns() for _ in range(5)) / YARDSTICK_SECONDS)


def _turns() -> float:
    began = time.thread_time()
    sum(range(TURNS))
    return time.thread_time() - began

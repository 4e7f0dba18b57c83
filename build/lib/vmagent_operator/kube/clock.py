"""Time, as something that is passed in.

Intervals are measured with the monotonic clock only; the wall clock is for timestamps that others read.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What code that waits or stamps asks for."""

    def monotonic(self) -> float:
        """Seconds since some moment; never steps back."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep until `event` is set or `seconds` have passed; whether it is set."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))

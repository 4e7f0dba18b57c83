"""Time that only a test moves."""

import threading
from datetime import UTC, datetime, timedelta

from attrs import define, field


@define
class VirtualClock:
    """A clock at which waiting takes no time; `wall_offset_seconds` sets the wall clock wrong."""

    seconds: float = 0.0
    wall_offset_seconds: float = 0.0
    waits: list[float] = field(factory=list)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds + self.wall_offset_seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        self.waits.append(seconds)
        self.seconds += max(0.0, seconds)
        return False

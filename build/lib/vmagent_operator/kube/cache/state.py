"""What an informer shows of itself."""

import threading
from datetime import datetime
from enum import Enum

from attrs import define, field


class Phase(Enum):
    """What a source is at. ABSENT: its kind is not served."""

    ABSENT = "absent"
    LISTING = "listing"
    WATCHING = "watching"
    BACKOFF = "backoff"
    STOPPED = "stopped"


@define(eq=False)
class State:
    """Written by its informer alone; may be read from any thread, one field at a time.

    `unhealthy_since` and `absent_at` are monotonic seconds, None if healthy or never absent. `synced` is set once a first
    complete list has been applied and its handlers have been called, and never cleared.
    """

    unhealthy_since: float | None
    phase: Phase = Phase.LISTING
    error: Exception | None = None
    absent_at: float | None = None
    resource_version: str = ""
    active_at: datetime | None = None
    synced: threading.Event = field(factory=threading.Event)

    def enter(self, phase: Phase, now: float) -> None:
        """Go on to `phase`. Healthy is who watches, or knows that there is nothing to watch; a list is not believed yet."""
        self.phase = phase
        if phase in (Phase.WATCHING, Phase.ABSENT):
            self.error = self.unhealthy_since = None
        elif self.unhealthy_since is None:
            self.unhealthy_since = now

    def mark_unhealthy(self, error: Exception, now: float) -> None:
        """Until the next watch, what is not in the store may exist all the same."""
        self.error = error
        self.enter(Phase.BACKOFF, now)

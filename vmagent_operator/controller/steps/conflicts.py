"""A breaker against write wars: when somebody else keeps undoing what we write, we write once a minute and say so."""

from collections.abc import Callable

from attrs import define

from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.events import Type
from vmagent_operator.controller.engine.state import Memory
from vmagent_operator.kube.clock import Clock

REWRITES, WITHIN_SECONDS = 10, 300.0
"""So often nobody changes the same thing back by hand."""
PAUSE_SECONDS, QUIET_SECONDS = 60.0, 600.0
"""Then it is written once a minute, until it has stood for ten."""


@define
class ConflictingWriters:
    """Counts writes of the same content to the same child; its state is in the agent's memory."""

    memory: Memory
    clock: Clock
    event: Callable[[Type, str, str], None]

    @property
    def is_open(self) -> bool:
        """Whether somebody else has lately been undoing our writes."""
        return self.clock.monotonic() < self.memory.conflicting_until

    def pause_seconds(self) -> float:
        """How long this agent's writes have to rest from now."""
        now = self.clock.monotonic()
        if not self.is_open or self.memory.rested_at is None:
            return 0.0
        left = self.memory.rested_at + PAUSE_SECONDS - now
        if left <= 0:
            self.memory.rested_at = now
            return 0.0
        return left

    def count(self, child: Child, what: str, digest: bytes, paths: tuple[str, ...]) -> None:
        """Note a write; the usual cause of too many is a second operator that was forgotten."""
        now = self.clock.monotonic()
        last, times = self.memory.rewrites.get(child, (b"", []))
        times = [time for time in times if now - time <= WITHIN_SECONDS] if last == digest else []
        self.memory.rewrites[child] = (digest, [*times, now])
        if len(times) < REWRITES:
            return
        if not self.is_open:
            fields = ", ".join(paths[:5])
            self.event("Warning", "ConflictingController", f"somebody else keeps changing {what}: {fields}")
        self.memory.conflicting_until, self.memory.rested_at = now + QUIET_SECONDS, now

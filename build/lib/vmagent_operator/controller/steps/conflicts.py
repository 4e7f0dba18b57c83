"""A breaker against write wars: when somebody else keeps undoing what we write, we write once a minute and say so."""

from collections.abc import Callable, Container

from attrs import define, field

from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.events import Type
from vmagent_operator.kube.clock import Clock

REWRITES, WITHIN_SECONDS = 10, 300.0
"""So often nobody changes the same thing back by hand."""
PAUSE_SECONDS, QUIET_SECONDS = 60.0, 600.0
"""Then it is written once a minute, until it has stood for ten."""


@define
class ConflictState:
    """What is remembered of writes, in monotonic seconds.

    rewrites: the digest of what was last written to a child, and when it was. rested_at: when we last stopped writing.
    until: how long somebody else counts as undoing our writes.
    """

    rewrites: dict[Child, tuple[bytes, list[float]]] = field(factory=dict)
    rested_at: float | None = None
    until: float = float("-inf")

    def keep(self, children: Container[Child]) -> None:
        """Forget all others."""
        for child in [child for child in self.rewrites if child not in children]:
            del self.rewrites[child]


@define
class ConflictingWriters:
    """Counts writes of the same content to the same child."""

    state: ConflictState
    clock: Clock
    event: Callable[[Type, str, str], None]

    @property
    def is_open(self) -> bool:
        """Whether somebody else has lately been undoing our writes."""
        return self.clock.monotonic() < self.state.until

    def pause_seconds(self) -> float:
        """How long this owner's writes have to rest from now."""
        now = self.clock.monotonic()
        if not self.is_open or self.state.rested_at is None:
            return 0.0
        left = self.state.rested_at + PAUSE_SECONDS - now
        if left <= 0:
            self.state.rested_at = now
            return 0.0
        return left

    def count(self, child: Child, what: str, digest: bytes, paths: tuple[str, ...], rival: str = "") -> None:
        """Note a write; the usual cause of too many is a second operator that was forgotten.

        rival: the field manager that was the last to write there before us, as far as that is known.
        """
        now = self.clock.monotonic()
        last, times = self.state.rewrites.get(child, (b"", []))
        # What we ourselves want otherwise in between, and then again, is no war, however often.
        times = [time for time in times if now - time <= WITHIN_SECONDS] if last == digest else []
        self.state.rewrites[child] = (digest, [*times, now])
        if len(times) < REWRITES:
            return
        if not self.is_open:
            fields = ", ".join(paths[:5])
            who = f"somebody else ({rival})" if rival else "somebody else"
            self.event("Warning", "ConflictingController", f"{who} keeps changing {what}: {fields}")
        self.state.until, self.state.rested_at = now + QUIET_SECONDS, now

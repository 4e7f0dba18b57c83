"""How long a source waits after an error.

After client-go's reflector: 0.8 s, doubled with each error up to 30 s, each drawn from one to two times that; two quiet
minutes begin anew.
"""

import random
from collections.abc import Callable

from attrs import define, field

from vmagent_operator.kube.clock import Clock

BASE_SECONDS = 0.8
"""As client-go's reflector has it, and so the next two: servers are known to live with that."""
CAP_SECONDS = 30.0
QUIET_SECONDS = 120.0


@define(eq=False)
class Backoff:
    """Grows with every error it is asked about, by the monotonic clock."""

    clock: Clock
    jitter: Callable[[], float] = random.random
    _errors: int = field(init=False, default=0)
    _last_at: float = field(init=False, default=float("-inf"))

    @property
    def errors(self) -> int:
        """How many errors there were without two quiet minutes between them."""
        return 0 if self.clock.monotonic() - self._last_at > QUIET_SECONDS else self._errors

    def next_seconds(self) -> float:
        """Count an error; the seconds to wait now."""
        errors = self.errors
        self._errors, self._last_at = errors + 1, self.clock.monotonic()
        return self._spread(min(BASE_SECONDS * 2.0 ** min(errors, 16), CAP_SECONDS))

    def longest_seconds(self) -> float:
        """Count an error; the seconds to wait when nothing is gained by asking soon."""
        self._errors, self._last_at = self.errors + 1, self.clock.monotonic()
        return self._spread(CAP_SECONDS)

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + self.jitter())

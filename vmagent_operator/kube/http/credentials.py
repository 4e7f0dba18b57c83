"""When credentials are read again: once a minute, and when the server refuses them.

Reading happens in a thread of its own, since it may run a program that hangs; a request waits for it only if it has
nothing better to send. Time is the monotonic clock's, so a wall clock set back delays nothing.
"""

import logging
import threading
from collections.abc import Callable

from attrs import define, field

from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.meter import Meter

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 60.0
"""A projected token is renewed on disk long before it ends; a look a minute is in time."""
PATIENCE_SECONDS = 0.1
"""How long a request waits for that look: the old token does for this one."""
RENEWAL_SECONDS = 60.0
"""How long one waits that was refused, and has no other token: a command may have to ask a person."""


class CredentialsError(Exception):
    """There are no usable credentials; the message says where they were looked for and what is wrong there."""


@define(eq=False)
class Credentials:
    """The value of the Authorization header, "" if a client certificate does its work.

    `read` returns it anew; its argument tells that the present one was refused. It raises CredentialsError, at first
    to whom constructs this, later to the log only: then the old value stays.
    """

    read: Callable[[bool], str]
    clock: Clock
    meter: Meter = field(factory=Meter)
    _value: str = field(init=False)
    _read_at: float = field(init=False)
    _reader: threading.Thread | None = field(init=False, default=None)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._value = self.read(False)
        self._read_at = self.clock.monotonic()

    def authorization(self) -> str:
        """What to send now."""
        if self.clock.monotonic() - self._read_at >= REFRESH_SECONDS:
            self._refresh(False).join(PATIENCE_SECONDS)
        return self._value

    def renew(self, refused: str, seconds: float) -> None:
        """Read again because the server did not take `refused`, waiting for `seconds` at most.

        Nothing is read if that has happened since.
        """
        if self._value == refused:
            self._refresh(True).join(min(seconds, RENEWAL_SECONDS))

    def _refresh(self, refused: bool) -> threading.Thread:
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._read, args=(refused,), name="credentials", daemon=True)
                self._reader.start()
            return self._reader

    def _read(self, refused: bool) -> None:
        try:
            self._value = self.read(refused)
        except CredentialsError as error:
            self.meter.token_failed()
            logger.error("credentials: not read again, the old ones stay: %s", error)
        self._read_at = self.clock.monotonic()

"""Events on objects: what a person sees in `kubectl describe`.

`record` never blocks and never fails; somebody else calls `flush`. Repetition is counted on one Event object, floods of
similar ones are folded together, as client-go's recorder does it.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from attrs import define, field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube.errors import ApiError, Cancelled, Forbidden, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import EVENTS, Manifest

logger = logging.getLogger(__name__)

QUEUE_LENGTH = 1000
"""Notes that wait to be written; beyond that the newest are dropped, since somebody floods us."""
KNOWN_LENGTH = 4096
TRIES = 2
MAX_MESSAGE = 1024
SIMILAR, SIMILAR_SECONDS = 10, 600.0
BURST, REFILL_SECONDS = 25, 300.0

Type = Literal["Normal", "Warning"]


@frozen(kw_only=True)
class Note:
    """Something to be told about an object."""

    about: CustomObject[Any]
    type: Type
    reason: str
    message: str
    at: datetime


@define
class _Seen:
    """An Event object that exists: its name, how often it happened, and since when."""

    name: str
    count: int
    first: str


@define
class _Spam:
    """How much may still be said about one object, and about one reason of it."""

    tokens: float
    filled_at: float
    similar: dict[tuple[str, str], deque[float]] = field(factory=dict)


@define(eq=False)
class Recorder:
    """Takes notes from any thread and writes them from one. `dropped` hears why a note was not written."""

    client: Client
    instance: str = ""
    dropped: Callable[[str], None] = field(default=lambda reason: None)
    _notes: deque[Note] = field(init=False, factory=deque)
    _known: OrderedDict[tuple[str, ...], _Seen] = field(init=False, factory=OrderedDict)
    _spam: OrderedDict[str, _Spam] = field(init=False, factory=OrderedDict)
    _written: int = field(init=False, default=0)
    _more: threading.Event = field(init=False, factory=threading.Event)

    def record(self, about: CustomObject[Any], type_: Type, reason: str, message: str) -> None:
        """Have it told that `reason` happened to `about`. Messages hold no secret and no address with credentials."""
        if len(self._notes) >= QUEUE_LENGTH:
            self.dropped("queue")
            return
        text = message.encode()[:MAX_MESSAGE].decode(errors="ignore")
        self._notes.append(Note(about=about, type=type_, reason=reason, message=text, at=self.client.clock.now()))
        self._more.set()

    def step(self) -> float:
        """For a Loop: write what there is; the seconds to wait."""
        self.client.clock.wait(self._more, 1.0)
        self.flush()
        return 0.0

    def flush(self) -> None:
        """Write everything that was noted."""
        self._more.clear()
        while self._notes:
            self._write(self._notes.popleft())

    def _write(self, note: Note) -> None:
        message = self._admitted(note)
        if message is None:
            self.dropped("spam")
            return
        for _ in range(TRIES):
            try:
                self._send(note, message)
                return
            except (NotFound, Forbidden, Cancelled):
                break  # the namespace is going, or we are
            except ApiError as error:
                logger.debug("event on %s not written: %s", note.about.key, error)
        self.dropped("api")

    def _admitted(self, note: Note) -> str | None:
        """The message as it may be told; None if this object has told enough."""
        now = self.client.clock.monotonic()
        spam = self._spam.setdefault(note.about.metadata.uid, _Spam(float(BURST), now))
        self._spam.move_to_end(note.about.metadata.uid)
        while len(self._spam) > KNOWN_LENGTH:
            self._spam.popitem(last=False)
        spam.tokens = min(float(BURST), spam.tokens + (now - spam.filled_at) / REFILL_SECONDS)
        spam.filled_at = now
        if spam.tokens < 1:
            return None
        spam.tokens -= 1
        similar = spam.similar.setdefault((note.type, note.reason), deque())
        similar.append(now)
        while similar and now - similar[0] > SIMILAR_SECONDS:
            similar.popleft()
        return "(combined from similar events)" if len(similar) > SIMILAR else note.message

    def _send(self, note: Note, message: str) -> None:
        metadata, at = note.about.metadata, note.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        identity = (metadata.uid, note.type, note.reason, message)
        seen = self._known.get(identity)
        if seen:
            text = note.message if message == note.message else f"{message}: {note.message}"
            patch = {"count": seen.count + 1, "lastTimestamp": at, "message": text[:MAX_MESSAGE]}
            try:
                self.client.merge_patch(EVENTS, metadata.namespace, seen.name, patch)
                seen.count += 1
                return
            except NotFound:
                del self._known[identity]  # expired
        self._written += 1
        name = f"{metadata.name[:200]}.{int(note.at.timestamp() * 1e6):x}.{self._written:x}"
        self.client.create(EVENTS, self._event(note, name, message, at))
        self._known[identity] = _Seen(name, 1, at)
        while len(self._known) > KNOWN_LENGTH:
            self._known.popitem(last=False)

    def _event(self, note: Note, name: str, message: str, at: str) -> Manifest:
        metadata = note.about.metadata
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": metadata.namespace, "name": name},
            "involvedObject": {
                "apiVersion": note.about.kind.api_version,
                "kind": note.about.kind.name,
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
            },
            "type": note.type,
            "reason": note.reason,
            "message": message,
            "source": {"component": OPERATOR},
            "reportingComponent": OPERATOR,
            "reportingInstance": self.instance,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }

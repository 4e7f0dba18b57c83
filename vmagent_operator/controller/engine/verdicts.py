"""What owners have made of scrape objects: left here by their reconciles, read by the controllers of the scrape kinds.

So an owner never waits for a status to be written, and one status tells of all owners at once. Nothing here is stored:
after a start an owner counts as unheard until its first reconcile, and what it once said stays on the object until then.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.blocks import each
from vmagent_operator.scrape.selection import Selection

ObjectId = tuple[str, str]
"""Kind and `namespace/name` of a scrape object."""


@frozen
class Verdict:
    """What an owner made of this state of a scrape object (UID, generation): why it is left out, or None if its jobs are in."""

    state: tuple[str, int]
    message: str | None


@frozen(eq=False)
class Said:
    """What one owner has to say of the objects that it selects: why some are left out, and that the others' jobs are in."""

    selection: Selection = field(factory=Selection)
    messages: Mapping[ObjectId, str] = field(factory=dict)

    def __len__(self) -> int:
        return len(self.selection)

    def of(self, scrape: CustomObject[Any]) -> Verdict | None:
        """The verdict on an object of this name, None if the owner does not select it."""
        judged = self.selection.find(scrape)
        return None if judged is None else self._verdict(judged)

    def differing(self, other: "Said") -> set[ObjectId]:
        """The objects that the two do not say the same of, found among those that they do not share."""
        mine, others = frozenset(self.selection), frozenset(other.selection)
        here, there = frozenset(each(mine - others)), frozenset(each(others - mine))
        one = {id_of(obj): self._verdict(obj) for obj in here - there}
        two = {id_of(obj): other._verdict(obj) for obj in there - here}
        reworded = {of for of, _ in self.messages.items() ^ other.messages.items()}
        return {of for of in one.keys() | two.keys() if one.get(of) != two.get(of)} | reworded

    def _verdict(self, obj: CustomObject[Any]) -> Verdict:
        return Verdict(_state(obj), self.messages.get(id_of(obj)))


NOTHING = Said()


@define(eq=False)
class Verdicts:
    """The latest verdicts of every owner, by the type of its condition; thread-safe, the latest word wins.

    wake: has the statuses of objects looked at.
    """

    wake: Callable[[Iterable[ObjectId]], None] = field(default=lambda objects: None)
    _said: dict[str, Said] = field(init=False, factory=dict)
    _heard: set[str] = field(init=False, factory=set)
    """The owners that have been reconciled since the start, those that failed included."""
    _waiting: set[ObjectId] = field(init=False, factory=set)
    """The objects of which nothing can be said before others have been heard."""
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects all of these; what an owner said is replaced as a whole and never changed."""

    def put(self, parent: str, said: Said, carriers: Callable[[], Iterable[ObjectId]] = lambda: ()) -> None:
        """Make `said` all that an owner has to say, and have every status looked at that may differ now.

        carriers: the objects whose status tells of the owner. Those that it does not select any more are looked at when it
        speaks first, and when it has nothing left to say.
        """
        with self._lock:
            is_first, before = parent not in self._said, self._said.get(parent, NOTHING)
            self._said[parent] = said
        changed = said.differing(before) | self._hear(parent)
        if is_first or not said:
            changed |= set(carriers()) - {id_of(obj) for obj in said.selection.objects()}
        self.wake(changed)

    def keep(self, parent: str) -> None:
        """The owner has failed before it came to any scrape object: what it said stands, if it ever did."""
        self.wake(self._hear(parent))

    def forget(self, parent: str) -> None:
        """The owner is gone, and nothing tells of it any more."""
        with self._lock:
            self._said.pop(parent, None)
            self._heard.discard(parent)

    def said(self, parent: str) -> Said:
        """What an owner made of every object that it selects, by the type of its condition."""
        with self._lock:
            return self._said.get(parent, NOTHING)

    def of(self, scrape: CustomObject[Any]) -> dict[str, str | None]:
        """What the owners that select this state of an object made of it, by the type of their condition."""
        state = _state(scrape)
        found = {parent: said.of(scrape) for parent, said in self._all().items()}
        return {parent: own.message for parent, own in found.items() if own and own.state == state}

    def released(self, scrape: CustomObject[Any]) -> frozenset[str]:
        """The owners that have spoken and do not select the object."""
        return frozenset(parent for parent, said in self._all().items() if said.of(scrape) is None)

    def _all(self) -> dict[str, Said]:
        with self._lock:
            return dict(self._said)

    def have_all(self, parents: Iterable[str], scrape: CustomObject[Any]) -> bool:
        """Whether all these owners have been reconciled since the start; if not, the status of `scrape` is looked at again
        with each that has been.
        """
        with self._lock:
            if self._heard >= set(parents):
                return True
            self._waiting.add(id_of(scrape))
            return False

    def _hear(self, parent: str) -> set[ObjectId]:
        """An owner has been reconciled; whose statuses have waited for that, if it is the first time."""
        with self._lock:
            is_news = parent not in self._heard
            self._heard.add(parent)
            waiting, self._waiting = (self._waiting, set()) if is_news else (set(), self._waiting)
        return waiting


def _state(scrape: CustomObject[Any]) -> tuple[str, int]:
    return scrape.metadata.uid, scrape.metadata.generation


def id_of(scrape: CustomObject[object]) -> ObjectId:
    """How verdicts name a scrape object."""
    return scrape.kind.name, scrape.key

"""What owners have made of scrape objects: left here by their reconciles, read by the controllers of the scrape kinds.

So an owner never waits for a status to be written, and one status tells of all owners at once. Nothing here is stored:
after a start an owner counts as unheard until its first reconcile, and what it once said stays on the object until then.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.blocks import Block, each
from vmagent_operator.scrape.selection import Selection

ObjectId = tuple[str, str]
"""Kind and `namespace/name` of a scrape object."""


@frozen
class Verdict:
    """What an owner made of a scrape object at this `generation`: why it is left out, or None if its jobs are in."""

    generation: int
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
        """The objects that the two do not say the same of, found in the blocks that they do not share."""
        mine, others = frozenset(self.selection), frozenset(other.selection)
        one, two = self._in(mine - others), other._in(others - mine)
        reworded = {of for of, _ in self.messages.items() ^ other.messages.items()}
        return {of for of in one.keys() | two.keys() if one.get(of) != two.get(of)} | reworded

    def _in(self, blocks: Iterable[Block[ScrapeObject]]) -> dict[ObjectId, Verdict]:
        return {id_of(obj): self._verdict(obj) for obj in each(blocks)}

    def _verdict(self, obj: CustomObject[Any]) -> Verdict:
        return Verdict(obj.metadata.generation, self.messages.get(id_of(obj)))


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
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects both; what an owner said is replaced as a whole and never changed."""

    def put(self, parent: str, said: Said, carriers: Callable[[], Iterable[ObjectId]] = lambda: ()) -> None:
        """Make `said` all that an owner has to say, and have every status looked at that may differ now.

        carriers: the objects whose status tells of the owner. Those that it does not select any more are looked at when it
        speaks first, and when it has nothing left to say.
        """
        with self._lock:
            is_first, before = parent not in self._heard, self._said.get(parent, NOTHING)
            self._said[parent] = said
            self._heard.add(parent)
        changed = said.differing(before)
        if is_first or not said:
            changed |= set(carriers()) - {id_of(obj) for obj in said.selection.objects()}
        self.wake(changed)

    def keep(self, parent: str) -> None:
        """The owner has failed before it came to any scrape object: what it said stands, if it ever did."""
        with self._lock:
            self._heard.add(parent)

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
        generation = scrape.metadata.generation
        found = {parent: said.of(scrape) for parent, said in self._all().items()}
        return {parent: own.message for parent, own in found.items() if own and own.generation == generation}

    def released(self, scrape: CustomObject[Any]) -> frozenset[str]:
        """The owners that have spoken and do not select the object."""
        return frozenset(parent for parent, said in self._all().items() if said.of(scrape) is None)

    def _all(self) -> dict[str, Said]:
        with self._lock:
            return dict(self._said)

    def have_all(self, parents: Iterable[str]) -> bool:
        """Whether all these owners have been reconciled since the start."""
        with self._lock:
            return self._heard >= set(parents)


def id_of(scrape: CustomObject[object]) -> ObjectId:
    """How verdicts name a scrape object."""
    return scrape.kind.name, scrape.key

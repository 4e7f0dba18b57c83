"""What owners have made of scrape objects: left here by their reconciles, read by the controllers of the scrape kinds.

So an owner never waits for a status to be written, and one status tells of all owners at once. Nothing here is stored:
after a start an owner counts as unheard until its first reconcile, and what it once said stays on the object until then.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from attrs import define, field, frozen

from vmagent_operator.api.objects import CustomObject

ObjectId = tuple[str, str]
"""Kind and `namespace/name` of a scrape object."""


@frozen
class Verdict:
    """What an owner made of a scrape object at this `generation`: why it is left out, or None if its jobs are in."""

    generation: int
    message: str | None


@define(eq=False)
class Verdicts:
    """The latest verdicts of every owner, by the type of its condition; thread-safe, the latest word wins.

    wake: has the statuses of objects looked at.
    """

    wake: Callable[[Iterable[ObjectId]], None] = field(default=lambda objects: None)
    _said: dict[str, Mapping[ObjectId, Verdict]] = field(init=False, factory=dict)
    _heard: set[str] = field(init=False, factory=set)
    """The owners that have been reconciled since the start, those that failed included."""
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects both; what an owner said is replaced as a whole and never changed."""

    def put(self, parent: str, said: Mapping[ObjectId, Verdict], carriers: Iterable[ObjectId] = ()) -> None:
        """Make `said` all that an owner has to say, and have every status looked at that may differ now.

        carriers: the objects whose status tells of the owner. Those that it does not select any more are looked at when it
        speaks first, and when it has nothing left to say.
        """
        with self._lock:
            is_first, before = parent not in self._heard, self._said.get(parent, {})
            self._said[parent] = said
            self._heard.add(parent)
        changed = {of for of, verdict in said.items() if before.get(of) != verdict} | (before.keys() - said.keys())
        if is_first or not said:
            changed |= set(carriers) - said.keys()
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

    def of(self, scrape: CustomObject[object]) -> dict[str, str | None]:
        """What the owners that select this state of an object made of it, by the type of their condition."""
        identity, generation = id_of(scrape), scrape.metadata.generation
        with self._lock:
            found = {parent: said.get(identity) for parent, said in self._said.items()}
        return {parent: own.message for parent, own in found.items() if own and own.generation == generation}

    def released(self, scrape: CustomObject[object]) -> frozenset[str]:
        """The owners that have spoken and do not select the object."""
        identity = id_of(scrape)
        with self._lock:
            return frozenset(parent for parent, said in self._said.items() if identity not in said)

    def have_all(self, parents: Iterable[str]) -> bool:
        """Whether all these owners have been reconciled since the start."""
        with self._lock:
            return self._heard >= set(parents)


def id_of(scrape: CustomObject[object]) -> ObjectId:
    """How verdicts name a scrape object."""
    return scrape.kind.name, scrape.key

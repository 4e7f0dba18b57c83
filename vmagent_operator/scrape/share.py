"""How the namespaces from which an owner scrapes share what its application can hold.

As long as there is room for all objects, nothing here matters. If there is not, the room is filled object by object, the
next one always from the namespace that has the least so far: a namespace gets all that it asks for, or as much as any
other, and who wants more than that loses the most. Within a namespace older objects go first, so that a new one never
takes the place of what is scraped already. Once a namespace has missed the room with as much as one object may have, its
other objects are left out without having been built: they would cost time at each reconcile and memory for nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from attrs import define, field, frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.blocks import Block, each
from vmagent_operator.limits import (
    OBJECT_TEXT_BYTES,
    OWNER_ASSETS_BYTES,
    OWNER_JOBS,
    OWNER_MEMORY_BYTES,
    OWNER_TEXT_BYTES,
    Limit,
)
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import Fragment
from vmagent_operator.scrape.part import Built, Part

Build = Callable[[ScrapeObject], Built]


@frozen(kw_only=True)
class Room:
    """What the scrape objects of an owner may take in all.

    text_bytes: of configuration. memory_bytes: of the application. asset_bytes: of files in the one Secret that has them.
    """

    text_bytes: int = OWNER_TEXT_BYTES
    memory_bytes: int = OWNER_MEMORY_BYTES
    asset_bytes: int = OWNER_ASSETS_BYTES
    jobs: int = OWNER_JOBS

    def shortage(self, used: "Use", more: Fragment | Part) -> Limit | None:
        """The limit that one more object, or a part more, would be beyond, or None."""
        if used.text_bytes + more.text_bytes > self.text_bytes:
            return OWNER_TEXT_BYTES
        if used.memory_bytes + more.memory_bytes > self.memory_bytes:
            return OWNER_MEMORY_BYTES
        if more.assets and used.asset_bytes + used.new_bytes(more) > self.asset_bytes:
            return OWNER_ASSETS_BYTES
        return OWNER_JOBS if used.jobs + more.jobs > self.jobs else None

    def fraction(self, used: "Use") -> float:
        """How much of the room `used` is, by what it takes the most of."""
        pairs = (
            (used.text_bytes, self.text_bytes),
            (used.memory_bytes, self.memory_bytes),
            (used.asset_bytes, self.asset_bytes),
            (used.jobs, self.jobs),
        )
        return max(taken / most if most > 0 else float(taken > 0) for taken, most in pairs)


@define
class Use:
    """What some objects take; a file that several of them name counts once. `missed_bytes`: of those left out."""

    text_bytes: int = 0
    memory_bytes: int = 0
    jobs: int = 0
    asset_bytes: int = 0
    missed_bytes: int = 0
    files: set[str] = field(factory=set)

    def add(self, more: Fragment | Part) -> None:
        """One more object, or a part more."""
        self.text_bytes += more.text_bytes
        self.memory_bytes += more.memory_bytes
        self.jobs += more.jobs
        if more.assets:
            self.asset_bytes += self.new_bytes(more)
            self.files |= more.assets.keys()

    def new_bytes(self, more: Fragment | Part) -> int:
        """What files take that are not there yet, their names as often as these are stored."""
        new = {key: text for key, text in more.assets.items() if key not in self.files}
        return sum(file_bytes(key, text) for key, text in new.items())


def allotted(
    blocks: Iterable[Block[ScrapeObject]], part: Callable[[Block[ScrapeObject]], Part | None], build: Build, room: Room
) -> tuple[Part, ...]:
    """What becomes of all objects, in the given order; Findings of those that there is no room for name the limit.

    Only if there is not room for all, be it for those of one block, it is looked at every object for itself.
    """
    blocks = tuple(blocks)
    parts, used = list[Part](), Use()
    for block in blocks:
        more = part(block)
        if more is None or room.shortage(used, more):
            return (shared_out(tuple(each(blocks)), build, room),)
        used.add(more)
        parts.append(more)
    return tuple(parts)


def built_within(room: Room, objects: Iterable[ScrapeObject], build: Build) -> Mapping[ScrapeObject, Built] | None:
    """What becomes of objects, in the given order; None as soon as there is not room for these alone."""
    results, used = dict[ScrapeObject, Built](), Use()
    for obj in objects:
        more = results[obj] = build(obj)
        if isinstance(more, Fragment):
            if room.shortage(used, more):
                return None
            used.add(more)
    return results


def shared_out(objects: Sequence[ScrapeObject], build: Build, room: Room) -> Part:
    """What becomes of objects that there is not room for."""
    sharing = _Sharing(room, build)
    sharing.fill(objects)
    return Part.of({obj: sharing.results[obj] for obj in objects})


@define
class _Sharing:
    """A room while it is filled."""

    room: Room
    build: Build
    results: dict[ScrapeObject, Built] = field(factory=dict)
    everything: Use = field(factory=Use)

    def fill(self, objects: Iterable[ScrapeObject]) -> None:
        """Find out what becomes of every object."""
        waiting: dict[str, list[ScrapeObject]] = {}
        for obj in sorted(objects, key=_age, reverse=True):
            waiting.setdefault(obj.namespace, []).append(obj)
        used = {namespace: Use() for namespace in waiting}
        turns = [(0.0, namespace) for namespace in waiting]
        heapify(turns)
        while turns:
            _, namespace = heappop(turns)
            short = self.take(waiting[namespace].pop(), used[namespace])
            if short and used[namespace].missed_bytes > OBJECT_TEXT_BYTES:
                self.results |= {each: no_room(each, short, self.room) for each in waiting.pop(namespace)}
            elif waiting[namespace]:
                heappush(turns, (self.room.fraction(used[namespace]), namespace))

    def take(self, obj: ScrapeObject, used: Use) -> Limit | None:
        """Build one object and take it in; the limit if there is no room for it."""
        built = self.results[obj] = self.build(obj)
        if not isinstance(built, Fragment):
            return None
        if short := self.room.shortage(self.everything, built):
            self.results[obj] = no_room(obj, short, self.room)
            used.missed_bytes += built.text_bytes
            return short
        self.everything.add(built)
        used.add(built)
        return None


def no_room(obj: ScrapeObject, short: Limit, room: Room) -> Finding:
    """An object that its namespace has no share left for; the text does not depend on what others have."""
    most = {
        OWNER_TEXT_BYTES.name: room.text_bytes,
        OWNER_MEMORY_BYTES.name: room.memory_bytes,
        OWNER_ASSETS_BYTES.name: room.asset_bytes,
        OWNER_JOBS.name: room.jobs,
    }[short.name]
    whose = f"namespace {obj.namespace} has had its share of the {most} {short.unit}"
    return Finding(obj, f"spec: there is no room for it: {whose} that this agent may have (limit {short.name})")


def file_bytes(key: str, text: str) -> int:
    """What a file takes of its Secret: its name also stands in two managed fields."""
    return len(text.encode("utf-8", "surrogateescape")) + 3 * len(key)


def _age(obj: ScrapeObject) -> tuple[str, str, str]:
    return obj.metadata.creation_timestamp, obj.key, obj.kind.name

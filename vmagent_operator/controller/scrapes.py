"""Telling scrape objects what became of them: best effort, last, and slowly.

These writes come out of a small budget of their own, a few in each pass; what is left is written by the next ones. Every
namespace has its turn, those first that were written to longest ago, and within it the objects likewise: neither many
objects nor ones that change all the time keep the others waiting. An object whose status is refused waits alone.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import chain, zip_longest
from typing import Any

from attrs import define, field

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller import status
from vmagent_operator.controller.memory import Memory, Reported, Told
from vmagent_operator.controller.stores import PARENT, SCRAPES, Stores, custom, read
from vmagent_operator.kube.errors import ApiError, Cancelled, Conflict, NotFound
from vmagent_operator.kube.http.client import Client

logger = logging.getLogger(__name__)

WRITES_A_PASS = 10
ATTEMPTS = 5
AGAIN_SECONDS = 1.0
"""How soon the next pass goes on with what is left; the budget allows as many writes a second as a pass does."""
REFUSED_SECONDS, REFUSED_LONGEST_SECONDS = 10.0, 600.0
"""How soon a refused status is tried again; twice as late after each refusal."""
RELEASE_TRIES = 3
"""How often a condition is taken off an object before its agent goes without that."""
REMEMBERED_SECONDS = 600.0
"""How long the write to an object that is no longer selected is remembered: until the watch has surely shown it."""
LOOK_AGAIN_SECONDS = 60.0
"""How soon a status that was right, on an object that has not changed, is looked at again: it may have become too old."""

News = Callable[[CustomObject[Any]], status.Status | None]
Due = tuple[CustomObject[Any], News]


@define
class Reporter:
    """Writes the statuses of scrape objects; `count` hears the kind and result of each write."""

    stores: Stores
    client: Client
    ttl_seconds: float
    count: Callable[[str, str], None] = field(default=lambda kind, result: None)

    def report(
        self,
        agent: CustomObject[Any],
        chosen: Iterable[CustomObject[Any]],
        messages: Mapping[tuple[str, str], str],
        memory: Memory,
    ) -> float:
        """Tell `chosen` that they were applied, or by `messages` why not, and all others that carry our condition that
        they are no longer selected; after how many seconds there is more to tell, 0 if everybody has been told."""
        parent, clock = status.condition_type(agent), self.client.clock
        selected = {_id(scrape): scrape for scrape in chosen}
        memory.told = {key: known for key, known in memory.told.items() if key in selected}
        old = clock.monotonic() - REMEMBERED_SECONDS
        memory.reported = {key: last for key, last in memory.reported.items() if key in selected or last.at > old}

        def applied(scrape: CustomObject[Any]) -> status.Status | None:
            message = messages.get(_id(scrape))
            found = status.scrape_status(scrape, parent, message, clock.now(), self.ttl_seconds)
            if found is None:
                memory.told[_id(scrape)] = Told(scrape.metadata.resource_version, message, clock.monotonic())
            return found

        def is_due(key: tuple[str, str], scrape: CustomObject[Any]) -> bool:
            known = memory.told.get(key)
            if known is None or known.at + LOOK_AGAIN_SECONDS <= clock.monotonic():
                return True
            return (known.resource_version, known.message) != (scrape.metadata.resource_version, messages.get(key))

        former = self._former(agent, selected.keys())
        due = [(scrape, applied) for key, scrape in selected.items() if is_due(key, scrape)]
        if self._write([*due, *former], memory):
            return AGAIN_SECONDS
        return self._refused_seconds([*selected.values(), *(scrape for scrape, _ in former)], memory)

    def release(self, agent: CustomObject[Any], memory: Memory) -> bool:
        """Take our condition from every object; whether nothing more can be done about it."""
        former = self._former(agent, frozenset())
        if self._write(former, memory):
            return False
        refused = [memory.reported[_id(scrape)].refused for scrape, _ in former if _id(scrape) in memory.reported]
        return all(count == 0 or count >= RELEASE_TRIES for count in refused)

    def _former(self, agent: CustomObject[Any], selected: Set[tuple[str, str]]) -> list[Due]:
        """Those that carry our condition, but are not `selected`."""
        parent = status.condition_type(agent)

        def released(scrape: CustomObject[Any]) -> status.Status | None:
            return status.released_status(scrape, parent, self.client.clock.now(), self.ttl_seconds)

        carried = (
            scrape for kind in SCRAPES if kind in self.stores for scrape in self.stores.of(kind).by(PARENT, parent)
        )
        former = sorted((s for s in carried if _id(s) not in selected), key=lambda scrape: scrape.key)
        return [(scrape, released) for scrape in former]

    def _refused_seconds(self, scrapes: Iterable[CustomObject[Any]], memory: Memory) -> float:
        """When the first of those whose status was refused is to be tried again; 0 if there is none."""
        now = self.client.clock.monotonic()
        refused = (last for scrape in scrapes if (last := memory.reported.get(_id(scrape))) and last.refused)
        return min((max(AGAIN_SECONDS, _retry_at(last) - now) for last in refused), default=0.0)

    def _write(self, due: Iterable[Due], memory: Memory) -> bool:
        """Write what differs, as far as one pass goes; whether something is left."""
        for written, (scrape, of) in enumerate(self._pending(due, memory)):
            if written == WRITES_A_PASS:
                self.count(scrape.kind.singular, "deferred")
                return True
            version, refused = scrape.metadata.resource_version, 0
            try:
                version = self._put(scrape, of)
            except Cancelled:
                raise
            except ApiError as error:
                logger.warning("%s %s: status not written: %s", scrape.kind.singular, scrape.key, error)
                self.count(scrape.kind.singular, "error")
                before = memory.reported.get(_id(scrape))
                refused = 1 + (before.refused if before else 0)
            memory.reported.pop(_id(scrape), None)  # to the end: the order is that of the writes
            memory.reported[_id(scrape)] = Reported(version, self.client.clock.monotonic(), refused)
        return False

    def _pending(self, due: Iterable[Due], memory: Memory) -> Iterator[Due]:
        """What is to be written now, in turns."""
        now = self.client.clock.monotonic()
        for scrape, of in _in_turns(due, memory):
            last = memory.reported.get(_id(scrape))
            if last is not None and last.refused:
                is_early = now < _retry_at(last)
            else:  # one at the version that we wrote on has yet to come back
                is_early = last is not None and last.resource_version == scrape.metadata.resource_version
            # An object without UID or version is our own, not yet as it will be.
            if not (scrape.metadata.uid and scrape.metadata.resource_version) or is_early:
                continue
            if of(scrape) is not None:
                yield scrape, of
            elif last is not None and last.refused:
                del memory.reported[_id(scrape)]  # what was refused is no longer to be said

    def _put(self, scrape: CustomObject[Any], of: News) -> str:
        """Write the status, on the version that is returned. Raises ApiError."""
        kind = custom(scrape.kind)
        for _ in range(ATTEMPTS):
            fresh = of(scrape)
            if fresh is None:
                break
            metadata = {
                "namespace": scrape.namespace,
                "name": scrape.name,
                "uid": scrape.metadata.uid,
                "resourceVersion": scrape.metadata.resource_version,
            }
            head = {"apiVersion": kinds.API_VERSION, "kind": scrape.kind.name, "metadata": metadata}
            try:
                self.client.replace(kind, {**head, "status": fresh}, subresource="status")
                self.count(scrape.kind.singular, "ok")
                break
            except NotFound:
                break
            except Conflict:
                self.count(scrape.kind.singular, "conflict")
            try:
                live = read(self.client.get(kind, scrape.namespace, scrape.name))
            except NotFound:
                break
            if live.metadata.uid != scrape.metadata.uid:
                break
            scrape = live
        return scrape.metadata.resource_version


def _in_turns(due: Iterable[Due], memory: Memory) -> Iterator[Due]:
    """One object of each namespace after the other, what was written longest ago first."""
    order = {key: number for number, key in enumerate(memory.reported)}
    served = {key.partition("/")[0]: number for (_, key), number in order.items()}
    namespaces = defaultdict[str, list[Due]](list)
    for scrape, of in due:
        namespaces[scrape.namespace].append((scrape, of))

    def last(news: Due) -> int:
        return order.get(_id(news[0]), -1)

    turns = sorted(namespaces, key=lambda namespace: served.get(namespace, -1))
    rows = zip_longest(*(sorted(namespaces[namespace], key=last) for namespace in turns))
    return (news for news in chain.from_iterable(rows) if news is not None)


def _retry_at(last: Reported) -> float:
    seconds = REFUSED_SECONDS * 2.0 ** (last.refused - 1)
    return last.at + min(seconds, REFUSED_LONGEST_SECONDS)


def _id(scrape: CustomObject[Any]) -> tuple[str, str]:
    return scrape.kind.name, scrape.key

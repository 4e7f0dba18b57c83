"""Telling scrape objects what became of them: best effort, last, and slowly.

These writes come out of a small budget of their own, a few in each pass; what is left is written by the next ones.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

from attrs import define, field

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller import status
from vmagent_operator.controller.memory import Memory, Told
from vmagent_operator.controller.stores import PARENT, SCRAPES, Stores, custom
from vmagent_operator.kube.errors import ApiError, Cancelled, Conflict, NotFound
from vmagent_operator.kube.http.client import Client

logger = logging.getLogger(__name__)

WRITES_A_PASS = 10
ATTEMPTS = 5
LOOK_AGAIN_SECONDS = 60.0
"""How soon a status that was right, on an object that has not changed, is looked at again: it may have become too old."""

News = Callable[[CustomObject[Any]], status.Status | None]


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
    ) -> bool:
        """Tell `chosen` that they were applied, or by `messages` why not, and all others that carry our condition that
        they are no longer selected; whether everybody has been told."""
        parent, clock = status.condition_type(agent), self.client.clock
        selected = {_id(scrape): scrape for scrape in chosen}
        memory.told = {key: known for key, known in memory.told.items() if key in selected}

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

        due = ((scrape, applied) for key, scrape in selected.items() if is_due(key, scrape))
        return self._write(due, memory) and self.release(agent, memory, selected.keys())

    def release(self, agent: CustomObject[Any], memory: Memory, selected: Set[tuple[str, str]] = frozenset()) -> bool:
        """Take our condition from objects that are not `selected`; whether none is left."""
        parent = status.condition_type(agent)

        def released(scrape: CustomObject[Any]) -> status.Status | None:
            return status.released_status(scrape, parent, self.client.clock.now(), self.ttl_seconds)

        carried = (
            scrape for kind in SCRAPES if kind in self.stores for scrape in self.stores.of(kind).by(PARENT, parent)
        )
        former = sorted((s for s in carried if _id(s) not in selected), key=lambda scrape: scrape.key)
        return self._write(((scrape, released) for scrape in former), memory)

    def _write(self, news: Iterable[tuple[CustomObject[Any], News]], memory: Memory) -> bool:
        """Write what differs, as far as one pass goes; whether nothing is left."""
        for written, (scrape, of) in enumerate(self._pending(news, memory)):
            if written == WRITES_A_PASS:
                self.count(scrape.kind.singular, "deferred")
                return False
            try:
                self._put(scrape, of, memory)
            except Cancelled:
                raise
            except ApiError as error:
                logger.warning("%s %s: status not written: %s", scrape.kind.singular, scrape.key, error)
                self.count(scrape.kind.singular, "error")
                return False
        return True

    def _pending(
        self, news: Iterable[tuple[CustomObject[Any], News]], memory: Memory
    ) -> Iterator[tuple[CustomObject[Any], News]]:
        for scrape, of in news:
            # An object without UID is our own, not created yet; one at the version that we wrote on has yet to come back.
            is_behind = memory.reported.get(_id(scrape)) == scrape.metadata.resource_version
            if scrape.metadata.uid and not is_behind and of(scrape) is not None:
                yield scrape, of

    def _put(self, scrape: CustomObject[Any], of: News, memory: Memory) -> None:
        kind, key = custom(scrape.kind), _id(scrape)
        for _ in range(ATTEMPTS):
            fresh = of(scrape)
            if fresh is None:
                return
            metadata = {
                "namespace": scrape.namespace,
                "name": scrape.name,
                "uid": scrape.metadata.uid,
                "resourceVersion": scrape.metadata.resource_version,
            }
            head = {"apiVersion": kinds.API_VERSION, "kind": scrape.kind.name, "metadata": metadata}
            try:
                self.client.replace(kind, {**head, "status": fresh}, subresource="status")
                memory.reported[key] = scrape.metadata.resource_version
                self.count(scrape.kind.singular, "ok")
                return
            except NotFound:
                return
            except Conflict:
                self.count(scrape.kind.singular, "conflict")
            try:
                live = kinds.read(self.client.get(kind, scrape.namespace, scrape.name))
            except NotFound:
                return
            if live.metadata.uid != scrape.metadata.uid:
                return
            scrape = live


def _id(scrape: CustomObject[Any]) -> tuple[str, str]:
    return scrape.kind.name, scrape.key

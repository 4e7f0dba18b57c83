"""What happens in a cluster as one stream: a thread for each collection lists and watches, one reader sees the changes."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from attrs import define, field, frozen

from test.demo.account import Key
from vmagent_operator.kube.errors import ApiError
from vmagent_operator.kube.http.answer import Watch
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource

AGAIN_SECONDS = 1.0
WATCH_SECONDS = 600
QUIET_SECONDS = 0.5
"""How long nothing must have happened before what has is told together."""
MOST_SECONDS = 3.0


@frozen
class Collection:
    """The objects of a kind in a namespace, or in all, with a label."""

    resource: Resource
    namespace: str | None = None
    selector: str = ""


Change = tuple[Key, Manifest | None]


@define(eq=False)
class Watching:
    """Follows `collections` from `start` until `stop`. A change of None is a call from outside: look up."""

    client: Client
    collections: Sequence[Collection]
    changes: SimpleQueue[Change | None] = field(factory=SimpleQueue)
    _stopping: threading.Event = field(factory=threading.Event)
    _open: dict[Collection, Watch] = field(factory=dict)

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        for collection in self.collections:
            threading.Thread(target=self._follow, args=(collection,), daemon=True, name="watching").start()

    def stop(self) -> None:
        """End every watch."""
        self._stopping.set()
        for watch in list(self._open.values()):
            watch.close()

    def call(self) -> None:
        """Wake the reader."""
        self.changes.put(None)

    def batch(self, seconds: float | None = None) -> list[Change]:
        """The changes of one moment, once it is over; none after a call, or if `seconds` pass without any."""
        found: list[Change] = []
        with suppress(Empty):
            one = self.changes.get(timeout=seconds)
            deadline = time.monotonic() + MOST_SECONDS
            while one is not None:
                found.append(one)
                if time.monotonic() > deadline:
                    break
                one = self.changes.get(timeout=QUIET_SECONDS)
        return found

    def _follow(self, collection: Collection) -> None:
        known: set[Key] = set()
        while not self._stopping.is_set():
            try:
                self._once(collection, known)
            except ApiError:  # it is not served yet or no longer, or the server has gone: look again
                self._stopping.wait(AGAIN_SECONDS)

    def _once(self, collection: Collection, known: set[Key]) -> None:
        resource, namespace, selector = collection.resource, collection.namespace, collection.selector
        listing = self.client.list(resource, namespace, selector=selector)
        found = {_key(resource, item): item for item in listing.items}
        for key in known - set(found):
            self.changes.put((key, None))
        known.clear()
        known.update(found)
        for pair in found.items():
            self.changes.put(pair)
        version = listing.resource_version
        with self.client.watch(
            resource, namespace, resource_version=version, selector=selector, timeout_seconds=WATCH_SECONDS
        ) as watch:
            self._open[collection] = watch
            for event in watch:
                if event is None or event.type not in ("ADDED", "MODIFIED", "DELETED"):
                    if event is not None and event.type == "ERROR":
                        return
                    continue
                key = _key(resource, event.object)
                (known.discard if event.type == "DELETED" else known.add)(key)
                self.changes.put((key, None if event.type == "DELETED" else event.object))


def _key(resource: Resource, item: Manifest) -> Key:
    return resource.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]

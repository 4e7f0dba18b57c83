"""Objects and their history: every write gets the next resource version and is remembered for watches and paged lists."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import define, field, frozen

Json = dict[str, Any]
Name = tuple[str, str]


def clone(value: Any) -> Any:
    """A deep copy of a JSON value."""
    if isinstance(value, dict):
        return {key: clone(part) for key, part in value.items()}
    return [clone(part) for part in value] if isinstance(value, list) else value


def timestamp(moment: datetime) -> str:
    """A `Time` as the API writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@frozen
class Change:
    """One write: the object before and after (None: did not exist)."""

    version: int
    resource: str
    name: Name
    old: Json | None
    new: Json | None


@define(eq=False, repr=False)
class Store:
    """What is in the cluster; objects in it are never modified, only replaced.

    `lock` guards everything; it is a condition so that watches over HTTP can wait for the next change.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    version: int = 1
    oldest: int = 1
    window: int = 100_000
    changes: list[Change] = field(factory=list)
    lock: threading.Condition = field(factory=lambda: threading.Condition(threading.RLock()))
    listeners: list[Callable[[Change], None]] = field(factory=list)
    _objects: dict[str, dict[Name, Json]] = field(factory=dict)

    def timestamp(self) -> str:
        """The present moment as a `Time`."""
        return timestamp(self.now())

    def get(self, resource: str, name: Name) -> Json | None:
        """The object, or None."""
        return self._objects.get(resource, {}).get(name)

    def items(self, resource: str) -> list[tuple[Name, Json]]:
        """All objects of a resource in the order of their keys."""
        return sorted(self._objects.get(resource, {}).items(), key=lambda item: item[0])

    def everything(self) -> Iterator[tuple[str, Name, Json]]:
        """All objects: resource, name, object."""
        for resource, objects in self._objects.items():
            for name, value in objects.items():
                yield resource, name, value

    def put(self, resource: str, name: Name, value: Json) -> Json:
        """Store `value` under the next resource version; the stored object."""
        value["metadata"]["resourceVersion"] = str(self.version + 1)
        self._record(resource, name, value)
        self._objects.setdefault(resource, {})[name] = value
        return value

    def remove(self, resource: str, name: Name) -> Json:
        """Delete an object; its last state, under the version of its deletion."""
        old = self._objects[resource].pop(name)
        self._record(resource, name, None, old)
        return old | {"metadata": old["metadata"] | {"resourceVersion": str(self.version)}}

    def at(self, resource: str, version: int) -> list[tuple[Name, Json]]:
        """All objects of a resource as they were at an earlier version; the caller has checked `oldest`."""
        objects = dict(self._objects.get(resource, {}))
        for change in reversed(self.since(version)):
            if change.resource != resource:
                continue
            if change.old is None:
                objects.pop(change.name, None)
            else:
                objects[change.name] = change.old
        return sorted(objects.items(), key=lambda item: item[0])

    def since(self, version: int) -> list[Change]:
        """Changes after `version`, oldest first."""
        return self.changes[max(0, version - self.oldest) :]

    def fork(self, now: Callable[[], datetime] | None = None) -> "Store":
        """A second store of the same objects and history, which then goes its own way, by its own clock if given."""
        objects = {resource: dict(found) for resource, found in self._objects.items()}
        return Store(now or self.now, self.version, self.oldest, self.window, list(self.changes), objects=objects)

    def follow(self, primary: "Store", version: int | None = None) -> None:
        """Repeat what has happened in `primary` since, up to `version`."""
        for change in primary.since(self.version):
            if version is not None and change.version > version:
                return
            if change.new is None:
                self.remove(change.resource, change.name)
            else:
                self.put(change.resource, change.name, change.new)

    def compact(self, version: int | None = None) -> None:
        """Forget history up to `version` (the present one by default)."""
        cut = self.version if version is None else version
        del self.changes[: cut - self.oldest]
        self.oldest = cut

    def _record(self, resource: str, name: Name, new: Json | None, old: Json | None = None) -> None:
        with self.lock:
            self.version += 1
            change = Change(self.version, resource, name, old or self.get(resource, name), new)
            self.changes.append(change)
            if len(self.changes) > self.window:
                self.compact(self.version - self.window // 2)
            for listener in self.listeners:
                listener(change)
            self.lock.notify_all()

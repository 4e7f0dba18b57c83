"""What is remembered between reconciles. Losing any of it costs work and changes no result.

What a step remembers of an owner is declared beside that step; here is only who has it, and what events are mapped with.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from attrs import define, field

from vmagent_operator.controller.engine.kind import OwnerKey
from vmagent_operator.scrape.references import Reference
from vmagent_operator.scrape.selection import Selection

V = TypeVar("V", bound=Hashable)
S = TypeVar("S")


@define
class Index(Generic[V]):
    """Which owners use which values: many to many, replaced owner by owner; thread-safe."""

    _values: dict[OwnerKey, frozenset[V]] = field(init=False, factory=dict)
    _users: dict[V, set[OwnerKey]] = field(init=False, factory=lambda: defaultdict(set))
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects both, which must agree: workers replace while informers look up."""

    def __len__(self) -> int:
        return len(self._users)

    def replace(self, key: OwnerKey, values: Iterable[V]) -> None:
        """Make `values` what `key` uses."""
        fresh = frozenset(values)
        with self._lock:
            before = self._values.get(key, frozenset())
            for value in before - fresh:
                self._users[value].discard(key)
                if not self._users[value]:
                    del self._users[value]
            for value in fresh - before:
                self._users[value].add(key)
            if fresh:
                self._values[key] = fresh
            else:
                self._values.pop(key, None)

    def users(self, value: V) -> frozenset[OwnerKey]:
        """The owners that use `value`."""
        with self._lock:
            return frozenset(self._users.get(value, ()))

    def values(self, key: OwnerKey) -> frozenset[V]:
        """What `key` uses."""
        with self._lock:
            return self._values.get(key, frozenset())


@define
class Usage:
    """What owners have asked for, as their last reconciles left it: Secrets and ConfigMaps, and scrape objects.

    written: the resource versions at which they have written Secrets and ConfigMaps themselves.
    """

    references: Index[Reference] = field(factory=Index)
    selected: dict[OwnerKey, Selection] = field(factory=dict)
    written: dict[OwnerKey, dict[Reference, str]] = field(factory=dict)

    def note_write(self, key: OwnerKey, reference: Reference, resource_version: str) -> None:
        """The owner has written it, and need not look at what it has made of it."""
        self.written.setdefault(key, {})[reference] = resource_version

    def wrote(self, key: OwnerKey, reference: Reference, resource_version: str) -> bool:
        """Whether the owner was the last to write it, by this version."""
        return self.written.get(key, {}).get(reference) == resource_version

    def forget(self, key: OwnerKey) -> None:
        """Drop what an owner used that is gone."""
        self.references.replace(key, ())
        self.selected.pop(key, None)
        self.written.pop(key, None)


@define
class States(Generic[S]):
    """The state of every owner of one kind, each touched only by the worker that has its key."""

    make: Callable[[], S]
    _states: dict[tuple[str, str], S] = field(init=False, factory=dict)

    def of(self, namespace: str, name: str) -> S:
        """The state of an owner, a fresh one at first."""
        return self._states.setdefault((namespace, name), self.make())

    def forget(self, namespace: str, name: str) -> None:
        """Drop it."""
        self._states.pop((namespace, name), None)

    def items(self) -> list[tuple[tuple[str, str], S]]:
        """All of them by namespace and name, for metrics and people."""
        return list(self._states.items())

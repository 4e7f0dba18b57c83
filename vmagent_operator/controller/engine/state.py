"""What is remembered between passes. Losing any of it costs work and changes no result."""

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from attrs import define, field, frozen

from vmagent_operator.controller.engine.child import Child
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.scrape.references import Reference

Key = tuple[str, str]
"""Namespace and name of a VMAgent."""

V = TypeVar("V", bound=Hashable)


@frozen
class Verified:
    """An object at this UID and resource version was found to be as desired, `digest` being the desired content's."""

    uid: str
    resource_version: str
    digest: bytes


@frozen
class Read:
    """The content of a Secret or ConfigMap at this UID and resource version, of those `keys` that were asked for."""

    uid: str
    resource_version: str
    content: dict[str, str] | None
    keys: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Rendered:
    """What the last completely successful pass rendered: fingerprint of its inputs, digests of its children.

    `roles` are those children whose rights may be too wide until the end of a pass; `messages` says of each scrape object
    (kind, key) that was left out why.
    """

    fingerprint: bytes
    children: dict[Child, bytes]
    roles: tuple[Manifest, ...]
    messages: dict[tuple[str, str], str]


@define
class Memory:
    """What is remembered of one VMAgent; only the worker that has its key touches it.

    Times are monotonic seconds. `inspected` says of which StatefulSet (by UID) every pod was seen to be in order,
    `claims` in which state of its templates; `config_secret` is the Secret of that name as last read, without its values;
    `told_at` when an Event last told of a new configuration.
    """

    uid: str = ""
    generation: int = 0
    verified: dict[Child, Verified] = field(factory=dict)
    generations: dict[Child, tuple[str, int]] = field(factory=dict)
    reads: dict[Reference, Read] = field(factory=dict)
    config_secret: Manifest | None = None
    rendered: Rendered | None = None
    inspected: dict[Child, str] = field(factory=dict)
    claims: dict[Child, tuple[str, bytes]] = field(factory=dict)
    rewrites: dict[Child, tuple[bytes, list[float]]] = field(factory=dict)
    rested_at: float | None = None
    conflicting_until: float = float("-inf")
    waiting_since: float | None = None
    waiting_for: str = ""
    failing_since: float | None = None
    failure: str = ""
    crashes: int = 0
    warnings: tuple[str, ...] = ()
    told_at: float = float("-inf")
    status_at: float = float("-inf")
    outcome: str = ""

    def see(self, uid: str, generation: int) -> bool:
        """Take note of the agent's identity; whether it or its spec is new, so that all timers begin anew."""
        if (self.uid, self.generation) == (uid, generation):
            return False
        self.uid, self.generation = uid, generation
        self.waiting_since = self.failing_since = None
        return True


@define
class Index(Generic[V]):
    """Which keys use which values: many to many, replaced key by key; thread-safe."""

    _values: dict[Key, frozenset[V]] = field(init=False, factory=dict)
    _users: dict[V, set[Key]] = field(init=False, factory=lambda: defaultdict(set))
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def __len__(self) -> int:
        return len(self._users)

    def replace(self, key: Key, values: Iterable[V]) -> None:
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

    def users(self, value: V) -> frozenset[Key]:
        """The keys that use `value`."""
        with self._lock:
            return frozenset(self._users.get(value, ()))

    def values(self, key: Key) -> frozenset[V]:
        """What `key` uses."""
        with self._lock:
            return self._values.get(key, frozenset())


@define
class Memories:
    """The memory of every VMAgent, and the two indexes over all of them that events are mapped with."""

    references: Index[Reference] = field(factory=Index)
    selected: Index[tuple[str, str]] = field(factory=Index)
    _memories: dict[Key, Memory] = field(init=False, factory=dict)

    def of(self, key: Key) -> Memory:
        """The memory of `key`, empty at first."""
        return self._memories.setdefault(key, Memory())

    def forget(self, key: Key) -> None:
        """Drop everything about `key`."""
        self._memories.pop(key, None)
        self.references.replace(key, ())
        self.selected.replace(key, ())

    def items(self) -> list[tuple[Key, Memory]]:
        """All of them, for metrics and people."""
        return list(self._memories.items())

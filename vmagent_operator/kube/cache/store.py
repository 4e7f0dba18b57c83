"""What we know of a collection: decoded objects by name, and by whatever they are looked up by.

Objects are shared with every reader and never changed. A lock guards the tables, never the decoding.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from attrs import define, field, frozen

from vmagent_operator import blocks
from vmagent_operator.blocks import Block
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.kube.resource import Json, Manifest, Remains
from vmagent_operator.limits import CACHED_CHARACTERS

logger = logging.getLogger(__name__)

T = TypeVar("T")
Key = tuple[str, str]
"""Namespace ("" for a cluster-scoped object) and name."""

COPIES = 1 << 14
"""So many strings are shared by all objects: with the longest, some 5 MB. There are some hundred keys, and few labels that repeat."""
INTERNAL_ERROR = "internal error, see the operator's log"
_IDENTITY = ("namespace", "name", "uid", "resourceVersion")
_SHARED_VALUES = frozenset(
    {"apiVersion", "kind", "namespace", "creationTimestamp", "updateStatus"}
    | {"type", "status", "reason", "lastTransitionTime", "lastUpdateTime"}
)


@frozen(eq=False)
class Entry(Generic[T]):
    """A decoded object, the part of its metadata that differs between two states, and what it is found under."""

    key: Key
    uid: str
    resource_version: str
    value: T
    found_under: frozenset[tuple[str, str]]


@define(eq=False)
class Store(Generic[T]):
    """Objects of one kind, each as `transform` made it from its JSON; thread-safe.

    `transform` must make something of Remains too; an object at which it or an index fails comes to it once more, as
    Remains without more than its identity. `failures` counts those. `renew` makes the successor of what is here already, given
    all but the spec, or None: of an object of which only the status has changed no spec need be decoded.

    An index is a function from an object to the values it is found under. Several sources may feed one store, each
    its own namespace.
    """

    transform: Callable[[Manifest], T]
    indexes: Mapping[str, Callable[[T], Iterable[str]]] = field(factory=dict)
    renew: Callable[[T, Manifest], T | None] = lambda known, raw: None
    failures: int = field(init=False, default=0)
    _entries: dict[Key, Entry[T]] = field(init=False, factory=dict)
    _by: dict[str, dict[str, dict[Key, Entry[T]]]] = field(init=False)
    """By index and value, the entries; the nameless index is the namespace. What has no entry has no place here either."""
    _blocks: list[Block[T]] = field(init=False, factory=list)
    _stale: set[Key] | None = field(init=False, default=None)
    """The keys under which the blocks may be behind; None while nobody has asked for any."""
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects all of these. Held for look-ups and for the insertion of what is decoded, so that no reader ever waits for
    a decoder."""

    @_by.default
    def _empty_indexes(self) -> dict[str, dict[str, dict[Key, Entry[T]]]]:
        return {name: {} for name in ("", *self.indexes)}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str | None, name: str) -> T | None:
        """The object, or None."""
        with self._lock:
            entry = self._entries.get((namespace or "", name))
        return entry.value if entry else None

    def items(self) -> tuple[T, ...]:
        """Every object, in no order."""
        with self._lock:
            return tuple(entry.value for entry in self._entries.values())

    def blocks(self) -> tuple[Block[T], ...]:
        """Every object, in the order of `namespace/name`; a block is the same one for as long as none of its objects changes."""
        with self._lock:
            # Each edit goes through its block: beyond this it is cheaper to cut all anew, also where a block is most of them.
            if self._stale is None or self._edited(self._stale) > len(self._entries):
                self._blocks = blocks.ordered(("/".join(key), entry.value) for key, entry in self._entries.items())
            else:
                for key in self._stale:
                    entry = self._entries.get(key)
                    if entry is None:
                        blocks.remove(self._blocks, "/".join(key))
                    else:
                        blocks.put(self._blocks, "/".join(key), entry.value)
            self._stale = set()
            return tuple(self._blocks)

    def by(self, index: str, value: str) -> tuple[T, ...]:
        """Every object that the index has under `value`. Raises KeyError for an index that the store lacks."""
        with self._lock:
            return tuple(entry.value for entry in self._by[index].get(value, {}).values())

    def count(self, namespace: str | None = None) -> int:
        """How many objects there are, in one namespace or in all."""
        return len(self._entries) if namespace is None else len(self._by[""].get(namespace, {}))

    def has(self, entry: Entry[T]) -> bool:
        """Whether that very state of an object is here."""
        with self._lock:
            old = self._entries.get(entry.key)
        return old is not None and _is_same(old, entry)

    def decode(self, raw: Manifest) -> Entry[T]:
        """The entry of an object with name and resource version, as `replace` wants it."""
        metadata = raw["metadata"]
        key = (_one(metadata.get("namespace") or ""), metadata["name"])
        try:
            value, found_under = self._read(key, raw)
        except Exception:  # one object's fault must not be its source's
            logger.exception("%s %s/%s: cannot be read", raw.get("kind"), *key)
            self.failures += 1
            identity = {part: metadata[part] for part in _IDENTITY if part in metadata}
            value, found_under = self._read(key, Remains({**_head(raw), "metadata": identity}, INTERNAL_ERROR))
        return Entry(key, metadata.get("uid") or "", metadata["resourceVersion"], value, found_under | {("", key[0])})

    def _read(self, key: Key, raw: Manifest) -> tuple[T, frozenset[tuple[str, str]]]:
        known = None if isinstance(raw, Remains) else self.get(*key)
        rest = {key: part for key, part in raw.items() if key != "spec"}  # which `renew` has in a better form
        value = self.renew(known, _shared(rest)) if known is not None else None
        if value is None:
            value = self.transform(raw if isinstance(raw, Remains) else _shared(raw))
        return value, frozenset((index, key) for index, keys in self.indexes.items() for key in keys(value))

    def replace(self, entries: Iterable[Entry[T]], namespace: str | None = None) -> list[Change[T]]:
        """Make `entries` the whole content, or that of one namespace, at once; what that changed."""
        fresh = {entry.key: entry for entry in entries}
        with self._lock:
            before = self._entries if namespace is None else self._by[""].get(namespace, {})
            gone = [key for key in before if key not in fresh]
            changes = [Change(self._remove(key), None, is_final_state_unknown=True) for key in gone]
            for entry in fresh.values():
                changes += self._put(entry)
        return changes

    def apply(self, event: Event) -> list[Change[T]]:
        """Follow an ADDED, MODIFIED or DELETED event; what that changed.

        A replay of what is known changes nothing, nor does the deletion of an object that has a successor by now.
        """
        entry = self.decode(event.object)
        with self._lock:
            if event.type != "DELETED":
                return self._put(entry)
            old = self._entries.get(entry.key)
            return [Change(self._remove(entry.key), None)] if old and old.uid == entry.uid else []

    def _put(self, entry: Entry[T]) -> list[Change[T]]:
        old = self._entries.get(entry.key)
        if old and _is_same(old, entry):
            return []
        if old:
            self._remove(entry.key)
        self._entries[entry.key] = entry
        self._touch(entry.key)
        for index, value in entry.found_under:
            self._by[index].setdefault(value, {})[entry.key] = entry
        if old is None:
            return [Change(None, entry.value)]
        if old.uid == entry.uid:
            return [Change(old.value, entry.value)]
        return [Change(old.value, None), Change(None, entry.value)]

    def _remove(self, key: Key) -> T:
        entry = self._entries.pop(key)
        self._touch(key)
        for index, value in entry.found_under:
            entries = self._by[index]
            del entries[value][key]
            if not entries[value]:  # or values that are no more would stay for ever
                del entries[value]
        return entry.value

    def _edited(self, stale: Iterable[Key]) -> int:
        """How many objects the edits of these keys go through."""
        return sum(blocks.length_at(self._blocks, "/".join(key)) for key in stale)

    def _touch(self, key: Key) -> None:
        if self._stale is not None:
            self._stale.add(key)
            if len(self._stale) > len(self._entries):  # nobody has asked for long
                self._stale, self._blocks = None, []


def _is_same(one: Entry[T], other: Entry[T]) -> bool:
    return (one.uid, one.resource_version) == (other.uid, other.resource_version)


def _head(raw: Manifest) -> Manifest:
    return {key: raw.get(key) for key in ("apiVersion", "kind")}


def _shared(raw: Json) -> Json:
    """The same JSON with one copy of each string that thousands of objects repeat: keys, kinds and labels."""
    if isinstance(raw, dict):
        return {
            _one(key): _one(value)
            if key in _SHARED_VALUES and isinstance(value, str)
            else _shared_labels(value)
            if key == "labels"
            else value
            if key == "managedFields"  # the most of an object, and nobody keeps it as it is
            else _shared(value)
            for key, value in raw.items()
        }
    return [_shared(item) for item in raw] if isinstance(raw, list) else raw


def _shared_labels(raw: Json) -> Json:
    if not isinstance(raw, dict):
        return _shared(raw)
    return {_one(key): _one(value) if isinstance(value, str) else value for key, value in raw.items()}


_copies: dict[str, str] = {}
"""The strings that are shared. Not interned: Python 3.12 would keep for ever what each version of an object may bring anew."""


def _one(text: str) -> str:
    """The copy of `text` that others have too, if they have come across it lately."""
    if len(text) > CACHED_CHARACTERS:
        return text
    if len(_copies) >= COPIES:
        _copies.clear()
    return _copies.setdefault(text, text)

"""Sets of field paths, as managedFields records them, and what apply does with them.

A path is a tuple of FieldsV1 elements: `f:name` for a map's key, `k:{"name":"a"}` for an item of a keyed list, `v:"x"` for one of a
set. The rules are those of sigs.k8s.io/structured-merge-diff; which list is keyed and which atomic says the node.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from test.apiserver.schema import ANY, MISSING, Node

Path = tuple[str, ...]
Paths = frozenset[Path]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def element(node: Node, item: Any) -> str:
    """The path element of a list's item. Raises ValueError if a key is missing."""
    if node.relation == "set":
        return "v:" + _compact(item)
    keys = {}
    for key in node.keys:
        value = item.get(key) if isinstance(item, Mapping) else None
        if value is None:
            value = node.items.fields[key].default if node.items and key in node.items.fields else MISSING
        if value is not MISSING:
            keys[key] = value
    if not keys:
        raise ValueError(f"associative list with keys has an element that omits key field {_compact(node.keys[0])}")
    return "k:" + _compact(keys)


def is_leaf(node: Node, value: Any) -> bool:
    """Whether writers own `value` as a whole."""
    if isinstance(value, dict):
        return node.relation == "atomic"
    return not isinstance(value, list) or node.relation not in ("map", "set")


def items(node: Node, value: Any) -> Iterator[tuple[str, Node, Any]]:
    """The parts of a value that is no leaf: path element, node, value. Raises ValueError for an item without its key."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield "f:" + key, node.child(key) or ANY, part
    elif isinstance(value, list):
        for part in value:
            yield element(node, part), node.items or ANY, part


def of(node: Node, value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path that an applied `value` claims. Raises ValueError for a keyed list with a duplicate."""
    if is_leaf(node, value):
        yield path
        return
    seen: set[str] = set()
    for name, child, part in items(node, value):
        if name in seen:
            raise ValueError(f"{dotted(path)}: duplicate entries for key {dotted((name,))}")
        seen.add(name)
        is_named_field = name[:2] == "f:" and name[2:] in node.fields
        if part in (None, {}) or not is_named_field:
            yield (*path, name)
        yield from of(child, part, (*path, name))


@frozen
class Difference:
    """What changed from one object to another."""

    added: Paths
    modified: Paths
    removed: Paths

    @property
    def is_empty(self) -> bool:
        """Whether the two are the same."""
        return not (self.added or self.modified or self.removed)


def compare(node: Node, old: Any, new: Any) -> Difference:
    """Paths added, modified and removed between two versions of an object."""
    found: tuple[set[Path], set[Path], set[Path]] = (set(), set(), set())
    _compare(node, old, new, (), found)
    return Difference(*map(frozenset, found))


def _compare(node: Node, old: Any, new: Any, path: Path, found: tuple[set[Path], set[Path], set[Path]]) -> None:
    added, modified, removed = found
    if old == new and type(old) is type(new):
        return
    if old is None or new is None:
        target, value = (added, new) if old is None else (removed, old)
        target.add(path)
        target.update(_within(node, value, path))
    elif is_leaf(node, old) or is_leaf(node, new) or type(old) is not type(new):
        modified.add(path)
    else:
        before = {name: (child, part) for name, child, part in items(node, old)}
        after = {name: (child, part) for name, child, part in items(node, new)}
        for name, (child, part) in after.items():
            _compare(child, before[name][1] if name in before else None, part, (*path, name), found)
        for name, (child, part) in before.items():
            if name not in after:
                _compare(child, part, None, (*path, name), found)


def _within(node: Node, value: Any, path: Path) -> Iterator[Path]:
    """All paths below `path`, containers included."""
    if not is_leaf(node, value):
        for name, child, part in items(node, value):
            yield (*path, name)
            yield from _within(child, part, (*path, name))


def merge(node: Node, live: Any, applied: Any) -> Any:
    """`applied` laid over `live`."""
    if applied is None or live is None or is_leaf(node, applied) or type(live) is not type(applied):
        return applied
    if isinstance(live, dict):
        out = dict(live)
        for key, part in applied.items():
            out[key] = merge(node.child(key) or ANY, live.get(key), part)
        return out
    before = {name: part for name, _, part in items(node, live)}
    after = {name: part for name, _, part in items(node, applied)}
    return [merge(node.items or ANY, before.get(name), after[name]) if name in after else before[name]
            for name in _order(list(before), list(after))]  # fmt: skip


def _order(before: list[str], after: list[str]) -> Iterator[str]:
    """The order of a merged list: applied items in their own order, live ones before what they preceded."""
    shared = iter([name for name in after if name in before])
    following, done, left, right = next(shared, None), set[str](), 0, 0
    while left < len(before) or right < len(after):
        if left < len(before) and right < len(after):
            name = before[left]
            if name == after[right]:
                yield name
                done.add(name)
                left, right, following = left + 1, right + 1, next(shared, None)
                continue
            if name in after and following not in (None, name):
                left += 1  # shared, but not its turn
                continue
        if left < len(before) and before[left] not in after:
            yield before[left]
            left += 1
            continue
        if left < len(before) and before[left] in done:
            left += 1
        if right < len(after):
            name, right = after[right], right + 1
            done.add(name)
            yield name
            following = next(shared, None) if name == following else following


def remove(node: Node, value: Any, paths: Paths) -> Any:
    """`value` without `paths`; a container that this empties goes as well. None if nothing is left."""
    if not paths:
        return value
    below: dict[str, set[Path]] = {}
    for path in paths:
        below.setdefault(path[0], set()).add(path[1:])
    return _remove(node, value, below)


def _remove(node: Node, value: Any, below: Mapping[str, set[Path]]) -> Any:
    kept = []
    for name, child, part in items(node, value):
        inner = below.get(name)
        if inner is not None and () in inner:
            continue
        rest = remove(child, part, frozenset(inner)) if inner and not is_leaf(child, part) else part
        if rest is not None or part is None:
            kept.append((name, rest))
    if not kept:
        return None
    return {name[2:]: part for name, part in kept} if isinstance(value, dict) else [part for _, part in kept]


def with_prefixes(paths: Iterable[Path]) -> Paths:
    """`paths` with every prefix of each: what is owned, and what holds it."""
    return frozenset(path[:length] for path in paths for length in range(1, len(path) + 1))


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """The FieldsV1 document of a set of paths."""
    members = set(paths)
    tree: dict[str, Any] = {}
    for path in sorted(members):
        at = tree
        for name in path:
            at = at.setdefault(name, {})
    for path in members:
        at = tree
        for name in path:
            at = at[name]
        if at and path:
            at["."] = {}
    return _sorted(tree)


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted(tree[key]) for key in sorted(tree)}


def decode(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths of a FieldsV1 document."""
    for name, inner in tree.items():
        if name == ".":
            yield path
        elif not inner:
            yield (*path, name)
        else:
            yield from decode(inner, (*path, name))


def dotted(path: Path) -> str:
    """A path as conflicts show it: `.spec.containers[name="a"].image`."""
    out = ""
    for name in path:
        kind, text = name[:2], name[2:]
        if kind == "f:":
            out += "." + text
        elif kind == "k:":
            out += "[" + ",".join(f"{key}={_compact(value)}" for key, value in json.loads(text).items()) + "]"
        else:
            out += f"[={text}]"
    return out

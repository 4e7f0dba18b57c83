"""The three patch forms that change a live object: JSON patch, JSON merge patch, strategic merge patch."""

from collections.abc import Sequence
from typing import Any

from test.apiserver.schema import ANY, MISSING, Node
from test.apiserver.store import clone

Json = dict[str, Any]


class PatchError(Exception):
    """A patch that does not fit the object."""


def json_patch(value: Any, operations: Any) -> Any:
    """RFC 6902. Raises PatchError, also when a `test` fails."""
    if not isinstance(operations, list):
        raise PatchError("json patch must be a list")
    value = clone(value)
    for operation in operations:
        try:
            value = _operate(value, operation)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise PatchError(f"{operation!r}: {error}") from error
    return value


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise PatchError(f"pointer {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _step(value: Any, token: str) -> Any:
    return value[int(token)] if isinstance(value, list) else value[token]


def _find(value: Any, tokens: Sequence[str]) -> Any:
    for token in tokens:
        value = _step(value, token)
    return value


def _operate(value: Any, operation: Json) -> Any:
    action, tokens = operation["op"], _tokens(operation["path"])
    if action == "test":
        if not _same(_find(value, tokens), operation.get("value")):
            raise PatchError(f"testing value {operation['path']} failed")
        return value
    if action in ("move", "copy"):
        source = _tokens(operation["from"])
        moved = clone(_find(value, source))
        value = _edit(value, source, "remove", None) if action == "move" else value
        return _edit(value, tokens, "add", moved)
    if action not in ("add", "replace", "remove"):
        raise PatchError(f"unexpected kind: {action}")
    return _edit(value, tokens, action, None if action == "remove" else operation["value"])


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _edit(root: Any, tokens: Sequence[str], action: str, new: Any) -> Any:
    if not tokens:
        return new
    parent, last = _find(root, tokens[:-1]), tokens[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" and action == "add" else int(last)
        if not 0 <= index <= len(parent) - (action != "add"):
            raise IndexError(f"index {last}")
        parent[index : index + (action != "add")] = [] if action == "remove" else [new]
    elif action == "add":
        parent[last] = new
    elif last not in parent:
        raise KeyError(last)
    elif action == "remove":
        del parent[last]
    else:
        parent[last] = new
    return root


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), part)
    return out


def strategic(node: Node, value: Any, patch: Any) -> Any:
    """Kubernetes' own patch: keyed lists by their merge key, with `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and
    `$setElementOrder`."""
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    rest = {key: part for key, part in patch.items() if not key.startswith("$")}
    if directive == "replace":
        return rest
    if directive == "delete":
        return None
    out = dict(value) if isinstance(value, dict) else {}
    if "$retainKeys" in patch:
        out = {key: part for key, part in out.items() if key in patch["$retainKeys"]}
    for key, gone in _directives(patch, "$deleteFromPrimitiveList/"):
        out[key] = [item for item in out.get(key) or () if item not in gone]
    for key, part in rest.items():
        merged = _merged(node.child(key) or ANY, out.get(key), part)
        if merged is None:
            out.pop(key, None)
        else:
            out[key] = merged
    for key, order in _directives(patch, "$setElementOrder/"):
        if isinstance(out.get(key), list):
            out[key] = _ordered(node.child(key) or ANY, out[key], order)
    return out


def _directives(patch: Json, prefix: str) -> list[tuple[str, Any]]:
    return [(key[len(prefix) :], part) for key, part in patch.items() if key.startswith(prefix)]


def _merged(node: Node, value: Any, patch: Any) -> Any:
    if isinstance(patch, dict):
        return strategic(node, value, patch)
    if not isinstance(patch, list) or "merge" not in node.strategies or not isinstance(value, list):
        return [item for item in patch if not _is_directive(item)] if isinstance(patch, list) else patch
    if not node.merge_key:
        return value + [item for item in patch if item not in value]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if not _is_directive(item)]
    out, key = list(value), node.merge_key
    for item in patch:
        if not isinstance(item, dict) or item.get(key, MISSING) is MISSING:
            raise PatchError(f"map: {item} does not contain declared merge key: {key}")
        places = [index for index, old in enumerate(out) if old.get(key) == item[key]]
        if item.get("$patch") == "delete":
            out = [old for index, old in enumerate(out) if index not in places]
        elif places:
            out[places[0]] = strategic(node.items or ANY, out[places[0]], item)
        else:
            out.append(strategic(node.items or ANY, {}, item))
    return out


def _is_directive(item: Any) -> bool:
    return isinstance(item, dict) and "$patch" in item


def _ordered(node: Node, items: list[Any], order: list[Any]) -> list[Any]:
    """`items` with those named in `order` in that order, the others where they were relative to their predecessors."""
    key = node.merge_key

    def name(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [name(item) for item in order]
    listed = iter(sorted((item for item in items if name(item) in wanted), key=lambda item: wanted.index(name(item))))
    return [next(listed) if name(item) in wanted else item for item in items]

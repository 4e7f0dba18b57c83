"""Kubernetes manifests as text: reading files, and writing what `render` shows."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import yaml

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.limits import YAML_NESTING
from vmagent_operator.model.decode import Manifest

_STRING = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
SHOWN = 20
"""Unknown fields of an object that are named; there may be tens of thousands."""


class InputError(ValueError):
    """Input that cannot be read; the text names the file and says why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads what kubectl reads: there are no dates in JSON, `=` is a text, and so are all keys. A key that is given twice is an error."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """See SafeConstructor, which calls this for each mapping, and once more for one that is merged into another."""
        if not getattr(node, "has_text_keys", False):
            _make_texts([key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE])
            node.has_text_keys = True  # type: ignore[attr-defined]
        super().flatten_mapping(node)


def _make_texts(keys: Iterable[yaml.ScalarNode]) -> None:
    """Have `on:` and `80:` read as they stand. Raises YAMLError for keys that are equal."""
    seen: set[str] = set()
    for key in keys:
        key.tag = _STRING
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
        seen.add(key.value)


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes text of several lines as it is, and repeats what occurs twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(_STRING, text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def read(sources: Iterable[str]) -> Iterator[Manifest]:
    """The objects in files, in directories (their `*.yaml`, `*.yml` and `*.json`) and, for `-`, on standard input.

    Lists are taken apart. Raises InputError.
    """
    for source in sources:
        for name, text in _texts(source):
            try:
                documents = _documents(text)
            except (yaml.YAMLError, ValueError) as error:
                raise InputError(f"{name}: {' '.join(str(error).split())}") from None
            except RecursionError:
                raise InputError(f"{name}: {YAML_NESTING.exceeded}") from None
            for document in documents:
                yield from _objects(name, document)


def dump(objects: Iterable[Manifest], form: str) -> str:
    """`objects` as a stream of YAML documents, or for the form `json` as a List."""
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=2) + "\n"
    text: str = yaml.dump_all(objects, Dumper=_Dumper, allow_unicode=True, explicit_start=True, width=1 << 20)
    return text.removeprefix("---\n")


def unread(objects: Iterable[CustomObject[object]]) -> Iterator[str]:
    """A line for each object with fields that nothing reads: no API server is there that would have refused them."""
    for obj in objects:
        if obj.unknown:
            yield f"{obj.kind.name} {obj.key}: unknown fields are ignored: {', '.join(obj.unknown[:SHOWN])}"


def _texts(source: str) -> Iterator[tuple[str, str]]:
    if source == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(source)
    try:
        files = sorted(f for f in path.iterdir() if f.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else [path]
        for file in files:
            yield str(file), file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: {getattr(error, 'strerror', '') or 'is no UTF-8 text'}") from None


def _documents(text: str) -> list[Any]:
    """What is in a text: JSON, ten times as fast as YAML, if it is that. Raises YAMLError, ValueError and RecursionError."""
    if text.lstrip()[:1] == "{":
        try:
            return [json.loads(text, object_pairs_hook=_object)]
        except json.JSONDecodeError:
            pass  # a flow mapping, or several documents
    return list(yaml.load_all(text, Loader=_Loader))


def _object(pairs: list[tuple[str, object]]) -> Manifest:
    """A JSON object. Raises ValueError for keys that are equal."""
    made = dict(pairs)
    if len(made) < len(pairs):
        key = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"key {key!r} is given twice")
    return made


def _objects(name: str, document: object) -> Iterator[Manifest]:
    if document is None:
        return
    if _is_nested_deeper(document, YAML_NESTING):
        raise InputError(f"{name}: {YAML_NESTING.exceeded}")
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise InputError(f"{name}: a document is no Kubernetes object")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects(name, item)
    elif not isinstance(document.get("metadata"), dict) or not isinstance(document["metadata"].get("name"), str):
        raise InputError(f"{name}: an object of kind {document['kind']} has no name")
    else:
        yield document


def _is_nested_deeper(document: object, most: int) -> bool:
    """Whether collections are nested in more than `most` levels; level by level, without recursion."""
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True

"""Kubernetes manifests as text: reading files, and writing what `render` shows."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import yaml
from attrs import frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.limits import YAML_NESTING
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.suggest import suggestion

Tell = Callable[[str], object]
"""Gets a line about what is passed over."""
_STRING = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
MOST_VALUES = 10_000_000
"""Of a document: what a cluster with 10,000 scrape objects exports has a tenth of that, and a few aliases can have any number."""
SHOWN = 20
"""Unknown fields of an object that are named; there may be tens of thousands."""


_KUSTOMIZE = "kustomize.config.k8s.io/"
"""Begins the `apiVersion` of what kustomize reads and no API server."""
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml")
"""Files that kustomize reads also without `apiVersion` and `kind`."""


class InputError(ValueError):
    """Input that cannot be read; the text names the file and says why."""


class NoFile(InputError):  # noqa: N818
    """A file that is not there, or cannot be read as text."""


class NoObject(InputError):  # noqa: N818
    """A document that can be read, but is no Kubernetes object."""


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


class _PatientLoader(yaml.composer.Composer, _Loader):
    """The same, slower, for documents that use the name of an anchor twice: legal YAML, of which libyaml's composer makes an error."""

    def __init__(self, text: str) -> None:
        _Loader.__init__(self, text)  # type: ignore[call-arg]
        yaml.composer.Composer.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See Composer; the last anchor of a name counts."""
        event = self.peek_event()
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes text of several lines as it is, and repeats what occurs twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(_STRING, text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


@frozen(slots=False)
class Source:
    """A text that holds manifests, and where it comes from: the path of a file, or `standard input`."""

    name: str
    text: str
    is_in_folder: bool = False

    @cached_property
    def nodes(self) -> list[yaml.Node]:
        """Its documents as YAML sees them, with the place of everything; empty if they are no YAML."""
        for loader in (_Loader, _PatientLoader):
            try:
                return list(yaml.compose_all(self.text, Loader=loader))
            except (yaml.YAMLError, RecursionError):
                continue
        return []


@frozen
class Located:
    """An object and where it stands: in which document of which text, and where in the lists that the document holds."""

    raw: Manifest
    source: Source
    document: int
    items: tuple[int, ...] = ()

    def line(self, field: str = "") -> int:
        """The line of a field such as `spec.endpoints[0].port`, or of the last part of its path that is there."""
        nodes = self.source.nodes
        if self.document >= len(nodes):
            return 1
        node = nodes[self.document]
        for index in self.items:
            node = _entry(node, "items")[1]
            node = node.value[index]
        at = node.start_mark.line
        while field:
            if isinstance(node, yaml.SequenceNode):
                place, _, field = field.removeprefix("[").partition("]")
                if not place.isdigit() or int(place) >= len(node.value):
                    break
                node = node.value[int(place)]
                at = node.start_mark.line
            elif isinstance(node, yaml.MappingNode) and (name := _longest(node, field)):
                key, node = _entry(node, name)
                at, field = key.start_mark.line, field[len(name) :]
            else:
                break
            field = field.removeprefix(".")
        return int(at) + 1


def _entry(node: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node]:
    return next((key, value) for key, value in node.value if key.value == name)


def _longest(node: yaml.MappingNode, field: str) -> str:
    """The longest key with which `field` begins: keys may have dots in them."""
    keys = (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
    return max((key for key in keys if f"{field}.".startswith((f"{key}.", f"{key}["))), key=len, default="")


def read(sources: Iterable[str], tell: Tell | None = None) -> Iterator[Manifest]:
    """The objects in files, in directories (their `*.yaml`, `*.yml` and `*.json`) and, for `-`, on standard input.

    Lists are taken apart, what only kustomize reads is passed over. Raises InputError; but a document of a directory that is
    no object, such as a file of values, is passed over with a line to `tell`, as kubectl does.
    """
    for source in texts(sources):
        yield from (each.raw for each in objects(source, tell))


def texts(sources: Iterable[str]) -> Iterator[Source]:
    """The texts of files, of those in directories and, for `-`, of standard input. Raises NoFile."""
    for source in sources:
        yield from _texts(source)


def objects(source: Source, tell: Tell | None = None) -> Iterator[Located]:
    """The objects in a text; see `read`."""
    name = source.name
    try:
        documents = _documents(source.text)
    except yaml.MarkedYAMLError as error:
        mark, said = error.problem_mark or error.context_mark, " ".join(filter(None, (error.problem, error.context)))
        line = (
            min(mark.line + 1, len(source.text.splitlines()) or 1) if mark else 1
        )  # what is missing is missing at the end
        raise InputError(f"{name}:{line}: {said}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{name}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{name}: {YAML_NESTING.exceeded}") from None
    for index, document in enumerate(documents):
        if _is_kustomization(Path(name), document):
            continue
        try:
            for raw, items in _objects(name, document):
                yield Located(raw, source, index, items)
        except NoObject as error:
            at = f"{name}:{Located({}, source, index).line()}: {error}"
            if not source.is_in_folder:
                raise NoObject(at) from None
            (tell or str)(f"{at}: passed over")


def dump(objects: Iterable[Manifest], form: str) -> str:
    """`objects` as a stream of YAML documents, or for the form `json` as a List."""
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=2) + "\n"
    text: str = yaml.dump_all(objects, Dumper=_Dumper, allow_unicode=True, explicit_start=True, width=1 << 20)
    return text.removeprefix("---\n")


def unread(objects: Iterable[CustomObject[object]]) -> Iterator[str]:
    """A line for each field that nothing reads: no API server is there that would have refused it."""
    for obj in objects:
        for path in obj.unknown[:SHOWN]:
            meant = suggestion(obj.kind.spec_class, path)
            yield f"{obj.kind.name} {obj.key}: {path} is no field and has no effect" + (f"; {meant}" if meant else "")
        if (more := len(obj.unknown) - SHOWN) > 0:
            yield f"{obj.kind.name} {obj.key}: {more} more are no fields"


def _texts(source: str) -> Iterator[Source]:
    if source == "-":
        yield Source("standard input", sys.stdin.read())
        return
    if not source:
        raise NoFile("the path of the file or folder is empty")
    file = path = Path(source)
    try:
        is_folder = path.is_dir()
        within = (f for f in path.iterdir() if f.suffix in (".yaml", ".yml", ".json") and not f.is_dir())
        for file in sorted(within) if is_folder else [path]:
            yield Source(str(file), file.read_text("utf-8"), is_folder)
    except UnicodeDecodeError:
        raise NoFile(f"{file}: is no UTF-8 text") from None
    except (OSError, ValueError) as error:  # a ValueError is a path that no system takes
        raise NoFile(f"{file}: {getattr(error, 'strerror', '') or error}") from None


def _documents(text: str) -> list[Any]:
    """What is in a text: JSON, ten times as fast as YAML, if it is that. Raises YAMLError, ValueError and RecursionError."""
    if text.lstrip()[:1] == "{":
        try:
            return [json.loads(text, object_pairs_hook=_object)]
        except json.JSONDecodeError:
            pass  # a flow mapping, or several documents
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.composer.ComposerError:
        return list(yaml.load_all(text, Loader=_PatientLoader))


def _object(pairs: list[tuple[str, object]]) -> Manifest:
    """A JSON object. Raises ValueError for keys that are equal."""
    made = dict(pairs)
    if len(made) < len(pairs):
        key = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"key {key!r} is given twice")
    return made


def _is_kustomization(file: Path, document: object) -> bool:
    if not isinstance(document, dict):
        return False
    version = document.get("apiVersion")
    return str(version).startswith(_KUSTOMIZE) or (version is None and file.name in _KUSTOMIZATIONS)


def _objects(name: str, document: object, items: tuple[int, ...] = ()) -> Iterator[tuple[Manifest, tuple[int, ...]]]:
    if document is None:
        return
    if _is_nested_deeper(document, YAML_NESTING):
        raise InputError(f"{name}: {YAML_NESTING.exceeded}")
    if not items and _values(document, {}) > MOST_VALUES:
        raise InputError(f"{name}: more than {MOST_VALUES} values in a document, aliases followed")
    if not isinstance(document, dict) or not all(isinstance(document.get(key), str) for key in ("apiVersion", "kind")):
        raise NoObject("a document is no Kubernetes object")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for index, item in enumerate(document["items"]):
            yield from _objects(name, item, (*items, index))
    elif not isinstance(document.get("metadata"), dict) or not isinstance(document["metadata"].get("name"), str):
        raise NoObject(f"an object of kind {document['kind']} has no name")
    elif not isinstance(document["metadata"].get("namespace") or "", str):
        raise NoObject(f"the namespace of {document['kind']} {document['metadata']['name']} is no text")
    else:
        yield document, items


def _values(document: object, known: dict[int, int]) -> int:
    """How many values there are where each alias counts as what it stands for; `known` by the identity of collections."""
    if not isinstance(document, dict | list):
        return 1
    if (count := known.get(id(document))) is None:
        inside = document.values() if isinstance(document, dict) else document
        count = known[id(document)] = 1 + sum(_values(each, known) for each in inside)
    return count


def _is_nested_deeper(document: object, most: int) -> bool:
    """Whether collections are nested in more than `most` levels; level by level, without recursion."""
    level: list[Any] = [document] if isinstance(document, dict | list) else []
    for _ in range(most + 1):
        inside = (
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        )
        level = [*{id(inner): inner for inner in inside}.values()]  # aliases lead to one many times
        if not level:
            return False
    return True

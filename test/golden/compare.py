"""Comparison of rendered objects with recorded ones, by the rules that the recordings were made with.

Lists are compared in order, keys in any. Outside file contents null, empty and absent are the same where no empty value
has a meaning of its own, and so is a false, 0 or "" that only one side writes out. Of reasons and messages it only
counts that there is one. File contents are compared as vmagent reads them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
Difference = tuple[str, Any, Any]
"""Path, recorded value, rendered value."""

MEANINGFUL = {
    *("emptyDir", "podSelector", "selector", "ingress", "egress", "matchLabels"),
    *("separator", "replacement"),
}
IGNORED = {
    *("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"),
    *("lastTransitionTime", "lastUpdateTime", "lastAppliedSpec"),
}
OWNERS = ("VMAgent", "VMSingle", "VMCluster")
ABSENT = "<absent>"


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads `=` and `<<` standing as values as text, for so they were recorded."""


for _tag in ("value", "merge"):
    Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda loader, node: loader.construct_scalar(node))


class GoLoader(Loader):
    """Reads plain scalars as go-yaml v2, and so vmagent, does."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012


_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
}
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_INTEGER = re.compile(r"[-+]?(0x[0-9a-fA-F]+|0b[01]+|0o[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _plain(loader: Any, node: Any) -> Any:
    text: str = loader.construct_scalar(node)
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "")
    for pattern, read in ((_OCTAL, lambda t: int(t, 8)), (_INTEGER, lambda t: int(t, 0)), (_FLOAT, float)):
        if pattern.fullmatch(digits):
            return read(digits)
    return text


GoLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])
GoLoader.add_constructor("!plain", _plain)
GoLoader.add_implicit_resolver("!plain", re.compile("^(?!<<$)"), None)


class Content(dict[str, Any]):
    """What stands in files: nothing in it may be left out."""


def documents(path: Path) -> list[Manifest]:
    """The objects in a file, lists taken apart."""
    found: list[Manifest] = []
    for document in filter(None, yaml.load_all(path.read_text(), Loader=Loader)):
        found += (document.get("items") or []) if document.get("kind") == "List" else [document]
    return found


def indexed(objects: Iterable[Manifest]) -> dict[str, Manifest]:
    """`objects` by `Kind/namespace/name`, reduced to what counts."""
    out = {}
    for obj in objects:
        reduced, metadata = dict(obj), obj.get("metadata", {})
        if isinstance(obj.get("status"), dict) and obj["apiVersion"].startswith("operator.victoriametrics.com/"):
            reduced["status"] = _status(obj["status"], obj["kind"] in OWNERS)
        for key in ("decoded", *(("data",) if obj["kind"] == "ConfigMap" else ())):
            if key in obj:
                reduced[key] = Content({name: _content(text) for name, text in (obj[key] or {}).items()})
        out[f"{obj['kind']}/{metadata.get('namespace', '')}/{metadata.get('name')}"] = _clean(reduced)
    return out


def differences(want: Any, got: Any, path: str = "") -> Iterator[Difference]:
    """Where the two differ."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys(), key=str):
            if key in want and key in got:
                yield from differences(want[key], got[key], f"{path}.{key}")
            elif key in want:
                yield f"{path}.{key}", want[key], ABSENT
            elif not _is_needless(key, got[key], path):
                yield f"{path}.{key}", ABSENT, got[key]
    elif isinstance(want, list) and isinstance(got, list):
        for index in range(max(len(want), len(got))):
            theirs, ours = (items[index] if index < len(items) else ABSENT for items in (want, got))
            yield from differences(theirs, ours, f"{path}[{index}]")
    elif want != got or type(want) is not type(got):
        yield path, want, got


def _status(status: Manifest, is_owner: bool) -> Manifest:
    """A status without wording; of owners without what only we write."""
    out = {key: value for key, value in status.items() if not (is_owner and key in ("conditions", "replicas"))}
    out = _worded(out)
    if "conditions" in out:
        conditions = [_worded(condition) for condition in out["conditions"] or []]
        out["conditions"] = sorted(conditions, key=lambda condition: str(condition.get("type")))
    return out


def _worded(said: Manifest) -> Manifest:
    return {key: "<text>" if key in ("message", "reason") and value else value for key, value in said.items()}


def _content(text: Any) -> Any:
    """A file's content: the document that vmagent reads if it is one."""
    if not isinstance(text, str) or "\n" not in text:
        return text
    try:
        document = yaml.load(text, Loader=GoLoader)
    except (yaml.YAMLError, TypeError):
        return text
    return document if isinstance(document, dict | list) else text


def _clean(value: Any) -> Any:
    if isinstance(value, Content):
        return value
    if isinstance(value, dict):
        out = {key: _clean(inner) for key, inner in value.items() if key not in IGNORED}
        return {k: v for k, v in out.items() if v is not None and (v not in ({}, [], "") or k in MEANINGFUL)}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _is_needless(key: str, value: Any, path: str) -> bool:
    is_file = ".decoded" in path or ".data" in path
    return (value is False or value in (0, "")) and key != "replicas" and not is_file

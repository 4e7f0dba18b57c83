"""Placeholders `%{NAME}`, which vmagent fills in from its environment before it reads its file.

It does so in the whole text of the file at once, whatever the field: a value can turn a good text into one for which vmagent
refuses everything. So where a text must mean something, the values have to be known. The environment may also hold what is
none of a tenant's business, credentials of remote storage, say; and a placeholder without its end reaches into the jobs of
others, up to the next `}`.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.150.0/lib/envtemplate/envtemplate.go
"""

from collections.abc import Iterator, Mapping

import attrs

from vmagent_operator.api.relabel import NULL_TEXTS
from vmagent_operator.model.fields import slots
from vmagent_operator.scrape.text.emit import quoted

_OPENING = "%{"
_FIRST = frozenset("-._ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_OTHER = _FIRST | frozenset("0123456789")
_ENDS_QUOTES: Mapping[str, frozenset[str]] = {"'": frozenset("'"), '"': frozenset('"\\')}


class Unknown(ValueError):  # noqa: N818
    """A placeholder for something that is not known, or that would not fit in."""


def filled(text: str, known: Mapping[str, str]) -> str:
    """`text` as vmagent reads it, where its file holds `text` as a string; `known` are the variables, by name.

    What no variable can be called (`%{1,2}`) is not replaced. Raises Unknown.
    """
    if _OPENING not in text:
        return text
    used = {name for name in _names(text) if name in known or _is_name(name)}
    if missing := sorted(used - known.keys()):
        raise Unknown(f"%{{{missing[0]}}} is no variable to which the agent gives a value of its own")
    values = {name: known[name] for name in used}
    replaced = _replaced(text, values)
    if used and not ("\n" not in text and all(map(_is_plain, values.values())) and _stays_one_string(text, values)):
        raise Unknown(f"%{{{min(used)}}} does not fit into a line")
    return replaced


def is_open(text: str) -> bool:
    """Whether some `%{` of a file's `text` reaches beyond its line, and so hides placeholders of others behind it."""
    at = text.find(_OPENING)
    while at >= 0:
        end = text.find("}", at)
        if end < at or "\n" in text[at:end]:
            return True
        at = text.find(_OPENING, end)
    return False


def fault(text: str, *, denied: bool) -> str | None:
    """What is wrong with the placeholders of a text that a tenant wrote; `denied`: whether he may have none."""
    last = text.rfind(_OPENING)
    if last < 0:
        return None
    if text.find("}", last) < 0:
        return "a placeholder %{ without }"
    return "a placeholder %{...}, which the agent denies to scrape objects" if denied else None


def faults(value: object, path: str, *, denied: bool) -> Iterator[str]:
    """The same of every text inside a model, keys of mappings included, each with its path."""
    if isinstance(value, str):
        found = fault(value, denied=denied)
        yield from (f"{path}: {found}",) if found else ()
    elif attrs.has(type(value)):
        for slot in slots(type(value)):
            yield from faults(getattr(value, slot.name), path if slot.inline else f"{path}.{slot.key}", denied=denied)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from faults(item, f"{path}[{index}]", denied=denied)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from faults(key, path, denied=denied)
            yield from faults(item, f"{path}.{key}", denied=denied)


def _names(text: str) -> Iterator[str]:
    for part in _parts(text):
        if part.startswith(_OPENING):
            yield part[len(_OPENING) : -1]


def _parts(text: str) -> Iterator[str]:
    """`text` in pieces, of which those that start with the opening are placeholders."""
    start = 0
    while (at := text.find(_OPENING, start)) >= 0 and (end := text.find("}", at)) >= 0:
        yield text[start:at]
        yield text[at : end + 1]
        start = end + 1
    if start < len(text):
        rest = text[start:]
        at = rest.find(_OPENING)
        yield from (rest,) if at != 0 else (_OPENING[:1], rest[1:])


def _replaced(text: str, values: Mapping[str, str]) -> str:
    return "".join(
        values.get(part[len(_OPENING) : -1], part) if part.startswith(_OPENING) else part for part in _parts(text)
    )


def _is_name(name: str) -> bool:
    return name[:1] in _FIRST and _OTHER.issuperset(name)


def _is_plain(value: str) -> bool:
    return value.isprintable() and value == value.strip()


def _stays_one_string(text: str, values: Mapping[str, str]) -> bool:
    """Whether the YAML of `text` still is a string, and the one that is meant, once its placeholders are replaced."""
    if _replaced(text, values) in NULL_TEXTS:
        return False
    line = quoted(text)
    ends = _ENDS_QUOTES.get(line[0])
    if ends is None:
        return quoted(replaced := _replaced(line, values)) == replaced
    return all(ends.isdisjoint(value) for value in values.values())

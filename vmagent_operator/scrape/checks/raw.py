"""YAML that users write for vmagent itself: what its parser would say to it, place by place.

A whole file falls for an unknown key or a wrong type, and then nothing is scraped or nothing starts; so each value is read
here as go-yaml v2 would read it into vmagent's types. A `Shape` is one such type; jobs and other files are tables of them.

Values are what `goyaml.load` gives, and are judged as `emit` writes them.

Source: lib/promrelabel of VictoriaMetrics 1.150, https://github.com/go-yaml/yaml/blob/v2.4.0/decode.go
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmagent_operator.api.relabel import NULL_TEXTS
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.checks import duration as durations
from vmagent_operator.scrape.checks import placeholder
from vmagent_operator.scrape.checks import size as sizes
from vmagent_operator.scrape.checks.url import proxy_fault
from vmagent_operator.scrape.checks.validate import ACTIONS, unknown_action
from vmagent_operator.scrape.expressions import regex as expressions
from vmagent_operator.scrape.expressions import series as selectors
from vmagent_operator.scrape.text import emit

Faults = Iterator[str]
Fill = Callable[[str], str | None]
"""A text -> what vmagent reads there, None if that can't be known. Raises placeholder.Unknown where it must be known."""
Judge = Callable[[str], str | None]
Shape = Callable[[Any, str, Fill], Faults]
"""A value, its path and what vmagent fills in -> faults, each with its path."""
Fields = Mapping[str, Shape]
_MOST_INTEGER, _MOST_UNSIGNED = 2**63 - 1, 2**64 - 1


def words(value: object) -> str:
    """What vmagent reads where it wants a text: that of any scalar, empty for null."""
    return value if isinstance(value, str) else "" if value is None else emit.dump([value])[2:-1]


def text(value: object, path: str, filled: Fill) -> Faults:
    """Any scalar."""
    if isinstance(value, dict | list):
        yield f"{path}: expected a text"


def own_text(value: object, path: str, filled: Fill) -> Faults:
    """A text that vmagent unpacks itself; its YAML library keeps the words for null from it, even in quotes."""
    yield from text(value, path, filled)
    if isinstance(value, str) and value in NULL_TEXTS:
        yield f"{path}: vmagent reads {value!r} as no value"


def integer(value: object, path: str, filled: Fill) -> Faults:
    """A number, of which vmagent forgets the fraction."""
    if not _is_number(value, -_MOST_INTEGER - 1, _MOST_INTEGER):
        yield f"{path}: expected a number"


def unsigned(value: object, path: str, filled: Fill) -> Faults:
    """A number from 0 on."""
    if not _is_number(value, 0, _MOST_UNSIGNED):
        yield f"{path}: expected a number from 0 on"


def boolean(value: object, path: str, filled: Fill) -> Faults:
    """true or false."""
    if not (value is None or isinstance(value, bool)):
        yield f"{path}: expected true or false"


def found(judge: Judge, given: str, path: str, filled: Fill) -> Faults:
    """What `judge` finds wrong with a text as vmagent reads it."""
    try:
        said = filled(given)
    except placeholder.Unknown as error:
        yield f"{path}: {error}"
        return
    if said is not None and (fault := judge(said)):
        yield f"{path}: {fault}"


def judged(judge: Judge) -> Shape:
    """A text that vmagent keeps, and looks at unless it is empty."""

    def shape(value: object, path: str, filled: Fill) -> Faults:
        yield from text(value, path, filled)
        if not isinstance(value, dict | list) and words(value):
            yield from found(judge, words(value), path, filled)

    return shape


def _unpacked(judge: Judge) -> Shape:
    """A text that vmagent unpacks itself, and looks at if it is there."""

    def shape(value: object, path: str, filled: Fill) -> Faults:
        wrong = list(own_text(value, path, filled))
        yield from wrong
        if value is not None and not wrong:
            yield from found(judge, words(value), path, filled)

    return shape


duration = _unpacked(durations.fault)
proxy = _unpacked(proxy_fault)
size = judged(sizes.fault)


def series(value: object, path: str, filled: Fill) -> Faults:
    """Series selectors, one or a list that is not empty: vmagent panics on an empty one."""
    if value is None:
        return
    if value == []:
        yield f"{path}: names no series selector"
    if isinstance(value, str) and value in NULL_TEXTS:
        yield f"{path}: vmagent reads {value!r} as no value"
        return
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            yield f"{path}: expected a series selector or a list of some"
        else:
            yield from found(selectors.fault, each, path, filled)


def regex(value: object, path: str, filled: Fill) -> Faults:
    """A regular expression, or alternatives, also in lists of lists."""
    if isinstance(value, str) and value in NULL_TEXTS:
        yield f"{path}: vmagent reads {value!r} as no value"
    elif (given := _alternatives(value)) is None:
        yield f"{path}: expected a regular expression or a list of some"
    elif value is not None:
        yield from found(expressions.relabel_fault, given, path, filled)


def zones(value: object, path: str, filled: Fill) -> Faults:
    """A text or a list of texts, and no other scalars."""
    if value is not None and not all(isinstance(each, str) for each in (value if isinstance(value, list) else [value])):
        yield f"{path}: expected a text or a list of texts"
    elif value in NULL_TEXTS:
        yield f"{path}: vmagent reads {value!r} as no value"


def many(shape: Shape) -> Shape:
    """A list."""

    def shapes(value: object, path: str, filled: Fill) -> Faults:
        if not (value is None or isinstance(value, list)):
            yield f"{path}: expected a list"
            return
        for index, each in enumerate(value or ()):
            yield from shape(each, f"{path}[{index}]", filled)

    return shapes


def pairs(shape: Shape) -> Shape:
    """A mapping with free keys."""

    def shapes(value: object, path: str, filled: Fill) -> Faults:
        if not (value is None or isinstance(value, dict)):
            yield f"{path}: expected a mapping"
            return
        for key, each in (value or {}).items():
            yield from shape(each, f"{path}.{words(key)}", filled)

    return shapes


def mapping(fields: Fields, *checks: Shape, is_item: bool = False) -> Shape:
    """A mapping with the keys of `fields`; `checks` see it once each value is of the right type.

    is_item: it stands in a list, where null is a mapping without keys, rather than none, and checked as such.
    """

    def shape(value: object, path: str, filled: Fill) -> Faults:
        if value is None and not is_item:
            return
        given = {} if value is None else value
        if not isinstance(given, dict):
            yield f"{path}: expected a mapping"
            return
        wrong = [fault for key, each in given.items() for fault in _field(fields, key, each, path, filled)]
        yield from wrong
        if not wrong:
            for check in checks:
                yield from check(given, path, filled)

    return shape


def _field(fields: Fields, key: object, value: object, path: str, filled: Fill) -> Faults:
    name = words(key)
    if name not in fields:
        yield f"{path}.{name}: vmagent knows no such key"
    else:
        yield from fields[name](value, f"{path}.{name}", filled)


def _is_number(value: object, least: int, most: int) -> bool:
    if value is None or isinstance(value, bool):
        return value is None
    # Go compares a fraction with the upper bound only, and then cuts it off.
    return (isinstance(value, float) and value <= float(most)) or (isinstance(value, int) and least <= value <= most)


def _is_integer(value: int) -> bool:
    return -_MOST_INTEGER - 1 <= value <= _MOST_INTEGER


def _alternatives(value: object) -> str | None:
    """The expression that vmagent makes of a scalar or of a list; None if it can't."""
    if isinstance(value, list):
        found = [_alternatives(each) for each in value]
        said = [each for each in found if each is not None]
        return "|".join(said) if len(said) == len(found) else None
    if isinstance(value, dict) or (isinstance(value, int) and not _is_integer(value)):
        return None
    if isinstance(value, float) and math.isinf(value):
        return f"{'+' if value > 0 else '-'}Inf"
    return "null" if value is None else words(value)


def _action(rule: Config, path: str, filled: Fill) -> Faults:
    """What the action of a relabeling rule needs and must not have."""
    name = words(rule.get("action")).lower() or "replace"
    action = ACTIONS.get(name)
    if action is None:
        yield f"{path}.action: {unknown_action(words(rule['action']))}"
        return
    for group in action.needs:
        if not any(_says(rule, key.rstrip("_")) for key in group):
            yield f"{path}.{group[0]}: required for action {name}"
    if len(rule.get("source_labels") or ()) < action.least_sources:
        yield f"{path}.source_labels: action {name} compares at least {action.least_sources}"
    for key in (*action.forbids, *(() if name == "graphite" else ("match", "labels"))):
        given = rule.get(key)
        is_there = given is not None if key in ("regex", "replacement") else given not in (None, "", [], {})
        if is_there:
            yield f"{path}.{key}: not allowed for action {name}"


def _says(rule: Config, key: str) -> bool:
    """Whether a rule has something under a key; an expression counts if it is not empty, and a modulus from 1 on."""
    value = rule.get(key)
    if key == "regex":
        return bool(value is not None and _alternatives(value))
    if key == "modulus":
        return value is not None and value >= 1
    return value not in (None, "", [], {})


RULE = mapping(
    {
        "if": series,
        "action": text,
        "source_labels": many(text),
        "separator": text,
        "target_label": text,
        "regex": regex,
        "modulus": unsigned,
        "replacement": text,
        "match": text,
        "labels": pairs(text),
    },
    _action,
    is_item=True,
)
"""A relabeling rule."""
RULES = many(RULE)

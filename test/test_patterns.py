"""No pattern of ours takes more than linear time, whatever it is matched with.

Python's `re` tries again wherever two quantifiers could share the same characters. So in the rooms that read what others write,
no unlimited quantifier stands within a repeated group, and none follows another that takes the same characters.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import vmagent_operator
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.model.fields import slots

ROOMS = ("scrape", "desired", "model", "api")
ALPHABET = frozenset(map(chr, range(0x180)))
"""Enough to tell the classes of our patterns apart."""
MANY = 100
"""A quantifier up to which is none that matters."""
CATEGORIES: Mapping[Any, str] = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
Chars = frozenset[str]


class Ambiguous(Exception):  # noqa: N818
    """Two quantifiers that could share what they match."""


def ambiguity(pattern: str, flags: int = 0) -> str:
    """What is wrong with a pattern; empty if nothing is."""
    try:
        _after(parser.parse(pattern, flags), [])
    except Ambiguous as found:
        return str(found)
    return ""


def _after(items: Any, open_: list[Chars]) -> list[Chars]:
    """The characters of each unlimited quantifier that may still go on behind `items`, given those before them."""
    for sort, argument in items:
        if sort in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, body = argument
            open_ = _repeated(least, most, body, open_)
        elif sort is op.SUBPATTERN:
            open_ = _after(argument[-1], open_)
        elif sort is op.BRANCH:
            open_ = [chars for branch in argument[1] for chars in _after(branch, open_)]
        elif sort in (op.ASSERT, op.ASSERT_NOT):
            _after(argument[1], [])
        elif sort not in (op.AT, op.GROUPREF):
            found = _chars_of(sort, argument)
            open_ = [chars for chars in open_ if chars & found]
    return open_


def _repeated(least: int, most: Any, body: Any, open_: list[Chars]) -> list[Chars]:
    if most is not op.MAXREPEAT and most <= MANY:
        if most > 1 and _has_unlimited(body):
            raise Ambiguous("a quantifier in a repeated group")
        return _after(body, open_) + (open_ if least == 0 else [])
    if _has_unlimited(body):
        raise Ambiguous("a quantifier in a repeated group")
    chars: Chars = frozenset().union(*_all_chars(body))
    if any(each & _first(body) for each in open_):
        raise Ambiguous("a quantifier behind another for the same characters")
    return [*(open_ if least == 0 else []), chars]


def _first(items: Any) -> Chars:
    """The characters that a match of `items` can start with."""
    found: Chars = frozenset()
    for sort, argument in items:
        if sort in (op.MAX_REPEAT, op.MIN_REPEAT):
            found |= _first(argument[2])
            if argument[0] == 0:
                continue
        elif sort is op.SUBPATTERN:
            found |= _first(argument[-1])
        elif sort is op.BRANCH:
            found = found.union(*map(_first, argument[1]))
        elif sort in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            found |= _chars_of(sort, argument)
        else:
            continue
        break
    return found


def _has_unlimited(items: Any) -> bool:
    return any(
        sort in (op.MAX_REPEAT, op.MIN_REPEAT) and (argument[1] is op.MAXREPEAT or argument[1] > MANY)
        for sort, argument in _flat(items)
    )


def _all_chars(items: Any) -> Iterator[Chars]:
    for sort, argument in _flat(items):
        if sort in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            yield _chars_of(sort, argument)


def _flat(items: Any) -> Iterator[tuple[Any, Any]]:
    for sort, argument in items:
        yield sort, argument
        if sort in (op.MAX_REPEAT, op.MIN_REPEAT):
            yield from _flat(argument[2])
        elif sort is op.SUBPATTERN:
            yield from _flat(argument[-1])
        elif sort is op.BRANCH:
            for branch in argument[1]:
                yield from _flat(branch)


def _chars_of(sort: Any, argument: Any) -> Chars:
    if sort is op.LITERAL:
        return frozenset((chr(argument), chr(argument).swapcase()))
    if sort is op.NOT_LITERAL:
        return ALPHABET - {chr(argument)}
    if sort is op.ANY:
        return ALPHABET
    if sort is op.RANGE:
        return frozenset(char for char in ALPHABET if argument[0] <= ord(char) <= argument[1])
    if sort is op.CATEGORY:
        return frozenset(char for char in ALPHABET if re.match(CATEGORIES[argument], char))
    if sort is op.IN:
        found = frozenset().union(*(_chars_of(*each) for each in argument if each[0] is not op.NEGATE))
        return ALPHABET - found if argument[0][0] is op.NEGATE else found
    raise AssertionError(sort)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(a+)+",
            "(a*b?)*",
            "a+a*",
            r"[0-9]+\.?[0-9]*",
            r"\w+\d+",
            "a*(b|a*)",
            "(a+){2,}",
            "a+ab*a+",
            ".*x.*",
            "(?:a|b+)*",
        ),
        "a*(?:b*)a*",
    ],
)
def test_ambiguous_patterns_are_told(pattern: str) -> None:
    assert ambiguity(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a+b+", r"[0-9]+(\.[0-9]*)?", "(ab)*c*", "[a-z]([-a-z]{0,61}[a-z])?", "a*|a*b", "x+ x+", "0*[^0]+", "0*(:0)+"],
)
def test_others_are_not(pattern: str) -> None:
    assert not ambiguity(pattern)


def _modules() -> Iterator[Any]:
    root = vmagent_operator.__name__
    for found in pkgutil.walk_packages(vmagent_operator.__path__, f"{root}."):
        if found.name.split(".")[1] in ROOMS:
            yield importlib.import_module(found.name)


def _patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in _modules():
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{module.__name__}.{name}", value
        for call in _calls(module):
            if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
                yield f"{module.__name__}:{call.lineno}", re.compile(call.args[0].value)
    for kind in KINDS:
        yield from ((f"{kind.name}.{path}", re.compile(text)) for path, text in _field_patterns(kind.spec_class, ""))


def _calls(module: Any) -> Iterator[ast.Call]:
    """The uses of `re` in a module."""
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name)) if name != "escape":
                yield node


def _field_patterns(model: type, path: str) -> Iterator[tuple[str, str]]:
    for slot in slots(model):
        if slot.field.pattern:
            yield f"{path}.{slot.key}", slot.field.pattern
        if slot.inline:
            yield from _field_patterns(slot.inline, path)


@pytest.mark.parametrize("pattern", [pytest.param(pattern, id=name) for name, pattern in _patterns()])
def test_no_pattern_of_ours_is_ambiguous(pattern: re.Pattern[str]) -> None:
    assert not ambiguity(pattern.pattern, pattern.flags & re.IGNORECASE)


def test_every_pattern_is_seen() -> None:
    unseen = [
        f"{module.__name__}:{call.lineno}"
        for module in _modules()
        for call in _calls(module)
        if not isinstance(call.args[0], ast.Constant | ast.JoinedStr)
        and module.__name__ != "vmagent_operator.model.fields"
    ]
    assert unseen == []

"""How fields of one object become fields of another: a rule for each, and the one place that follows them.

A table says of every field of a source what it becomes, or that nothing stands for it and why. What is not in the table is
reported like what has no equivalent: somebody has set it, and it has no effect. Sources come from other people's schemas
and may hold anything; a value of the wrong type is a fault at its path.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.model.decode import JSON_NAMES, Fault

LOSSES = 100
"""So many losses are named; a hostile object may have a hundred thousand."""
PATH_CHARACTERS = 200
"""So much of a path is named: it goes into an annotation, of which all together may have 256 KiB."""
UNKNOWN = "no field that the conversion knows"
_EMPTY: tuple[object, ...] = (None, "", [], {})


@frozen
class Loss:
    """Something of a source that its target lacks: where, and why.

    is_rule: it is a relabeling rule that could not have done anything.
    """

    path: str
    why: str
    is_rule: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


class NoEquivalent(Exception):  # noqa: N818 - it ends an entry of a list, not the conversion
    """What this entry of a list asks for does not exist where it is to go; the text says what."""


@define
class Reading:
    """What one conversion has come across."""

    losses: list[Loss] = field(factory=list)
    faults: list[Fault] = field(factory=list)
    unnamed: int = 0
    """How many losses are not among them."""

    def lose(self, path: str, why: str, *, is_rule: bool = False) -> None:
        """Note something that the target lacks."""
        if len(self.losses) < LOSSES:
            self.losses.append(Loss(path[:PATH_CHARACTERS], why, is_rule))
        else:
            self.unnamed += 1

    def mistyped(self, wanted: str, raw: object, path: str) -> None:
        """Note a value of the wrong type."""
        self.faults.append(Fault(path, f"expected {wanted}, got {JSON_NAMES.get(type(raw), type(raw).__name__)}"))


Make = Callable[[Reading, Any, str], Any]
"""Makes the target's value of the source's at a path; None for none."""
Finish = Callable[[dict[str, Any]], dict[str, Any]]
"""Rearranges what a table has made, where that is no matter of single fields."""


@frozen
class To:
    """A field that the target has: made by `make`, under `key` if that differs."""

    make: Make
    key: str = ""


@frozen
class Dropped:
    """A field that nothing stands for. harmless: values that ask for what happens anyway."""

    why: str
    harmless: tuple[object, ...] = ()


Table = Mapping[str, To | Dropped]


def block(table: Table, finish: Finish = lambda made: made) -> Make:
    """Makes an object by the rules of a table."""

    def make(reading: Reading, raw: Any, path: str) -> Any:
        if not isinstance(raw, dict):
            return reading.mistyped("object", raw, path)
        made: dict[str, Any] = {}
        for key, rule in table.items():
            value, at = raw.get(key), f"{path}.{key}"
            if value is None:
                continue
            if isinstance(rule, To):
                if (result := rule.make(reading, value, at)) is not None:
                    made[rule.key or key] = result
            elif value not in _EMPTY and not any(value is known for known in rule.harmless):
                reading.lose(at, rule.why)
        for key in sorted(map(str, raw.keys() - table.keys())):
            if raw.get(key) not in _EMPTY:
                reading.lose(f"{path}.{key}", UNKNOWN)
        return finish(made) if not reading.faults else made

    return make


def listed(make_item: Make) -> Make:
    """Makes a list of one; an entry without equivalent is left out of it."""

    def make(reading: Reading, raw: Any, path: str) -> Any:
        if not isinstance(raw, list):
            return reading.mistyped("array", raw, path)
        made = []
        for index, item in enumerate(raw):
            at = f"{path}[{index}]"
            try:
                result = make_item(reading, item, at)
            except NoEquivalent as none:
                reading.lose(at, str(none))
                continue
            if result is not None:
                made.append(result)
        return made

    return make


LONGEST_KEY = 100
"""Characters of a free key in the path of what is below it."""


def mapped(make_item: Make) -> Make:
    """Makes an object with free keys of one."""

    def make(reading: Reading, raw: Any, path: str) -> Any:
        if not isinstance(raw, dict):
            return reading.mistyped("object", raw, path)
        made = (
            (key, make_item(reading, item, f"{path}.{key[:LONGEST_KEY]}"))
            for key, item in raw.items()
            if item is not None
        )
        return {key: item for key, item in made if item is not None}

    return make


def _scalar(wanted: type, name: str) -> Make:
    def make(reading: Reading, raw: Any, path: str) -> Any:
        return raw if type(raw) is wanted else reading.mistyped(name, raw, path)

    return make


text = _scalar(str, "string")
flag = _scalar(bool, "boolean")
number = _scalar(int, "integer")
texts = listed(text)
texts_by_key = mapped(text)


def switch(reading: Reading, raw: Any, path: str) -> Any:
    """Makes a switch that is off unless somebody turns it on."""
    return flag(reading, raw, path) or None


def number_or_text(reading: Reading, raw: Any, path: str) -> Any:
    """Makes a number or a text of the same."""
    return raw if type(raw) in (int, str) else reading.mistyped("integer or string", raw, path)


def lower(reading: Reading, raw: Any, path: str) -> Any:
    """Makes the same text in small letters."""
    return raw.lower() if isinstance(raw, str) else reading.mistyped("string", raw, path)


def chosen(words: Mapping[str, str], what: str) -> Make:
    """Makes the target's word of the source's; the entry that asks for another has no equivalent."""

    def make(reading: Reading, raw: Any, path: str) -> Any:
        if not isinstance(raw, str):
            return reading.mistyped("string", raw, path)
        if raw not in words:
            raise NoEquivalent(f"vmagent knows no {what} {raw!r}")
        return words[raw]

    return make

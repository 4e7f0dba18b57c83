"""Regular expressions: does vmagent compile one?

It does so with Go's `regexp`, whose language is neither a subset nor a superset of Python's, so that trying `re.compile`
would refuse good ones and pass bad ones. The text is read once from left to right and nothing is matched, so that the time
is proportional to its length, whatever the text.

Source: https://github.com/golang/go/blob/go1.26.8/src/regexp/syntax/parse.go,
https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.150.0/lib/promrelabel/config.go
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from attrs import Factory, define, field

from vmagent_operator import limits
from vmagent_operator.scrape.expressions import weight as weights
from vmagent_operator.scrape.expressions.caching import cached
from vmagent_operator.scrape.expressions.characters import WORD, Refused, escape, posix_end, set_end, unreadable

_SHOWN_CHARACTERS = 80
_MOST_REPEATS = 1000
_DIGITS = frozenset("0123456789")
_NAME = WORD | {"_"}
_POSITIONS = frozenset("AbBz")


@cached
def relabel_fault(text: str) -> str | None:
    """Why vmagent skips a job with `text` as the `regex` of a rule, whatever the action; None if it does not."""
    return fault(_bare(text))


@cached
def fault(text: str) -> str | None:
    """Why `text` cannot be compiled, alone and as a group between anchors; None if it can."""
    if len(text) > limits.EXPRESSION_CHARACTERS:
        return limits.EXPRESSION_CHARACTERS.exceeded
    try:
        _Reader(text).read()
    except Refused as refused:
        return f"{refused} in {text if len(text) <= _SHOWN_CHARACTERS else f'{text[:_SHOWN_CHARACTERS]}...'!r}"
    return None


@cached
def weight(text: str) -> int:
    """What an expression that can be compiled takes of vmagent, repetitions expanded: see `expressions.weight`."""
    known = text[: limits.EXPRESSION_CHARACTERS]
    reader = _Reader(known)
    with suppress(Refused):  # and so accepted nowhere
        reader.read()
    return weights.of_text(known) + sum(level.weight + level.last_weight for level in reader.levels)


def relabel_weight(text: str) -> int:
    """The same of the `regex` of a rule."""
    return weight(_bare(text))


def _bare(text: str) -> str:
    """The `regex` of a rule without the anchors that vmagent takes off."""
    bare = text.lstrip("^")
    without = bare.rstrip("$")
    return f"{without}$" if without.endswith("\\") and len(without) < len(bare) else without


@define
class _Level:
    """What was read between two parentheses.

    size: instructions, at most. repeats: how often its innermost part occurs in a row. weight: what it takes of vmagent.
    Those of what was read last, which an operator repeats, are apart; it has none at the start and behind `|`.
    """

    size: int = 0
    repeats: int = 1
    weight: int = 0
    last_size: int = 0
    last_repeats: int = 1
    last_weight: int = 0
    has_last: bool = False

    def push(self, size: int, weight: int, repeats: int = 1) -> None:
        self.size += self.last_size
        self.weight += self.last_weight
        self.repeats = max(self.repeats, self.last_repeats)
        self.last_size, self.last_weight, self.last_repeats, self.has_last = size, weight, repeats, True

    def close(self) -> None:
        """Nothing more can be repeated."""
        self.push(1, weights.ALTERNATIVE)
        self.has_last = False


@define
class _Reader:
    """Goes through an expression once."""

    text: str
    at: int = 0
    levels: list[_Level] = field(factory=lambda: [_Level()])
    was_repeat: bool = False
    last_named: int = field(default=Factory(lambda self: self.text.rfind(":]"), takes_self=True))
    """Where the last `:]` starts, so that nobody looks for it again and again."""
    is_folded: bool = field(default=Factory(lambda self: "(?" in self.text and "i" in self.text, takes_self=True))
    """Whether cases may be ignored somewhere."""

    def read(self) -> None:
        """Raises Refused."""
        if any("\udc80" <= char <= "\udcff" for char in self.text):
            raise Refused("holds bytes that are no UTF-8")
        while self.at < len(self.text):
            start = self.at
            was_repeat, self.was_repeat = self.was_repeat, False
            _READERS.get(self.text[start], _Reader.character)(self)
            if was_repeat and self.was_repeat:
                raise Refused(f"{self.text[start : self.at]!r} repeats a repetition")
        if len(self.levels) > 1:
            raise Refused("a missing )")
        self.check(self.levels[0].size + self.levels[0].last_size)

    def check(self, size: int) -> None:
        if size > limits.EXPRESSION_SIZE:
            raise Refused(limits.EXPRESSION_SIZE.exceeded)

    def character(self) -> None:
        self.literal(self.text[self.at])
        self.at += 1

    def literal(self, char: str, more: int = 0) -> None:
        self.levels[-1].push(1, weights.of_character(char, is_folded=self.is_folded) + more)

    def characters(self, start: int) -> None:
        """Push the class of characters that stands between `start` and here."""
        self.levels[-1].push(1, weights.of_class(self.text[start : self.at], is_folded=self.is_folded))

    def bar(self) -> None:
        self.at += 1
        self.levels[-1].close()

    def open(self) -> None:
        if self.text.startswith("(?", self.at):
            is_group = self.flags()
        else:
            self.at, is_group = self.at + 1, True
        if is_group:
            self.levels.append(_Level())
            if len(self.levels) > limits.EXPRESSION_NESTING + 1:
                raise Refused(limits.EXPRESSION_NESTING.exceeded)

    def close(self) -> None:
        self.at += 1
        if len(self.levels) == 1:
            raise Refused("an unexpected )")
        level = self.levels.pop()
        size, weight = level.size + level.last_size + 2, level.weight + level.last_weight + weights.GROUP
        self.levels[-1].push(size, weight, max(level.repeats, level.last_repeats))

    def flags(self) -> bool:
        """Go past `(?...`, whether or not it opens a group."""
        start = self.at
        for opening in ("(?P<", "(?<"):
            if self.text.startswith(opening, start):
                return self.name(start, start + len(opening))
        self.at, saw_flag, is_negative = start + 2, False, False
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char in "imsU":
                saw_flag = True
            elif char == "-" and not is_negative:
                is_negative, saw_flag = True, False
            elif char in ":)" and (saw_flag or not is_negative):
                return char == ":"
            else:
                break
        raise unreadable(self.text, start)

    def name(self, start: int, first: int) -> bool:
        self.at = first
        while self.at < len(self.text) and self.text[self.at] in _NAME:
            self.at += 1
        if self.at == first or not self.text.startswith(">", self.at):
            raise unreadable(self.text, start)
        self.at += 1
        return True

    def operator(self) -> None:
        start, sort = self.at, self.text[self.at]
        self.at += 1
        level = self.repeated(start)
        level.last_size += 2 if sort == "*" else 1
        level.last_weight += weights.OPERATOR

    def braces(self) -> None:
        start = self.at
        least = self.number(start + 1)
        if least is None:
            return self.character()
        most: str | None = least
        end = start + 1 + len(least)
        if self.text.startswith(",", end):
            most = "" if self.text.startswith("}", end + 1) else self.number(end + 1)
            end += 1 + len(most or "")
        if most is None or not self.text.startswith("}", end):
            return self.character()
        self.at = end + 1
        low, high = _count(least), _count(most) if most else None
        self.repeat(start, low, high)
        return None

    def repeat(self, start: int, low: int, high: int | None) -> None:
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and low > high):
            raise Refused(f"{self.text[start : self.at][:20]!r} is no number of repeats up to {_MOST_REPEATS}")
        level = self.repeated(start)
        times = low if high is None else high
        level.last_repeats = 1 if high == 0 else level.last_repeats * max(times, 1)
        if times > 1 and level.last_repeats > _MOST_REPEATS:
            raise Refused(f"{self.text[start : self.at]!r} repeats a repetition: more than {_MOST_REPEATS} in all")
        level.last_size = max(1, level.last_size * max(times, 1) + 2 + (0 if high is None else high - low))
        self.check(level.last_size)
        level.last_weight = weights.of_repetition(level.last_weight, low, high, level.last_size)

    def repeated(self, start: int) -> _Level:
        """Where the operator at `start`, which ends here, finds what it repeats."""
        if self.text.startswith("?", self.at):
            self.at += 1
        self.was_repeat = True
        if not self.levels[-1].has_last:
            raise Refused(f"{self.text[start : self.at]!r} repeats nothing")
        return self.levels[-1]

    def number(self, start: int) -> str | None:
        """The digits at `start`; None if there are none, or one too many at their front."""
        end = start
        while end < len(self.text) and self.text[end] in _DIGITS:
            end += 1
        digits = self.text[start:end]
        return None if not digits or (digits[0] == "0" and len(digits) > 1) else digits

    def backslash(self) -> None:
        start, sort = self.at, self.text[self.at + 1 : self.at + 2]
        if sort == "Q":
            return self.quoted()
        if self.set():
            return self.characters(start)
        if sort in _POSITIONS:
            self.at += 2
        else:
            self.escape()
        return self.literal(sort, weights.ESCAPE)

    def quoted(self) -> None:
        r"""`\Q...\E`; without its end it takes in the parenthesis and the anchor that vmagent adds."""
        end = self.text.find("\\E", self.at + 2)
        if end < 0:
            raise Refused("a missing \\E")
        for at in range(self.at + 2, end):
            self.literal(self.text[at])
        self.at = end + 2

    def set(self) -> bool:
        """Go past a class such as `\\d`, if there is one."""
        start = self.at
        self.at = set_end(self.text, start)
        return self.at > start

    def escape(self) -> str:
        """Go past an escape; the one character that it stands for."""
        char, self.at = escape(self.text, self.at)
        return char

    def brackets(self) -> None:
        start = self.at
        self.at += 2 if self.text.startswith("[^", start) else 1
        is_first = True
        while is_first or not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                raise Refused("a missing ]")
            is_first = False
            if not (self.named() or (self.text[self.at] == "\\" and self.set())):
                self.range()
        self.at += 1
        self.characters(start)

    def named(self) -> bool:
        """Go past `[:alpha:]` or the like, if there is one."""
        if not self.text.startswith("[:", self.at) or self.last_named < self.at + 2:
            return False
        self.at = posix_end(self.text, self.at)
        return True

    def range(self) -> None:
        first = self.at
        low = self.member()
        if self.text.startswith("-", self.at) and not self.text.startswith("]", self.at + 1):
            self.at += 1
            if self.at >= len(self.text):
                return
            if self.member() < low:
                raise Refused(f"{self.text[first : self.at]!r} is no range")

    def member(self) -> str:
        if self.text[self.at] == "\\":
            return self.escape()
        self.at += 1
        return self.text[self.at - 1]


_READERS: Mapping[str, Callable[[_Reader], None]] = {
    "(": _Reader.open,
    ")": _Reader.close,
    "|": _Reader.bar,
    "[": _Reader.brackets,
    "*": _Reader.operator,
    "+": _Reader.operator,
    "?": _Reader.operator,
    "{": _Reader.braces,
    "\\": _Reader.backslash,
}


def _count(digits: str) -> int:
    """The number, or one beyond all that are allowed: a text of thousands of digits is never made a number."""
    return int(digits) if len(digits) <= len(str(_MOST_REPEATS)) else _MOST_REPEATS + 1

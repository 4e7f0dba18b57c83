"""What one scrape object may still make of itself: counted down while its jobs are built, which stop once it is used up.

Nothing multiplies unseen: a thousand endpoints with a thousand labels each are two million rules, and have 12 kB.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from attrs import define

from vmagent_operator.limits import (
    CACHED_CHARACTERS,
    EXPRESSION_CHARACTERS,
    OBJECT_RULES,
    OBJECT_TEXT_BYTES,
)
from vmagent_operator.scrape.errors import ObjectError
from vmagent_operator.scrape.text.emit import Constant

# What an expression takes of vmagent once its repetitions are expanded, in bytes of ordinary configuration (36 bytes each,
# see MEMORY_PER_TEXT_BYTE), as measured: `x{1000}` takes 115 kB, `[a-z]{1000}` 250 kB, `\\pL{1000}` 18 MB.
_ATOM = 7
_UNICODE_CLASS = 500
_LONGEST_BRACES = 10
"""`{1000,1000}`, the longest that Go's `regexp` takes, less the brace at its beginning."""
_NOTEWORTHY = 2 * _ATOM
"""An expression that takes no more than this for each of its characters counts as the text that it is."""


class OverBudgetError(ObjectError):
    """An object has used up what it may; the text names the limit."""


@define
class Budget:
    """What is left for one object. Methods raise OverBudgetError."""

    rules: int = OBJECT_RULES
    text_bytes: int = OBJECT_TEXT_BYTES

    def counted(self, rules: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """`rules`, one by one; what their expressions expand to counts as text."""
        for rule in rules:
            self.rules -= 1
            if self.rules < 0:
                raise OverBudgetError(OBJECT_RULES.exceeded)
            if type(rule) is not Constant:
                self._expressions(rule.get("regex"))
                self._expressions(rule.get("if"))
            yield rule

    def job(self, text: bytes) -> None:
        """Take note of a job that is finished."""
        self._text(len(text))

    @property
    def used_bytes(self) -> int:
        """What the object takes so far, in bytes of ordinary configuration."""
        return OBJECT_TEXT_BYTES - self.text_bytes

    def _text(self, size: int) -> None:
        self.text_bytes -= size
        if self.text_bytes < 0:
            raise OverBudgetError(OBJECT_TEXT_BYTES.exceeded)

    def _expressions(self, given: Any) -> None:
        """Take note of a text or a list of some; port numbers take nothing."""
        for text in given if isinstance(given, list) else (given,):
            if isinstance(text, str) and ("{" in text or "\\p" in text or "\\P" in text):
                self._text(expansion(text))


def expansion(text: str) -> int:
    """What the repetitions in a regular expression, or a selector that holds some, add to the memory that it takes.

    Bytes of ordinary configuration; an estimate from above, in one pass over the text.
    """
    known = text[:EXPRESSION_CHARACTERS]  # a longer one is nowhere accepted
    return _short_expansion(known) if len(known) <= CACHED_CHARACTERS else _expansion(known)


def _expansion(text: str) -> int:
    """The size of what is open, level by level, and of the last item, which a repetition multiplies."""
    open_sizes, last = [0], 0
    for item in _items(text):
        if item == "(":
            open_sizes.append(0)
        elif item == ")":
            last = open_sizes.pop() if len(open_sizes) > 1 else 0
            open_sizes[-1] += last
        elif (times := _times(item)) is not None:
            open_sizes[-1] += last * max(times - 1, 0)
            last *= max(times, 1)
        else:
            last = _ATOM + len(item) + _UNICODE_CLASS * (item.count("\\p") + item.count("\\P"))
            open_sizes[-1] += last
        if open_sizes[-1] > OBJECT_TEXT_BYTES:
            break
    size = sum(open_sizes)
    return size if size > _NOTEWORTHY * len(text) else 0


def _items(text: str) -> Iterator[str]:
    """Characters, escapes, classes, braces with what is in them, and parentheses."""
    position = 0
    while position < len(text):
        end = position + 1
        match text[position]:
            case "\\":
                end += 1
                if text[end - 1 : end] in ("p", "P"):
                    end = _after(text, "}", end) if text[end : end + 1] == "{" else end + 1
            case "[":
                end = _after(text, "]", end)
            case "{":
                end = _after(text[: end + _LONGEST_BRACES], "}", end)
        yield text[position:end]
        position = end


def _after(text: str, closing: str, start: int) -> int:
    """The position behind the next `closing`; `start` if there is none."""
    return text.find(closing, start) + 1 or start


def _times(item: str) -> int | None:
    """How often `{2,3}` repeats at most; None for anything else."""
    if len(item) < 3 or item[0] != "{":
        return None
    numbers = item[1:-1].split(",")
    return max(map(int, filter(None, numbers)), default=0) if all(n.isdecimal() or not n for n in numbers) else None


_short_expansion = lru_cache(maxsize=4096)(_expansion)

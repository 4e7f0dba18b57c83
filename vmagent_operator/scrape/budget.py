"""What one scrape object may still make of itself: counted down while its jobs are built, which stop once it is used up.

Nothing multiplies unseen: a thousand endpoints with a thousand labels each are two million rules, and have 12 kB.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from attrs import define

from vmagent_operator.limits import (
    CACHED_CHARACTERS,
    EXPRESSION_CHARACTERS,
    OBJECT_MEMORY_BYTES,
    OBJECT_RULES,
    OBJECT_TEXT_BYTES,
)
from vmagent_operator.scrape.checks import series
from vmagent_operator.scrape.checks.caching import cached
from vmagent_operator.scrape.errors import ObjectError

# Bytes of memory that vmagent v1.150.0 takes, fitted to the resident memory of `-dryRun` with ten files of 4 to 24 MB:
# services, static jobs, lists of targets, parameters, and rules of six sorts. What fills 500Mi by this count took 438 to 513 MB;
# expressions apart, of which no sort takes more than its count.
MEMORY_PER_BYTE = 36
"""For text of which nothing else is known: jobs with a usual number of rules take 31."""
_TEXT_BYTE = 14
_JOB = 2_600
_RULE = 720
_PARAMETER = 480
_EXPRESSION = 3_800
_ATOM = 150
"""A character of an expression; repeated, `x{1000}` takes 118 kB."""
_FOLDED = 400
"""The same if an expression may ignore cases: `(?i)(abcdefgh){100}` takes 277 kB."""
_MORE: Mapping[str, int] = {
    "?": 650,
    "*": 650,
    "+": 650,
    "|": 860,
    "(": 350,
    "[": 250,
    "\\": 230,
    ".": 60,
    "^": 60,
    "$": 60,
}
"""What operators, groups, classes and positions take beyond a character: `(x|)(x|)...` 1560 bytes for each group."""
_CLASS_CHARACTER = 16
_OPTIONAL = 470
"""Each repetition that may be missing: `(a{0,10}){100}` takes 644 kB."""
_ENDLESS = 1_300
"""A repetition without end: `(x{2,}y{3,}){100}` takes 405 kB."""
_UNICODE_CLASS = 18_500
"""`\\pL`: hundreds of ranges."""
_WIDE_CLASS = 50_000
"""`[^:]` takes no more memory than others, but 15 ms: Go's `regexp` visits 125,000 characters to see that case does not matter.

Counted as memory so that tenants share it as they share memory: what fills 500Mi is read within three minutes, not within hours.
"""
_WIDE = re.compile(r"\[\^|\\[DSWP]|\\p\{\^|\[:\^|-\\[x0-7]|-[^\x00-\x7f]")
"""Classes that reach far beyond ASCII."""
_LONGEST_BRACES = 10
"""`{1000,1000}`, the longest that Go's `regexp` takes, less the brace at its beginning."""


class OverBudgetError(ObjectError):
    """An object has used up what it may; the text names the limit."""


@define
class Budget:
    """What is left for one object. Methods raise OverBudgetError."""

    rules: int = OBJECT_RULES
    text_bytes: int = OBJECT_TEXT_BYTES
    memory_bytes: int = OBJECT_MEMORY_BYTES

    def counted(self, rules: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """`rules`, one by one."""
        for rule in rules:
            self.rules -= 1
            if self.rules < 0:
                raise OverBudgetError(OBJECT_RULES.exceeded)
            taken = _RULE
            for key, weight in _WEIGHTS.items():
                if (given := rule.get(key)) is not None:
                    taken += weight(given) if isinstance(given, str) else sum(map(weight, listed(given)))
            self._take(taken)
            yield rule

    def job(self, job: Mapping[str, Any], text: bytes) -> None:
        """Take note of a job that is finished, and of its text."""
        self.text_bytes -= len(text)
        if self.text_bytes < 0:
            raise OverBudgetError(OBJECT_TEXT_BYTES.exceeded)
        self._take(_JOB + _TEXT_BYTE * len(text) + _PARAMETER * len(job.get("params") or ()))

    @property
    def taken_bytes(self) -> int:
        """The memory that vmagent takes for the object so far."""
        return OBJECT_MEMORY_BYTES - self.memory_bytes

    def _take(self, memory_bytes: int) -> None:
        self.memory_bytes -= memory_bytes
        if self.memory_bytes < 0:
            raise OverBudgetError(OBJECT_MEMORY_BYTES.exceeded)


def listed(given: Any) -> Iterator[str]:
    """The texts of a list; a port number is none."""
    return (text for text in given if isinstance(text, str)) if isinstance(given, list) else iter(())


def _weight(text: str) -> int:
    """What a regular expression takes of memory: an estimate from above."""
    return _EXPRESSION + expansion(text)


@cached
def _selector_weight(text: str) -> int:
    """What a selector takes: its expressions count as they come out of its strings and templates, which hide what they hold."""
    expressions = Counter(series.regexes(text))
    written = _EXPRESSION + _ATOM * min(len(text), EXPRESSION_CHARACTERS)
    return written + sum(times * _weight(regex) for regex, times in expressions.items())


_WEIGHTS: Mapping[str, Callable[[str], int]] = {"regex": _weight, "if": _selector_weight}


def _atom(text: str) -> int:
    """The size of a character, which is another if cases may be ignored."""
    return _FOLDED if "(?" in text and "i" in text else _ATOM


def expansion(text: str) -> int:
    """The memory that a regular expression takes once its repetitions are expanded, in one pass over it."""
    known = text[:EXPRESSION_CHARACTERS]  # a longer one is nowhere accepted
    return _short_expansion(known) if len(known) <= CACHED_CHARACTERS else _expansion(known)


def _expansion(text: str) -> int:
    """The size of what is open, level by level, and of the last item, which a repetition multiplies."""
    open_sizes, last, atom = [0], 0, _atom(text)
    for item in _items(text):
        if item == "(":
            open_sizes.append(atom + _MORE["("])
        elif item == ")":
            last = atom + open_sizes.pop() if len(open_sizes) > 1 else 0
            open_sizes[-1] += last
        elif (repeated := _repeated(item, last)) is not None:
            open_sizes[-1] += repeated - last
            last = repeated
        else:
            last = _item(item, atom)
            open_sizes[-1] += last
        if open_sizes[-1] > OBJECT_MEMORY_BYTES:
            break
    return sum(open_sizes)


def _item(item: str, atom: int) -> int:
    """The size of a character, an escape, a class, or an operator."""
    size = atom + _MORE.get(item[0], 0) + _CLASS_CHARACTER * (len(item) - 1)
    size += _UNICODE_CLASS * (item.count("\\p") + item.count("\\P"))
    return size + _WIDE_CLASS if len(item) > 1 and _WIDE.search(item) else size


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


def _repeated(item: str, last: int) -> int | None:
    """The size of what `{2,3}` makes of the last item; None for anything else."""
    if len(item) < 3 or item[0] != "{":
        return None
    least, comma, most = item[1:-1].partition(",")
    if not least.isdecimal() or not (most.isdecimal() or not most):
        return None
    low, high = int(least), int(most or least)
    endless = _ENDLESS + last * low // 2 if comma and not most else 0
    return last * max(low, high, 1) + _OPTIONAL * max(high - low, 0) + endless


_short_expansion = lru_cache(maxsize=4096)(_expansion)

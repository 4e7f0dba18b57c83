"""What the parts of a regular expression take of vmagent: bytes of memory, and time that is counted as if it were memory.

Measured with `-dryRun` of v1.150.0 and rules that have one expression each; see test/vmagent/test_cost.py.
"""

import re
from typing import Final

CHARACTER: Final = 150
"""A character; repeated, `x{1000}` takes 118 kB."""
FOLDED: Final = 400
"""The same if an expression may ignore cases: `(?i)(abcdefgh){100}` takes 277 kB."""
POSITION: Final = 210
"""`.`, `^` and `$`."""
ESCAPE: Final = 230
"""What a backslash adds to a character."""
OPERATOR: Final = 800
"""`?`, `*` and `+`: `a?a?...` 950 bytes for each pair."""
ALTERNATIVE: Final = 1_010
"""`|`: `(x|)(x|)...` takes 1560 bytes for each group."""
GROUP: Final = 650
COMPILED: Final = 3_500
"""What there is of an expression besides, unless it is made of letters and `.*` or `.+`, for which vmagent has shorter ways."""
OPTIONAL: Final = 470
"""Each repetition that may be missing: `(a{0,10}){100}` takes 644 kB."""
ENDLESS: Final = 1_300
"""A repetition without end, which also takes half as much again for each of those before: `(x{2,}y{3,}){100}` takes 405 kB."""
_STEP, _STEPS = 250, 1_000
"""Up to so many instructions Go prepares a second program, with so much for each: `b{30}` takes 16 kB, `b{1000}` 118."""
_CLASS, _CLASS_CHARACTER = 400, 16
_UNICODE_CLASS, _UNICODE_MEMBER = 18_500, 55_000
"""`\\pL`, and the same among brackets: hundreds of ranges, `[\\pL]{300}` takes 14 MB."""
_WIDE_CLASS = 50_000
"""`[^:]` takes no more memory than others, but 15 ms: Go's `regexp` visits 125,000 characters to see that case does not matter.

Counted as memory so that tenants share it as they share memory: what fills 500Mi is read within three minutes, not within hours.
"""
_WIDE = re.compile(r"\[\^|\\[DSWP]|\\p\{\^|\[:\^|-\\[x0-7]|-[^\x00-\x7f]")
"""Classes that reach far beyond ASCII."""


def of_character(char: str, *, is_folded: bool) -> int:
    """The weight of a character that stands for itself, or of a position."""
    atom = FOLDED if is_folded else CHARACTER
    return max(atom, POSITION) if char in ".^$" else atom


def of_class(text: str, *, is_folded: bool) -> int:
    """The weight of `[...]`, `\\d`, `\\pL` or the like, given as a whole."""
    unicode = _UNICODE_MEMBER if text[0] == "[" else _UNICODE_CLASS
    weight = _CLASS + _CLASS_CHARACTER * len(text) + unicode * (text.count("\\p") + text.count("\\P"))
    is_wide = _WIDE.search(text) or (is_folded and "\\p" in text)
    return weight + (_WIDE_CLASS if is_wide else 0) + (FOLDED if is_folded else 0)


def of_repetition(once: int, low: int, high: int | None, instructions: int) -> int:
    """The weight of what weighs `once` and is repeated, to so many instructions; `high` is None for a repetition without end."""
    prepared = _STEP * min(instructions, _STEPS)
    if high is None:
        return once * max(low, 1) + once * low // 2 + ENDLESS + prepared
    return once * max(low, high, 1) + OPTIONAL * max(high - low, 0) + prepared


def of_text(text: str) -> int:
    """What an expression weighs besides its parts."""
    rest = text.replace(".*", "").replace(".+", "")
    return COMPILED if any(sign in rest for sign in "*+?|[{\\") else 0

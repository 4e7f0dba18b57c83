"""Regular expressions and series selectors: is vmagent going to understand one?

vmagent compiles the former with Go's `regexp`, whose language is neither a subset nor a superset of Python's, so that
trying `re.compile` would refuse good ones and pass bad ones. Nothing is matched here, only read.

Source: https://github.com/google/re2/wiki/Syntax, https://docs.victoriametrics.com/victoriametrics/metricsql/
"""

import re
from functools import lru_cache

_CHARACTER = (
    r"\\(?:[pP](?:\{\^?[A-Za-z_]+\}|[A-Za-z])|x(?:[0-9a-fA-F]{2}|\{0*(?:10[0-9a-fA-F]{4}|[0-9a-fA-F]{1,5})\})|0[0-7]{0,2}|[1-7][0-7]{1,2}"
    r"|[dDsSwWafnrtv]|[\x00-/:-@\[-`{-\x7f])"
)
_ITEM = rf"(?:\[:\^?\w+:\]|{_CHARACTER}|[^\\\]])"
_CLASS_ITEM = re.compile(rf"{_ITEM}|^\]", re.S)
_SET = re.compile(r"\[:|\\[pPdDsSwW]")
_TOKEN = re.compile(
    rf"(?P<quoted>\\Q.*?(?:\\E|$))|(?P<escape>{_CHARACTER}|\\[AbBz])|(?P<class>\[(?:\^|(?!\^))(?:\]|{_ITEM}){_ITEM}*\])"
    r"|(?P<flags>\(\?[imsU]*(?:-[imsU]+)?\))"
    r"|(?P<open>\((?:\?P?<[A-Za-z0-9_]+>|\?[imsU]*(?:-[imsU]+)?:|(?!\?)))"
    r"|(?P<close>\))|(?P<or>\|)|(?P<repeat>(?:[*+?]|\{(?P<least>\d+)(?P<range>,(?P<most>\d*))?\})\??)|(?P<char>[^\\\[(])",
    re.S,
)
_POSIX = frozenset(
    [
        "alnum",
        "alpha",
        "ascii",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "word",
        "xdigit",
    ]
)
_MOST_REPEATS = 1000

_IDENTIFIER = r"(?:[^\W\d]|:|\\.)(?:\w|[:.]|\\.)*"
_ESCAPE = r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}"
_STRING = rf"""(?:"(?:[^"\\]|\\(?:[abfnrtv\\"]|{_ESCAPE}))*"|'(?:[^'\\]|\\(?:[abfnrtv\\']|{_ESCAPE}))*'|`[^`]*`)"""
_FILTER = rf"(?:{_IDENTIFIER}|{_STRING})\s*(?:=~|!~|!=|=)\s*{_STRING}(?:\s*\+\s*{_STRING})*|{_STRING}"
_SEPARATOR = r"\s*(?:,\s*(?:or\b\s*)?|\bor\b\s*|(?<=[\"'`])or\b\s*)"
_SERIES = re.compile(
    rf"\s*(?:{_IDENTIFIER}\s*)?(?:\{{\s*(?:(?:{_FILTER})(?:{_SEPARATOR}(?:{_FILTER}))*\s*(?:,\s*)?)?\}})?\s*",
    re.S | re.I,
)
_MATCHED = re.compile(rf"[=!]~\s*({_STRING})", re.S)


@lru_cache(maxsize=4096)
def regex_fault(text: str) -> str | None:
    """Why Go's `regexp` refuses `text`, or None if it does not."""
    position, depth = 0, 0
    has_operand, was_repeat = False, False
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            return f"cannot be read from {text[position : position + 10]!r} on"
        position, sort = found.end(), found.lastgroup
        if found["repeat"]:
            if not has_operand or was_repeat or _is_out_of_range(found):
                return f"{found['repeat']!r} repeats nothing, or too often"
        elif sort == "close" and not depth:
            return "an unexpected )"
        elif found["class"] and (fault := _class_fault(found["class"])):
            return fault
        depth += bool(found["open"]) - bool(found["close"])
        was_repeat = bool(found["repeat"])
        has_operand = has_operand if found["flags"] else not (found["open"] or found["or"])
    return "a missing )" if depth else None


@lru_cache(maxsize=4096)
def series_fault(text: str) -> str | None:
    """Why `text` is no series selector such as `{job="a"}`, or None if it is one."""
    bare = text.strip().lstrip("+ ")
    while bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1].strip()
    if bare[:4].lower() == "with" or "#" in bare:
        return None  # templates and comments are vmagent's to expand
    if not bare or not _SERIES.fullmatch(bare):
        return f"{text!r} is no series selector"
    faults = (regex_fault(found[1][1:-1].replace("\\\\", "\\")) for found in _MATCHED.finditer(bare))
    return next((f"regular expression in {text!r}: {fault}" for fault in faults if fault), None)


def _is_out_of_range(found: re.Match[str]) -> bool:
    if found["least"] is None:
        return False
    least = int(found["least"])
    most = int(found["most"]) if found["most"] else least
    return max(least, most) > _MOST_REPEATS or most < least


def _class_fault(text: str) -> str | None:
    """What is wrong with `[...]`: an unknown named class, or a range that runs backwards."""
    items = list(_CLASS_ITEM.finditer(text[2 if text[1] == "^" else 1 : -1]))
    for index, item in enumerate(items):
        if item[0].startswith("[:") and item[0].strip("[:^]") not in _POSIX:
            return f"{item[0]} is no character class"
        if item[0] == "-" and 0 < index < len(items) - 1:
            low, high = items[index - 1][0], items[index + 1][0]
            is_backwards = len(low) == len(high) == 1 and low > high
            if is_backwards or (_SET.match(high) and not _SET.match(low)):
                return f"{low}-{high} is no range"
    return None

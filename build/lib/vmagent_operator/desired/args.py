"""Command line arguments as vmagent reads them.

Flags of vmagent that may be given for each `-remoteWrite.url` are arrays: their values are joined with commas, and an
item that holds a comma itself is protected by quotes or brackets.
"""

import re
from collections.abc import Mapping, Sequence

_CLOSING = {'"': '"', "'": "'", "[": "]", "{": "}", "(": ")"}
_QUOTES = "\"'"
_SPECIAL = re.compile(r"[,\"'\[{(]")
_SPECIAL_BUT_COMMA = re.compile(r"[\"'\[{(]")
_QUOTED = re.compile(r"\"([^\"\\]|\\.)*\"|'([^'\\]|\\.)*'", re.DOTALL)
_LONE_QUOTES = {'"', "'"}  # vmagent panics on such an item
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def items(text: str) -> list[str]:
    """The items, still quoted, that vmagent reads from the text of an array flag.

    Source: lib/flagutil/array.go of VictoriaMetrics 1.150.
    """
    if not _SPECIAL_BUT_COMMA.search(text):
        return text.split(",")
    found, start, at, ends = [], 0, 0, _ends(text)
    while at < len(text):
        if text[at] == ",":
            found.append(text[start:at])
            start = at = at + 1
        else:
            at = ends[at] or at + 1
    return [*found, text[start:]]


def join(values: Sequence[str]) -> str:
    """The text of an array flag from which vmagent reads `values`.

    Values stand as they are if vmagent then tells them apart, also those that the user has quoted; if not, those with
    a comma, quote or bracket are quoted.
    """
    plain = ",".join(values)
    if items(plain) == list(values) and not _LONE_QUOTES & set(values):
        return plain
    return ",".join(quote(v) if _SPECIAL.search(v) and not is_quoted(v) else v for v in values)


def is_quoted(text: str) -> bool:
    """Whether `text` is a whole item in quotes, which vmagent takes off."""
    return bool(_QUOTED.fullmatch(text))


def quote(text: str) -> str:
    """`text` as a double-quoted Go string literal; bytes that are no UTF-8 (surrogate escapes) become `\\xNN`."""
    return '"' + "".join(map(_escaped, text)) + '"'


def name(argument: str) -> str:
    """The name of the flag that an argument sets, however many dashes it begins with."""
    return argument.lstrip("-").partition("=")[0]


def override(arguments: Sequence[str], extra: Mapping[str, str], *, dashes: str = "-") -> list[str]:
    """`arguments` without those named in `extra`, then an argument for each of `extra`.

    The value of `rule` is quoted,
    for it is an array of file patterns, in which braces have a meaning of their own.
    """
    kept = [argument for argument in arguments if name(argument) not in extra]
    return kept + [f"{dashes}{key}={quote(extra[key]) if key == 'rule' else extra[key]}" for key in sorted(extra)]


def first(extra: Mapping[str, str], key: str) -> str:
    """The first item of an extra argument, in lower case; the operator understands that of `tls`, for one."""
    return extra.get(key, "").partition(",")[0].strip().lower()


def _ends(text: str) -> list[int]:
    """For each quote or bracket that opens, the position behind what closes it; 0 where nothing does, and elsewhere.

    From the end on, so that no part is looked at twice: one who nests thousands must not have others wait.
    """
    ends = [0] * len(text)
    behind = {closing: [0] * (len(text) + 2) for closing in _CLOSING.values()}
    for at in reversed(range(len(text))):
        char = text[at]
        if char in _CLOSING:
            ends[at] = behind[_CLOSING[char]][at + 1]
        for closing, found in behind.items():
            if char == closing:
                found[at] = at + 1
            elif closing in _QUOTES:
                found[at] = found[at + (2 if char == "\\" else 1)]
            elif char in _CLOSING:
                found[at] = ends[at] and found[ends[at]]
            elif char not in behind:
                found[at] = found[at + 1]
    return ends


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return _ESCAPES.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

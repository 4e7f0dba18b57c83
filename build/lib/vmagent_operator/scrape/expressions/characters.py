"""What stands for one character, or for one of a class, in an expression of Go's `regexp`: escapes, and names of classes.

Each function looks at one place of a text and says where what it found there ends.

Source: https://github.com/golang/go/blob/go1.26.8/src/regexp/syntax/parse.go
"""

from collections.abc import Mapping

from vmagent_operator.scrape.expressions.unicode import GROUPS

WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_OCTAL = frozenset("01234567")
_HEX = frozenset("0123456789abcdefABCDEF")
_CONTROLS: Mapping[str, str] = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SETS = frozenset("dDsSwW")
_POSIX = frozenset(
    f"[:{sign}{name}:]"
    for sign in ("", "^")
    for name in (
        *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"),
        *("lower", "print", "punct", "space", "upper", "word", "xdigit"),
    )
)


class Refused(ValueError):  # noqa: N818
    """Why an expression cannot be compiled."""


def unreadable(text: str, start: int) -> Refused:
    """What to raise where nothing that Go knows begins."""
    return Refused(f"cannot be read from {text[start : start + 10]!r} on")


def set_end(text: str, start: int) -> int:
    r"""Where the class that begins at `start` ends, `\d`, `\pL` or the like; `start` if none does. Raises Refused."""
    sort = text[start + 1 : start + 2]
    if sort in _SETS:
        return start + 2
    if sort not in ("p", "P"):
        return start
    end, name = start + 3, text[start + 2 : start + 3]
    if name == "{":
        end = text.find("}", start) + 1
        name = text[start + 3 : end - 1] if end else ""
    if _canonical(name.removeprefix("^")) not in GROUPS:
        raise Refused(f"{text[start : end or None][:40]!r} is no class of characters")
    return end


def posix_end(text: str, start: int) -> int:
    """Where `[:alpha:]` or the like ends that begins at `start`; it must end somewhere. Raises Refused."""
    end = text.index(":]", start + 2) + 2
    if text[start:end] not in _POSIX:
        raise Refused(f"{text[start:end][:40]!r} is no class of characters")
    return end


def escape(text: str, start: int) -> tuple[str, int]:
    """The one character that the escape at `start` stands for, and where that ends. Raises Refused."""
    char, end = text[start + 1 : start + 2], start + 2
    if char in _CONTROLS:
        return _CONTROLS[char], end
    if char and char <= "\x7f" and char not in WORD:
        return char, end
    if char == "0" or (char in _OCTAL and text[end : end + 1] in _OCTAL):
        return _octal(text, start + 1)
    if char == "x" and (found := _hexadecimal(text, end)):
        return found
    raise unreadable(text, start)


def _octal(text: str, start: int) -> tuple[str, int]:
    end = start + 1
    while end < start + 3 and end < len(text) and text[end] in _OCTAL:
        end += 1
    return chr(int(text[start:end], 8)), end


def _hexadecimal(text: str, start: int) -> tuple[str, int] | None:
    digits, end = text[start : start + 2], start + 2
    if text.startswith("{", start):
        end = text.find("}", start) + 1
        digits = text[start + 1 : end - 1] if end else ""
    elif len(digits) < 2:
        return None
    significant = digits.lstrip("0") or "0"
    # Six digits at most, so that thousands of them are never made a number.
    if not digits or not _HEX.issuperset(digits) or len(significant) > 6 or int(significant, 16) > 0x10FFFF:
        return None
    return chr(int(significant, 16)), end


def _canonical(name: str) -> str:
    return "".join(char for char in name if char not in "_- ").capitalize() if name.isascii() else ""

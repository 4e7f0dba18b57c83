"""The words of MetricsQL that a series selector is made of, and what its names and strings stand for.

Source: https://github.com/VictoriaMetrics/metricsql/blob/v0.87.3/lexer.go, https://pkg.go.dev/strconv#Unquote
"""

from collections.abc import Iterator, Mapping

from vmagent_operator.scrape.expressions.unicode import is_letter, is_printable

QUOTES = frozenset("\"'`")
_SPACE = frozenset(" \t\n\v\f\r")
_OPERATORS = ("=~", "!~", "!=", "=", "+", "{", "}", "(", ")", ",")
_DIGITS = frozenset("0123456789")
_OCTAL = frozenset("01234567")
_HEX = frozenset("0123456789abcdefABCDEF")
_CONTROLS: Mapping[str, str] = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX_DIGITS: Mapping[str, int] = {"x": 2, "u": 4, "U": 8}


class NoSelectorError(ValueError):
    """A text that vmagent does not take for a series selector, or none that we would pass on; says why."""


def tokens(text: str) -> list[str]:
    """The words of `text`, comments and white space left out.

    Raises NoSelectorError.
    """
    return list(_tokens(text))


def is_name(token: str) -> bool:
    """Whether a word is a name, keywords included."""
    return token != "" and (token[0] == "\\" or _starts_name(token[0]))


def unescaped(name: str) -> str:
    r"""`name` with `\` taken from what it stands before; where that is nothing that can be escaped, it stays."""
    out, at = [], 0
    while at < len(name):
        found = _escaped(name, at + 1) if name[at] == "\\" else None
        char, at = found or (name[at], at + 1)
        out.append(char)
    return "".join(out)


def value(token: str) -> str:
    """What a string in quotes holds; bytes that are no UTF-8 as lone surrogates.

    Raises NoSelectorError.
    """
    quote, text = token[0], token[1:-1]
    if quote == "`":
        if "`" in text:
            raise NoSelectorError("a ` within ` quotes")
        return text.replace("\r", "")
    if quote == "'":
        text = text.replace("\\'", "'").replace('"', '\\"')
    return b"".join(_unquoted(text)).decode(errors="surrogateescape")


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        char = text[at]
        if char in _SPACE:
            at += 1
            continue
        if char == "#":
            at = text.find("\n", at) + 1 or len(text)
            continue
        end = _end(text, at)
        yield text[at:end]
        at = end


def _end(text: str, at: int) -> int:
    """Where the word ends that starts there."""
    if text[at] in QUOTES:
        return _string_end(text, at)
    if (end := _name_end(text, at)) > at:
        return end
    for operator in _OPERATORS:
        if text.startswith(operator, at):
            return at + len(operator)
    raise NoSelectorError(f"unexpected {text[at : at + 10]!r}")


def _string_end(text: str, at: int) -> int:
    quote, end = text[at], at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise NoSelectorError(f"a missing {quote}")
    return end + 1


def _name_end(text: str, at: int) -> int:
    end = at
    while end < len(text):
        char = text[end]
        if char == "\\":
            found = _escaped(text, end + 1)
            if found is None:
                return end
            end = found[1]
        elif _starts_name(char) or (end > at and (char in _DIGITS or char == ".")):
            end += 1
        else:
            return end
    return end


def _starts_name(char: str) -> bool:
    return char in "_:" or is_letter(char)


def _escaped(text: str, at: int) -> tuple[str, int] | None:
    r"""The character that a `\` before `at` makes part of a name, and where it ends; None if there is none."""
    char = text[at : at + 1]
    if digits := _HEX_DIGITS.get(char.lower(), 0) if char else 0:
        end = at + 1 + digits
        if len(text) < end or not _HEX.issuperset(text[at + 1 : end]):
            return None
        char, end = _rune(text[at + 1 : end]), end
    else:
        end = at + 1
    return (char, end) if char not in ("", "\ufffd") and (digits or is_printable(char)) else None


def _rune(digits: str) -> str:
    code = int(digits, 16)
    return "\ufffe" if 0xD800 <= code < 0xE000 else chr(code)


def _unquoted(text: str) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        char = text[at]
        if char in '"\n':
            raise NoSelectorError(f"{char!r} within quotes")
        if char == "\\":
            found, at = _meant(text, at + 1)
            yield found
        else:
            yield char.encode()
            at += 1


def _meant(text: str, at: int) -> tuple[bytes, int]:
    r"""What an escape within a string stands for, and where it ends; `at` is behind the `\`."""
    char = text[at : at + 1]
    if char in _CONTROLS:
        return _CONTROLS[char].encode(), at + 1
    if char in ("\\", '"'):
        return char.encode(), at + 1
    base, start = (8, at) if char in _OCTAL else (16, at + 1)
    end = start + (3 if base == 8 else _HEX_DIGITS.get(char, 0))
    digits = text[start:end]
    if start == end or len(digits) < end - start or not (_OCTAL if base == 8 else _HEX).issuperset(digits):
        raise NoSelectorError(f"{text[at - 1 : at + 1]!r} is no escape sequence of a string")
    return _bytes(int(digits, base), is_byte=char not in ("u", "U")), end


def _bytes(code: int, *, is_byte: bool) -> bytes:
    if code > (0xFF if is_byte else 0x10FFFF) or 0xD800 <= code < 0xE000:
        raise NoSelectorError("an escape sequence that is no character")
    return bytes((code,)) if is_byte else chr(code).encode()

"""YAML text, written exactly as go-yaml v2 writes it.

vmagent reads its configuration with go-yaml v2, whose plain scalars mean more than those of YAML 1.2: `y`, `0o17` and `1e3`
are no strings there. So this is the emitter of that library for the little that a configuration needs: block style,
sequences at their parent's indentation, lines folded at 80 columns, literal blocks for text of several lines. A general
dumper is also 50 times too slow for ten thousand objects.

Source: https://github.com/go-yaml/yaml/tree/v2.4.0 (encode.go, resolve.go, emitterc.go)
"""

import base64
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from vmagent_operator import limits

WIDTH = 80
"""Where go-yaml folds a long text, which gives other bytes than a line would."""
_LONGEST_SIMPLE_KEY = 128
"""Of more characters go-yaml makes a `? key`."""
_NEVER_FOLDED = 24  # characters that fit into the width at any indentation, even if all were escaped

# What a go-yaml v2 reader takes for something else than a string, or (`=`, `<<`) PyYAML does.
_WORDS = frozenset(
    (
        *("", "~", "null", "Null", "NULL", "=", "<<"),
        *("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"),
        *("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"),
        *(".nan", ".NaN", ".NAN"),
        *(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")),
    )
)
_NUMBER = re.compile(
    r"[-+]?0[xX][0-9a-fA-F]+|[-+]?0[bB][01]+|-?0b-?[01]+|[-+]?0[oO]?[0-7]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]*([-+:Z][-+:0-9Z]*)?|[-+:0-9Z]*))?"
)
_INDICATOR = re.compile(r"""[#,\[\]{}&*!|>'"%@`]|[?:-]( |$)|---|\.\.\.""")
_INNER_INDICATOR = re.compile(r":( |$)| #")
# Outside go-yaml's printable set. The line and paragraph separators are in it, but readers fold them as line breaks.
# The first class is for speed: it lets nearly every text pass.
_SPECIAL = re.compile("[^\n -~](?<=[\0-\t\v-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe-\U0010ffff])")
_NO_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_ESCAPES = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\xa0": "\\_",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


def dump(value: Mapping[Any, Any] | Sequence[Any]) -> str:
    """A document holding `value`: mappings, sequences, strings, numbers, booleans and None, in the given order."""
    if not value:
        return f"{_scalar(value)}\n"
    out: list[str] = []
    _block(out, value, "", "")
    return "".join(out)


def item(value: Mapping[Any, Any]) -> str:
    """`value` as one element of a block sequence: its first line starts with `- `."""
    return dump([value])


class Constant(dict[str, Any]):
    """A mapping that stands in many documents and is never changed: its text is made once for each indentation."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        super().__init__(mapping)
        self._texts: dict[str, str] = {}

    def as_item(self, pad: str) -> str:
        """The text of an element of a sequence that is indented by `pad`."""
        if pad not in self._texts:
            out: list[str] = []
            _block(out, dict(self), f"{pad}  ", f"{pad}- ")
            self._texts[pad] = "".join(out)
        return self._texts[pad]


def _block(out: list[str], value: Mapping[Any, Any] | Sequence[Any], pad: str, lead: str) -> None:
    """Append the lines of a collection that is not empty; the first starts with `lead`, the others with `pad`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            start = lead + (_key(key) or f"? {quoted(key)}\n{pad}:")
            lead = pad
            if type(inner) is str:
                out.append(f"{start} {_known(inner) or _long(inner, len(start) + 1, pad)}\n")
            elif inner and isinstance(inner, dict | list | tuple):
                out.append(f"{start}\n")
                deeper = f"{pad}  " if isinstance(inner, dict) else pad
                _block(out, inner, deeper, deeper)
            else:
                out.append(f"{start} {_scalar(inner)}\n")
    else:
        for inner in value:
            start = f"{lead}- "
            if type(inner) is str:
                out.append(f"{start}{_known(inner) or _long(inner, len(start), pad)}\n")
            elif type(inner) is Constant and lead == pad:
                out.append(inner.as_item(pad))
            elif inner and isinstance(inner, dict | list | tuple):
                _block(out, inner, f"{pad}  ", start)
            else:
                out.append(f"{start}{_scalar(inner)}\n")
            lead = pad


def _key(key: object) -> str:
    """A key with its colon; empty for one that is too long to be read as a simple key."""
    return "" if type(key) is str and len(key) > _LONGEST_SIMPLE_KEY else _simple_key(key)


@lru_cache(maxsize=1 << 12, typed=True)
def _simple_key(key: object) -> str:
    text = quoted(key) if isinstance(key, str) else _scalar(key)
    return f"{text}:" if len(text) <= _LONGEST_SIMPLE_KEY else ""


def _known(text: str) -> str:
    """What is remembered of `text`; nothing of one that is too long to be kept."""
    return _short(text) if len(text) <= limits.CACHED_CHARACTERS else ""


@lru_cache(maxsize=1 << 16)
def _short(text: str) -> str:
    """A string that looks the same wherever it stands; empty for any other."""
    return "" if "\n" in text or (len(text) > _NEVER_FOLDED and " " in text) else quoted(text)


def _long(text: str, column: int, pad: str) -> str:
    """A string that starts at `column` below a parent indented by `pad`: folded, or as a literal block."""
    if "\n" in text and text[-1] != " " and " \n" not in text and not _SPECIAL.search(text):
        return _literal(text, f"{pad}  ")
    line = quoted(text)
    return _folded(line, column, f"\n{pad}  ") if column + len(line) > WIDTH and " " in line else line


def _scalar(value: object) -> str:
    """Anything but a string and a collection with something in it."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else str(value)


def _float(value: float) -> str:
    """The shortest decimal, with an exponent below -4 and from 6 on, as Go prints it."""
    if not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[str(value)]
    decimal = Decimal(repr(value)).normalize()
    if not value or -4 <= decimal.adjusted() < 6:
        return f"{decimal:f}"
    sign, digits, _ = decimal.as_tuple()
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' * sign}{digits[0]}{'.' * bool(fraction)}{fraction}e{decimal.adjusted():+03d}"


def quoted(text: str) -> str:
    """A string on one line: plain, or in quotes where a reader could take it for something else."""
    if "\n" in text or _SPECIAL.search(text):
        return _escaped(text)
    if is_ambiguous(text):
        return f'"{text}"'
    if text[0] == " " or text[-1] == " " or _INDICATOR.match(text) or _INNER_INDICATOR.search(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def is_ambiguous(text: str) -> bool:
    """Whether a reader takes `text`, standing there without quotes, for something else than a string."""
    if text in _WORDS:
        return True
    return text[0] in "+-.0123456789" and bool(
        _NUMBER.fullmatch(text.replace("_", "")) or _BASE_60.fullmatch(text) or _TIMESTAMP.fullmatch(text)
    )


def _escaped(text: str) -> str:
    """In double quotes; as `!!binary` if the text holds bytes that are no UTF-8, escaped as lone surrogates."""
    text = _NO_CHARACTER.sub("\ufffd", text)
    if any("\udc80" <= char <= "\udcff" for char in text):
        return f"!!binary {base64.b64encode(text.encode(errors='surrogateescape')).decode()}"
    everything = text[0] == "\ufeff"  # go-yaml then takes each character for a byte order mark
    chars = (_escape(c) if everything or c in '"\\\n' or _SPECIAL.match(c) else c for c in text)
    return f'"{"".join(chars)}"'


def _escape(char: str) -> str:
    code = ord(char)
    return _ESCAPES.get(char) or (
        f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
    )


def _folded(text: str, column: int, line_break: str) -> str:
    """`text` with a line break for each single space beyond the width; reading it gives the space back."""
    quote = text[0] if text[0] in "'\"" else ""
    first, last = (2, len(text) - 3) if quote else (1, len(text) - 2)
    out: list[str] = []
    for index, char in enumerate(text):
        if char == " " and column > WIDTH and first <= index <= last and text[index - 1] != " ":
            follows = text[index + 1] == " "
            if not follows or quote == '"':
                out.append(line_break + "\\" * follows)
                column = len(line_break) - 1 + follows
                continue
        out.append(char)
        column += 1
    return "".join(out)


def _literal(text: str, pad: str) -> str:
    """A literal block, with an indentation indicator where the first line does not show it."""
    indent = "2" if text[0] in " \n" else ""
    body = text.rstrip("\n")
    breaks = len(text) - len(body)
    chomp = "-" if not breaks else "+" if breaks > 1 or not body else ""
    lines = "\n".join(pad + line if line else "" for line in body.split("\n"))
    return f"|{indent}{chomp}\n{lines}" + "\n" * (breaks - 1 if breaks else 0)

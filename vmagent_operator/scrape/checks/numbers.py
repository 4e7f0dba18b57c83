"""Numbers as Go's `strconv.ParseFloat` reads them: hexadecimal ones and `_` between digits included.

Source: https://github.com/golang/go/blob/go1.26.8/src/strconv/atof.go
"""

import math
import re

_DECIMAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"[-+]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][-+]?[0-9]+")
_MISPLACED_UNDERSCORE = re.compile(r"(?<![0-9a-fA-FxX])_|_(?![0-9a-fA-F])")
_MISPLACED_DECIMAL = re.compile(r"(?<![0-9])_|_(?![0-9])")


def number(text: str) -> float | None:
    """The number that `text` is; None if it is none, or too large. Whoever asks sees to it that the text is short."""
    is_hexadecimal = text.lstrip("+-")[:2].lower() == "0x"
    if (_MISPLACED_UNDERSCORE if is_hexadecimal else _MISPLACED_DECIMAL).search(text):
        return None
    digits = text.replace("_", "")
    if not (_HEXADECIMAL if is_hexadecimal else _DECIMAL).fullmatch(digits):
        return None
    try:
        found = float.fromhex(digits) if is_hexadecimal else float(digits)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None

"""Kubernetes quantities: `1500000000` is `1500M`, `2.5Gi` is `2560Mi`.

The API server stores the canonical text; writing it ourselves keeps the live object equal to what we want.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

_TEXT = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]?|[KMGTPE]i|[eE][+-]?[0-9]+)")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def canonical(given: str | int | float) -> str:
    """The text that Kubernetes stores for a quantity; text that is no quantity comes back as it is."""
    text = str(given).strip()
    if not (found := _TEXT.fullmatch(text)):
        return text
    number, suffix = _rounded(_number(found)), found[3]
    if not number:
        return "0"
    if suffix.endswith("i") and abs(number) >= 1024 and number.denominator == 1:
        whole, power = _scaled(number.numerator, 1024, _BINARY)
        return f"{whole}{_BINARY[power]}"
    whole, power = _scaled(int(number * 10**9), 1000, _DECIMAL)
    if len(suffix) > 1 and not suffix.endswith("i"):
        return f"{whole}e{3 * power - 9}" if _DECIMAL[power] else str(whole)
    return f"{whole}{_DECIMAL[power]}"


def whole_bytes(given: str | int | float) -> int | None:
    """The quantity as a positive number of bytes that fits 64 bits; None if it is no such number."""
    found = _TEXT.fullmatch(str(given).strip())
    number = _number(found) if found else Fraction(0)
    return int(number) if number.denominator == 1 and 0 < number < 2**63 else None


def _number(found: re.Match[str]) -> Fraction:
    sign, digits, suffix = found.groups()
    if suffix in _BINARY and suffix:
        return Fraction(sign + digits) * (1 << 10 * _BINARY.index(suffix))
    exponent = 3 * _DECIMAL.index(suffix) - 9 if suffix in _DECIMAL else int(suffix[1:])
    return Fraction(f"{sign}{digits}e{exponent}")


def _rounded(number: Fraction) -> Fraction:
    """Away from zero to a billionth, the smallest step that a quantity has."""
    steps = number * 10**9
    return Fraction(ceil(steps) if steps > 0 else floor(steps), 10**9)


def _scaled(number: int, base: int, suffixes: Sequence[str]) -> tuple[int, int]:
    """`number` divided by `base` as often as it goes evenly and there is a suffix for it, and how often that was."""
    power = 0
    while number % base == 0 and power + 1 < len(suffixes):
        number, power = number // base, power + 1
    return number, power

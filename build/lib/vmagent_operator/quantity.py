"""Kubernetes quantities: the number that one stands for, and the text that is stored: `1500000000` is `1500M`.

The API server stores the canonical text; writing it ourselves keeps the live object equal to what we want.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from vmagent_operator.limits import QUANTITY_CHARACTERS

_TEXT = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([numkMGTPE]?|[KMGTPE]i|[eE][+-]?[0-9]{1,2})")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_MAX_EXPONENT = 99
"""Of `1e9`. The API server caps quantities at 2**63; what is far above it must not be computed: `1e999999999` fits a line."""


def parse(given: Any) -> Fraction | None:
    """The number that a quantity stands for, to the billionth that the API server keeps; None if `given` is none."""
    parts = _parts(given)
    return parts[0] if parts else None


def canonical(given: str | int | float) -> str:
    """The text that Kubernetes stores for a quantity; text that is no quantity comes back as it is."""
    if not (parts := _parts(given)):
        return str(given).strip()
    number, suffix = parts
    if not number:
        return "0"
    if suffix.endswith("i") and abs(number) >= 1024 and number.denominator == 1:
        whole, power = _scaled(number.numerator, 1024, _BINARY)
        return f"{whole}{_BINARY[power]}"
    whole, power = _scaled(int(number * 10**9), 1000, _DECIMAL)
    if len(suffix) > 1 and not suffix.endswith("i"):
        return f"{whole}e{3 * power - 9}" if _DECIMAL[power] else str(whole)
    return f"{whole}{_DECIMAL[power]}"


def are_equal(one: Any, other: Any) -> bool:
    """Whether both are quantities, and of the same size: `0.5` and `500m`."""
    number = parse(one)
    return number is not None and number == parse(other)


def whole_bytes(given: str | int | float) -> int | None:
    """The quantity as a positive number of bytes that fits 64 bits; None if it is no such number."""
    number = parse(given)
    return int(number) if number is not None and number.denominator == 1 and 0 < number < 2**63 else None


def _parts(given: Any) -> tuple[Fraction, str] | None:
    """The number and the suffix with which it is written."""
    text = str(given).strip()
    match = _TEXT.fullmatch(text) if len(text) <= QUANTITY_CHARACTERS else None
    if match is None:
        return None
    digits, suffix = match.groups()
    if suffix and suffix in _BINARY:
        return _rounded(Fraction(digits) * (1 << 10 * _BINARY.index(suffix))), suffix
    exponent = 3 * _DECIMAL.index(suffix) - 9 if suffix in _DECIMAL else int(suffix[1:])
    return (_rounded(Fraction(f"{digits}e{exponent}")), suffix) if abs(exponent) <= _MAX_EXPONENT else None


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

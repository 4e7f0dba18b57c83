"""Kubernetes quantities as numbers, to compare `0.5` with `500m`. Pure."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

SUFFIXES: Mapping[str, Fraction] = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000 ** (power + 1)) for power, suffix in enumerate("kMGTPE")},
    **{f"{suffix}i": Fraction(1024 ** (power + 1)) for power, suffix in enumerate("KMGTPE")},
}
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)([a-zA-Z]*)")
_LONGEST = 64
"""Characters; longer texts, like exponents of three digits, make numbers that fill the memory, and no API server takes them."""


def number(value: Any) -> Fraction | None:
    """A Kubernetes quantity as a number, None if `value` is none."""
    text = str(value).strip()
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if not match or match[2] not in SUFFIXES:
        return None
    return Fraction(match[1]) * SUFFIXES[match[2]]

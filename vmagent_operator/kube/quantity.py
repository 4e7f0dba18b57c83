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
_QUANTITY = re.compile(r"([+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64})(?:[eE][+-]?\d{1,3})?)([a-zA-Z]*)")
"""As many digits as somebody means: a longer exponent alone would be a number that fills the memory."""


def number(value: Any) -> Fraction | None:
    """A Kubernetes quantity as a number, None if `value` is none."""
    match = _QUANTITY.fullmatch(str(value).strip())
    if not match or match[2] not in SUFFIXES:
        return None
    return Fraction(match[1]) * SUFFIXES[match[2]]

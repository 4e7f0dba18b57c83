"""Quantities in the form in which the server stores them: `0.5` is `500m`, `1024Mi` is `1Gi`."""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
FORMAT = re.compile(r"^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$")
MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@lru_cache(4096)
def amount(text: str) -> Decimal:
    """The number that `text` stands for. Raises ValueError with the server's wording."""
    match = FORMAT.match(text)
    if not match:
        raise ValueError(MESSAGE)
    number, suffix = Decimal(match[1]), match[2] or ""
    if suffix in BINARY:
        return number * Decimal(1024 ** BINARY[suffix])
    if suffix in DECIMAL:
        return number.scaleb(3 * DECIMAL[suffix])
    return number.scaleb(int(suffix[1:]))


@lru_cache(4096)
def canonical(text: str) -> str:
    """`text` with the largest suffix of its own family (binary, decimal, exponent) that leaves an integer."""
    value = amount(text)
    suffix = FORMAT.match(text)[2] or ""  # type: ignore[index]  # amount() has matched it
    if suffix in BINARY and value == value.to_integral_value() and abs(value) >= 1024:
        return _binary(int(value))
    value = value.quantize(Decimal("1e-9"), ROUND_CEILING) if value != value.to_integral_value() else value
    if suffix[:1] in ("e", "E") and suffix != "E":
        return _scaled(value, {f"e{3 * power}" if power else "": power for power in DECIMAL.values()})
    return _scaled(value, DECIMAL)


def _binary(value: int) -> str:
    for suffix, power in reversed(BINARY.items()):
        if value % 1024**power == 0:
            return f"{value // 1024**power}{suffix}"
    return str(value)


def _scaled(value: Decimal, suffixes: dict[str, int]) -> str:
    for suffix, power in sorted(suffixes.items(), key=lambda item: -item[1]):
        scaled = value.scaleb(-3 * power)
        if value and scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return "0"

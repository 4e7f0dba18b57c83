"""Sizes such as `16MiB` as vmagent reads them.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.150.0/lib/flagutil/bytes.go
"""

from vmagent_operator import limits
from vmagent_operator.scrape.checks.numbers import number

_UNITS = tuple(f"{letter}{unit}" for letter in "kmgt" for unit in ("ib", "b"))


def fault(text: str) -> str | None:
    """Why `text` is no size; None if it is one."""
    if len(text) > limits.QUANTITY_CHARACTERS:
        return limits.QUANTITY_CHARACTERS.exceeded
    unit = next((unit for unit in _UNITS if text.lower().endswith(unit)), "")
    return None if number(text[: len(text) - len(unit)]) is not None else f"{text!r} is no size such as 16MB"

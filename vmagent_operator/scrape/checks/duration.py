"""Durations as vmagent reads them.

Source: https://github.com/VictoriaMetrics/metricsql/blob/v0.87.3/lexer.go (DurationValue)
"""

import re

from vmagent_operator import limits
from vmagent_operator.scrape.checks.numbers import number
from vmagent_operator.scrape.expressions.caching import cached

_UNIT_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "i": 0}
_UNIT_MILLISECONDS["y"] = 365 * _UNIT_MILLISECONDS["d"]
_PART = re.compile(r"(-?[0-9]+(?:\.[0-9]*)?|-\.[0-9]+)([mM][sS]|[sShHdDwWyYiI]|m(?![iIbB]))")
_STEP = "$__interval"
_LONGEST_MILLISECONDS = (1 << 63) // 1_000_000
"""292 years: vmagent counts nanoseconds in 64 bits, and a longer duration comes out as any other."""


class InvalidDuration(ValueError):  # noqa: N818
    """A text that vmagent does not take for a duration."""


@cached
def milliseconds(text: str) -> int:
    """The length of a vmagent duration: a number of seconds, or parts such as `1h30m`; once one is negative, all later are.

    Raises InvalidDuration.
    """
    if len(text) > limits.QUANTITY_CHARACTERS:
        raise InvalidDuration(limits.QUANTITY_CHARACTERS.exceeded)
    if text[-1:] in tuple("0123456789."):
        seconds = number(text)
        if seconds is None:
            raise InvalidDuration(f"{text!r} is no duration")
        return _whole(seconds * 1000, text)
    total, position, is_negative = 0.0, 0, False
    while found := _PART.match(text, position):
        length = float(found[1]) * _UNIT_MILLISECONDS[found[2].lower()]
        is_negative = is_negative or length < 0
        total += -abs(length) if is_negative else length
        position = found.end()
    if text[position:] == _STEP:
        position = len(text)
    if not position or position < len(text):
        raise InvalidDuration(f"{text!r} is no duration such as 30s or 1h30m")
    return _whole(total, text)


def fault(text: str) -> str | None:
    """Why `text` is no duration; None if it is one."""
    try:
        milliseconds(text)
    except InvalidDuration as error:
        return str(error)
    return None


def _whole(length: float, text: str) -> int:
    if abs(length) > _LONGEST_MILLISECONDS:
        raise InvalidDuration(f"{text!r} is too long")
    return int(length)

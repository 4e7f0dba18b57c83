"""Durations as vmagent reads them."""

import math
import re
from functools import lru_cache

_UNIT_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "i": 0}
_UNIT_MILLISECONDS["y"] = 365 * _UNIT_MILLISECONDS["d"]
_PART = re.compile(r"(-?)([0-9]+(?:\.[0-9]*)?)([mM][sS]|[sShHdDwWyYiI]|m)")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LONGEST_MILLISECONDS = 2**63 // 1_000_000
"""What vmagent counts nanoseconds with; a longer duration comes out as any other, also as a tiny one."""


class InvalidDuration(ValueError):  # noqa: N818
    """A text that vmagent does not take for a duration."""


@lru_cache(maxsize=4096)
def milliseconds(text: str) -> int:
    """The length of a vmagent duration: a number of seconds, or parts such as `1h30m`; once one is negative, all later are.

    Raises InvalidDuration.
    """
    if text[-1:].isdigit() or text[-1:] == ".":
        if not _NUMBER.fullmatch(text):
            raise InvalidDuration(f"{text!r} is no duration")
        return _whole(float(text) * 1000, text)
    total, position, sign = 0.0, 0, 1
    while found := _PART.match(text, position):
        sign = -1 if found[1] else sign
        total += sign * float(found[2]) * _UNIT_MILLISECONDS[found[3].lower()]
        position = found.end()
    if not position or position < len(text):
        raise InvalidDuration(f"{text!r} is no duration such as 30s or 1h30m")
    return _whole(total, text)


def _whole(length: float, text: str) -> int:
    if not math.isfinite(length) or abs(length) > _LONGEST_MILLISECONDS:
        raise InvalidDuration(f"{text!r} is too long")
    return int(length)

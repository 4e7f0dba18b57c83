"""Durations as Go reads them, which is how vmagent takes those of its flags and of stream aggregation.

They differ from the ones in a scrape configuration: no days, no bare numbers but 0, and nanoseconds count.

Source: time.ParseDuration of Go 1.26
"""

import re

from vmagent_operator.limits import QUANTITY_CHARACTERS

SECOND = 1_000_000_000
_UNIT_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "\u03bcs": 1000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|\u03bcs|ms|s|m|h)")
_MOST = 2**63 - 1


class InvalidDuration(ValueError):  # noqa: N818
    """A text that Go does not take for a duration."""


def nanoseconds(text: str) -> int:
    """The length of a duration such as `1m30s`. Raises InvalidDuration."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while len(text) <= QUANTITY_CHARACTERS and (part := _PART.match(rest, position)):
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            break
        length = _UNIT_NANOSECONDS[unit]
        total += int(whole or 0) * length + int(fraction or 0) * length // 10 ** len(fraction or "")
        position = part.end()
    if not position or position < len(rest) or total > _MOST:
        raise InvalidDuration(f"{text[:QUANTITY_CHARACTERS]!r} is no duration such as 30s or 1h30m")
    return -total if text[0] == "-" else total


def fault(text: str) -> str | None:
    """Why Go does not take `text` for a duration, or None if it does."""
    try:
        nanoseconds(text)
    except InvalidDuration as error:
        return str(error)
    return None

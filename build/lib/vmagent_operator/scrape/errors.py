"""What can go wrong while a configuration is computed: with the owner (raised), or with one object (a value)."""

from collections.abc import Sequence

from attrs import frozen

from vmagent_operator.api.kinds import ScrapeObject


class OwnerError(Exception):
    """The owner itself asks for something that cannot be configured; nothing is written for it."""


SHOWN = 5
"""Faults of an owner that its status names; the rest come up when these are gone."""


def refuse(faults: Sequence[object]) -> None:
    """Raise OwnerError with the first of `faults`, if there are any."""
    if faults:
        raise OwnerError("; ".join(map(str, faults[:SHOWN])))


class ObjectError(Exception):
    """One scrape object cannot be configured; it becomes a Finding. The text names the field."""


@frozen
class Finding:
    """A scrape object that is left out of the configuration, and why.

    bug: where our own code failed over it, for the log; empty for what its author can mend.
    """

    object: ScrapeObject
    message: str
    bug: str = ""

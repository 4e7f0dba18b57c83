"""What can go wrong while a configuration is computed: with the agent (raised), or with one object (a value)."""

import traceback
from pathlib import PurePath
from typing import Any

from attrs import frozen

from vmagent_operator.api.objects import CustomObject

FRAMES = 12
"""Innermost calls that `bug` names; a recursion has hundreds."""


class AgentError(Exception):
    """The agent itself asks for something that cannot be configured; nothing is written for it."""


class ObjectError(Exception):
    """One scrape object cannot be configured; it becomes a Finding. The text names the field."""


@frozen
class Finding:
    """A scrape object that is left out of the configuration, and why.

    bug: where our own code failed over it, for the log; empty for what its author can mend.
    """

    object: CustomObject[Any]
    message: str
    bug: str = ""


def bug(error: Exception) -> str:
    """The kind of an unexpected error and the way to it; not its own text, which may show a secret's value."""
    frames = traceback.extract_tb(error.__traceback__)
    way = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:])
    return f"{type(error).__name__} at {way}"

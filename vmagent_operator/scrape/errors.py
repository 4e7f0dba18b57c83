"""What can go wrong while a configuration is computed: with the agent (raised), or with one object (a value)."""

from typing import Any

from attrs import frozen

from vmagent_operator.api.objects import CustomObject


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

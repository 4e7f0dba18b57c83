"""A kind that the API server does not serve: when to believe it, and when to say so."""

from collections.abc import Callable

from attrs import define, field

from vmagent_operator.kube.errors import Forbidden, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import CUSTOMRESOURCEDEFINITIONS, Resource

PROBE_SECONDS = 30.0
"""How often a kind that is not served is looked for: whoever installs it waits for that."""
WARNING_SECONDS = 60.0
"""How often the log says that a kind without which nothing works is not served: at every second look."""
GONE_ANSWERS, GONE_SECONDS = 3, 60.0
"""So many answers of 404 over so long a time until a kind that was there counts as gone: an aggregated API or a restart says so
for moments. Three looks PROBE_SECONDS apart take just that long."""


def not_discovered(client: Client, resource: Resource) -> bool:
    """Whether discovery says that the kind is not served."""
    return not client.serves(resource)


def definition_deleted(client: Client, resource: Resource) -> bool:
    """Whether discovery says so and, if we may read it, the CustomResourceDefinition is gone or going too."""
    if client.serves(resource):
        return False
    try:
        definition = client.get(
            CUSTOMRESOURCEDEFINITIONS, None, f"{resource.plural}.{resource.group}", metadata_only=True
        )
    except (NotFound, Forbidden):
        return True
    return "deletionTimestamp" in definition["metadata"]


@define(eq=False, kw_only=True)
class Absence:
    """Counts the lists in a row that were answered with a confirmed 404.

    `is_gone` confirms that a kind which answers 404 has really gone. A kind that is not `required` may be absent.
    """

    required: bool = True
    is_gone: Callable[[Client, Resource], bool] = not_discovered
    _missing_at: list[float] = field(init=False, factory=list)
    _warn_at: float = field(init=False, default=0.0)

    def end(self) -> None:
        """The kind has been listed: whatever was counted is over, and worth a line when it begins anew."""
        self.forget()
        self._warn_at = 0.0

    def forget(self) -> None:
        """Count from the beginning: the 404 was not confirmed."""
        self._missing_at.clear()

    def lasts(self, now: float) -> bool:
        """Count one; whether a kind that was there may be believed to be gone by now."""
        self._missing_at.append(now)
        return len(self._missing_at) >= GONE_ANSWERS and now - self._missing_at[0] >= GONE_SECONDS

    def is_worth_a_line(self, now: float) -> bool:
        """Whether the log should say so now: again and again of a kind that is required, once of another."""
        if now < self._warn_at:
            return False
        self._warn_at = now + (WARNING_SECONDS if self.required else float("inf"))
        return True

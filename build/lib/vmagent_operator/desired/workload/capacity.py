"""How much configuration an application can hold: what its memory limit allows, as Kubernetes will enforce it."""

from collections.abc import Mapping

from vmagent_operator.desired import resources
from vmagent_operator.desired.component import Component
from vmagent_operator.limits import OWNER_ASSETS_BYTES, OWNER_MEMORY_BYTES
from vmagent_operator.quantity import whole_bytes
from vmagent_operator.scrape.share import Room, file_bytes


def room(component: Component, files: Mapping[str, str], *, is_scaled: bool) -> Room:
    """What scrape objects may take; `files` are those that the owner itself puts where theirs go. See `memory_bytes`."""
    memory = memory_bytes(component, is_scaled=is_scaled)
    allowed = OWNER_MEMORY_BYTES if memory is None else min(memory, OWNER_MEMORY_BYTES)
    taken = sum(file_bytes(key, text) for key, text in files.items())
    return Room(memory_bytes=allowed, asset_bytes=OWNER_ASSETS_BYTES - taken)


def memory_bytes(component: Component, *, is_scaled: bool) -> int | None:
    """The memory limit of the application: its owner's, or the operator's default; None if there is none that stays.

    is_scaled: whether an autoscaler raises limits when they are met. A container that the user lays over ours goes first.
    """
    if is_scaled:
        return None
    laid_over = (container for container in component.params.containers if container["name"] == component.app.container)
    given = [_limit(container.get("resources")) for container in laid_over]
    found = next((limit for limit in given if limit is not None), _limit(resources.main(component)))
    return None if found is None else whole_bytes(found)


def _limit(requirements: object) -> str | int | float | None:
    limits = requirements.get("limits") if isinstance(requirements, dict) else None
    found = limits.get("memory") if isinstance(limits, dict) else None
    return found if isinstance(found, str | int | float) else None

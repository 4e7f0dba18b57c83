"""Model -> JSON, model -> scrape configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import attrs

from vmagent_operator.model.fields import Slot, slots

Config = dict[str, Any]
"""A block of vmagent's configuration."""


class Secrets(Protocol):
    """Where a configuration gets the contents of Secrets and ConfigMaps from.

    Both raise a LookupError that names object and key if there is none.
    """

    def value(self, selector: Any) -> str:
        """The text that a key selector points at."""

    def path(self, selector: Any) -> str:
        """The path at which vmagent finds that text as a file."""


def changed(value: object) -> Iterator[tuple[Slot, Any]]:
    """The slots of a model that say something: required, or different from their default."""
    for slot in slots(type(value)):
        item = getattr(value, slot.name)
        if slot.required or item != slot.default:
            yield slot, item


def to_json(value: object) -> Any:
    """`value` as JSON; what stands at its default is left out, so that `decode(to_json(x)) == x`."""
    if attrs.has(type(value)):
        out: dict[str, Any] = {}
        for slot, item in changed(value):
            out |= to_json(item) if slot.inline else {slot.key: to_json(item)}
        return out
    return _containers(value, to_json)


def to_config(value: object, secrets: Secrets) -> Any:
    """`value` as vmagent's configuration shows it, in declaration order; None if a model has nothing to say there.

    A model with a `to_config` method of its own decides for itself. Raises what `secrets` raises.
    """
    own = getattr(value, "to_config", None)
    if own is not None:
        return own(secrets)
    if attrs.has(type(value)):
        return projection(value, secrets)
    return _containers(value, lambda item: to_config(item, secrets))


def projection(value: object, secrets: Secrets) -> Config:
    """The configuration that a model's table gives, field by field."""
    out: Config = {}
    for slot in slots(type(value)):
        item = getattr(value, slot.name)
        if not slot.config or (item == slot.default and not slot.field.always):
            continue
        encoded = slot.field.emit(item) if slot.field.emit else to_config(item, secrets)
        if encoded is not None:
            out |= encoded if slot.inline else {slot.config: encoded}
    return out


def _containers(value: object, encode: Callable[[object], object]) -> Any:
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: encode(value[key]) for key in sorted(value)}
    return value

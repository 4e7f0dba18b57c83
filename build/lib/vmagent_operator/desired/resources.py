"""Requests and limits of the operator's containers."""

from collections.abc import Mapping

from vmagent_operator import quantity
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest


def main(component: Component) -> Manifest:
    """`resources` of the application."""
    defaults = {"limits": component.defaults.limits, "requests": component.defaults.requests}
    return _completed(component.params.resources, defaults if _uses_defaults(component) else {})


def reloader(component: Component, given: Manifest | None) -> Manifest:
    """`resources` of `config-init` and `config-reloader`; `useDefaultResources` governs them too."""
    settings = component.settings
    defaults = {"limits": settings.config_reloader_limits, "requests": settings.config_reloader_requests}
    return _completed(given, defaults if _uses_defaults(component) else {})


def _uses_defaults(component: Component) -> bool:
    given = component.params.use_default_resources
    return component.defaults.use_default_resources if given is None else given


def _completed(given: Manifest | None, defaults: Mapping[str, Mapping[str, str]]) -> Manifest:
    """`given` with the defaults of those resources for which it has neither a request nor a limit."""
    resources = canonical(given or {})
    parts = {part: resources.get(part, {}) for part in ("limits", "requests")}
    if not all(isinstance(amounts, dict) for amounts in parts.values()):
        return resources  # for the API server to refuse
    named = parts["limits"].keys() | parts["requests"].keys()
    for part, amounts in defaults.items():
        missing = {name: quantity.canonical(amount) for name, amount in amounts.items() if name not in named}
        if missing:
            resources[part] = parts[part] | missing
    return resources

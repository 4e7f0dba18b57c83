"""Requests and limits of the operator's containers."""

from collections.abc import Mapping
from typing import Any

from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.quantity import canonical as quantity
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings


def vmagent(agent: VMAgent, settings: Settings) -> Manifest:
    """`resources` of vmagent."""
    defaults = {"limits": settings.vmagent_limits, "requests": settings.vmagent_requests}
    return _completed(spec(agent).apps.resources, defaults if _uses_defaults(agent, settings) else {})


def reloader(agent: VMAgent, settings: Settings) -> Manifest:
    """`resources` of `config-init` and `config-reloader`; the agent's `useDefaultResources` governs them too."""
    defaults = {"limits": settings.config_reloader_limits, "requests": settings.config_reloader_requests}
    given = spec(agent).reloader.config_reloader_resources
    return _completed(given, defaults if _uses_defaults(agent, settings) else {})


def _uses_defaults(agent: VMAgent, settings: Settings) -> bool:
    given = spec(agent).apps.use_default_resources
    return settings.vmagent_use_default_resources if given is None else given


def _completed(given: Mapping[str, Any] | None, defaults: Mapping[str, Mapping[str, str]]) -> Manifest:
    """`given` with the defaults of those resources for which it has neither a request nor a limit."""
    resources = canonical(given or {})
    parts = {part: resources.get(part, {}) for part in ("limits", "requests")}
    if not all(isinstance(amounts, dict) for amounts in parts.values()):
        return resources  # for the API server to refuse
    named = parts["limits"].keys() | parts["requests"].keys()
    for part, amounts in defaults.items():
        missing = {name: quantity(amount) for name, amount in amounts.items() if name not in named}
        if missing:
            resources[part] = parts[part] | missing
    return resources

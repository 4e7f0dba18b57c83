"""Probes of vmagent and of its reloader."""

from typing import Any

from vmagent_operator.desired import listener
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

RELOADER_PORT = 8435
_HANDLERS = frozenset(("httpGet", "tcpSocket", "exec", "grpc"))
_TIMES = {"periodSeconds": 5, "failureThreshold": 10, "timeoutSeconds": 5, "successThreshold": 1}
_RELOADER = {
    "httpGet": {"path": "/health", "port": RELOADER_PORT, "scheme": "HTTP"},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}

RELOADER: Manifest = {"livenessProbe": _RELOADER, "readinessProbe": {"initialDelaySeconds": 5, **_RELOADER}}
"""The probe fields of `config-reloader`."""


def vmagent(agent: VMAgent, settings: Settings) -> Manifest:
    """The probe fields of vmagent: the user's, completed.

    Over TLS, a client certificate may be asked for that a kubelet has not got; so if the user gives no probe, there
    is only one that connects, at the start.
    """
    apps = spec(agent).apps
    given = {
        "livenessProbe": apps.liveness_probe,
        "readinessProbe": apps.readiness_probe,
        "startupProbe": apps.startup_probe,
    }
    is_custom = any(probe is not None for probe in given.values())
    if not is_custom and listener.scheme(agent) == "https":
        return {"startupProbe": _completed({}, "startupProbe", agent, settings)}
    if apps.startup_probe is None:
        del given["startupProbe"]
    return {field: _completed(probe or {}, field, agent, settings) for field, probe in given.items()}


def _completed(given: Any, field: str, agent: VMAgent, settings: Settings) -> Manifest:
    probe = canonical(given)
    port = listener.number_or_name(listener.port(agent, settings))
    if not probe.keys() & _HANDLERS:
        is_tcp = field == "startupProbe" or listener.has_proxy_protocol(agent)
        probe["tcpSocket" if is_tcp else "httpGet"] = {}
    http = {"path": listener.path(agent, "/health"), "port": port, "scheme": listener.scheme(agent).upper()}
    for handler, defaults in (("tcpSocket", {"port": port}), ("httpGet", http)):
        if isinstance(probe.get(handler), dict):
            probe[handler] = defaults | probe[handler]
    return _TIMES | probe

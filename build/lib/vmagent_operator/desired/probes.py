"""Probes of an application and of its reloader."""

from vmagent_operator.desired import listener
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest

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


def main(component: Component) -> Manifest:
    """The probe fields of the application: those that it always has and those of the user, completed.

    One that is not to be restarted for being slow has no liveness probe, whatever the user says.
    Over TLS, a client certificate may be asked for that a kubelet has not got; so if the user gives no probe, there
    is only one that connects, at the start.
    """
    params = component.params
    given = {
        "livenessProbe": params.liveness_probe,
        "readinessProbe": params.readiness_probe,
        "startupProbe": params.startup_probe,
    }
    is_custom = any(probe is not None for probe in given.values())
    if not is_custom and listener.scheme(component) == "https":
        return {"startupProbe": _completed({}, component, is_tcp=True)}
    optional = ("readinessProbe", "startupProbe")
    wanted = (
        field
        for field, probe in given.items()
        if field in component.app.probes or (probe is not None and field in optional)
    )
    return {
        field: _completed(given[field] or {}, component, is_tcp=field == "startupProbe" and given[field] is not None)
        for field in wanted
    }


def _completed(given: Manifest, component: Component, *, is_tcp: bool) -> Manifest:
    """A probe; without a handler of the user's it only connects if `is_tcp`, or if requests need a PROXY header."""
    probe = canonical(given)
    port = listener.number_or_name(listener.port(component))
    if not probe.keys() & _HANDLERS:
        probe["tcpSocket" if is_tcp or listener.has_proxy_protocol(component) else "httpGet"] = {}
    http = {"path": listener.path(component, "/health"), "port": port, "scheme": listener.scheme(component).upper()}
    for handler, defaults in (("tcpSocket", {"port": port}), ("httpGet", http)):
        if isinstance(probe.get(handler), dict):
            probe[handler] = defaults | probe[handler]
    return _TIMES | probe

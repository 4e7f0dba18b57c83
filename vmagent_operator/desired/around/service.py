"""Services: the agent's own, and the additional one that `serviceSpec` describes.

What a server would fill in is written out, so that desired and live compare without guessing.
"""

from collections.abc import Iterator
from typing import Any

from vmagent_operator.desired import labels, listener, names
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

ADDITIONAL_LABEL = "operator.victoriametrics.com/additional-service"
_CLIENT_IP_TIMEOUT_SECONDS = 10800

# Attribute and key of `insertPorts`, and the ports that it opens: name and protocol.
INSERT_PORTS = (
    ("graphite_port", "graphitePort", (("graphite-tcp", "TCP"), ("graphite-udp", "UDP"))),
    ("influx_port", "influxPort", (("influx-tcp", "TCP"), ("influx-udp", "UDP"))),
    ("open_tsdb_port", "openTSDBPort", (("opentsdb-tcp", "TCP"), ("opentsdb-udp", "UDP"))),
    ("open_tsdb_http_port", "openTSDBHTTPPort", (("opentsdb-http", "TCP"),)),
)


def main(agent: VMAgent, settings: Settings) -> Manifest:
    """The Service that spans all shards; `serviceSpec` with `useAsDefault` is laid over it."""
    metadata = labels.meta(agent, settings, names.prefixed(agent))
    service: dict[str, Any] = {
        "type": "ClusterIP",
        "selector": labels.selector(agent),
        "ports": list(_ports(agent, settings)),
    }
    if spec(agent).stateful_mode:
        service["clusterIP"] = "None"
    given = spec(agent).service_spec
    if given is not None and given.use_as_default:
        metadata["labels"] = {**given.metadata.labels, **metadata["labels"]}
        metadata["annotations"] = {**given.metadata.annotations, **metadata.get("annotations", {})}
        service = _patched(service, canonical(given.spec))
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": _completed(service)}


def additional_name(agent: VMAgent) -> str | None:
    """The name of the additional Service, or None if there is none."""
    given = spec(agent).service_spec
    if given is None or given.use_as_default:
        return None
    return given.metadata.name or names.additional_service(agent)


def additional(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The Service beside the agent's own, or None."""
    given, name = spec(agent).service_spec, additional_name(agent)
    if given is None or name is None:
        return None
    metadata, own = labels.meta(agent, settings, name), main(agent, settings)["spec"]
    metadata["labels"] = {**given.metadata.labels, **metadata["labels"], ADDITIONAL_LABEL: "managed"}
    metadata["annotations"] = {**metadata.get("annotations", {}), **given.metadata.annotations}
    wanted = canonical(given.spec)
    inherited = {key: own[key] for key in ("selector", "ports", "type") if not wanted.get(key)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": _completed({**wanted, **inherited}),
    }


def _ports(agent: VMAgent, settings: Settings) -> Iterator[Manifest]:
    yield _port("http", "TCP", listener.port(agent, settings))
    for attribute, _, ports in INSERT_PORTS:
        if number := getattr(spec(agent).insert_ports, attribute, ""):
            yield from (_port(name, protocol, number) for name, protocol in ports)


def _port(name: str, protocol: str, text: str) -> Manifest:
    """A port; a text that is no number is left for the API server to refuse."""
    target = listener.number_or_name(text)
    return {"name": name, "protocol": protocol, "port": target if isinstance(target, int) else 0, "targetPort": target}


def _patched(service: dict[str, Any], given: Manifest) -> dict[str, Any]:
    """A Service spec of the user's own, with what it leaves out taken from `service`."""
    patched = {"type": service["type"], **given, "selector": service["selector"]}
    if patched["type"] == service["type"] and not patched.get("clusterIP") and "clusterIP" in service:
        patched["clusterIP"] = service["clusterIP"]
    ports = given.get("ports") or []
    taken = {port.get("name") for port in ports}
    patched["ports"] = [*ports, *(port for port in service["ports"] if port["name"] not in taken)]
    return patched


def _completed(service: dict[str, Any]) -> dict[str, Any]:
    """A Service spec as the API server stores it."""
    out = {**service, "ports": [_completed_port(port) for port in service["ports"]]}
    out["sessionAffinity"] = service.get("sessionAffinity") or "None"
    if out["sessionAffinity"] != "ClientIP":
        out.pop("sessionAffinityConfig", None)
    elif not out.get("sessionAffinityConfig"):
        out["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _CLIENT_IP_TIMEOUT_SECONDS}}
    if out["type"] != "ExternalName":
        out["internalTrafficPolicy"] = service.get("internalTrafficPolicy") or "Cluster"
    if out["type"] in ("NodePort", "LoadBalancer") or (out["type"] == "ClusterIP" and out.get("externalIPs")):
        out["externalTrafficPolicy"] = service.get("externalTrafficPolicy") or "Cluster"
    if out["type"] == "LoadBalancer" and service.get("allocateLoadBalancerNodePorts") is None:
        out["allocateLoadBalancerNodePorts"] = True
    return out


def _completed_port(port: Manifest) -> Manifest:
    protocol, target = port.get("protocol") or "TCP", port.get("targetPort") or port.get("port")
    return {**port, "protocol": protocol, "targetPort": target}

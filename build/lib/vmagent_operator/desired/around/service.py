"""Services: the component's own, and the additional one that `serviceSpec` describes.

What a server would fill in is written out, so that desired and live compare without guessing.
"""

from collections.abc import Iterator, Mapping, Sequence

from vmagent_operator.api.apps import AdditionalServiceSpec, InsertPorts
from vmagent_operator.desired import labels, listener, names
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.identity import ADDITIONAL_SERVICE_LABEL
from vmagent_operator.model.decode import Manifest

_CLIENT_IP_TIMEOUT_SECONDS = 10800
"""Kubernetes' default, which the API server writes into a Service that names none."""

_ALIAS = "http-alias"

Port = tuple[str, str, str]
"""Name, protocol and number of a port; the number as the user wrote it."""

# Attribute and key of `insertPorts`, the flag that opens the port, and what it opens: name and protocol. The flags' two
# dashes sort them first.
INSERT_PORTS = (
    ("graphite_port", "graphitePort", "graphiteListenAddr", (("graphite-tcp", "TCP"), ("graphite-udp", "UDP"))),
    ("influx_port", "influxPort", "influxListenAddr", (("influx-tcp", "TCP"), ("influx-udp", "UDP"))),
    ("open_tsdb_port", "openTSDBPort", "opentsdbListenAddr", (("opentsdb-tcp", "TCP"), ("opentsdb-udp", "UDP"))),
    ("open_tsdb_http_port", "openTSDBHTTPPort", "opentsdbHTTPListenAddr", (("opentsdb-http", "TCP"),)),
)


def insert_ports(given: InsertPorts | None) -> list[Port]:
    """The ports that `insertPorts` opens beside that of HTTP."""
    return [
        (name, protocol, number)
        for attribute, _, _, ports in INSERT_PORTS
        if (number := getattr(given, attribute, ""))
        for name, protocol in ports
    ]


def insert_flags(given: InsertPorts | None) -> list[str]:
    """The arguments that open them."""
    numbers = ((flag, getattr(given, attribute, "")) for attribute, _, flag, _ in INSERT_PORTS)
    return [f"--{flag}=:{number}" for flag, number in numbers if number]


def main(
    component: Component,
    given: AdditionalServiceSpec | None,
    ports: Sequence[Port] = (),
    *,
    is_headless: bool = False,
    is_early: bool = False,
    alias: str = "",
) -> Manifest:
    """The Service that spans all shards; `given` with `useAsDefault` is laid over it.

    ports: those beside that of HTTP. is_early: whether it names pods that are not ready yet. alias: a further
    number of that of HTTP, unless something else has it.
    """
    metadata = labels.meta(component, component.name)
    service: Manifest = {
        "type": "ClusterIP",
        "selector": labels.selector(component),
        "ports": [_port(*port) for port in (("http", "TCP", listener.port(component)), *ports)],
    }
    if alias and all(int(alias) != port["port"] for port in service["ports"]):
        service["ports"].insert(1, {**service["ports"][0], "name": _ALIAS, "port": int(alias)})
    if is_headless:
        service["clusterIP"] = "None"
    if is_early and not (given and given.use_as_default and given.spec.get("publishNotReadyAddresses") is False):
        service["publishNotReadyAddresses"] = True
    metadata["labels"] = {**own_labels(given), **metadata["labels"]}
    if given is not None and given.use_as_default:
        metadata["annotations"] = {**given.metadata.annotations, **metadata.get("annotations", {})}
        service = _patched(service, canonical(given.spec))
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": _completed(service)}


def own_labels(given: AdditionalServiceSpec | None) -> Mapping[str, str]:
    """The labels that the user gives to the main Service."""
    return given.metadata.labels if given is not None and given.use_as_default else {}


def additional_name(component: Component, given: AdditionalServiceSpec | None) -> str | None:
    """The name of the additional Service, or None if there is none."""
    if given is None or given.use_as_default:
        return None
    return given.metadata.name or names.additional_service(component)


def additional(component: Component, given: AdditionalServiceSpec | None, main: Manifest) -> Iterator[Manifest]:
    """The Service beside the `main` one, if there is any."""
    name = additional_name(component, given)
    if given is None or name is None:
        return
    metadata, own = labels.meta(component, name), main["spec"]
    metadata["labels"] = {**given.metadata.labels, **metadata["labels"], ADDITIONAL_SERVICE_LABEL: "managed"}
    metadata["annotations"] = {**metadata.get("annotations", {}), **given.metadata.annotations}
    wanted = canonical(given.spec)
    inherited = {key: own[key] for key in ("selector", "ports", "type") if not wanted.get(key)}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": _completed({**wanted, **inherited}),
    }


def governing_name(component: Component, given: AdditionalServiceSpec | None, default: str) -> str:
    """The Service that gives the pods of a StatefulSet their names: a headless one of the user's, or `default`."""
    name = additional_name(component, given)
    if given is not None and name is not None and given.spec.get("clusterIP") == "None":
        return name
    return default


def _port(name: str, protocol: str, text: str) -> Manifest:
    """A port; a text that is no number is left for the API server to refuse."""
    target = listener.number_or_name(text)
    return {"name": name, "protocol": protocol, "port": target if isinstance(target, int) else 0, "targetPort": target}


def _patched(service: Manifest, given: Manifest) -> Manifest:
    """A Service spec of the user's own, with what it leaves out taken from `service`."""
    patched = {"type": service["type"], **given, "selector": service["selector"]}
    if "publishNotReadyAddresses" in service:
        patched.setdefault("publishNotReadyAddresses", service["publishNotReadyAddresses"])
    if patched["type"] == service["type"] and not patched.get("clusterIP") and "clusterIP" in service:
        patched["clusterIP"] = service["clusterIP"]
    ports = given.get("ports") or []
    taken, numbers = {port.get("name") for port in ports}, {port.get("port") for port in ports}
    patched["ports"] = [
        *ports,
        *(
            port
            for port in service["ports"]
            if port["name"] not in taken and not (port["name"] == _ALIAS and port["port"] in numbers)
        ),
    ]
    return patched


def _completed(service: Manifest) -> Manifest:
    """A Service spec as the API server stores it: what it adds by itself and we did not ask for would be a difference each time."""
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

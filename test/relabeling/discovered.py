"""What discovery finds for a job, as label sets: one thing that the object selects, and things that differ from it in one way.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

Labels = dict[str, str]
Origin = Literal["Pod", "Node", ""]


@frozen(kw_only=True)
class Thing:
    """An address of a Service, a port of a pod, or a path of an Ingress: what is discovered, whatever the role."""

    name: str = "as selected"
    namespace: str = "shop"
    labels: Mapping[str, str] = field(factory=dict)
    pod_labels: Mapping[str, str] = field(factory=lambda: {"version": "v1", "app": "web"})
    port: str = "web"
    container_port: str = "web"
    number: str = "8080"
    container: str = "main"
    is_init: bool = False
    phase: str = "Running"
    is_ready: str = "true"
    origin: Origin = "Pod"
    address: str = "10.0.0.1:8080"

    def found(self, role: str) -> Labels:
        """Its labels as discovery in that role gives them, and its address."""
        return {key: text for key, text in _ROLES[role](self) if text} | {"__address__": self.address}


def _labels(prefix: str, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in labels.items():
        safe = re.sub(r"[^a-zA-Z0-9_]", "_", key)
        yield f"{prefix}_label_{safe}", value
        yield f"{prefix}_labelpresent_{safe}", "true"


def _pod(thing: Thing) -> Iterator[tuple[str, str]]:
    pod = "__meta_kubernetes_pod"
    yield "__meta_kubernetes_namespace", thing.namespace
    yield f"{pod}_name", "web-1"
    yield f"{pod}_ip", "10.0.0.1"
    yield f"{pod}_node_name", "node-1"
    yield f"{pod}_phase", thing.phase
    yield f"{pod}_ready", thing.is_ready
    yield f"{pod}_container_name", thing.container
    yield f"{pod}_container_init", str(thing.is_init).lower()
    yield f"{pod}_container_port_name", thing.container_port
    yield f"{pod}_container_port_number", thing.number
    yield f"{pod}_annotation_path", "/annotated"
    yield from _labels(pod, thing.pod_labels)


def _service(thing: Thing) -> Iterator[tuple[str, str]]:
    yield "__meta_kubernetes_namespace", thing.namespace
    yield "__meta_kubernetes_service_name", "web"
    yield from _labels("__meta_kubernetes_service", thing.labels)
    if thing.origin == "Pod":
        yield from _pod(thing)


def _endpoints(thing: Thing) -> Iterator[tuple[str, str]]:
    yield from _service(thing)
    yield "__meta_kubernetes_endpoints_name", "web"
    yield "__meta_kubernetes_endpoint_port_name", thing.port
    yield "__meta_kubernetes_endpoint_ready", thing.is_ready
    yield from _target("__meta_kubernetes_endpoint_address_target", thing)


def _endpointslice(thing: Thing) -> Iterator[tuple[str, str]]:
    yield from _service(thing)
    yield "__meta_kubernetes_endpointslice_name", "web-x"
    yield "__meta_kubernetes_endpointslice_port_name", thing.port
    yield "__meta_kubernetes_endpointslice_endpoint_conditions_ready", thing.is_ready
    yield from _target("__meta_kubernetes_endpointslice_address_target", thing)


def _target(prefix: str, thing: Thing) -> Iterator[tuple[str, str]]:
    if thing.origin:
        yield f"{prefix}_kind", thing.origin
        yield f"{prefix}_name", "web-1" if thing.origin == "Pod" else "node-1"


def _pod_only(thing: Thing) -> Iterator[tuple[str, str]]:
    yield from _pod(evolve(thing, pod_labels={**thing.pod_labels, **thing.labels}))


def _ingress(thing: Thing) -> Iterator[tuple[str, str]]:
    yield "__meta_kubernetes_namespace", thing.namespace
    yield "__meta_kubernetes_ingress_name", "web"
    yield "__meta_kubernetes_ingress_scheme", "https"
    yield "__meta_kubernetes_ingress_host", "web.example"
    yield "__meta_kubernetes_ingress_path", "/x"
    yield "__meta_kubernetes_ingress_class_name", "nginx"
    yield from _labels("__meta_kubernetes_ingress", thing.labels)


def _node(thing: Thing) -> Iterator[tuple[str, str]]:
    yield "__meta_kubernetes_node_name", "node-1"
    yield from _labels("__meta_kubernetes_node", thing.labels)


_ROLES = {
    "endpoints": _endpoints,
    "endpointslice": _endpointslice,
    "pod": _pod_only,
    "ingress": _ingress,
    "node": _node,
}


def things(spec: Mapping[str, Any], selector: Mapping[str, Any], endpoint: Mapping[str, Any]) -> Iterator[Thing]:
    """The thing that a monitor selects for one of its endpoints, and all that differ from it in one way."""
    labels = dict(_selected(selector))
    copied = [spec.get("jobLabel"), *spec.get("targetLabels", ()), *spec.get("podTargetLabels", ())]
    labels |= {key: f"{key} of the service" for key in copied if key and key not in labels}
    wanted = str(endpoint.get("targetPort", endpoint.get("portNumber", "")))
    port = endpoint.get("port") or "web"
    first = Thing(labels=labels, port=port, container_port=port)
    if wanted.isdigit():
        first = evolve(first, number=wanted)
    elif wanted:
        first = evolve(first, container_port=wanted)
    of_pod = dict.fromkeys(spec.get("podTargetLabels", ()), "of the pod")
    first = evolve(first, pod_labels={**first.pod_labels, **of_pod})
    yield first
    for key in labels:
        for change, value in (("another", "another"), ("an empty", "")):
            yield evolve(first, name=f"{change} label {key}", labels={**labels, key: value})
        yield evolve(first, name=f"no label {key}", labels={each: labels[each] for each in labels if each != key})
    for requirement in selector.get("matchExpressions", ()):
        for value in (*requirement.get("values", ()), "another", ""):
            key = requirement["key"]
            yield evolve(first, name=f"label {key}={value}", labels={**labels, key: value})
    for part, values in _OTHERWISE.items():
        for value in values:
            yield evolve(first, name=f"{part} {value}", **{part: value})


_OTHERWISE: Mapping[str, tuple[Any, ...]] = {
    "port": ("another", ""),
    "container_port": ("another", ""),
    "number": ("1", ""),
    "container": ("sidecar",),
    "is_init": (True,),
    "phase": ("Pending", "Succeeded", "Failed", "Unknown"),
    "is_ready": ("false", "unknown"),
    "origin": ("Node", ""),
    "namespace": ("other",),
    "pod_labels": ({},),
    "address": ("10.0.0.1:9999", "[fd00::1]:8080", "10.0.0.1"),
}


def _selected(selector: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from selector.get("matchLabels", {}).items()
    for each in selector.get("matchExpressions", ()):
        if each["operator"] == "In":
            yield each["key"], each["values"][0]
        elif each["operator"] == "Exists":
            yield each["key"], "x"

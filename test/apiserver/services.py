"""Cluster IPs and node ports: what the server gives a Service."""

import ipaddress
from typing import Any

from attrs import define, field

Json = dict[str, Any]


RANGE = ipaddress.ip_network("10.96.0.0/16")


@define
class Addresses:
    """The pools of `RANGE` and ports 30000-32767; the lowest free one is taken, so runs repeat."""

    taken: set[str] = field(factory=lambda: {"10.96.0.0", "10.96.0.1"})
    ports: set[int] = field(factory=set)

    def assign(self, service: Json, live: Json | None) -> None:
        """Fill in what `service` needs and keep what `live` already has."""
        spec, before = service["spec"], (live or {}).get("spec", {})
        if before:
            _forget(spec, before)
        if spec["type"] == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = before.get("clusterIP") or self._free_address()
        if spec["clusterIP"] != "None":
            self.taken.add(spec["clusterIP"])
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", before.get("ipFamilies") or ["IPv4"])
        spec.setdefault("ipFamilyPolicy", before.get("ipFamilyPolicy") or "SingleStack")
        if spec["type"] in ("NodePort", "LoadBalancer"):
            self._node_ports(spec, before)
        if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec.setdefault("healthCheckNodePort", before.get("healthCheckNodePort") or self._free_port())
            self.ports.add(spec["healthCheckNodePort"])

    def release(self, service: Json) -> None:
        """Give back what a deleted Service had."""
        self.taken.discard(service["spec"].get("clusterIP", ""))
        self.ports.difference_update(port.get("nodePort", 0) for port in service["spec"].get("ports") or ())

    def _node_ports(self, spec: Json, before: Json) -> None:
        known = {port.get("name"): port.get("nodePort") for port in before.get("ports") or ()}
        used = {port.get("nodePort") for port in spec.get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                number = known.get(port.get("name"))
                port["nodePort"] = number if number and number not in used else self._free_port()
                used.add(port["nodePort"])
            self.ports.add(port["nodePort"])

    def _free_address(self) -> str:
        return next(text for text in map(str, RANGE.hosts()) if text not in self.taken)

    def _free_port(self) -> int:
        return next(port for port in range(30000, 32768) if port not in self.ports)


def _forget(spec: Json, before: Json) -> None:
    """Drop what the type that the Service no longer has came with, unless it was changed as well."""
    outside = ("NodePort", "LoadBalancer")
    if before["type"] in outside and spec["type"] not in outside:
        if spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
            spec.pop("externalTrafficPolicy", None)
        if [port.get("nodePort") for port in spec.get("ports") or ()] == [
            port.get("nodePort") for port in before.get("ports") or ()
        ]:
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
    if before["type"] == "LoadBalancer" != spec["type"]:
        for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if spec.get(key) == before.get(key):
                spec.pop(key, None)
    is_local = spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    if not is_local and spec.get("healthCheckNodePort") == before.get("healthCheckNodePort"):
        spec.pop("healthCheckNodePort", None)

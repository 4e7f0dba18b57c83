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
        known = {(port["port"], port["protocol"]): port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = known.get((port["port"], port["protocol"])) or self._free_port()
            self.ports.add(port["nodePort"])

    def _free_address(self) -> str:
        return next(text for text in map(str, RANGE.hosts()) if text not in self.taken)

    def _free_port(self) -> int:
        return next(port for port in range(30000, 32768) if port not in self.ports)

"""Targets discovered through a Kubernetes API server."""

from typing import Annotated, Any, Literal

from attrs import evolve, frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import listed_by
from vmagent_operator.api.endpoint import AttachMetadata
from vmagent_operator.model.encode import Secrets, projection
from vmagent_operator.model.fields import Field

Role = Literal["node", "pod", "service", "endpoints", "endpointslice", "ingress"]


@frozen(kw_only=True)
class NamespaceDiscovery:
    """Namespaces to look into; all of them unless told otherwise."""

    names: Annotated[tuple[str, ...], Field("Look into these namespaces.", always=True)] = ()
    own_namespace: Annotated[bool | None, Field("Look into the agent's own namespace.")] = None


@frozen(kw_only=True)
class K8SSelector:
    """A selector that the API server applies."""

    role: Annotated[Role, Field("Kind of object that it is about.", emit=str.lower)]
    label: Annotated[str, Field("Label selector.", always=True)] = ""
    field: Annotated[str, Field("Field selector.", always=True)] = ""


@frozen(kw_only=True)
class KubernetesSDConfig:
    """Targets discovered through a Kubernetes API server.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#kubernetes_sd_configs
    """

    api_server: Annotated[str | None, Field("URL of the API server; the cluster's own if absent.")] = None
    role: Annotated[Role, Field("What to discover.")]
    namespaces: Annotated[NamespaceDiscovery | None, Field("Namespaces to look into.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()
    attach_metadata: Annotated[AttachMetadata, Field("Metadata to attach.", key="attach_metadata")] = AttachMetadata()
    selectors: Annotated[
        tuple[K8SSelector, ...], Field("Selectors that the API server applies.", schema=listed_by("role"))
    ] = ()

    def to_config(self, secrets: Secrets) -> dict[str, Any]:
        """An entry of `kubernetes_sd_configs`; vmagent would refuse the keys of `proxy_client_config` there."""
        attached = AttachMetadata(**(self.attach_metadata.for_role(self.role) or {}))
        sound = evolve(self, http=evolve(self.http, proxy_client_config=None), attach_metadata=attached)
        return projection(sound, secrets)

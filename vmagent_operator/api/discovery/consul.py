"""Targets found through Consul: its catalog, or a local agent."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import evolve, field, frozen

from vmagent_operator.api.auth import HTTPClientOptions, named
from vmagent_operator.api.core import ATOMIC, ATOMIC_LIST, SecretKeySelector
from vmagent_operator.model.encode import Secrets, projection
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class ConsulSDConfig:
    """Targets found through the Consul catalog.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#consul_sd_configs
    """

    server: Annotated[str, Field("Consul agent, host or host:port.", schema={"minLength": 1})]
    token_ref: Annotated[SecretKeySelector | None, Field("Consul ACL token.", config="bearer_token")] = None
    datacenter: Annotated[str | None, Field("Datacenter; that of the agent if absent.")] = None
    namespace: Annotated[str | None, Field("Consul namespace.")] = None
    partition: Annotated[str | None, Field("Admin partition.")] = None
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Field("URL scheme.", emit=str.lower)] = None
    services: Annotated[tuple[str, ...], Field("Services to keep; every one if empty.", schema=ATOMIC_LIST)] = ()
    tags: Annotated[tuple[str, ...], Field("Tags that a service must have.", schema=ATOMIC_LIST)] = ()
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None
    node_meta: Annotated[Mapping[str, str], Field("Node metadata to match.", schema=ATOMIC)] = field(factory=dict)
    allow_stale: Annotated[bool | None, Field("Whether stale results will do.")] = None
    filter: Annotated[str, Field("Filter expression for the catalog.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

    def to_config(self, secrets: Secrets) -> dict[str, Any]:
        """An entry of `consul_sd_configs`; a nameless token stands for none."""
        return projection(evolve(self, token_ref=named(self.token_ref)), secrets)


@frozen(kw_only=True)
class ConsulAgentSDConfig:
    """Targets found through the services of one Consul agent.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#consulagent_sd_configs
    """

    server: Annotated[str, Field("Consul agent, host or host:port; localhost:8500 if empty.")] = ""
    token_ref: Annotated[SecretKeySelector | None, Field("Consul ACL token.", config="token")] = None
    datacenter: Annotated[str, Field("Datacenter; that of the agent if empty.")] = ""
    namespace: Annotated[str, Field("Consul namespace.")] = ""
    scheme: Annotated[Literal["HTTP", "HTTPS", "http", "https"] | None, Field("URL scheme.", emit=str.lower)] = None
    services: Annotated[tuple[str, ...], Field("Services to keep; every one if empty.", schema=ATOMIC_LIST)] = ()
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None
    filter: Annotated[str, Field("Filter expression for the services.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

    def to_config(self, secrets: Secrets) -> dict[str, Any]:
        """An entry of `consulagent_sd_configs`; a nameless token stands for none."""
        return projection(evolve(self, token_ref=named(self.token_ref)), secrets)

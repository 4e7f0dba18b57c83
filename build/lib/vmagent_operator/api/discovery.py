"""Service discoveries that a VMScrapeConfig can use: a table each, in the order of vmagent's configuration.

A new discovery is its table and a line in `Discoveries`, at the end. Those that ask the provider of the machines are apart, in
`clouds`; here is what is asked of registries, schedulers, files and Kubernetes.

Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import evolve, field, frozen

from vmagent_operator.api.auth import HTTPClientOptions, named
from vmagent_operator.api.clouds import (
    AzureSDConfig,
    DigitalOceanSDConfig,
    EC2SDConfig,
    GCESDConfig,
    HetznerSDConfig,
    OpenStackSDConfig,
    OVHCloudSDConfig,
    VultrSDConfig,
    YandexCloudSDConfig,
)
from vmagent_operator.api.core import ATOMIC, ATOMIC_LIST, INT32, SecretKeySelector, listed_by
from vmagent_operator.api.endpoint import AttachMetadata
from vmagent_operator.model.encode import Config, Secrets, projection
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class StaticConfig:
    """Targets listed by address.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#static_configs
    """

    targets: Annotated[tuple[str, ...], Field("Addresses, host:port or URL.", always=True)] = ()
    labels: Annotated[Mapping[str, str], Field("Labels for these targets.", schema=ATOMIC, always=True)] = field(
        factory=dict
    )


@frozen(kw_only=True)
class FileSDConfig:
    """Targets listed in files of the agent's pod.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#file_sd_configs
    """

    files: Annotated[tuple[str, ...], Field("Paths, wildcards in the last part allowed.", schema={"minItems": 1})]


@frozen(kw_only=True)
class HTTPSDConfig:
    """Targets listed by an HTTP endpoint.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#http_sd_configs
    """

    url: Annotated[str, Field("URL that returns target groups.", schema={"minLength": 1, "pattern": "^http(s)?://.+$"})]
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


KubernetesRole = Literal["node", "pod", "service", "endpoints", "endpointslice", "ingress"]


@frozen(kw_only=True)
class NamespaceDiscovery:
    """Namespaces to look into; all of them unless told otherwise."""

    names: Annotated[tuple[str, ...], Field("Look into these namespaces.", always=True)] = ()
    own_namespace: Annotated[bool | None, Field("Look into the agent's own namespace.")] = None


@frozen(kw_only=True)
class K8SSelector:
    """A selector that the API server applies."""

    role: Annotated[KubernetesRole, Field("Kind of object that it is about.", emit=str.lower)]
    label: Annotated[str, Field("Label selector.", always=True)] = ""
    field: Annotated[str, Field("Field selector.", always=True)] = ""


@frozen(kw_only=True)
class KubernetesSDConfig:
    """Targets discovered through a Kubernetes API server.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#kubernetes_sd_configs
    """

    api_server: Annotated[str | None, Field("URL of the API server; the cluster's own if absent.")] = None
    role: Annotated[KubernetesRole, Field("What to discover.")]
    namespaces: Annotated[NamespaceDiscovery | None, Field("Namespaces to look into.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()
    attach_metadata: Annotated[AttachMetadata, Field("Metadata to attach.", key="attach_metadata")] = AttachMetadata()
    selectors: Annotated[
        tuple[K8SSelector, ...], Field("Selectors that the API server applies.", schema=listed_by("role"))
    ] = ()

    def to_config(self, secrets: Secrets) -> Config:
        """An entry of `kubernetes_sd_configs`; vmagent would refuse the keys of `proxy_client_config` there."""
        attached = AttachMetadata(**(self.attach_metadata.for_role(self.role) or {}))
        sound = evolve(self, http=evolve(self.http, proxy_client_config=None), attach_metadata=attached)
        return projection(sound, secrets)


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

    def to_config(self, secrets: Secrets) -> Config:
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

    def to_config(self, secrets: Secrets) -> Config:
        """An entry of `consulagent_sd_configs`; a nameless token stands for none."""
        return projection(evolve(self, token_ref=named(self.token_ref)), secrets)


@frozen(kw_only=True)
class DNSSDConfig:
    """Targets found through DNS records.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#dns_sd_configs
    """

    names: Annotated[tuple[str, ...], Field("Names to resolve.", schema={"minItems": 1})]
    type: Annotated[Literal["SRV", "A", "AAAA", "MX"] | None, Field("Type of the records; SRV if absent.")] = None
    port: Annotated[int | None, Field("Port of the targets, if the records have none.", schema=INT32)] = None


@frozen(kw_only=True)
class EurekaSDConfig:
    """Targets registered with Eureka.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#eureka_sd_configs
    """

    server: Annotated[str, Field("URL of the server; localhost:8080/eureka/v2 if empty.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class PuppetDBSDConfig:
    """Targets found through a query of PuppetDB.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#puppetdb_sd_configs
    """

    url: Annotated[str, Field("URL of the server.")]
    query: Annotated[str, Field("PQL query for resources.")]
    include_parameters: Annotated[bool, Field("Give targets the resource's parameters as labels.")] = False
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class KumaSDConfig:
    """Targets that a Kuma control plane assigns.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#kuma_sd_configs
    """

    server: Annotated[str, Field("URL of the control plane.", schema={"minLength": 1})]
    client_id: Annotated[str, Field("Name to introduce the agent by.", key="clientID")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class NomadSDConfig:
    """Targets registered with Nomad.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#nomad_sd_configs
    """

    server: Annotated[str, Field("Nomad agent, host or host:port.", schema={"minLength": 1})]
    namespace: Annotated[str | None, Field("Nomad namespace; default if absent.")] = None
    region: Annotated[str | None, Field("Nomad region; global if absent.")] = None
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None
    allow_stale: Annotated[bool | None, Field("Whether stale results will do.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class DockerFilter:
    """A filter of the Docker API."""

    name: Annotated[str, Field("Name of the filter.")]
    values: Annotated[tuple[str, ...], Field("Values, one of which must match.", schema=ATOMIC_LIST)]


@frozen(kw_only=True)
class DockerSDConfig:
    """Targets found among the containers of a Docker daemon.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#docker_sd_configs
    """

    host: Annotated[str, Field("Address of the daemon.")] = ""
    port: Annotated[int | None, Field("Port of targets that publish none.", schema=INT32)] = None
    filters: Annotated[tuple[DockerFilter, ...], Field("Filters for the containers.")] = ()
    host_networking_host: Annotated[str, Field("Address of containers in the host's network.")] = ""
    match_first_network: Annotated[bool | None, Field("Use only the first network of a container.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class DockerSwarmSDConfig:
    """Targets found in a Docker Swarm.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#dockerswarm_sd_configs
    """

    host: Annotated[str, Field("Address of the daemon.")]
    role: Annotated[Literal["services", "tasks", "nodes"], Field("What to discover.")]
    port: Annotated[int | None, Field("Port of targets that publish none.", schema=INT32)] = None
    filters: Annotated[tuple[DockerFilter, ...], Field("Filters for what is discovered.")] = ()
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class MarathonSDConfig:
    """Targets among the applications of Marathon.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#marathon_sd_configs
    """

    servers: Annotated[tuple[str, ...], Field("URLs of the servers.", schema=ATOMIC_LIST | {"minItems": 1})]
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class Discoveries:
    """Where targets come from; `to_config` gives the end of the job.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#supported-service-discovery-configs
    """

    static_configs: Annotated[tuple[StaticConfig, ...], Field("Listed targets.")] = ()
    file_sd_configs: Annotated[tuple[FileSDConfig, ...], Field("Targets in files.", key="fileSDConfigs")] = ()
    http_sd_configs: Annotated[tuple[HTTPSDConfig, ...], Field("Targets over HTTP.", key="httpSDConfigs")] = ()
    kubernetes_sd_configs: Annotated[
        tuple[KubernetesSDConfig, ...], Field("Targets in Kubernetes.", key="kubernetesSDConfigs")
    ] = ()
    consul_sd_configs: Annotated[
        tuple[ConsulSDConfig, ...], Field("Targets in the Consul catalog.", key="consulSDConfigs")
    ] = ()
    dns_sd_configs: Annotated[tuple[DNSSDConfig, ...], Field("Targets in DNS.", key="dnsSDConfigs")] = ()
    ec2_sd_configs: Annotated[tuple[EC2SDConfig, ...], Field("Targets in AWS EC2.", key="ec2SDConfigs")] = ()
    azure_sd_configs: Annotated[tuple[AzureSDConfig, ...], Field("Targets in Azure.", key="azureSDConfigs")] = ()
    gce_sd_configs: Annotated[
        tuple[GCESDConfig, ...], Field("Targets in Google Compute Engine.", key="gceSDConfigs")
    ] = ()
    openstack_sd_configs: Annotated[
        tuple[OpenStackSDConfig, ...], Field("Targets in OpenStack.", key="openstackSDConfigs")
    ] = ()
    digitalocean_sd_configs: Annotated[
        tuple[DigitalOceanSDConfig, ...], Field("Targets in DigitalOcean.", key="digitalOceanSDConfigs")
    ] = ()
    hetzner_sd_configs: Annotated[
        tuple[HetznerSDConfig, ...], Field("Targets in Hetzner.", key="hetznerSDConfigs")
    ] = ()
    eureka_sd_configs: Annotated[tuple[EurekaSDConfig, ...], Field("Targets in Eureka.", key="eurekaSDConfigs")] = ()
    puppetdb_sd_configs: Annotated[
        tuple[PuppetDBSDConfig, ...], Field("Targets in PuppetDB.", key="puppetDBSDConfigs")
    ] = ()
    vultr_sd_configs: Annotated[
        tuple[VultrSDConfig, ...], Field("Targets in Vultr.", key="vultrSDConfigs", config="vultr_configs")
    ] = ()
    kuma_sd_configs: Annotated[tuple[KumaSDConfig, ...], Field("Targets in Kuma.", key="kumaSDConfigs")] = ()
    ovhcloud_sd_configs: Annotated[
        tuple[OVHCloudSDConfig, ...], Field("Targets in OVHcloud.", key="ovhcloudSDConfigs")
    ] = ()
    nomad_sd_configs: Annotated[tuple[NomadSDConfig, ...], Field("Targets in Nomad.", key="nomadSDConfigs")] = ()
    consulagent_sd_configs: Annotated[
        tuple[ConsulAgentSDConfig, ...], Field("Targets of a Consul agent.", key="consulAgentSDConfigs")
    ] = ()
    docker_sd_configs: Annotated[tuple[DockerSDConfig, ...], Field("Targets in Docker.", key="dockerSDConfigs")] = ()
    dockerswarm_sd_configs: Annotated[
        tuple[DockerSwarmSDConfig, ...], Field("Targets in Docker Swarm.", key="dockerSwarmSDConfigs")
    ] = ()
    marathon_sd_configs: Annotated[
        tuple[MarathonSDConfig, ...], Field("Targets in Marathon.", key="marathonSDConfigs")
    ] = ()
    yandexcloud_sd_configs: Annotated[
        tuple[YandexCloudSDConfig, ...], Field("Targets in Yandex Cloud.", key="yandexCloudSDConfigs")
    ] = ()

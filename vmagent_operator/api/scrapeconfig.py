"""VMScrapeConfig: targets of any service discovery that vmagent knows."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.discovery.azure import AzureSDConfig
from vmagent_operator.api.discovery.consul import ConsulAgentSDConfig, ConsulSDConfig
from vmagent_operator.api.discovery.digitalocean import DigitalOceanSDConfig
from vmagent_operator.api.discovery.dns import DNSSDConfig
from vmagent_operator.api.discovery.docker import DockerSDConfig, DockerSwarmSDConfig
from vmagent_operator.api.discovery.ec2 import EC2SDConfig
from vmagent_operator.api.discovery.eureka import EurekaSDConfig
from vmagent_operator.api.discovery.file import FileSDConfig
from vmagent_operator.api.discovery.gce import GCESDConfig
from vmagent_operator.api.discovery.hetzner import HetznerSDConfig
from vmagent_operator.api.discovery.http import HTTPSDConfig
from vmagent_operator.api.discovery.kubernetes import KubernetesSDConfig
from vmagent_operator.api.discovery.kuma import KumaSDConfig
from vmagent_operator.api.discovery.marathon import MarathonSDConfig
from vmagent_operator.api.discovery.nomad import NomadSDConfig
from vmagent_operator.api.discovery.openstack import OpenStackSDConfig
from vmagent_operator.api.discovery.ovhcloud import OVHCloudSDConfig
from vmagent_operator.api.discovery.puppetdb import PuppetDBSDConfig
from vmagent_operator.api.discovery.static import StaticConfig
from vmagent_operator.api.discovery.vultr import VultrSDConfig
from vmagent_operator.api.discovery.yandexcloud import YandexCloudSDConfig
from vmagent_operator.api.endpoint import Relabelings, ScrapeParams
from vmagent_operator.model.fields import Field


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


@frozen(kw_only=True)
class VMScrapeConfigSpec:
    """A job of its own: discoveries, and how their targets are scraped."""

    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()
    discoveries: Annotated[Discoveries, Field("", inline=True)] = Discoveries()

"""Service discoveries that ask a provider of machines which there are: a table each, all of them in `discovery.Discoveries`.

Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions, TLSConfig
from vmagent_operator.api.core import ATOMIC_LIST, INT32, SecretKeySelector, StringOrList
from vmagent_operator.api.relabel import scalar_or_list
from vmagent_operator.model.fields import Field


def renamed(words: Mapping[str, str]) -> Callable[[str], str]:
    """Turns a word of ours into vmagent's own; what `words` does not know stays."""
    return lambda word: words.get(word, word)


@frozen(kw_only=True)
class EC2Filter:
    """A filter of the EC2 API.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
    """

    name: Annotated[str, Field("Name of the filter.")]
    values: Annotated[tuple[str, ...], Field("Values, one of which must match.")]


@frozen(kw_only=True)
class EC2SDConfig:
    """Targets found among AWS EC2 instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#ec2_sd_configs
    """

    region: Annotated[str | None, Field("AWS region.")] = None
    access_key: Annotated[SecretKeySelector | None, Field("Access key.")] = None
    secret_key: Annotated[SecretKeySelector | None, Field("Secret key.")] = None
    role_arn: Annotated[str | None, Field("Role to assume.", key="roleARN")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    filters: Annotated[tuple[EC2Filter, ...] | None, Field("Filters for the instances.")] = None


@frozen(kw_only=True)
class AzureSDConfig:
    """Targets found among Azure virtual machines.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#azure_sd_configs
    """

    environment: Annotated[str | None, Field("Azure environment; AzurePublicCloud if absent.")] = None
    authentication_method: Annotated[
        Literal["OAuth", "ManagedIdentity"] | None, Field("How to authenticate; OAuth if absent.")
    ] = None
    subscription_id: Annotated[str, Field("Subscription.", key="subscriptionID", schema={"minLength": 1})]
    tenant_id: Annotated[str | None, Field("Tenant, for OAuth.", key="tenantID")] = None
    client_id: Annotated[str | None, Field("Client, for OAuth.", key="clientID")] = None
    client_secret: Annotated[SecretKeySelector | None, Field("Client secret, for OAuth.")] = None
    resource_group: Annotated[str | None, Field("Resource group to keep; every one if absent.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


def _zones(names: StringOrList) -> str | list[str]:
    """`zone` as vmagent reads it; without a name, that of the agent itself."""
    return scalar_or_list(names) or ""


@frozen(kw_only=True)
class GCESDConfig:
    """Targets found among Google Compute Engine instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#gce_sd_configs
    """

    project: Annotated[str, Field("Project.", schema={"minLength": 1})]
    zone: Annotated[StringOrList, Field("Zone, or several.", emit=_zones)]
    filter: Annotated[str | None, Field("Filter for the instances.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None


@frozen(kw_only=True)
class OpenStackSDConfig:
    """Targets found among OpenStack instances or hypervisors.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#openstack_sd_configs
    """

    role: Annotated[
        Literal["Instance", "instance", "Hypervisor", "hypervisor"], Field("What to discover.", emit=str.lower)
    ]
    region: Annotated[str, Field("Region.", schema={"minLength": 1})]
    identity_endpoint: Annotated[str | None, Field("URL of the identity service.")] = None
    username: Annotated[str | None, Field("User name.")] = None
    userid: Annotated[str | None, Field("User id.")] = None
    password: Annotated[SecretKeySelector | None, Field("Password.")] = None
    domain_name: Annotated[str | None, Field("Domain of the user, by name.")] = None
    domain_id: Annotated[str | None, Field("Domain of the user, by id.", key="domainID")] = None
    project_name: Annotated[str | None, Field("Project, by name.")] = None
    project_id: Annotated[str | None, Field("Project, by id.", key="projectID")] = None
    application_credential_name: Annotated[str | None, Field("Application credential, by name.")] = None
    application_credential_id: Annotated[str | None, Field("Application credential, by id.")] = None
    application_credential_secret: Annotated[SecretKeySelector | None, Field("Its secret.")] = None
    all_tenants: Annotated[bool | None, Field("Look into every project.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    availability: Annotated[
        Literal["Public", "public", "Admin", "admin", "Internal", "internal"] | None,
        Field("Kind of API endpoint to use.", emit=str.lower),
    ] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None


@frozen(kw_only=True)
class DigitalOceanSDConfig:
    """Targets found among DigitalOcean droplets.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#digitalocean_sd_configs
    """

    server: Annotated[str, Field("URL of the API; DigitalOcean's if empty.")] = ""
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


_HETZNER_ROLE = renamed({"Robot": "robot", "Cloud": "hcloud"})


@frozen(kw_only=True)
class HetznerSDConfig:
    """Targets found among Hetzner's root or cloud servers.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#hetzner_sd_configs
    """

    role: Annotated[Literal["robot", "Robot", "hcloud", "Cloud"], Field("What to discover.", emit=_HETZNER_ROLE)]
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class VultrSDConfig:
    """Targets found among Vultr instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#vultr_sd_configs
    """

    label: Annotated[str, Field("Label to match.")] = ""
    main_ip: Annotated[str, Field("Address to match.", key="mainIP")] = ""
    region: Annotated[str, Field("Region to match.")] = ""
    firewall_group_id: Annotated[str, Field("Firewall group to match.", key="firewallGroupID")] = ""
    hostname: Annotated[str, Field("Host name to match.")] = ""
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


_OVHCLOUD_SERVICE = renamed({"VPS": "vps", "DedicatedServer": "dedicated_server"})


@frozen(kw_only=True)
class OVHCloudSDConfig:
    """Targets found among OVHcloud's virtual or dedicated servers.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#ovhcloud_sd_configs
    """

    application_key: Annotated[str, Field("Application key.", schema={"minLength": 1})]
    service: Annotated[
        Literal["vps", "VPS", "dedicated_server", "DedicatedServer"], Field("What to discover.", emit=_OVHCLOUD_SERVICE)
    ]
    application_secret: Annotated[SecretKeySelector, Field("Application secret.")]
    consumer_key: Annotated[SecretKeySelector, Field("Consumer key.")]
    endpoint: Annotated[str, Field("Name or URL of the API; ovh-eu if empty.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class YandexCloudSDConfig:
    """Targets found among Yandex Cloud instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#yandexcloud_sd_configs
    """

    service: Annotated[Literal["compute", "ydb"], Field("What to discover.")]
    yandex_passport_oauth_token: Annotated[
        SecretKeySelector | None, Field("OAuth token.", key="yandexPassportOAuthToken")
    ] = None
    api_endpoint: Annotated[str, Field("URL of the API; Yandex's if empty.")] = ""
    folder_ids: Annotated[
        tuple[str, ...], Field("Folders to keep; every one if empty.", key="folderIDs", schema=ATOMIC_LIST)
    ] = ()
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None

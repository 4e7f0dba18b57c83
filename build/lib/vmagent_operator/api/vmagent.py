"""VMAgent: scrapes, takes in, relabels, aggregates and sends on."""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import field, frozen

from vmagent_operator.api import kubernetes as k8s
from vmagent_operator.api.aggregation import StreamAggrConfig
from vmagent_operator.api.apps import (
    AdditionalServiceSpec,
    AppParams,
    EmbeddedHPA,
    EmbeddedNetworkPolicy,
    EmbeddedPDB,
    EmbeddedVPA,
    InsertPorts,
    License,
    ManagedMetadata,
    ReloaderParams,
    RollingUpdateBehavior,
    StorageSpec,
)
from vmagent_operator.api.auth import SCHEMALESS, BasicAuth, OAuth2, TLSConfig
from vmagent_operator.api.core import INT32, INT64, ConfigMapKeySelector, SecretKeySelector, listed_by
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import DURATION, ScrapingParams
from vmagent_operator.api.servicescrape import SelfScrapeParams
from vmagent_operator.api.status import ANYTHING, Condition
from vmagent_operator.limits import SHARDS
from vmagent_operator.model.fields import Field, Keywords

BYTES = "^[0-9]+(kb|mb|gb|tb|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$"
FREE: Keywords = SCHEMALESS | {"anyOf": None, "x-kubernetes-int-or-string": None}


@frozen(kw_only=True)
class AWS:
    """Signing of requests for Amazon's managed service."""

    use_sigv4: Annotated[bool, Field("Sign requests with SigV4.")] = False
    ec2_endpoint: Annotated[str, Field("EC2 API endpoint.")] = ""
    region: Annotated[str, Field("Region.")] = ""
    role_arn: Annotated[str, Field("Role to assume.", key="roleARN")] = ""
    service: Annotated[str, Field("Service name to sign for; aps if empty.")] = ""
    sts_endpoint: Annotated[str, Field("STS API endpoint.")] = ""


@frozen(kw_only=True)
class RemoteWriteSpec:
    """One destination.

    Source: https://docs.victoriametrics.com/victoriametrics/vmagent/#multi-tenancy-and-remote-write
    """

    url: Annotated[str, Field("Where to send samples.")]
    basic_auth: Annotated[BasicAuth | None, Field("Basic authentication.")] = None
    bearer_token_secret: Annotated[SecretKeySelector | None, Field("Bearer token.")] = None
    oauth2: Annotated[OAuth2 | None, Field("OAuth2.")] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None
    aws: Annotated[AWS | None, Field("Signing for Amazon's managed service.")] = None
    headers: Annotated[tuple[str, ...], Field("Request headers, `Name: value`.")] = ()
    proxy_url: Annotated[str | None, Field("Proxy to go through.", key="proxyURL")] = None
    send_timeout: Annotated[str | None, Field("Time that a request may take.", schema=DURATION)] = None
    queues: Annotated[int | None, Field("Concurrent connections.", schema=INT32)] = None
    max_disk_usage: Annotated[
        int | str | None, Field("Size of the queue on disk, in bytes or such as 10GB.", schema=FREE, pattern=BYTES)
    ] = None
    force_vm_proto: Annotated[bool, Field("Use the VictoriaMetrics protocol without asking.", key="forceVMProto")] = (
        False
    )
    url_relabel_config: Annotated[ConfigMapKeySelector | None, Field("ConfigMap with rules for this URL.")] = None
    inline_url_relabel_config: Annotated[tuple[RelabelConfig, ...], Field("Rules for this URL, before those.")] = ()
    stream_aggr_config: Annotated[StreamAggrConfig | None, Field("Aggregation for this URL.")] = None


@frozen(kw_only=True)
class RemoteWriteSettings:
    """What all destinations have in common.

    Source: https://docs.victoriametrics.com/victoriametrics/vmagent/#advanced-usage
    """

    max_block_size: Annotated[int | None, Field("Largest block to send, in bytes.", schema=INT32)] = None
    max_disk_usage_per_url: Annotated[
        int | str | None,
        Field(
            "Size of each queue on disk, in bytes or such as 10GB.",
            key="maxDiskUsagePerURL",
            schema=FREE,
            pattern=BYTES,
        ),
    ] = None
    queues: Annotated[int | None, Field("Concurrent connections of each URL.", schema=INT32)] = None
    show_url: Annotated[bool | None, Field("Show URLs in metrics and logs.", key="showURL")] = None
    tmp_data_path: Annotated[str | None, Field("Directory of the queues.")] = None
    flush_interval: Annotated[str | None, Field("How often to send.", schema=DURATION)] = None
    label: Annotated[Mapping[str, str], Field("Labels for everything that is sent.")] = field(factory=dict)
    use_multi_tenant_mode: Annotated[bool, Field("Take in and pass on tenants.")] = False


@frozen(kw_only=True)
class VMAgentSpec:
    """What an agent does, and how it runs.

    Source: https://docs.victoriametrics.com/operator/resources/vmagent/
    """

    # where samples go
    remote_write: Annotated[tuple[RemoteWriteSpec, ...], Field("Destinations.")]
    remote_write_settings: Annotated[RemoteWriteSettings | None, Field("What all destinations share.")] = None
    relabel_config: Annotated[ConfigMapKeySelector | None, Field("ConfigMap with rules for all URLs.")] = None
    inline_relabel_config: Annotated[tuple[RelabelConfig, ...], Field("Rules for all URLs, before those.")] = ()
    stream_aggr_config: Annotated[StreamAggrConfig | None, Field("Aggregation for all URLs.")] = None
    # where samples come from
    scraping: Annotated[ScrapingParams, Field("", inline=True)] = ScrapingParams()
    insert_ports: Annotated[InsertPorts | None, Field("Ports for other protocols.")] = None
    self_scrape: Annotated[SelfScrapeParams, Field("", inline=True)] = SelfScrapeParams()
    # the workload
    apps: Annotated[AppParams, Field("", inline=True)] = AppParams()
    reloader: Annotated[ReloaderParams, Field("", inline=True)] = ReloaderParams()
    service_account_name: Annotated[
        str, Field("Service account to run as; one is created, with its permissions, if empty.")
    ] = ""
    shard_count: Annotated[
        int | None,
        Field("Number of shards to spread targets over.", schema=INT32 | {"default": 0, "maximum": SHARDS.value}),
    ] = None
    update_strategy: Annotated[Literal["Recreate", "RollingUpdate"] | None, Field("How a Deployment is updated.")] = (
        None
    )
    rolling_update: Annotated[k8s.RollingUpdate | None, Field("Pace of a Deployment's update.")] = None
    stateful_mode: Annotated[bool, Field("Run as a StatefulSet, with queues that survive.")] = False
    stateful_storage: Annotated[StorageSpec | None, Field("Where a StatefulSet keeps its queues.")] = None
    claim_templates: Annotated[
        tuple[k8s.PersistentVolumeClaim, ...], Field("Further claim templates of a StatefulSet.")
    ] = ()
    stateful_rolling_update_strategy: Annotated[
        str, Field("How a StatefulSet is updated: by the operator if OnDelete or empty.")
    ] = ""
    stateful_rolling_update_strategy_behavior: Annotated[
        RollingUpdateBehavior | None, Field("Pace of a StatefulSet's update.")
    ] = None
    persistent_volume_claim_retention_policy: Annotated[
        k8s.ClaimRetentionPolicy | None, Field("What becomes of a StatefulSet's claims.")
    ] = None
    daemon_set_mode: Annotated[bool, Field("Run as a DaemonSet that scrapes the pods of its node.")] = False
    daemon_set_update_strategy: Annotated[str | None, Field("How a DaemonSet is updated.")] = None
    daemon_set_rolling_update_strategy_behavior: Annotated[
        k8s.RollingUpdate | None, Field("Pace of a DaemonSet's update.")
    ] = None
    # what stands around it
    service_spec: Annotated[AdditionalServiceSpec | None, Field("A further Service, or changes to the main one.")] = (
        None
    )
    pod_disruption_budget: Annotated[EmbeddedPDB | None, Field("Protection against evictions.")] = None
    hpa: Annotated[EmbeddedHPA | None, Field("Horizontal autoscaling of the shards.")] = None
    vpa: Annotated[EmbeddedVPA | None, Field("Vertical autoscaling of the pods.")] = None
    network_policy: Annotated[EmbeddedNetworkPolicy | None, Field("Who may talk to the pods.")] = None
    license: Annotated[License | None, Field("Enterprise license.")] = None
    managed_metadata: Annotated[ManagedMetadata | None, Field("Metadata of everything that is created.")] = None
    use_legacy_naming: Annotated[bool, Field("Name objects without the prefix vmagent-.")] = False
    paused: Annotated[bool, Field("Change nothing until this is taken away.")] = False


@frozen(kw_only=True)
class VMAgentStatus:
    """How far the agent is what it was asked to be."""

    update_status: Annotated[str, Field("expanding, operational, failed or paused.")] = ""
    reason: Annotated[str, Field("What is wrong.")] = ""
    observed_generation: Annotated[int, Field("Generation that this status is about.", schema=INT64)] = 0
    conditions: Annotated[tuple[Condition, ...], Field("Further observations.", schema=listed_by("type"))] = ()
    shards: Annotated[int, Field("Number of shards.", schema=INT32)] = 0
    replicas: Annotated[int, Field("Number of pods in each shard.", schema=INT32)] = 0
    selector: Annotated[str, Field("Labels of the pods.")] = ""
    last_applied_spec: Annotated[ANYTHING | None, Field("Written by earlier operators.")] = None

"""What an owner scrapes: selectors of scrape objects, global settings of the scrape configuration, scrape classes."""

from collections.abc import Mapping
from typing import Annotated

from attrs import field, frozen

from vmagent_operator.api.auth import Authorization, BasicAuth, EndpointAuth, TLSConfig
from vmagent_operator.api.core import LabelSelector, SecretKeySelector, listed_by
from vmagent_operator.api.endpoint import AttachMetadata, Relabelings
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.limits import SCRAPE_CLASSES
from vmagent_operator.model.encode import Config, Secrets
from vmagent_operator.model.fields import Field

DURATION = {"pattern": "[0-9]+(ms|s|m|h)"}


@frozen(kw_only=True)
class APIServerConfig:
    """How to reach a Kubernetes API server other than the cluster's own."""

    host: Annotated[str, Field("Address, host:port or URL.")]
    basic_auth: Annotated[BasicAuth | None, Field("Basic authentication.")] = None
    bearer_token: Annotated[str, Field("Bearer token, readable to all who can read this object.")] = ""
    bearer_token_file: Annotated[str, Field("Path of the bearer token inside the pod.")] = ""
    authorization: Annotated[Authorization | None, Field("Authorization header.")] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.", key="tlsConfig")] = None

    def to_config(self, secrets: Secrets) -> Config:
        """The keys that a kubernetes_sd entry gets for this server; a token file wins over the token."""
        entries = {
            "api_server": self.host,
            "basic_auth": self.basic_auth and self.basic_auth.to_config(secrets),
            "bearer_token_file": self.bearer_token_file or None,
            "bearer_token": (not self.bearer_token_file and self.bearer_token) or None,
            "authorization": self.authorization and self.authorization.to_config(secrets),
            "tls_config": self.tls_config and self.tls_config.to_config(secrets),
        }
        return {key: value for key, value in entries.items() if value is not None}


@frozen(kw_only=True)
class ArbitraryFSAccess:
    """Whether scrape objects may name files of the agent's pod."""

    deny: Annotated[bool, Field("Leave out scrape objects that name files.")] = False


@frozen(kw_only=True)
class ScrapeClass:
    """Defaults for the scrape objects that name this class, or for all others."""

    name: Annotated[str, Field("Name that scrape objects use.", schema={"minLength": 1})]
    default: Annotated[bool | None, Field("Use for scrape objects that name no class.")] = None
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()
    attach_metadata: Annotated[AttachMetadata | None, Field("Metadata to attach.")] = None


@frozen(kw_only=True)
class ScrapingParams:
    """What is scraped, and what all jobs have in common.

    Source: https://docs.victoriametrics.com/operator/resources/vmagent/#scraping
    """

    # which scrape objects
    select_all_by_default: Annotated[
        bool, Field("Select every object of a kind without selectors, instead of none.")
    ] = False
    service_scrape_selector: Annotated[LabelSelector | None, Field("Labels of VMServiceScrapes.")] = None
    service_scrape_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    pod_scrape_selector: Annotated[LabelSelector | None, Field("Labels of VMPodScrapes.")] = None
    pod_scrape_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    probe_selector: Annotated[LabelSelector | None, Field("Labels of VMProbes.")] = None
    probe_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    node_scrape_selector: Annotated[LabelSelector | None, Field("Labels of VMNodeScrapes.")] = None
    node_scrape_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    static_scrape_selector: Annotated[LabelSelector | None, Field("Labels of VMStaticScrapes.")] = None
    static_scrape_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    scrape_config_selector: Annotated[LabelSelector | None, Field("Labels of VMScrapeConfigs.")] = None
    scrape_config_namespace_selector: Annotated[
        LabelSelector | None, Field("Labels of their namespaces; the agent's own namespace if absent.")
    ] = None
    # the global section
    scrape_interval: Annotated[
        str, Field("Time between two scrapes where a job does not say; 30s if empty.", schema=DURATION)
    ] = ""
    scrape_timeout: Annotated[str, Field("Time that a scrape may take where a job does not say.", schema=DURATION)] = ""
    sample_limit: Annotated[int, Field("Samples that a scrape may return; 0 for any.")] = 0
    min_scrape_interval: Annotated[str | None, Field("Shortest interval of a job.")] = None
    max_scrape_interval: Annotated[str | None, Field("Longest interval of a job.")] = None
    external_labels: Annotated[Mapping[str, str], Field("Labels for everything that is sent.")] = field(factory=dict)
    external_label_name: Annotated[
        str | None, Field("Label that names the agent; prometheus if absent, none if empty.")
    ] = None
    vm_agent_external_label_name: Annotated[str | None, Field("Older spelling of externalLabelName.")] = None
    global_scrape_relabel_configs: Annotated[
        tuple[RelabelConfig, ...], Field("Rules for the targets of all jobs.")
    ] = ()
    global_scrape_metric_relabel_configs: Annotated[
        tuple[RelabelConfig, ...], Field("Rules for the samples of all jobs.")
    ] = ()
    # rules and defaults by kind
    service_scrape_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMServiceScrape.")
    ] = ()
    pod_scrape_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMPodScrape.")
    ] = ()
    probe_scrape_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMProbe.")
    ] = ()
    node_scrape_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMNodeScrape.")
    ] = ()
    static_scrape_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMStaticScrape.")
    ] = ()
    scrape_config_relabel_template: Annotated[
        tuple[RelabelConfig, ...], Field("Rules after those of every VMScrapeConfig.")
    ] = ()
    scrape_classes: Annotated[
        tuple[ScrapeClass, ...],
        Field("Defaults that scrape objects choose by name.", schema=listed_by("name"), most=SCRAPE_CLASSES),
    ] = ()
    # further jobs
    additional_scrape_configs: Annotated[
        SecretKeySelector | None, Field("Secret with a list of jobs, used as they are.")
    ] = None
    inline_scrape_config: Annotated[str, Field("A YAML list of jobs, used as they are.")] = ""
    # what scrape objects may do
    api_server_config: Annotated[
        APIServerConfig | None, Field("Kubernetes API server to discover targets with; the own one if absent.")
    ] = None
    enable_kubernetes_api_selectors: Annotated[
        bool, Field("Let the API server apply label selectors.", key="enableKubernetesAPISelectors")
    ] = False
    override_honor_labels: Annotated[bool, Field("Ignore honorLabels.")] = False
    override_honor_timestamps: Annotated[bool, Field("Ignore honorTimestamps.")] = False
    ignore_namespace_selectors: Annotated[
        bool, Field("Ignore namespaceSelector: discover in the namespace of the scrape object only.")
    ] = False
    enforced_namespace_label: Annotated[str, Field("Label that always holds the namespace of the scrape object.")] = ""
    arbitrary_fs_access_through_sms: Annotated[
        ArbitraryFSAccess, Field("Whether scrape objects may name files.", key="arbitraryFSAccessThroughSMs")
    ] = ArbitraryFSAccess()
    ingest_only_mode: Annotated[bool, Field("Only take in what is pushed; scrape nothing.")] = False


@frozen(kw_only=True)
class OptionalScrapingParams(ScrapingParams):
    """The same for what scrapes only when it is told to."""

    ingest_only_mode: Annotated[bool, Field("Only take in what is pushed; false to scrape as well.")] = True

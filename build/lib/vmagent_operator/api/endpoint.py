"""What every scrape endpoint has besides credentials: scrape parameters, relabelings, metadata to attach."""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import field, frozen

from vmagent_operator.api.auth import ProxyAuth
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.model.encode import Config, Secrets, projection
from vmagent_operator.model.fields import Field

Scheme = Literal["http", "https", "HTTPS", "HTTP"]

ENDPOINT_ROLES = frozenset({"pod", "endpoints", "endpointslice", "endpointslices"})
ATTACHABLE = {"node": ENDPOINT_ROLES, "namespace": ENDPOINT_ROLES | {"service", "ingress"}}
"""Kinds of metadata that vmagent can attach, and the kubernetes_sd roles that it does so for."""


def positive(number: int) -> int | None:
    """`number`, or None if it stands for no limit."""
    return number if number > 0 else None


@frozen(kw_only=True)
class AttachMetadata:
    """Metadata of related objects that discovered targets get as labels.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#kubernetes_sd_configs
    """

    node: Annotated[bool | None, Field("Attach the metadata of the node.")] = None
    namespace: Annotated[bool | None, Field("Attach the metadata of the namespace.")] = None

    def for_role(self, role: str) -> dict[str, bool] | None:
        """`attach_metadata` of a kubernetes_sd entry: what is wanted and exists for `role`; None if nothing."""
        return {key: True for key, roles in ATTACHABLE.items() if getattr(self, key) and role in roles} or None


@frozen(kw_only=True)
class VMScrapeParams:
    """Scrape parameters that only vmagent has.

    Source: https://docs.victoriametrics.com/victoriametrics/vmagent/#extra-scrape-config-options
    """

    scrape_align_interval: Annotated[
        str, Field("Start scrapes at multiples of this duration.", key="scrape_align_interval")
    ] = ""
    stream_parse: Annotated[bool | None, Field("Parse responses as they come in.", key="stream_parse")] = None
    disable_compression: Annotated[
        bool | None, Field("Don't ask for compressed responses.", key="disable_compression")
    ] = None
    scrape_offset: Annotated[str, Field("Delay of every scrape.", key="scrape_offset")] = ""
    no_stale_markers: Annotated[
        bool | None, Field("Don't send staleness markers for targets that are gone.", key="no_stale_markers")
    ] = None
    disable_keep_alive: Annotated[
        bool | None, Field("Connect anew for every scrape.", key="disable_keep_alive", config="disable_keepalive")
    ] = None
    headers: Annotated[tuple[str, ...], Field("Request headers, `Name: value`.")] = ()
    proxy_client_config: Annotated[
        ProxyAuth | None, Field("Credentials for the proxy of proxyURL.", key="proxy_client_config", config="")
    ] = None

    def to_config(self, secrets: Secrets) -> Config:
        """The keys of a job that these parameters give, those of the proxy last."""
        proxy = self.proxy_client_config and self.proxy_client_config.to_config(secrets)
        return projection(self, secrets) | (proxy or {})


@frozen(kw_only=True)
class ScrapeParams:
    """How a target is scraped; part of every endpoint.

    `interval`, the two `honor_*` and `vm_scrape_params` reach a job by other ways than the table.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#scrape_configs
    """

    honor_labels: Annotated[bool, Field("Keep a target's labels where they clash with ours.", config="")] = False
    honor_timestamps: Annotated[bool | None, Field("Keep the timestamps of a target.", config="")] = None
    interval: Annotated[str, Field("Older spelling of scrape_interval.", config="")] = ""
    scrape_interval: Annotated[
        str, Field("Time between two scrapes; the agent's default if empty.", key="scrape_interval")
    ] = ""
    scrape_timeout: Annotated[str, Field("Time that a scrape may take.")] = ""
    path: Annotated[str, Field("Path of the metrics; /metrics if empty.", config="metrics_path")] = ""
    proxy_url: Annotated[str, Field("Proxy to scrape through.", key="proxyURL")] = ""
    follow_redirects: Annotated[
        bool | None, Field("Follow HTTP redirects; true if absent.", key="follow_redirects")
    ] = None
    params: Annotated[Mapping[str, tuple[str, ...]], Field("Query parameters.")] = field(factory=dict)
    scheme: Annotated[Scheme | None, Field("URL scheme.", emit=str.lower)] = None
    max_scrape_size: Annotated[str, Field("Largest accepted response, such as 16MB.", key="max_scrape_size")] = ""
    sample_limit: Annotated[int, Field("Samples that a scrape may return; 0 for any.", emit=positive)] = 0
    series_limit: Annotated[int, Field("Series that a target may have in a day; 0 for any.", emit=positive)] = 0
    vm_scrape_params: Annotated[
        VMScrapeParams | None, Field("Parameters that only vmagent has.", key="vm_scrape_params", config="")
    ] = None


@frozen(kw_only=True)
class Relabelings:
    """Relabeling of targets and of their samples; part of most endpoints."""

    relabel_configs: Annotated[tuple[RelabelConfig, ...], Field("Rules for targets, before the scrape.")] = ()
    metric_relabel_configs: Annotated[tuple[RelabelConfig, ...], Field("Rules for samples, after the scrape.")] = ()

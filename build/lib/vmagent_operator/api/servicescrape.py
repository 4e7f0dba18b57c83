"""VMServiceScrape: targets behind Services."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.core import LabelSelector, NamespaceSelector
from vmagent_operator.api.endpoint import AttachMetadata, Relabelings, ScrapeParams
from vmagent_operator.limits import OBJECT_JOBS
from vmagent_operator.model.fields import Field

DiscoveryRole = Literal["endpoints", "service", "endpointslices", "endpointslice"]


@frozen(kw_only=True)
class Endpoint:
    """One port of the selected Services."""

    port: Annotated[str, Field("Name of the Service port.")] = ""
    target_port: Annotated[int | str | None, Field("Name or number of the container port behind it.")] = None
    attach_metadata: Annotated[AttachMetadata, Field("Metadata to attach.", key="attach_metadata")] = AttachMetadata()
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()


@frozen(kw_only=True)
class VMServiceScrapeSpec:
    """Which Services to scrape, and how."""

    selector: Annotated[LabelSelector, Field("Labels of the Services; every Service if empty.")] = LabelSelector()
    namespace_selector: Annotated[NamespaceSelector, Field("Namespaces of the Services.")] = NamespaceSelector()
    discovery_role: Annotated[DiscoveryRole | None, Field("kubernetes_sd role; endpoints if absent.")] = None
    endpoints: Annotated[tuple[Endpoint, ...], Field("Ports to scrape.", most=OBJECT_JOBS)]
    job_label: Annotated[str, Field("Label of the Service that gives the job label.")] = ""
    target_labels: Annotated[tuple[str, ...], Field("Labels of the Service to copy.")] = ()
    pod_target_labels: Annotated[tuple[str, ...], Field("Labels of the pod to copy.")] = ()
    sample_limit: Annotated[int, Field("Limit of samples for endpoints without their own.")] = 0
    series_limit: Annotated[int, Field("Limit of series for endpoints without their own.")] = 0
    attach_metadata: Annotated[
        AttachMetadata, Field("Metadata to attach where an endpoint does not say.", key="attach_metadata")
    ] = AttachMetadata()
    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None


@frozen(kw_only=True)
class SelfScrapeParams:
    """How an owner is scraped itself."""

    service_scrape_spec: Annotated[
        VMServiceScrapeSpec | None,
        Field(
            "Changes to the object by which this is scraped itself.",
            schema={"properties": None, "x-kubernetes-preserve-unknown-fields": True},
        ),
    ] = None
    disable_self_service_scrape: Annotated[
        bool | None, Field("Don't have this scraped; the operator's setting if absent.")
    ] = None

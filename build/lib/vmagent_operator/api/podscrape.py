"""VMPodScrape: targets in pods."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.core import INT32, LabelSelector, NamespaceSelector
from vmagent_operator.api.endpoint import AttachMetadata, Relabelings, ScrapeParams
from vmagent_operator.limits import OBJECT_JOBS
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class PodMetricsEndpoint:
    """One port of the selected pods."""

    port: Annotated[str, Field("Name of the container port.")] = ""
    port_number: Annotated[
        int | None, Field("Number of the container port.", schema=INT32 | {"minimum": 1, "maximum": 65535})
    ] = None
    target_port: Annotated[int | str | None, Field("Name or number of the container port; prefer the others.")] = None
    filter_running: Annotated[bool | None, Field("Leave out pods that have ended; true if absent.")] = None
    attach_metadata: Annotated[AttachMetadata, Field("Metadata to attach.", key="attach_metadata")] = AttachMetadata()
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()


@frozen(kw_only=True)
class VMPodScrapeSpec:
    """Which pods to scrape, and how."""

    selector: Annotated[LabelSelector, Field("Labels of the pods; every pod if empty.")] = LabelSelector()
    namespace_selector: Annotated[NamespaceSelector, Field("Namespaces of the pods.")] = NamespaceSelector()
    pod_metrics_endpoints: Annotated[tuple[PodMetricsEndpoint, ...], Field("Ports to scrape.", most=OBJECT_JOBS)]
    job_label: Annotated[str, Field("Label of the pod that gives the job label.")] = ""
    pod_target_labels: Annotated[tuple[str, ...], Field("Labels of the pod to copy.")] = ()
    sample_limit: Annotated[int, Field("Limit of samples for endpoints without their own.")] = 0
    series_limit: Annotated[int, Field("Limit of series for endpoints without their own.")] = 0
    attach_metadata: Annotated[
        AttachMetadata, Field("Metadata to attach where an endpoint does not say.", key="attach_metadata")
    ] = AttachMetadata()
    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None

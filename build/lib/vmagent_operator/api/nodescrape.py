"""VMNodeScrape: targets on the nodes of the cluster."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.core import LabelSelector
from vmagent_operator.api.endpoint import Relabelings, ScrapeParams
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class VMNodeScrapeSpec:
    """Which nodes to scrape, and how."""

    selector: Annotated[LabelSelector, Field("Labels of the nodes; every node if empty.")] = LabelSelector()
    port: Annotated[str, Field("Port number on the node; the kubelet's if empty.")] = ""
    job_label: Annotated[str, Field("Label of the node that gives the job label.")] = ""
    target_labels: Annotated[tuple[str, ...], Field("Labels of the node to copy.")] = ()
    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()

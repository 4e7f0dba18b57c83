"""VMScrapeConfig: a job of its own, whose targets come from any service discovery that vmagent knows."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.discovery import Discoveries
from vmagent_operator.api.endpoint import Relabelings, ScrapeParams
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class VMScrapeConfigSpec:
    """A job of its own: discoveries, and how their targets are scraped."""

    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()
    discoveries: Annotated[Discoveries, Field("", inline=True)] = Discoveries()

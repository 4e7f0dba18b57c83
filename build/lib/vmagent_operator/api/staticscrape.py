"""VMStaticScrape: targets listed by address."""

from collections.abc import Mapping
from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.endpoint import Relabelings, ScrapeParams
from vmagent_operator.limits import OBJECT_JOBS
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class TargetEndpoint:
    """Addresses that are scraped alike."""

    targets: Annotated[tuple[str, ...], Field("Addresses, host:port or URL.", schema={"minItems": 1})]
    labels: Annotated[Mapping[str, str] | None, Field("Labels for these targets.")] = None
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
    relabelings: Annotated[Relabelings, Field("", inline=True)] = Relabelings()


@frozen(kw_only=True)
class VMStaticScrapeSpec:
    """Addresses to scrape."""

    job_name: Annotated[str, Field("Job label of the targets.")] = ""
    target_endpoints: Annotated[tuple[TargetEndpoint, ...], Field("Groups of addresses.", most=OBJECT_JOBS)]
    sample_limit: Annotated[int, Field("Limit of samples for endpoints without their own.")] = 0
    series_limit: Annotated[int, Field("Limit of series for endpoints without their own.")] = 0
    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None

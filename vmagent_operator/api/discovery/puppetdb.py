"""Targets found through PuppetDB."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import INT32
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class PuppetDBSDConfig:
    """Targets found through a query of PuppetDB.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#puppetdb_sd_configs
    """

    url: Annotated[str, Field("URL of the server.")]
    query: Annotated[str, Field("PQL query for resources.")]
    include_parameters: Annotated[bool, Field("Give targets the resource's parameters as labels.")] = False
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

"""Targets found among DigitalOcean droplets."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import INT32
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class DigitalOceanSDConfig:
    """Targets found among DigitalOcean droplets.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#digitalocean_sd_configs
    """

    server: Annotated[str, Field("URL of the API; DigitalOcean's if empty.")] = ""
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

"""Targets found through Netflix Eureka."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class EurekaSDConfig:
    """Targets registered with Eureka.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#eureka_sd_configs
    """

    server: Annotated[str, Field("URL of the server; localhost:8080/eureka/v2 if empty.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

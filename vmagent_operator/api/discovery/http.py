"""Targets listed by an HTTP endpoint."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class HTTPSDConfig:
    """Targets listed by an HTTP endpoint.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#http_sd_configs
    """

    url: Annotated[str, Field("URL that returns target groups.", schema={"minLength": 1, "pattern": "^http(s)?://.+$"})]
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

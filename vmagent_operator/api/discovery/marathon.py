"""Targets found through Marathon."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import ATOMIC_LIST
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class MarathonSDConfig:
    """Targets among the applications of Marathon.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#marathon_sd_configs
    """

    servers: Annotated[tuple[str, ...], Field("URLs of the servers.", schema=ATOMIC_LIST | {"minItems": 1})]
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

"""Targets found through DNS."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.core import INT32
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class DNSSDConfig:
    """Targets found through DNS records.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#dns_sd_configs
    """

    names: Annotated[tuple[str, ...], Field("Names to resolve.", schema={"minItems": 1})]
    type: Annotated[Literal["SRV", "A", "AAAA", "MX"] | None, Field("Type of the records; SRV if absent.")] = None
    port: Annotated[int | None, Field("Port of the targets, if the records have none.", schema=INT32)] = None

"""Targets listed by address."""

from collections.abc import Mapping
from typing import Annotated

from attrs import field, frozen

from vmagent_operator.api.core import ATOMIC
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class StaticConfig:
    """Targets listed by address.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#static_configs
    """

    targets: Annotated[tuple[str, ...], Field("Addresses, host:port or URL.", always=True)] = ()
    labels: Annotated[Mapping[str, str], Field("Labels for these targets.", schema=ATOMIC, always=True)] = field(
        factory=dict
    )

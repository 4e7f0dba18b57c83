"""Targets found through a Kuma service mesh."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class KumaSDConfig:
    """Targets that a Kuma control plane assigns.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#kuma_sd_configs
    """

    server: Annotated[str, Field("URL of the control plane.", schema={"minLength": 1})]
    client_id: Annotated[str, Field("Name to introduce the agent by.", key="clientID")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

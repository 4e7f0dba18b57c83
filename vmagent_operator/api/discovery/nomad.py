"""Targets found through Nomad."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class NomadSDConfig:
    """Targets registered with Nomad.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#nomad_sd_configs
    """

    server: Annotated[str, Field("Nomad agent, host or host:port.", schema={"minLength": 1})]
    namespace: Annotated[str | None, Field("Nomad namespace; default if absent.")] = None
    region: Annotated[str | None, Field("Nomad region; global if absent.")] = None
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None
    allow_stale: Annotated[bool | None, Field("Whether stale results will do.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

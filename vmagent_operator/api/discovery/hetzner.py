"""Targets found among Hetzner servers."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import INT32
from vmagent_operator.model.fields import Field

ROLES = {"Robot": "robot", "Cloud": "hcloud"}


def role(name: str) -> str:
    """vmagent's own word for a role."""
    return ROLES.get(name, name)


@frozen(kw_only=True)
class HetznerSDConfig:
    """Targets found among Hetzner's root or cloud servers.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#hetzner_sd_configs
    """

    role: Annotated[Literal["robot", "Robot", "hcloud", "Cloud"], Field("What to discover.", emit=role)]
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

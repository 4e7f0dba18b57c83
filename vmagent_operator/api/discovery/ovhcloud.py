"""Targets found among OVHcloud servers."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import SecretKeySelector
from vmagent_operator.model.fields import Field

SERVICES = {"VPS": "vps", "DedicatedServer": "dedicated_server"}


def service(name: str) -> str:
    """vmagent's own word for a service."""
    return SERVICES.get(name, name)


@frozen(kw_only=True)
class OVHCloudSDConfig:
    """Targets found among OVHcloud's virtual or dedicated servers.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#ovhcloud_sd_configs
    """

    application_key: Annotated[str, Field("Application key.", schema={"minLength": 1})]
    service: Annotated[
        Literal["vps", "VPS", "dedicated_server", "DedicatedServer"], Field("What to discover.", emit=service)
    ]
    application_secret: Annotated[SecretKeySelector, Field("Application secret.")]
    consumer_key: Annotated[SecretKeySelector, Field("Consumer key.")]
    endpoint: Annotated[str, Field("Name or URL of the API; ovh-eu if empty.")] = ""
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

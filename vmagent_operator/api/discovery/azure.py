"""Targets found among Azure virtual machines."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import INT32, SecretKeySelector
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class AzureSDConfig:
    """Targets found among Azure virtual machines.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#azure_sd_configs
    """

    environment: Annotated[str | None, Field("Azure environment; AzurePublicCloud if absent.")] = None
    authentication_method: Annotated[
        Literal["OAuth", "ManagedIdentity"] | None, Field("How to authenticate; OAuth if absent.")
    ] = None
    subscription_id: Annotated[str, Field("Subscription.", key="subscriptionID", schema={"minLength": 1})]
    tenant_id: Annotated[str | None, Field("Tenant, for OAuth.", key="tenantID")] = None
    client_id: Annotated[str | None, Field("Client, for OAuth.", key="clientID")] = None
    client_secret: Annotated[SecretKeySelector | None, Field("Client secret, for OAuth.")] = None
    resource_group: Annotated[str | None, Field("Resource group to keep; every one if absent.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

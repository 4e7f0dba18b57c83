"""Targets found in OpenStack."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import TLSConfig
from vmagent_operator.api.core import INT32, SecretKeySelector
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class OpenStackSDConfig:
    """Targets found among OpenStack instances or hypervisors.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#openstack_sd_configs
    """

    role: Annotated[
        Literal["Instance", "instance", "Hypervisor", "hypervisor"], Field("What to discover.", emit=str.lower)
    ]
    region: Annotated[str, Field("Region.", schema={"minLength": 1})]
    identity_endpoint: Annotated[str | None, Field("URL of the identity service.")] = None
    username: Annotated[str | None, Field("User name.")] = None
    userid: Annotated[str | None, Field("User id.")] = None
    password: Annotated[SecretKeySelector | None, Field("Password.")] = None
    domain_name: Annotated[str | None, Field("Domain of the user, by name.")] = None
    domain_id: Annotated[str | None, Field("Domain of the user, by id.", key="domainID")] = None
    project_name: Annotated[str | None, Field("Project, by name.")] = None
    project_id: Annotated[str | None, Field("Project, by id.", key="projectID")] = None
    application_credential_name: Annotated[str | None, Field("Application credential, by name.")] = None
    application_credential_id: Annotated[str | None, Field("Application credential, by id.")] = None
    application_credential_secret: Annotated[SecretKeySelector | None, Field("Its secret.")] = None
    all_tenants: Annotated[bool | None, Field("Look into every project.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    availability: Annotated[
        Literal["Public", "public", "Admin", "admin", "Internal", "internal"] | None,
        Field("Kind of API endpoint to use.", emit=str.lower),
    ] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None

"""Targets found among AWS EC2 instances."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.core import INT32, SecretKeySelector
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class EC2Filter:
    """A filter of the EC2 API.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
    """

    name: Annotated[str, Field("Name of the filter.")]
    values: Annotated[tuple[str, ...], Field("Values, one of which must match.")]


@frozen(kw_only=True)
class EC2SDConfig:
    """Targets found among AWS EC2 instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#ec2_sd_configs
    """

    region: Annotated[str | None, Field("AWS region.")] = None
    access_key: Annotated[SecretKeySelector | None, Field("Access key.")] = None
    secret_key: Annotated[SecretKeySelector | None, Field("Secret key.")] = None
    role_arn: Annotated[str | None, Field("Role to assume.", key="roleARN")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    filters: Annotated[tuple[EC2Filter, ...] | None, Field("Filters for the instances.")] = None

"""Targets found among Google Compute Engine instances."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.core import INT32, StringOrList
from vmagent_operator.api.relabel import scalar_or_list
from vmagent_operator.model.fields import Field


def zones(names: StringOrList) -> str | list[str]:
    """`zone` as vmagent reads it; without a name, that of the agent itself."""
    return scalar_or_list(names) or ""


@frozen(kw_only=True)
class GCESDConfig:
    """Targets found among Google Compute Engine instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#gce_sd_configs
    """

    project: Annotated[str, Field("Project.", schema={"minLength": 1})]
    zone: Annotated[StringOrList, Field("Zone, or several.", emit=zones)]
    filter: Annotated[str | None, Field("Filter for the instances.")] = None
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    tag_separator: Annotated[str | None, Field("What joins the tags of a target; a comma if absent.")] = None

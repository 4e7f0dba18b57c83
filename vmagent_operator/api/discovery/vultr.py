"""Targets found among Vultr instances."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import INT32
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class VultrSDConfig:
    """Targets found among Vultr instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#vultr_sd_configs
    """

    label: Annotated[str, Field("Label to match.")] = ""
    main_ip: Annotated[str, Field("Address to match.", key="mainIP")] = ""
    region: Annotated[str, Field("Region to match.")] = ""
    firewall_group_id: Annotated[str, Field("Firewall group to match.", key="firewallGroupID")] = ""
    hostname: Annotated[str, Field("Host name to match.")] = ""
    port: Annotated[int | None, Field("Port of the targets.", schema=INT32)] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

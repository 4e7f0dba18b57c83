"""Targets found through a Docker daemon, or in a Docker Swarm."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import HTTPClientOptions
from vmagent_operator.api.core import ATOMIC_LIST, INT32
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class DockerFilter:
    """A filter of the Docker API."""

    name: Annotated[str, Field("Name of the filter.")]
    values: Annotated[tuple[str, ...], Field("Values, one of which must match.", schema=ATOMIC_LIST)]


@frozen(kw_only=True)
class DockerSDConfig:
    """Targets found among the containers of a Docker daemon.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#docker_sd_configs
    """

    host: Annotated[str, Field("Address of the daemon.")] = ""
    port: Annotated[int | None, Field("Port of targets that publish none.", schema=INT32)] = None
    filters: Annotated[tuple[DockerFilter, ...], Field("Filters for the containers.")] = ()
    host_networking_host: Annotated[str, Field("Address of containers in the host's network.")] = ""
    match_first_network: Annotated[bool | None, Field("Use only the first network of a container.")] = None
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()


@frozen(kw_only=True)
class DockerSwarmSDConfig:
    """Targets found in a Docker Swarm.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#dockerswarm_sd_configs
    """

    host: Annotated[str, Field("Address of the daemon.")]
    role: Annotated[Literal["services", "tasks", "nodes"], Field("What to discover.")]
    port: Annotated[int | None, Field("Port of targets that publish none.", schema=INT32)] = None
    filters: Annotated[tuple[DockerFilter, ...], Field("Filters for what is discovered.")] = ()
    http: Annotated[HTTPClientOptions, Field("", inline=True)] = HTTPClientOptions()

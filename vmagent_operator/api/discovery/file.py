"""Targets listed in files."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class FileSDConfig:
    """Targets listed in files of the agent's pod.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#file_sd_configs
    """

    files: Annotated[tuple[str, ...], Field("Paths, wildcards in the last part allowed.", schema={"minItems": 1})]

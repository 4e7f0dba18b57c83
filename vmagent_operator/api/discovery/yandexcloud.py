"""Targets found in Yandex Cloud."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import TLSConfig
from vmagent_operator.api.core import ATOMIC_LIST, SecretKeySelector
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class YandexCloudSDConfig:
    """Targets found among Yandex Cloud instances.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#yandexcloud_sd_configs
    """

    service: Annotated[Literal["compute", "ydb"], Field("What to discover.")]
    yandex_passport_oauth_token: Annotated[
        SecretKeySelector | None, Field("OAuth token.", key="yandexPassportOAuthToken")
    ] = None
    api_endpoint: Annotated[str, Field("URL of the API; Yandex's if empty.")] = ""
    folder_ids: Annotated[
        tuple[str, ...], Field("Folders to keep; every one if empty.", key="folderIDs", schema=ATOMIC_LIST)
    ] = ()
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None

"""Tables as vmagent's configuration: the cases of config.yaml and discovery.yaml."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.api.aggregation import StreamAggrRule
from vmagent_operator.api.auth import (
    Authorization,
    BasicAuth,
    EndpointAuth,
    HTTPClientOptions,
    OAuth2,
    ProxyAuth,
    TLSConfig,
)
from vmagent_operator.api.discovery import Discoveries
from vmagent_operator.api.endpoint import ScrapeParams, VMScrapeParams
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scrapeconfig import VMScrapeConfigSpec
from vmagent_operator.api.scraping import APIServerConfig
from vmagent_operator.model.decode import Decoded, decode
from vmagent_operator.model.encode import to_config
from vmagent_operator.model.fields import slots

HERE = Path(__file__).parent
CASES = list(yaml.safe_load_all((HERE / "config.yaml").read_text("utf-8")))
DISCOVERIES = list(yaml.safe_load_all((HERE / "discovery.yaml").read_text("utf-8")))
TABLES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        APIServerConfig,
        Authorization,
        BasicAuth,
        EndpointAuth,
        HTTPClientOptions,
        OAuth2,
        ProxyAuth,
        RelabelConfig,
        ScrapeParams,
        StreamAggrRule,
        TLSConfig,
        VMScrapeParams,
    )
}


class Texts:
    """Secrets and ConfigMaps that hold their own name and key; all but `blank`, which holds nothing."""

    def value(self, selector: Any) -> str:
        return "" if selector.name == "blank" else f"{selector.name}/{selector.key}"

    def path(self, selector: Any) -> str:
        return f"/{selector.name}/{selector.key}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_config(case: dict[str, Any]) -> None:
    decoded: Decoded[Any] = decode(TABLES[case["table"]], case["given"])
    assert decoded.unknown == ()
    assert to_config(decoded.value, Texts()) == case["want"]


@pytest.mark.parametrize("case", DISCOVERIES, ids=lambda case: case["name"])
def test_discovery(case: dict[str, Any]) -> None:
    decoded = decode(VMScrapeConfigSpec, case["given"])
    assert decoded.unknown == ()
    assert to_config(decoded.value.discoveries, Texts()) == case["want"]


def test_every_discovery_has_a_case() -> None:
    assert {key for case in DISCOVERIES for key in case["want"]} == {slot.config for slot in slots(Discoveries)}


def test_keys_stand_in_the_order_of_the_recorded_files() -> None:
    given = {
        "tlsConfig": {"serverName": "a", "caFile": "/a", "insecureSkipVerify": True},
        "oauth2": {"token_url": "u", "client_id": {"secret": {"name": "s", "key": "k"}}, "scopes": ["x"]},
        "bearerTokenFile": "/t",
        "basicAuth": {"password_file": "/p", "username": {"name": "s", "key": "u"}},
    }
    config = to_config(decode(EndpointAuth, given).value, Texts())
    assert list(config) == ["tls_config", "bearer_token_file", "basic_auth", "oauth2"]
    assert list(config["tls_config"]) == ["insecure_skip_verify", "ca_file", "server_name"]
    assert list(config["basic_auth"]) == ["username", "password_file"]
    assert list(config["oauth2"]) == ["client_id", "scopes", "token_url"]

"""Credentials, TLS and headers of a client as vmagent's configuration shows them: which combinations does it refuse?

The same keys stand in a job, in `proxy_...` for its proxy, and, as flags, at a remote write destination.

Source: lib/promauth/config.go of VictoriaMetrics 1.150
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vmagent_operator.scrape.checks.url import InvalidURL, scheme

METHODS = ("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file")
TLS_VERSIONS = ("", "TLS10", "TLS11", "TLS12", "TLS13")
_EITHER = {
    "basic_auth": (("username", "username_file"), ("password", "password_file")),
    "authorization": (("credentials", "credentials_file"),),
    "oauth2": (("client_secret", "client_secret_file"),),
}
"""Keys of a block that exclude each other; an empty text counts for the references among them, see `_counts`."""

Config = Mapping[str, Any]
Faults = Iterator[str]


def faults(config: Config, prefix: str = "") -> Faults:
    """Why vmagent would skip a job with these credentials, each with its key.

    prefix: what the keys start with; `proxy_` for the credentials of a proxy.
    """
    given = [key for key in METHODS if _counts(config, prefix + key)]
    if len(given) > 1:
        yield f"{' and '.join(prefix + key for key in given)} exclude each other"
    for key, pairs in _EITHER.items():
        block = config.get(prefix + key)
        if block is not None:
            yield from (f"{prefix}{key}: {fault}" for fault in _block(key, block, pairs))
    yield from _tls(config.get(f"{prefix}tls_config"), f"{prefix}tls_config")
    yield from _headers(config.get(f"{prefix}headers"), f"{prefix}headers")


def _counts(config: Config, key: str) -> bool:
    """Whether a method is chosen: blocks by being there, texts by not being empty."""
    value = config.get(key)
    return value is not None and value != ""


def _block(name: str, block: Config, pairs: tuple[tuple[str, str], ...]) -> Faults:
    for one, other in pairs:
        # A reference to an empty text is one all the same; but for basic_auth, where only texts count.
        is_there = block.get(one) if name == "basic_auth" else block.get(one) is not None
        if is_there and block.get(other):
            yield f"{one} and {other} exclude each other"
    if name == "basic_auth" and not any(block.values()):
        yield "has neither user name nor password"
    if name == "oauth2":
        yield from _oauth2(block)


def _oauth2(block: Config) -> Faults:
    for key in ("client_id", "token_url"):
        if not block.get(key):
            yield f"{key} is empty"
    if block.get("client_secret") is None and not block.get("client_secret_file"):
        yield "neither client_secret nor client_secret_file"
    if isinstance(proxy := block.get("proxy_url"), str):
        try:
            scheme(proxy)
        except InvalidURL as error:
            yield f"proxy_url is no URL: {error}"
    yield from _tls(block.get("tls_config"), "tls_config")
    yield from _headers(block.get("headers"), "headers")


def _tls(block: Config | None, path: str) -> Faults:
    if block is None:
        return
    if str(block.get("min_version") or "").upper() not in TLS_VERSIONS:
        yield f"{path}.min_version: expected one of {', '.join(TLS_VERSIONS[1:])}"
    if bool(block.get("cert")) != bool(block.get("key")):
        yield f"{path}: cert and key need each other"
    for key in ("ca", "cert", "key"):
        if block.get(key) and "-----BEGIN " not in str(block[key]):
            yield f"{path}.{key}: is no PEM"


def _headers(headers: Any, path: str) -> Faults:
    for index, header in enumerate(headers or ()):
        if ":" not in str(header):
            yield f"{path}[{index}]: expected `Name: value`"

"""Credentials and TLS: the blocks that endpoints, discoveries, proxies and remote writes have in common.

vmagent's configuration of these blocks is no projection of their fields, so they have a `to_config` of their own. It
returns None for a block that would be empty, and raises what `secrets` raises for a reference into nowhere.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Protocol

from attrs import field, frozen

from vmagent_operator.api.core import NULLABLE, ConfigMapKeySelector, SecretKeySelector
from vmagent_operator.model.encode import Config, Secrets
from vmagent_operator.model.fields import Field

SCHEMALESS = {"type": None, "properties": None, "required": None, "x-kubernetes-preserve-unknown-fields": True}
"""Laid over a schema that the API server is not to check: what is wrong below comes up when the object is decoded."""


@frozen(kw_only=True)
class SecretOrConfigMap:
    """A text from a Secret or from a ConfigMap."""

    secret: Annotated[SecretKeySelector | None, Field("Key of a Secret.")] = None
    config_map: Annotated[ConfigMapKeySelector | None, Field("Key of a ConfigMap.")] = None

    @property
    def reference(self) -> SecretKeySelector | ConfigMapKeySelector | None:
        """The selector that counts: a Secret goes before a ConfigMap, and a nameless one switches both off."""
        return self.config_map if self.secret is None else named(self.secret)

    def to_config(self, secrets: Secrets) -> str | None:
        """The text, or None without a reference."""
        return _text(self.reference, secrets)


@frozen(kw_only=True)
class TLSConfig:
    """TLS of a client. A file path wins over the reference beside it.

    Strict, because a misspelt `ca_file` where the API server does not look would mean another trust than was asked for.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#http-api-client-options
    """

    STRICT: ClassVar[bool] = True
    """An unknown key is a fault: ignored, a misspelled `insecureSkipVerify` or `ca` would leave a connection less safe than meant."""

    ca_file: Annotated[str, Field("Path of the CA certificate inside the pod.")] = ""
    ca: Annotated[SecretOrConfigMap | None, Field("CA certificate.")] = None
    cert_file: Annotated[str, Field("Path of the client certificate inside the pod.")] = ""
    cert: Annotated[SecretOrConfigMap | None, Field("Client certificate.")] = None
    key_file: Annotated[str, Field("Path of the client key inside the pod.")] = ""
    key_secret: Annotated[SecretKeySelector | None, Field("Client key.")] = None
    server_name: Annotated[str, Field("Name expected in the server's certificate.")] = ""
    insecure_skip_verify: Annotated[bool, Field("Accept any certificate.")] = False

    def to_config(self, secrets: Secrets) -> Config | None:
        """`tls_config`; referenced contents appear as the paths of mounted files."""
        return _block(
            insecure_skip_verify=self.insecure_skip_verify or None,
            ca_file=self.ca_file or _path(self.ca.reference if self.ca else None, secrets),
            cert_file=self.cert_file or _path(self.cert.reference if self.cert else None, secrets),
            key_file=self.key_file or _path(self.key_secret, secrets),
            server_name=self.server_name or None,
        )


@frozen(kw_only=True)
class BasicAuth:
    """HTTP basic authentication."""

    username: Annotated[SecretKeySelector | None, Field("User name.")] = None
    password: Annotated[SecretKeySelector | None, Field("Password.")] = None
    password_file: Annotated[str, Field("Path of the password inside the pod.", key="password_file")] = ""

    def to_config(self, secrets: Secrets) -> Config | None:
        """`basic_auth`; empty texts are left out."""
        return _block(
            username=_text(named(self.username), secrets) or None,
            password=_text(named(self.password), secrets) or None,
            password_file=self.password_file or None,
        )


@frozen(kw_only=True)
class Authorization:
    """An Authorization header."""

    type: Annotated[str, Field("Type of the credentials; Bearer if empty.")] = ""
    credentials: Annotated[SecretKeySelector | None, Field("Credentials.")] = None
    credentials_file: Annotated[str, Field("Path of the credentials inside the pod.")] = ""

    def to_config(self, secrets: Secrets) -> Config | None:
        """`authorization`; None without reference and file, but not for an empty text."""
        if self.credentials is None and not self.credentials_file:
            return None
        return _block(
            credentials=_text(self.credentials, secrets) or None,
            credentials_file=self.credentials_file if self.credentials is None else None,
            type=self.type or "Bearer",
        )


@frozen(kw_only=True)
class OAuth2:
    """OAuth2 with the client credentials grant.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#http-api-client-options
    """

    client_id: Annotated[SecretOrConfigMap, Field("Client id.", key="client_id")]
    client_secret: Annotated[SecretKeySelector | None, Field("Client secret.", key="client_secret")] = None
    client_secret_file: Annotated[str, Field("Path of the client secret inside the pod.", key="client_secret_file")] = (
        ""
    )
    scopes: Annotated[tuple[str, ...], Field("Scopes to ask for.")] = ()
    endpoint_params: Annotated[
        Mapping[str, str], Field("Further parameters of the token request.", key="endpoint_params")
    ] = field(factory=dict)
    token_url: Annotated[str, Field("Where tokens are issued.", key="token_url", schema={"minLength": 1})]
    proxy_url: Annotated[str, Field("Proxy for the token request.", key="proxy_url")] = ""
    tls_config: Annotated[TLSConfig | None, Field("TLS of the token request.", key="tls_config", schema=SCHEMALESS)] = (
        None
    )

    def to_config(self, secrets: Secrets) -> Config | None:
        """`oauth2`; a client secret that is referred to is written even if it is empty."""
        return _block(
            client_id=self.client_id.to_config(secrets) or None,
            client_secret=_text(self.client_secret, secrets),
            client_secret_file=(self.client_secret is None and self.client_secret_file) or None,
            scopes=list(self.scopes) or None,
            endpoint_params=dict(sorted(self.endpoint_params.items())) or None,
            token_url=self.token_url or None,
            proxy_url=self.proxy_url or None,
            tls_config=_config(self.tls_config, secrets),
        )


@frozen(kw_only=True)
class ProxyAuth:
    """Credentials and TLS towards a proxy.

    Source: https://docs.victoriametrics.com/victoriametrics/vmagent/#scraping-targets-via-a-proxy
    """

    basic_auth: Annotated[BasicAuth | None, Field("Basic authentication.", key="basic_auth")] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.", key="tls_config", schema=SCHEMALESS)] = None
    authorization: Annotated[Authorization | None, Field("Authorization header.")] = None
    oauth2: Annotated[OAuth2 | None, Field("OAuth2.")] = None
    bearer_token: Annotated[SecretKeySelector | None, Field("Bearer token.", key="bearer_token", schema=NULLABLE)] = (
        None
    )
    bearer_token_file: Annotated[str, Field("Path of the bearer token inside the pod.", key="bearer_token_file")] = ""

    def to_config(self, secrets: Secrets) -> Config | None:
        """The `proxy_*` keys, which stand in the job or discovery itself; the token wins over its file."""
        return _block(
            proxy_basic_auth=_config(self.basic_auth, secrets),
            proxy_tls_config=_config(self.tls_config, secrets),
            proxy_authorization=_config(self.authorization, secrets),
            proxy_oauth2=_config(self.oauth2, secrets),
            proxy_bearer_token=_text(self.bearer_token, secrets) or None,
            proxy_bearer_token_file=(self.bearer_token is None and self.bearer_token_file) or None,
        )


@frozen(kw_only=True)
class EndpointAuth:
    """How an endpoint is authenticated to; part of every endpoint and scrape class."""

    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None
    bearer_token_file: Annotated[str, Field("Path of the bearer token inside the pod.")] = ""
    bearer_token_secret: Annotated[SecretKeySelector | None, Field("Bearer token.", schema=NULLABLE)] = None
    basic_auth: Annotated[BasicAuth | None, Field("Basic authentication.")] = None
    oauth2: Annotated[OAuth2 | None, Field("OAuth2.")] = None
    authorization: Annotated[Authorization | None, Field("Authorization header.")] = None

    def to_config(self, secrets: Secrets) -> Config | None:
        """The keys that end a job; a token file wins over the token."""
        token = None if self.bearer_token_file else named(self.bearer_token_secret)
        return _block(
            tls_config=_config(self.tls_config, secrets),
            bearer_token_file=self.bearer_token_file or None,
            bearer_token=_text(token, secrets),
            basic_auth=_config(self.basic_auth, secrets),
            oauth2=_config(self.oauth2, secrets),
            authorization=_config(self.authorization, secrets),
        )


@frozen(kw_only=True)
class HTTPClientOptions:
    """How a discovery talks to its API; part of most discoveries.

    Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/#http-api-client-options
    """

    basic_auth: Annotated[BasicAuth | None, Field("Basic authentication.")] = None
    authorization: Annotated[Authorization | None, Field("Authorization header.")] = None
    oauth2: Annotated[OAuth2 | None, Field("OAuth2.")] = None
    proxy_url: Annotated[str, Field("Proxy to go through.", key="proxyURL")] = ""
    proxy_client_config: Annotated[ProxyAuth | None, Field("Credentials for the proxy.", key="proxy_client_config")] = (
        None
    )
    follow_redirects: Annotated[bool | None, Field("Follow HTTP redirects; true if absent.")] = None
    tls_config: Annotated[TLSConfig | None, Field("TLS.")] = None

    def to_config(self, secrets: Secrets) -> Config | None:
        """The keys that end a discovery entry; `basic_auth` is written even if it is empty."""
        return _block(
            basic_auth=self.basic_auth and (self.basic_auth.to_config(secrets) or {}),
            authorization=_config(self.authorization, secrets),
            oauth2=_config(self.oauth2, secrets),
            proxy_url=self.proxy_url or None,
            **_config(self.proxy_client_config, secrets) or {},
            follow_redirects=self.follow_redirects,
            tls_config=_config(self.tls_config, secrets),
        )


class _Block(Protocol):
    def to_config(self, secrets: Secrets) -> Config | None: ...


def named(selector: SecretKeySelector | None) -> SecretKeySelector | None:
    """`selector` unless its name is empty: such a one stands for no reference in most places."""
    return selector if selector is not None and selector.name else None


def _block(**entries: Any) -> Config | None:
    return {key: value for key, value in entries.items() if value is not None} or None


def _config(block: _Block | None, secrets: Secrets) -> Config | None:
    return None if block is None else block.to_config(secrets)


def _text(selector: SecretKeySelector | ConfigMapKeySelector | None, secrets: Secrets) -> str | None:
    return None if selector is None else secrets.value(selector)


def _path(selector: SecretKeySelector | ConfigMapKeySelector | None, secrets: Secrets) -> str | None:
    return None if selector is None else secrets.path(selector)

"""Scrape classes: the credentials of a class and of an endpoint become one block.

What an endpoint says goes before what its class says, mostly field by field. Two pairs that exclude each other (a text and
a file with that text) count as one field, so that a class never adds the second half.
"""

from typing import TypeVar

from attrs import evolve

from vmagent_operator.api.auth import Authorization, BasicAuth, EndpointAuth, OAuth2, TLSConfig
from vmagent_operator.api.endpoint import AttachMetadata
from vmagent_operator.model.encode import Config

T = TypeVar("T", EndpointAuth, TLSConfig, BasicAuth, OAuth2)

TLS_GROUPS = (("ca_file", "ca"), ("cert_file", "cert"), ("key_file", "key_secret"), ("server_name",))
OAUTH2_GROUPS = (
    ("client_secret", "client_secret_file"),
    ("endpoint_params",),
    ("scopes",),
    ("token_url",),
    ("proxy_url",),
)
BEARER_GROUPS = (("bearer_token_file",), ("bearer_token_secret",))


def auth(own: EndpointAuth, default: EndpointAuth) -> EndpointAuth:
    """The credentials of an endpoint whose class has those of `default`."""
    return evolve(
        _filled(own, default, BEARER_GROUPS),
        tls_config=_tls(own.tls_config, default.tls_config),
        basic_auth=_basic_auth(own.basic_auth, default.basic_auth),
        oauth2=_oauth2(own.oauth2, default.oauth2),
        authorization=_authorization(own.authorization, default.authorization),
    )


def attach_metadata(*levels: AttachMetadata | None) -> AttachMetadata:
    """Flag by flag what the first level says that says anything."""
    present = [level for level in levels if level is not None]
    return AttachMetadata(
        node=next((level.node for level in present if level.node is not None), None),
        namespace=next((level.namespace for level in present if level.namespace is not None), None),
    )


def _filled(own: T, default: T, groups: tuple[tuple[str, ...], ...]) -> T:
    """`own`, with each group of fields of which it has none taken from `default`."""
    missing = [name for group in groups if not any(getattr(own, name) for name in group) for name in group]
    taken: Config = {name: getattr(default, name) for name in missing}
    return evolve(own, **taken)


def _tls(own: TLSConfig | None, default: TLSConfig | None) -> TLSConfig | None:
    return (own or default) if own is None or default is None else _filled(own, default, TLS_GROUPS)


def _basic_auth(own: BasicAuth | None, default: BasicAuth | None) -> BasicAuth | None:
    if own is None or default is None:
        return own or default
    merged = _filled(own, default, (("password", "password_file"),))
    return merged if own.username is not None and own.username.name else evolve(merged, username=default.username)


def _oauth2(own: OAuth2 | None, default: OAuth2 | None) -> OAuth2 | None:
    if own is None or default is None:
        return own or default
    merged = evolve(_filled(own, default, OAUTH2_GROUPS), tls_config=_tls(own.tls_config, default.tls_config))
    is_anonymous = own.client_id.secret is None and own.client_id.config_map is None
    return evolve(merged, client_id=default.client_id) if is_anonymous else merged


def _authorization(own: Authorization | None, default: Authorization | None) -> Authorization | None:
    if own is None or default is None:
        return own or default
    merged = evolve(own, credentials=own.credentials or default.credentials)
    if merged.credentials is None and not merged.credentials_file:
        return evolve(merged, credentials_file=default.credentials_file)
    return merged

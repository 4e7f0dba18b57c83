"""The keys of a job in vmagent's configuration, and what makes vmagent skip one.

The discoveries come from their field tables; `_FURTHER` has what these leave out. A discovery whose credentials make no
sense is vmagent's to tell: it skips its targets, and the job stays.

Source: lib/promscrape/config.go, lib/promscrape/discovery, lib/promauth of VictoriaMetrics 1.150
"""

from typing import Any

from vmagent_operator.api.auth import HTTPClientOptions, TLSConfig
from vmagent_operator.api.core import SecretKeySelector
from vmagent_operator.api.discovery import Discoveries
from vmagent_operator.model.encode import Config
from vmagent_operator.model.fields import List, Map, Model, Scalar, StringOrList, cached, slots
from vmagent_operator.model.fields import Shape as FieldShape
from vmagent_operator.scrape.checks import credentials
from vmagent_operator.scrape.checks.raw import (
    RULES,
    Faults,
    Fields,
    Fill,
    Shape,
    boolean,
    duration,
    integer,
    judged,
    many,
    mapping,
    own_text,
    pairs,
    proxy,
    size,
    text,
    words,
    zones,
)

TLS = mapping(
    dict.fromkeys(("ca", "ca_file", "cert", "cert_file", "key", "key_file", "server_name", "min_version"), text)
    | {"insecure_skip_verify": boolean}
)
_CREDENTIALS: Fields = {
    "authorization": mapping({"type": text, "credentials": own_text, "credentials_file": text}),
    "basic_auth": mapping({"username": text, "username_file": text, "password": own_text, "password_file": text}),
    "bearer_token": own_text,
    "bearer_token_file": text,
    "oauth2": mapping(
        {
            "client_id": text,
            "client_secret": own_text,
            "client_secret_file": text,
            "scopes": many(text),
            "token_url": text,
            "endpoint_params": pairs(text),
            "tls_config": TLS,
            "proxy_url": text,
            "headers": many(text),
        }
    ),
    "tls_config": TLS,
    "headers": many(text),
}
_CLIENT: Fields = {**_CREDENTIALS, "follow_redirects": boolean}
_PROXY: Fields = {"proxy_url": proxy} | {f"proxy_{key}": shape for key, shape in _CREDENTIALS.items()}
_FILTERS = many(mapping({"name": text, "values": many(text)}))

_FURTHER: dict[str, Fields] = {
    "consul_sd_configs": {"token": own_text, "username": text, "password": own_text},
    "consulagent_sd_configs": {"username": text, "password": own_text},
    "ec2_sd_configs": {
        "access_key": text,
        "endpoint": text,
        "sts_endpoint": text,
        "profile": text,
        "az_filters": _FILTERS,
    },
    "kubernetes_sd_configs": {"kubeconfig_file": text},
    "linode_sd_configs": {
        "server": text,
        "port": integer,
        "tag_separator": text,
        "region": text,
        **_CLIENT,
        **_PROXY,
    },
}
"""Keys that no field of ours gives, or gives another type."""
_WITHOUT_PROXY_CREDENTIALS = "kubernetes_sd_configs"
_SHAPES: dict[type, Shape] = {str: text, int: integer, bool: boolean, float: text}


def _fields(cls: type) -> dict[str, Shape]:
    """The keys that a model's table gives vmagent, with vmagent's types."""
    found: dict[str, Shape] = {}
    for slot in slots(cls):
        if slot.inline is HTTPClientOptions:
            found |= {**_CLIENT, **_PROXY}
        elif slot.config:
            found[slot.config] = _shape(slot.shape)
    return found


def _shape(shape: FieldShape) -> Shape:
    match shape:
        case Scalar(type=kind):
            return _SHAPES[kind]
        case Model(cls=cls) if cls is SecretKeySelector:
            return own_text
        case Model(cls=cls):
            return TLS if cls is TLSConfig else mapping(_fields(cls))
        case List(item=Model(cls=cls)):
            return many(mapping(_fields(cls)))
        case List(item=item):
            return many(_shape(item))
        case Map(item=item):
            return pairs(_shape(item))
        case StringOrList():
            return zones
    return text


def _discoveries() -> dict[str, Shape]:
    tables = {slot.config: slot.shape for slot in slots(Discoveries)}
    found: dict[str, Shape] = {}
    for key in tables.keys() | _FURTHER.keys():
        table = tables.get(key)
        fields = _fields(table.item.cls) if isinstance(table, List) and isinstance(table.item, Model) else {}
        fields |= _FURTHER.get(key, {})
        if key == _WITHOUT_PROXY_CREDENTIALS:
            fields = {name: shape for name, shape in fields.items() if name == "proxy_url" or name not in _PROXY}
        found[key] = many(mapping(fields))
    return found


def _job(given: Config, path: str, filled: Fill) -> Faults:
    if not words(given.get("job_name")):
        yield f"{path}.job_name: required"
    said = _said(given)
    for prefix in ("", "proxy_"):
        yield from (f"{path}.{fault}" for fault in credentials.faults(said, prefix))


def _said(value: object) -> Any:
    """`value` with the texts that vmagent reads for its scalars; null stays what it is."""
    if isinstance(value, dict):
        return {words(key): _said(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_said(inner) for inner in value]
    return value if value is None else words(value)


@cached
def job() -> Shape:
    """The shape of a job."""
    fields: dict[str, Shape] = {
        "job_name": text,
        "scrape_interval": duration,
        "scrape_timeout": duration,
        "max_scrape_size": size,
        "metrics_path": text,
        "honor_labels": boolean,
        "honor_timestamps": boolean,
        "scheme": judged(lambda given: None if given.lower() in ("http", "https") else "expected http or https"),
        "params": pairs(many(text)),
        "relabel_configs": RULES,
        "metric_relabel_configs": RULES,
        "sample_limit": integer,
        "label_limit": integer,
        "series_limit": integer,
        "enable_compression": boolean,
        "disable_compression": boolean,
        "disable_keepalive": boolean,
        "stream_parse": boolean,
        "scrape_align_interval": duration,
        "scrape_offset": duration,
        "no_stale_markers": boolean,
        **_CLIENT,
        **_PROXY,
        **_discoveries(),
    }
    return mapping(fields, _job, is_item=True)

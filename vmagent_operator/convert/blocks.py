"""What the kinds of prometheus-operator have in common: rules, credentials, TLS, and options that vmagent has not.

Source: https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.0/Documentation/api-reference/api.md
"""

import re
from typing import Any

from vmagent_operator.convert.table import (
    Dropped,
    Reading,
    Table,
    To,
    block,
    flag,
    listed,
    lower,
    mapped,
    number,
    switch,
    text,
    texts,
    texts_by_key,
)

NEED_SOURCES = frozenset({"keep", "drop", "hashmod", "keepequal", "dropequal", "lowercase", "uppercase"})
"""Actions that look at source labels, and without any would keep, drop or write at random."""
MOVED = (("/etc/prometheus/secrets", "/etc/vm/secrets"), ("/etc/prometheus/configmaps", "/etc/vm/configs"))
"""Where Prometheus has the Secrets and ConfigMaps that an owner names, and where vmagent has them."""

# A number and a unit, of which those of Prometheus all are powers of 1024.
_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(?:([KMGTPE])i?)?B?")
LONGEST_SIZE = 32
"""Characters; the schema has no end, and each endpoint gets a copy."""
_LARGE = {"P": 1 << 50, "E": 1 << 60}
"""Units beyond what vmagent knows."""

_HTTP_1 = Dropped("vmagent speaks HTTP/1.1", (False,))
_NO_LIMIT = "vmagent's kinds have no such limit"
_HISTOGRAMS = "vmagent has no option for histograms"
_PROXY = "vmagent knows a proxy by its URL only"
_TLS_VERSION = "vmagent has no option for TLS versions here"
REFRESH = Dropped("vmagent asks at the intervals of its own flags")


def selector(reading: Reading, raw: Any, path: str) -> Any:
    """Makes a reference to a key of a Secret or a ConfigMap."""
    return _KEY(reading, raw, path)


def bearer_token(reading: Reading, raw: Any, path: str) -> Any:
    """Makes the reference to a bearer token; an empty one, a default of older charts, is none."""
    if isinstance(raw, dict) and not raw.get("name") and not raw.get("key"):
        return None
    return _KEY(reading, raw, path)


def moved_path(reading: Reading, raw: Any, path: str) -> Any:
    """Makes the path of a file where vmagent has it."""
    if not isinstance(raw, str):
        return reading.mistyped("string", raw, path)
    for old, new in MOVED:
        if raw == old or raw.startswith(f"{old}/"):
            return new + raw.removeprefix(old)
    return raw


def size(reading: Reading, raw: Any, path: str) -> Any:
    """Makes vmagent's spelling of a size of Prometheus', in which a MB is a MiB too; none for no limit."""
    if not isinstance(raw, str):
        return reading.mistyped("string", raw, path)
    if not raw:
        return None
    found = _SIZE.fullmatch(raw) if len(raw) <= LONGEST_SIZE else None
    if found is None:
        return reading.lose(path, f"{raw[:LONGEST_SIZE]!r} is no size such as 16MB")
    amount, unit = found[1], found[2] or ""
    if not float(amount):
        return None
    if unit in _LARGE or not unit:
        return str(int(float(amount) * _LARGE.get(unit, 1)))
    return f"{amount}{unit}iB"


def rules(reading: Reading, raw: Any, path: str) -> Any:
    """Makes relabeling rules, without those that lack the labels that they are about."""
    return _RULES(reading, raw, path)


def _rule(reading: Reading, raw: Any, path: str) -> Any:
    made = _RULE(reading, raw, path)
    if isinstance(made, dict) and str(made.get("action", "")).lower() in NEED_SOURCES and not made.get("sourceLabels"):
        return reading.lose(path, f"a rule to {made['action']} needs source labels", is_rule=True)
    return made


def _expression(reading: Reading, raw: Any, path: str) -> Any:
    return text(reading, raw, path) or None  # an empty one stands for the default


_KEY = block({"name": To(text), "key": To(text), "optional": To(flag)})
_RULE = block(
    {
        "sourceLabels": To(texts),
        "separator": To(text),
        "targetLabel": To(text),
        "regex": To(_expression),
        "modulus": To(number),
        "replacement": To(text),
        "action": To(text),
    }
)
_RULES = listed(_rule)
_SECRET_OR_CONFIG_MAP = block({"secret": To(selector), "configMap": To(selector)})

BASIC_AUTH = block({"username": To(selector), "password": To(selector)})
AUTHORIZATION = block({"type": To(text), "credentials": To(selector)})

_TLS: Table = {
    "ca": To(_SECRET_OR_CONFIG_MAP),
    "cert": To(_SECRET_OR_CONFIG_MAP),
    "keySecret": To(selector),
    "serverName": To(text),
    "insecureSkipVerify": To(switch),
    "minVersion": Dropped(_TLS_VERSION),
    "maxVersion": Dropped(_TLS_VERSION),
}
TLS = block(_TLS)
TLS_WITH_FILES = block(
    {**_TLS, "caFile": To(moved_path), "certFile": To(moved_path), "keyFile": To(moved_path)},
)

PROXY_REST: Table = {
    "noProxy": Dropped(_PROXY),
    "proxyFromEnvironment": Dropped(_PROXY, (False,)),
    "proxyConnectHeader": Dropped(_PROXY),
}
OAUTH2 = block(
    {
        "clientId": To(_SECRET_OR_CONFIG_MAP, "client_id"),
        "clientSecret": To(selector, "client_secret"),
        "tokenUrl": To(text, "token_url"),
        "scopes": To(texts),
        "endpointParams": To(texts_by_key, "endpoint_params"),
        "tlsConfig": To(TLS, "tls_config"),
        "proxyUrl": To(text, "proxy_url"),
        **PROXY_REST,
    }
)
AUTH: Table = {
    "authorization": To(AUTHORIZATION),
    "basicAuth": To(BASIC_AUTH),
    "oauth2": To(OAUTH2),
    "tlsConfig": To(TLS),
}
HTTP: Table = {"followRedirects": To(flag, "follow_redirects"), "enableHttp2": _HTTP_1}
PROXY: Table = {"proxyUrl": To(text, "proxyURL"), **PROXY_REST}

LABEL_SELECTOR = block(
    {
        "matchLabels": To(texts_by_key),
        "matchExpressions": To(listed(block({"key": To(text), "operator": To(text), "values": To(texts)}))),
    }
)
NAMESPACE_SELECTOR = block({"any": To(switch), "matchNames": To(texts)})
ATTACH_METADATA = block({"node": To(flag)})
PARAMS = mapped(texts)

SCRAPING: Table = {
    "interval": To(text),
    "scrapeTimeout": To(text),
    **HTTP,
    **PROXY,
    **AUTH,
}
"""What endpoints and Probes have in common."""
ENDPOINT: Table = {
    **SCRAPING,
    "port": To(text),
    "path": To(text),
    "scheme": To(lower),
    "params": To(PARAMS),
    "honorLabels": To(switch),
    "honorTimestamps": To(flag),
    "trackTimestampsStaleness": Dropped("vmagent has no such option", (False,)),
    "bearerTokenSecret": To(bearer_token),
    "relabelings": To(rules, "relabelConfigs"),
    "metricRelabelings": To(rules, "metricRelabelConfigs"),
}
"""What the endpoints of ServiceMonitors and PodMonitors have in common."""
LIMITS: Table = {
    "sampleLimit": To(number),
    "targetLimit": Dropped(_NO_LIMIT, (0,)),
    "labelLimit": Dropped(_NO_LIMIT, (0,)),
    "labelNameLengthLimit": Dropped(_NO_LIMIT, (0,)),
    "labelValueLengthLimit": Dropped(_NO_LIMIT, (0,)),
    "keepDroppedTargets": Dropped("vmagent has a flag for this, for all targets", (0,)),
    "scrapeProtocols": Dropped("vmagent asks for the text format"),
    "fallbackScrapeProtocol": Dropped("vmagent reads every response as the text format"),
    "scrapeNativeHistograms": Dropped(_HISTOGRAMS, (False,)),
    "scrapeClassicHistograms": Dropped(_HISTOGRAMS, (False,)),
    "nativeHistogramBucketLimit": Dropped(_HISTOGRAMS, (0,)),
    "nativeHistogramMinBucketFactor": Dropped(_HISTOGRAMS),
    "convertClassicHistogramsToNHCB": Dropped(_HISTOGRAMS, (False,)),
    "scrapeClass": To(text),
}
"""What all kinds have at their top."""

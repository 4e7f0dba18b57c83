"""ScrapeConfig: what each of its fields becomes, discovery by discovery."""

from collections.abc import Iterable, Mapping
from typing import Any

from vmagent_operator.convert.blocks import (
    ATTACH_METADATA,
    AUTH,
    HTTP,
    LIMITS,
    PARAMS,
    PROXY,
    PROXY_REST,
    REFRESH,
    rules,
    selector,
    size,
)
from vmagent_operator.convert.table import (
    Dropped,
    Reading,
    Table,
    To,
    block,
    chosen,
    flag,
    listed,
    lower,
    number,
    switch,
    text,
    texts,
    texts_by_key,
)

_NO_DISCOVERY = Dropped("vmagent has no such discovery")
_NO_OPTION = Dropped("vmagent has no such option in this discovery")
_NO_HTTP = "vmagent's kind has no HTTP options for this discovery"

_CLIENT: Table = {
    **AUTH,
    **PROXY,
    "followRedirects": To(flag),
    "enableHTTP2": HTTP["enableHttp2"],
    "refreshInterval": REFRESH,
}
"""How a discovery talks to its API."""
_NO_CLIENT: Table = {
    **PROXY_REST,
    "proxyUrl": Dropped(_NO_HTTP),
    "tlsConfig": Dropped(_NO_HTTP),
    "followRedirects": Dropped(_NO_HTTP, (True,)),
    "enableHTTP2": HTTP["enableHttp2"],
    "refreshInterval": REFRESH,
}


def _same(make: Any, keys: str) -> Table:
    """Rules for fields, their names with spaces between, that the target has too."""
    return {key: To(make) for key in keys.split()}


def _small(words: Iterable[str]) -> dict[str, str]:
    """Words and their spelling in small letters."""
    return {word: word.lower() for word in words}


def _upper(reading: Reading, raw: Any, path: str) -> Any:
    return raw.upper() if isinstance(raw, str) else reading.mistyped("string", raw, path)


_FILTERS = listed(block({"name": To(text), "values": To(texts)}))

_KUBERNETES: Table = {
    **_CLIENT,
    "apiServer": To(text),
    "role": To(lower),
    "namespaces": To(block({"ownNamespace": To(flag), "names": To(texts)})),
    "selectors": To(listed(block({"role": To(lower), **_same(text, "label field")}))),
    "attachMetadata": To(ATTACH_METADATA, "attach_metadata"),
}
_CONSUL: Table = {
    **_CLIENT,
    **_same(text, "server datacenter namespace partition tagSeparator filter"),
    "scheme": To(_upper),
    **_same(texts, "services tags"),
    "tokenRef": To(selector),
    "nodeMeta": To(texts_by_key),
    "allowStale": To(flag),
    "pathPrefix": _NO_OPTION,
    "healthFilter": _NO_OPTION,
}
_DNS: Table = {
    "names": To(texts),
    "type": To(chosen({word: word for word in ("SRV", "A", "AAAA", "MX")}, "type of DNS records")),
    "port": To(number),
    "refreshInterval": REFRESH,
}
_EC2: Table = {
    **_NO_CLIENT,
    **_same(text, "region roleARN"),
    **_same(selector, "accessKey secretKey"),
    "port": To(number),
    "filters": To(_FILTERS),
}
_AZURE: Table = {
    **_CLIENT,
    **_same(text, "environment subscriptionID tenantID clientID resourceGroup"),
    "authenticationMethod": To(
        chosen({word: word for word in ("OAuth", "ManagedIdentity")}, "way to authenticate at Azure called")
    ),
    "clientSecret": To(selector),
    "port": To(number),
}
_GCE: Table = {**_same(text, "project zone filter tagSeparator"), "port": To(number), "refreshInterval": REFRESH}
_OPENSTACK: Table = {
    "role": To(chosen({word: word for word in ("Instance", "Hypervisor")}, "role in OpenStack called")),
    **_same(text, "region identityEndpoint username userid domainName domainID projectName projectID availability"),
    **_same(text, "applicationCredentialName applicationCredentialId"),
    **_same(selector, "password applicationCredentialSecret"),
    "allTenants": To(flag),
    "port": To(number),
    "tlsConfig": AUTH["tlsConfig"],
    "refreshInterval": REFRESH,
}
_HETZNER: Table = {
    **_CLIENT,
    "role": To(chosen(_small(("robot", "Robot", "hcloud", "Hcloud")), "role in Hetzner called")),
    "port": To(number),
    "labelSelector": _NO_OPTION,
}
_DOCKER: Table = {**_CLIENT, **_same(text, "host"), "port": To(number), "filters": To(_FILTERS)}
_OVHCLOUD: Table = {
    **_same(text, "applicationKey service endpoint"),
    **_same(selector, "applicationSecret consumerKey"),
    "refreshInterval": REFRESH,
}

_DISCOVERIES: Mapping[str, Table] = {
    "staticConfigs": {"targets": To(texts), "labels": To(texts_by_key)},
    "fileSDConfigs": {"files": To(texts), "refreshInterval": REFRESH},
    "httpSDConfigs": {**_CLIENT, "url": To(text)},
    "kubernetesSDConfigs": _KUBERNETES,
    "consulSDConfigs": _CONSUL,
    "dnsSDConfigs": _DNS,
    "ec2SDConfigs": _EC2,
    "azureSDConfigs": _AZURE,
    "gceSDConfigs": _GCE,
    "openstackSDConfigs": _OPENSTACK,
    "digitalOceanSDConfigs": {**_CLIENT, "port": To(number)},
    "kumaSDConfigs": {**_CLIENT, **_same(text, "server clientID"), "fetchTimeout": _NO_OPTION},
    "eurekaSDConfigs": {**_CLIENT, "server": To(text)},
    "dockerSDConfigs": {**_DOCKER, "hostNetworkingHost": To(text), "matchFirstNetwork": To(flag)},
    "dockerSwarmSDConfigs": {**_DOCKER, "role": To(chosen(_small(("Services", "Tasks", "Nodes")), "Swarm role"))},
    "hetznerSDConfigs": _HETZNER,
    "nomadSDConfigs": {**_CLIENT, **_same(text, "server namespace region tagSeparator"), "allowStale": To(flag)},
    "ovhcloudSDConfigs": _OVHCLOUD,
    "puppetDBSDConfigs": {
        **_CLIENT,
        **_same(text, "url query"),
        "includeParameters": To(switch),
        "port": To(number),
    },
}


def _compression(reading: Reading, raw: Any, path: str) -> Any:
    """Makes vmagent's own parameters, of which one says the contrary."""
    return {"disable_compression": not raw} if isinstance(raw, bool) else reading.mistyped("boolean", raw, path)


def _job_label(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with the name of the job as the rule that gives targets that label, before all others."""
    if name := spec.pop("jobName", ""):
        rule = {"targetLabel": "job", "replacement": name.replace("$", "$$")}
        spec["relabelConfigs"] = [rule, *spec.get("relabelConfigs", ())]
    return spec


SCRAPE_CONFIG = block(
    {
        **LIMITS,
        **AUTH,
        **PROXY,
        **_same(text, "scrapeTimeout scheme jobName"),
        "honorTimestamps": To(flag),
        "honorLabels": To(switch),
        "params": To(PARAMS),
        "metricsPath": To(text, "path"),
        "scrapeInterval": To(text, "scrape_interval"),
        "bodySizeLimit": To(size, "max_scrape_size"),
        "enableCompression": To(_compression, "vm_scrape_params"),
        "relabelings": To(rules, "relabelConfigs"),
        "metricRelabelings": To(rules, "metricRelabelConfigs"),
        "enableHTTP2": HTTP["enableHttp2"],
        "trackTimestampsStaleness": Dropped("vmagent has no such option", (False,)),
        "nameValidationScheme": Dropped("vmagent takes names as they come"),
        "nameEscapingScheme": Dropped("vmagent takes names as they come"),
        **{key: To(listed(block(table))) for key, table in _DISCOVERIES.items()},
        "linodeSDConfigs": _NO_DISCOVERY,
        "lightSailSDConfigs": _NO_DISCOVERY,
        "scalewaySDConfigs": _NO_DISCOVERY,
        "ionosSDConfigs": _NO_DISCOVERY,
    },
    _job_label,
)

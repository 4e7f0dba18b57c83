"""The scrape object through which an agent is scraped itself: a VMServiceScrape, or for a DaemonSet a VMPodScrape."""

from typing import Any

from attrs import evolve

from vmagent_operator.api.kinds import API_VERSION
from vmagent_operator.api.servicescrape import VMServiceScrapeSpec
from vmagent_operator.desired import labels, listener, names
from vmagent_operator.desired.around import service
from vmagent_operator.desired.vmagent.features import VMAgent, has_reloader, is_daemon_set, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.settings import Settings

Endpoint = dict[str, Any]
_APP_LABEL = "victoriametrics_app"
_RELOADER_PORT = 8435
_BOTH_SPELLINGS = {"sourceLabels": "source_labels", "targetLabel": "target_label"}

# What a VMPodScrape takes over of `serviceScrapeSpec`.
_POD_KEYS = ("podTargetLabels", "sampleLimit", "seriesLimit", "attach_metadata")
# What it does not take over of an endpoint: where to find the target, and credentials.
_SERVICE_ONLY = (
    "targetPort",
    "attach_metadata",
    "tlsConfig",
    "bearerTokenFile",
    "bearerTokenSecret",
    "basicAuth",
    "oauth2",
    "authorization",
)


def self_scrape(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The agent's own scrape object, or None where it is switched off."""
    kind = "VMPodScrape" if is_daemon_set(agent) else "VMServiceScrape"
    is_disabled = spec(agent).disable_self_service_scrape
    if is_disabled is None:
        is_disabled = settings.disable_self_service_scrape
    if is_disabled or kind in settings.disabled_kinds:
        return None
    given = to_json(spec(agent).service_scrape_spec or VMServiceScrapeSpec(endpoints=()))
    endpoints = [_with_both_spellings(endpoint) for endpoint in given.get("endpoints", ())]
    build = _pod_scrape if is_daemon_set(agent) else _service_scrape
    return {"apiVersion": API_VERSION, "kind": kind, **build(agent, settings, given, endpoints)}


def _service_scrape(agent: VMAgent, settings: Settings, given: Manifest, endpoints: list[Endpoint]) -> Manifest:
    endpoints = [_reachable(endpoint, agent) for endpoint in endpoints]
    if not any(endpoint.get("port") == "http" for endpoint in endpoints):
        endpoints.append(_generated(agent))
    metadata = service.main(agent, settings)["metadata"]
    if not any(given.get("selector", {}).values()):
        own = service.main(agent, evolve(settings, common_labels={}))["metadata"]["labels"]
        given["selector"] = {
            "matchLabels": own,
            "matchExpressions": [{"key": service.ADDITIONAL_LABEL, "operator": "DoesNotExist"}],
        }
    reloader = [_reloader({"targetPort": _RELOADER_PORT})] if has_reloader(agent) else []
    return {"metadata": metadata, "spec": {**given, "endpoints": [*map(_labelled, endpoints), *reloader]}}


def _pod_scrape(agent: VMAgent, settings: Settings, given: Manifest, endpoints: list[Endpoint]) -> Manifest:
    taken = [{k: v for k, v in endpoint.items() if k not in _SERVICE_ONLY} for endpoint in endpoints]
    http = [_reachable(endpoint, agent) for endpoint in taken if endpoint.get("port") == "http"]
    others = [endpoint for endpoint in taken if endpoint.get("port") != "http"]
    reloader = [_reloader({"portNumber": _RELOADER_PORT})] if has_reloader(agent) else []
    metadata = labels.meta(agent, settings, names.prefixed(agent))
    metadata["labels"] = {**settings.common_labels, **labels.selector(agent)}
    metadata.pop("annotations", None)
    if settings.common_annotations:
        metadata["annotations"] = dict(settings.common_annotations)
    kept = {key: given[key] for key in _POD_KEYS if key in given}
    return {
        "metadata": metadata,
        "spec": {
            **kept,
            "podMetricsEndpoints": [*map(_labelled, (http[-1] if http else _generated(agent), *others)), *reloader],
            "selector": {"matchLabels": labels.selector(agent)},
        },
    }


def _generated(agent: VMAgent) -> Endpoint:
    """The endpoint of the HTTP port as the agent's arguments make it reachable."""
    endpoint: Endpoint = {"port": "http", "path": listener.path(agent, "/metrics")}
    if listener.scheme(agent) == "https":
        endpoint |= {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}
    if key := spec(agent).apps.extra_args.get("metricsAuthKey"):
        endpoint["params"] = {"authKey": [key]}
    return endpoint


def _reachable(endpoint: Endpoint, agent: VMAgent) -> Endpoint:
    """A user's endpoint; that of the HTTP port gets what it takes to reach it and the user has left out."""
    if endpoint.get("port") != "http":
        return endpoint
    generated = _generated(agent)
    if endpoint.get("scheme"):
        generated.pop("tlsConfig", None)
    if params := {**generated.pop("params", {}), **endpoint.get("params", {})}:
        generated["params"] = params
    return {**generated, **{k: v for k, v in endpoint.items() if v not in ("", None) and k != "params"}}


def _labelled(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with the label that tells VictoriaMetrics' own components, unless it writes that label itself."""
    rules = endpoint.get("relabelConfigs", [])
    if any(rule.get("targetLabel") == _APP_LABEL for rule in rules):
        return endpoint
    return {**endpoint, "relabelConfigs": [*rules, {"targetLabel": _APP_LABEL, "replacement": "true"}]}


def _reloader(port: Endpoint) -> Endpoint:
    rule = {
        "sourceLabels": ["job"],
        "targetLabel": "job",
        "regex": "(.+)",
        "replacement": "${1}-reloader-http",
    }
    return {**port, "path": "/metrics", "relabelConfigs": [rule]}


def _with_both_spellings(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with both spellings of the keys that relabeling rules may spell in two ways."""
    out = dict(endpoint)
    for key in ("relabelConfigs", "metricRelabelConfigs"):
        if key in out:
            out[key] = [rule | {b: rule[a] for a, b in _BOTH_SPELLINGS.items() if a in rule} for rule in out[key]]
    return out

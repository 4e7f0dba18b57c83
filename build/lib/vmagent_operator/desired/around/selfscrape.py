"""The scrape object through which a component is scraped itself: a VMServiceScrape, or for a DaemonSet a VMPodScrape."""

from attrs import frozen

from vmagent_operator.api.apps import AdditionalServiceSpec
from vmagent_operator.api.servicescrape import VMServiceScrapeSpec
from vmagent_operator.desired import labels, listener
from vmagent_operator.desired.around import service
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.probes import RELOADER_PORT
from vmagent_operator.identity import ADDITIONAL_SERVICE_LABEL, API_VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json

Endpoint = Manifest
_APP_LABEL = "victoriametrics_app"
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


@frozen(kw_only=True)
class Wish:
    """What an owner says about being scraped itself.

    given: `serviceScrapeSpec`. is_disabled: None leaves it to the operator's setting. service: the component's own
    Service, made with `service_spec`. sidecars: names of its ports behind which something else answers. marks: the labels
    that tell the Service from others of the component. job_label: that of them which names the job, if one does.
    """

    given: VMServiceScrapeSpec | None
    is_disabled: bool | None
    has_reloader: bool
    service: Manifest
    service_spec: AdditionalServiceSpec | None
    sidecars: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    job_label: str = ""


def self_scrape(component: Component, wish: Wish) -> Manifest | None:
    """The component's own scrape object, or None where it is switched off."""
    settings, is_daemon_set = component.settings, component.kind == "DaemonSet"
    kind = "VMPodScrape" if is_daemon_set else "VMServiceScrape"
    is_disabled = settings.disable_self_service_scrape if wish.is_disabled is None else wish.is_disabled
    if is_disabled or kind in settings.disabled_kinds:
        return None
    given = to_json(wish.given or VMServiceScrapeSpec(endpoints=()))
    endpoints = [_with_both_spellings(endpoint) for endpoint in given.get("endpoints", ())]
    build = _pod_scrape if is_daemon_set else _service_scrape
    return {"apiVersion": API_VERSION, "kind": kind, **build(component, wish, given, endpoints)}


def _service_scrape(component: Component, wish: Wish, given: Manifest, endpoints: list[Endpoint]) -> Manifest:
    endpoints = [_reachable(endpoint, component) for endpoint in endpoints]
    named = {endpoint.get("port") for endpoint in endpoints}
    endpoints += [_generated(component, port) for port in ("http", *wish.sidecars) if port not in named]
    metadata = wish.service["metadata"]
    marks = {key: metadata["labels"][key] for key in wish.marks}
    if wish.job_label and not given.get("jobLabel"):
        given["jobLabel"] = wish.job_label
    if not any(given.get("selector", {}).values()):
        given["selector"] = {
            "matchLabels": {**service.own_labels(wish.service_spec), **labels.owned(component), **marks},
            "matchExpressions": [{"key": ADDITIONAL_SERVICE_LABEL, "operator": "DoesNotExist"}],
        }
    reloader = [_reloader({"targetPort": RELOADER_PORT})] if wish.has_reloader else []
    return {"metadata": metadata, "spec": {**given, "endpoints": [*map(_labelled, endpoints), *reloader]}}


def _pod_scrape(component: Component, wish: Wish, given: Manifest, endpoints: list[Endpoint]) -> Manifest:
    taken = [{k: v for k, v in endpoint.items() if k not in _SERVICE_ONLY} for endpoint in endpoints]
    http = [_reachable(endpoint, component) for endpoint in taken if endpoint.get("port") == "http"]
    others = [endpoint for endpoint in taken if endpoint.get("port") != "http"]
    reloader = [_reloader({"portNumber": RELOADER_PORT})] if wish.has_reloader else []
    settings, metadata = component.settings, labels.meta(component, component.name)
    metadata["labels"] = {**settings.common_labels, **labels.selector(component)}
    metadata.pop("annotations", None)
    if settings.common_annotations:
        metadata["annotations"] = dict(settings.common_annotations)
    kept = {key: given[key] for key in _POD_KEYS if key in given}
    return {
        "metadata": metadata,
        "spec": {
            **kept,
            "podMetricsEndpoints": [*map(_labelled, (http[-1] if http else _generated(component), *others)), *reloader],
            "selector": {"matchLabels": labels.selector(component)},
        },
    }


def _generated(component: Component, port: str = "http") -> Endpoint:
    """The endpoint of a port as the component's arguments make it reachable; that of a sidecar as a job of its own."""
    endpoint: Endpoint = {"port": port, "path": listener.path(component, "/metrics")}
    if port != "http":
        endpoint |= {"path": "/metrics", "relabelConfigs": [_job(port)]}
    if listener.scheme(component) == "https":
        endpoint |= {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}
    if key := component.params.extra_args.get("metricsAuthKey"):
        endpoint["params"] = {"authKey": [key]}
    return endpoint


def _reachable(endpoint: Endpoint, component: Component) -> Endpoint:
    """A user's endpoint; that of the HTTP port gets what it takes to reach it and the user has left out."""
    if endpoint.get("port") != "http":
        return endpoint
    generated = _generated(component)
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
    return {**port, "path": "/metrics", "relabelConfigs": [_job("reloader-http")]}


def _job(suffix: str) -> Manifest:
    """The rule that tells a sidecar's job from that of the application."""
    return {"sourceLabels": ["job"], "targetLabel": "job", "regex": "(.+)", "replacement": f"${{1}}-{suffix}"}


def _with_both_spellings(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with both spellings of the keys that relabeling rules may spell in two ways, and a list of one as that one."""
    out = dict(endpoint)
    for key in ("relabelConfigs", "metricRelabelConfigs"):
        if key in out:
            out[key] = [_spelled(rule) for rule in out[key]]
    return out


def _spelled(rule: Manifest) -> Manifest:
    single = {key: rule[key][0] for key in ("regex", "if") if len(rule.get(key) or ()) == 1}
    return rule | single | {other: rule[key] for key, other in _BOTH_SPELLINGS.items() if key in rule}

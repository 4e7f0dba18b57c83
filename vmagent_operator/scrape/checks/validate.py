"""What is wrong with a scrape object, or with what an owner says about all of them.

vmagent refuses the whole file for some faults and silently skips a job for others; both are found here, object by object,
so that nobody else pays. `CHECKS` says what to look at: a check sees one model and yields `field: fault`.

A text that must mean something is judged with its placeholders `%{NAME}` replaced by what the owner gives them; others are
refused, since anything may stand there in the end.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/tree/master/lib/promrelabel, .../lib/promscrape
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from attrs import frozen

from vmagent_operator import limits
from vmagent_operator.api.auth import (
    Authorization,
    BasicAuth,
    EndpointAuth,
    HTTPClientOptions,
    OAuth2,
    ProxyAuth,
    TLSConfig,
)
from vmagent_operator.api.core import LabelSelector, StringOrList
from vmagent_operator.api.discovery import FileSDConfig, StaticConfig
from vmagent_operator.api.endpoint import ScrapeParams, VMScrapeParams
from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.api.podscrape import PodMetricsEndpoint, VMPodScrapeSpec
from vmagent_operator.api.probe import ProbeTargets, StaticTargets
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.servicescrape import Endpoint, VMServiceScrapeSpec
from vmagent_operator.api.staticscrape import TargetEndpoint, VMStaticScrapeSpec
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.model.encode import Config
from vmagent_operator.model.fields import slots
from vmagent_operator.model.suggest import meant
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.checks import credentials, duration, placeholder, size, special
from vmagent_operator.scrape.checks.url import proxy_fault
from vmagent_operator.scrape.context import Context
from vmagent_operator.scrape.expressions import regex, series
from vmagent_operator.scrape.owner import ScrapeOwner

Faults = Iterator[str]
Variables = Mapping[str, str]
"""What placeholders stand for."""
Check = Callable[[Any, Variables], Faults]

FILES: Mapping[type, tuple[str, ...]] = {
    TLSConfig: ("ca_file", "cert_file", "key_file"),
    BasicAuth: ("password_file",),
    OAuth2: ("client_secret_file",),
    Authorization: ("credentials_file",),
    EndpointAuth: ("bearer_token_file",),
    ProxyAuth: ("bearer_token_file",),
    FileSDConfig: ("files",),
}
"""The fields that name files of the owner's pod."""


@frozen
class Action:
    """What a relabeling action needs (one of each group) and must not have."""

    needs: tuple[tuple[str, ...], ...] = ()
    forbids: tuple[str, ...] = ()
    least_sources: int = 0


_COPIES = Action((("source_labels",), ("target_label",)))
_CONTAINS = Action(_COPIES.needs, ("regex",))
_COMPARES_SOURCES = Action((), ("target_label", "regex"), least_sources=2)
_COMPARES = Action((("target_label",),), ("regex",))
_FILTERS = Action((("source_labels", "if_"),))
_FILTERS_METRICS = Action((("regex", "if_"),), ("source_labels",))
_GRAPHITE_ONLY = ("match", "labels")
ACTIONS: Mapping[str, Action] = {
    "replace": Action((("target_label",),)),
    "replace_all": _COPIES,
    "keep": _FILTERS,
    "drop": _FILTERS,
    "keep_if_contains": _CONTAINS,
    "drop_if_contains": _CONTAINS,
    "keep_if_equal": _COMPARES_SOURCES,
    "drop_if_equal": _COMPARES_SOURCES,
    "keepequal": _COMPARES,
    "dropequal": _COMPARES,
    "keep_metrics": _FILTERS_METRICS,
    "drop_metrics": _FILTERS_METRICS,
    "hashmod": Action((*_COPIES.needs, ("modulus",))),
    "uppercase": _COPIES,
    "lowercase": _COPIES,
    "labelmap": Action(),
    "labelmap_all": Action(),
    "labeldrop": Action(),
    "labelkeep": Action(),
    "graphite": Action((("match",), ("labels",)), ("source_labels", "target_label", "replacement", "regex")),
}


def scrape_object(obj: ScrapeObject, context: Context) -> tuple[str, ...]:
    """Why nothing of `obj` can go into a file, each with its field; empty if it can."""
    if obj.spec is None:
        return (str(obj.error),)
    faults: list[str] = []
    if context.enforced.denies_files and (files := list(_files(obj.spec))):
        faults.append(f"the agent lets no scrape object name files: {', '.join(files)}")
    class_name = obj.spec.scrape_class
    scrape_class = context.scrape_class(class_name)
    if class_name is not None and (scrape_class is None or scrape_class.name != class_name):
        faults.append(f"spec.scrapeClass: the agent defines no class {class_name!r}")
    variables = context.variables
    faults += _faults(obj.spec, "spec", CHECKS, variables)
    if obj.metadata.annotations.get(SKIP_VALIDATION) != "true":
        faults += _faults(obj.spec, "spec", SKIPPABLE, variables)
    if scrape_class is not None:
        faults += _faults(scrape_class, f"scrape class {scrape_class.name}", CHECKS, variables)
    for index, rule in enumerate(context.templates[obj.kind.name]):
        faults += _faults(rule, f"relabel template of the agent [{index}]", CHECKS, variables)
    return tuple(faults)


def owner(of: ScrapeOwner) -> tuple[str, ...]:
    """Why vmagent would take no file with the global section of an owner, or no job in it; each with its field."""
    scraping, variables = of.scraping, of.environment.literal
    rules = {
        "globalScrapeRelabelConfigs": scraping.global_scrape_relabel_configs,
        "globalScrapeMetricRelabelConfigs": scraping.global_scrape_metric_relabel_configs,
    }
    return (
        *(f"spec.{fault}" for fault in _duration("scrapeInterval", scraping.scrape_interval, variables)),
        *(f"spec.{fault}" for fault in _duration("scrapeTimeout", scraping.scrape_timeout, variables)),
        *chain.from_iterable(
            _faults(rule, f"spec.{key}[{index}]", CHECKS, variables)
            for key in rules
            for index, rule in enumerate(rules[key])
        ),
    )


def auth_faults(config: Config) -> Faults:
    """Why vmagent would skip a job with these credentials, those for its proxy included."""
    yield from credentials.faults(config)
    yield from credentials.faults(config, "proxy_")


def _faults(value: object, path: str, checks: Mapping[type, Check], variables: Variables) -> Faults:
    for at, model in walk(value, path, frozenset(checks)):
        yield from (f"{at}.{fault}" for fault in checks[type(model)](model, variables))


def _files(value: object) -> Iterator[str]:
    """Paths of the fields that name files of the owner's pod."""
    for at, model in walk(value, "spec", frozenset(FILES)):
        for slot in slots(type(model)):
            if slot.name in FILES[type(model)] and getattr(model, slot.name):
                yield f"{at}.{slot.key}"


def relabeling(rule: RelabelConfig, variables: Variables) -> Faults:
    """Why vmagent would refuse a relabeling rule, each with its field; a rule that says nothing is never written."""
    if rule == RelabelConfig():
        return
    name = rule.action.lower() or "replace"
    action = ACTIONS.get(name)
    if action is None:
        yield f"action: {unknown_action(rule.action)}"
        return
    for group in action.needs:
        if not any(_has(rule, field) for field in group):
            yield f"{_key(group[0])}: required for action {name}"
    if len(rule.source_labels) < action.least_sources:
        yield f"sourceLabels: action {name} compares at least {action.least_sources}"
    for field in (*action.forbids, *(() if name == "graphite" else _GRAPHITE_ONLY)):
        if getattr(rule, field) not in (None, "", (), {}):
            yield f"{_key(field)}: not allowed for action {name}"
    yield from _text("regex", rule.regex, regex.relabel_fault, variables)
    yield from special.rule_faults(rule)
    for text in rule.if_:
        yield from _text("if", text, series.fault, variables)


def unknown_action(name: str) -> str:
    """What is wrong with a relabeling action that vmagent does not have: the one that was meant, or all that there are."""
    near = meant(name, ACTIONS)
    return f"vmagent knows no {name!r}{near or ', only ' + ', '.join(ACTIONS)}"


def _has(rule: RelabelConfig, field: str) -> bool:
    return any(rule.regex) if field == "regex" else bool(getattr(rule, field))


def _key(field: str) -> str:
    return next(slot.key for slot in slots(RelabelConfig) if slot.name == field)


def _text(key: str, given: StringOrList, fault: Callable[[str], str | None], variables: Variables) -> Faults:
    """What is wrong with a text, or with several that vmagent joins."""
    try:
        text = "|".join(placeholder.filled(each, variables) for each in ((given,) if isinstance(given, str) else given))
    except placeholder.Unknown as error:
        yield f"{key}: {error}"
        return
    if found := fault(text):
        yield f"{key}: {found}"


def _duration(key: str, text: str, variables: Variables) -> Faults:
    if text:
        yield from _text(key, text, duration.fault, variables)


def _proxy(key: str, text: str, variables: Variables) -> Faults:
    if text:
        yield from _text(key, text, proxy_fault, variables)


def _scrape_params(params: ScrapeParams, variables: Variables) -> Faults:
    yield from _duration(
        *(("scrape_interval", params.scrape_interval) if params.scrape_interval else ("interval", params.interval)),
        variables,
    )
    yield from _duration("scrapeTimeout", params.scrape_timeout, variables)
    yield from _proxy("proxyURL", params.proxy_url, variables)
    if params.max_scrape_size:
        yield from _text("max_scrape_size", params.max_scrape_size, size.fault, variables)
    yield from _series_limit(params)


def _series_limit(params: ScrapeParams | VMServiceScrapeSpec | VMPodScrapeSpec | VMStaticScrapeSpec) -> Faults:
    if params.series_limit > limits.SERIES_OF_A_TARGET:
        yield f"seriesLimit: {limits.SERIES_OF_A_TARGET.exceeded}"


def _vm_scrape_params(params: VMScrapeParams, variables: Variables) -> Faults:
    yield from _duration("scrape_align_interval", params.scrape_align_interval, variables)
    yield from _duration("scrape_offset", params.scrape_offset, variables)
    for index, header in enumerate(params.headers):
        if ":" not in header:
            yield f"headers[{index}]: expected `Name: value`"


def _http_client(options: HTTPClientOptions, variables: Variables) -> Faults:
    yield from _proxy("proxyURL", options.proxy_url, variables)


def _port(endpoint: Endpoint | PodMetricsEndpoint, variables: Variables) -> Faults:
    yield from _text("port", endpoint.port, regex.relabel_fault, variables)
    if isinstance(endpoint.target_port, str):
        yield from _text("targetPort", endpoint.target_port, regex.relabel_fault, variables)


def _probe_targets(targets: ProbeTargets, variables: Variables) -> Faults:
    if targets.static is not None and targets.static_config is not None:
        yield "staticConfig: static is set as well; use that alone"
    for index, target in enumerate(targets.kubernetes):
        if target.role is None:
            yield f"kubernetes[{index}].role: required"


CHECKS: Mapping[type, Check] = {
    RelabelConfig: relabeling,
    LabelSelector: lambda given, _: labelselector.faults(given),
    ScrapeParams: _scrape_params,
    VMScrapeParams: _vm_scrape_params,
    HTTPClientOptions: _http_client,
    Endpoint: _port,
    PodMetricsEndpoint: _port,
    VMServiceScrapeSpec: lambda spec, _: _series_limit(spec),
    VMPodScrapeSpec: lambda spec, _: _series_limit(spec),
    VMStaticScrapeSpec: lambda spec, _: _series_limit(spec),
    TargetEndpoint: lambda endpoint, _: special.label_faults(endpoint.labels),
    StaticTargets: lambda targets, _: special.label_faults(targets.labels),
    StaticConfig: lambda targets, _: special.label_faults(targets.labels),
}
SKIPPABLE: Mapping[type, Check] = {ProbeTargets: _probe_targets}
"""Checks that an annotation of the object switches off: what they refuse hurts nobody else."""

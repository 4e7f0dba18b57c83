"""What is wrong with a scrape object, or with what an agent says about all of them.

vmagent refuses the whole file for some faults and silently skips a job for others; both are found here, object by object,
so that nobody else pays. `CHECKS` says what to look at: a check sees one model and yields `field: fault`.

A text whose placeholders `%{NAME}` vmagent fills in from its environment passes every check.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/tree/master/lib/promrelabel, .../lib/promscrape
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from attrs import frozen

from vmagent_operator.api.auth import (
    Authorization,
    BasicAuth,
    EndpointAuth,
    HTTPClientOptions,
    OAuth2,
    ProxyAuth,
    TLSConfig,
)
from vmagent_operator.api.core import LabelSelector
from vmagent_operator.api.discovery import FileSDConfig
from vmagent_operator.api.endpoint import ScrapeParams, VMScrapeParams
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.podscrape import PodMetricsEndpoint
from vmagent_operator.api.probe import ProbeTargets
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.servicescrape import Endpoint
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.model.fields import slots
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.checks.expressions import regex_fault, series_fault
from vmagent_operator.scrape.context import Context, is_filled
from vmagent_operator.scrape.owner import ScrapeOwner

_SIZE = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?([kmgt]i?b)?", re.I)
_PROXY = re.compile(
    r"(https?|socks5|tls\+socks5)://((?:[^\s/@%]|%[0-9a-f]{2})+@)?([^\s:/?#@\[\]%]+|\[[^\s\]]+\])(:[0-9]*)?"
    r"([/?#](?:[^\s%]|%[0-9a-f]{2})*)?",
    re.I,
)

Faults = Iterator[str]
Fill = Callable[[str], bool]
"""Whether vmagent fills in a text, which then can't be judged."""
Check = Callable[[Any, Fill], Faults]

METHODS = ("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file")
FILES: Mapping[type, tuple[str, ...]] = {
    TLSConfig: ("ca_file", "cert_file", "key_file"),
    BasicAuth: ("password_file",),
    OAuth2: ("client_secret_file",),
    Authorization: ("credentials_file",),
    EndpointAuth: ("bearer_token_file",),
    ProxyAuth: ("bearer_token_file",),
    FileSDConfig: ("files",),
}
"""The fields that name files of the agent's pod."""


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


def scrape_object(obj: CustomObject[Any], context: Context) -> tuple[str, ...]:
    """Why nothing of `obj` can go into a file, each with its field; empty if it can."""
    if obj.spec is None:
        return (str(obj.error),)
    found: list[str] = []
    if context.denies_files and (files := list(_files(obj.spec))):
        found.append(f"the agent lets no scrape object name files: {', '.join(files)}")
    wanted = obj.spec.scrape_class
    scrape_class = context.scrape_class(wanted)
    if wanted is not None and (scrape_class is None or scrape_class.name != wanted):
        found.append(f"spec.scrapeClass: the agent defines no class {wanted!r}")
    filled = partial(is_filled, known=context.variables)
    found += _faults(obj.spec, "spec", CHECKS, filled)
    if obj.metadata.annotations.get(SKIP_VALIDATION) != "true":
        found += _faults(obj.spec, "spec", SKIPPABLE, filled)
    if scrape_class is not None:
        found += _faults(scrape_class, f"scrape class {scrape_class.name}", CHECKS, filled)
    for index, rule in enumerate(context.templates[obj.kind.name]):
        found += _faults(rule, f"relabel template of the agent [{index}]", CHECKS, filled)
    return tuple(found)


def owner(of: ScrapeOwner) -> tuple[str, ...]:
    """Why vmagent would take no file with the global section of an owner, or no job in it; each with its field."""
    scraping, filled = of.scraping, partial(is_filled, known=of.variables)
    rules = {
        "globalScrapeRelabelConfigs": scraping.global_scrape_relabel_configs,
        "globalScrapeMetricRelabelConfigs": scraping.global_scrape_metric_relabel_configs,
    }
    return (
        *(f"spec.{fault}" for fault in _duration("scrapeInterval", scraping.scrape_interval, filled)),
        *(f"spec.{fault}" for fault in _duration("scrapeTimeout", scraping.scrape_timeout, filled)),
        *chain.from_iterable(
            _faults(rule, f"spec.{key}[{index}]", CHECKS, filled)
            for key in rules
            for index, rule in enumerate(rules[key])
        ),
    )


def auth_faults(config: Mapping[str, Any]) -> Faults:
    """Why vmagent would skip a job with these credentials, those for its proxy included."""
    yield from _credential_faults(config, "")
    yield from _credential_faults(config, "proxy_")


def _credential_faults(config: Mapping[str, Any], prefix: str) -> Faults:
    keys = (prefix + method for method in METHODS)
    if len(methods := [key for key in keys if config.get(key)]) > 1:
        yield f"{' and '.join(methods)} exclude each other"
    if {"password", "password_file"} <= (config.get(f"{prefix}basic_auth") or {}).keys():
        yield f"{prefix}basic_auth: password and password_file exclude each other"
    if oauth2 := config.get(f"{prefix}oauth2"):
        for key in ("client_id", "token_url"):
            if key not in oauth2:
                yield f"{prefix}oauth2: {key} is empty"
        if "client_secret" not in oauth2 and "client_secret_file" not in oauth2:
            yield f"{prefix}oauth2: neither client_secret nor client_secret_file"


def _faults(value: Any, path: str, checks: Mapping[type, Check], filled: Fill) -> Faults:
    for at, model in walk(value, path, frozenset(checks)):
        yield from (f"{at}.{fault}" for fault in checks[type(model)](model, filled))


def _files(value: Any) -> Iterator[str]:
    """Paths of the fields that name files of the agent's pod."""
    for at, model in walk(value, "spec", frozenset(FILES)):
        for slot in slots(type(model)):
            if slot.name in FILES[type(model)] and getattr(model, slot.name):
                yield f"{at}.{slot.key}"


def _relabel(rule: RelabelConfig, filled: Fill) -> Faults:
    if rule == RelabelConfig():
        return
    name = rule.action.lower() or "replace"
    action = ACTIONS.get(name)
    if action is None:
        yield f"action: vmagent knows no {rule.action!r}"
        return
    for group in action.needs:
        if not any(_has(rule, field) for field in group):
            yield f"{_key(group[0])}: required for action {name}"
    if len(rule.source_labels) < action.least_sources:
        yield f"sourceLabels: action {name} compares at least {action.least_sources}"
    for field in (*action.forbids, *(() if name == "graphite" else _GRAPHITE_ONLY)):
        if getattr(rule, field) not in (None, "", (), {}):
            yield f"{_key(field)}: not allowed for action {name}"
    yield from _regex("regex", "|".join(rule.regex), filled)
    for text in rule.if_:
        if not filled(text) and (fault := series_fault(text)):
            yield f"if: {fault}"


def _has(rule: RelabelConfig, field: str) -> bool:
    return any(rule.regex) if field == "regex" else bool(getattr(rule, field))


def _key(field: str) -> str:
    return next(slot.key for slot in slots(RelabelConfig) if slot.name == field)


def _regex(key: str, text: str, filled: Fill) -> Faults:
    if not filled(text) and (fault := regex_fault(text)):
        yield f"{key}: {fault} in {text!r}"


def _duration(key: str, text: str, filled: Fill) -> Faults:
    if text and not filled(text):
        try:
            milliseconds(text)
        except InvalidDuration as error:
            yield f"{key}: {error}"


def _proxy(key: str, text: str, filled: Fill) -> Faults:
    if text and not filled(text) and not _PROXY.fullmatch(text):
        yield f"{key}: expected a URL with scheme http, https, socks5 or tls+socks5"


def _scrape_params(params: ScrapeParams, filled: Fill) -> Faults:
    yield from _duration(
        *(("scrape_interval", params.scrape_interval) if params.scrape_interval else ("interval", params.interval)),
        filled,
    )
    yield from _duration("scrapeTimeout", params.scrape_timeout, filled)
    yield from _proxy("proxyURL", params.proxy_url, filled)
    if (size := params.max_scrape_size) and not filled(size) and not _SIZE.fullmatch(size):
        yield f"max_scrape_size: {size!r} is no size such as 16MB"


def _vm_scrape_params(params: VMScrapeParams, filled: Fill) -> Faults:
    yield from _duration("scrape_align_interval", params.scrape_align_interval, filled)
    yield from _duration("scrape_offset", params.scrape_offset, filled)
    for index, header in enumerate(params.headers):
        if ":" not in header:
            yield f"headers[{index}]: expected `Name: value`"


def _http_client(options: HTTPClientOptions, filled: Fill) -> Faults:
    yield from _proxy("proxyURL", options.proxy_url, filled)


def _oauth2(oauth2: OAuth2, filled: Fill) -> Faults:
    yield from _proxy("proxy_url", oauth2.proxy_url, filled)


def _port(endpoint: Endpoint | PodMetricsEndpoint, filled: Fill) -> Faults:
    yield from _regex("port", endpoint.port, filled)
    if isinstance(endpoint.target_port, str):
        yield from _regex("targetPort", endpoint.target_port, filled)


def _probe_targets(targets: ProbeTargets, filled: Fill) -> Faults:
    if targets.static is not None and targets.static_config is not None:
        yield "staticConfig: static is set as well; use that alone"
    for index, target in enumerate(targets.kubernetes):
        if target.role is None:
            yield f"kubernetes[{index}].role: required"


CHECKS: Mapping[type, Check] = {
    RelabelConfig: _relabel,
    LabelSelector: lambda given, _: labelselector.faults(given),
    ScrapeParams: _scrape_params,
    OAuth2: _oauth2,
    VMScrapeParams: _vm_scrape_params,
    HTTPClientOptions: _http_client,
    Endpoint: _port,
    PodMetricsEndpoint: _port,
}
SKIPPABLE: Mapping[type, Check] = {ProbeTargets: _probe_targets}
"""Checks that an annotation of the object switches off: what they refuse hurts nobody else."""

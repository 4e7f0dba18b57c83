"""What is wrong with a VMAgent beyond its shape: faults that stop it, and doubts that are only reported.

Whatever the reference operator turns into a working vmagent is built, however odd. A fault is what the API server
would refuse or what could not run, reported before anything is written.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from attrs import frozen

from vmagent_operator.api.auth import Authorization, BasicAuth, OAuth2, SecretOrConfigMap, TLSConfig, named
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.desired import listener, names
from vmagent_operator.desired.around.service import INSERT_PORTS, additional_name
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    component,
    environment,
    has_reloader,
    is_daemon_set,
    is_stateful,
    spec,
)
from vmagent_operator.identity import CONDITION_SUFFIX, SKIP_VALIDATION
from vmagent_operator.limits import REPLICAS, SHARDS
from vmagent_operator.model.decode import Fault
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape.checks.validate import relabeling
from vmagent_operator.scrape.errors import SHOWN
from vmagent_operator.settings import Settings

_MAX_LABEL = 63
"""Characters of a label's value, and of the name of a Service: the API server refuses more."""
_MAX_STATEFUL_SET = 52
"""Characters of the name of a StatefulSet that can have pods: they carry it in a label, with the hash of their revision behind it.

Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/controller/statefulset/stateful_set_utils.go (setPodRevision)
"""
_MAX_NAME = 253
"""Characters of the name of an object."""
_MAX_CONDITION_TYPE = 316
"""Characters of the type of a condition, by which scrape objects name the agent; their schema says so."""

_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")

Faults = Iterator[Fault]
Rule = Callable[[VMAgent, Settings], Faults]


@frozen
class Verdict:
    """What `verdict` found, in the order of the rules."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def reason(self) -> str:
        """The faults on one line, the first five of them."""
        return "; ".join(map(str, self.faults[:SHOWN]))


def verdict(agent: VMAgent, settings: Settings) -> Verdict:
    """The faults and doubts of a decoded VMAgent; an annotation of the user's leaves out those of mere form."""
    skip = agent.metadata.annotations.get(SKIP_VALIDATION) == "true"
    return Verdict(
        tuple(chain.from_iterable(rule(agent, settings) for rule in FATAL)),
        () if skip else tuple(chain.from_iterable(rule(agent, settings) for rule in DOUBTFUL)),
    )


def _names(agent: VMAgent, settings: Settings) -> Faults:
    own = component(agent, settings)
    service = additional_name(own, spec(agent).service_spec)
    limits = (
        (agent.name, _MAX_LABEL, "metadata.name", "the label of an instance"),
        (own.name, _MAX_LABEL, "metadata.name", "a service"),
        (service or "", _MAX_LABEL, "spec.serviceSpec.metadata.name", "a service"),
        (names.rbac(own), _MAX_NAME, "metadata.name", "a role"),
        (
            f"{agent.name}.{agent.namespace}.{agent.kind.singular}{CONDITION_SUFFIX}",
            _MAX_CONDITION_TYPE,
            "metadata.name",
            "a condition",
        ),
    )
    for name, limit, path, of in limits:
        if len(name) > limit:
            yield Fault(path, f"{name} is {len(name)} characters long, the name of {of} ends at {limit}")
    longest = f"{own.name}-{own.shards - 1}" if own.shards else own.name
    if own.kind == "StatefulSet" and len(longest) > _MAX_STATEFUL_SET:
        text = (
            f"{longest} is {len(longest)} characters long, a StatefulSet with more than {_MAX_STATEFUL_SET} has no pods"
        )
        yield Fault("metadata.name", text)
    if "." in agent.name:
        yield Fault("metadata.name", "a service cannot have a dot in its name")
    if service == own.name:
        yield Fault("spec.serviceSpec.metadata.name", f"{service} is the name of the agent's own service")


def _scaling(agent: VMAgent, settings: Settings) -> Faults:
    if is_daemon_set(agent):
        return
    if (spec(agent).shard_count or 0) > SHARDS:
        yield Fault("spec.shardCount", SHARDS.exceeded)
    if (spec(agent).apps.replica_count or 0) > REPLICAS:
        yield Fault("spec.replicaCount", REPLICAS.exceeded)
    hpa, vpa = spec(agent).hpa, spec(agent).vpa
    if hpa is not None and (hpa.min_replicas or 1) > (hpa.max_replicas or 0):
        yield Fault("spec.hpa.maxReplicas", "is lower than minReplicas")
    if vpa is not None and not settings.vpa_api_enabled:
        yield Fault("spec.vpa", "the operator runs without VM_VPA_API_ENABLED=true")


def _remote_write(agent: VMAgent, settings: Settings) -> Faults:
    if not spec(agent).remote_write:
        yield Fault("spec.remoteWrite", "there is no destination")


def _ports(agent: VMAgent, settings: Settings) -> Faults:
    given = {"spec.port": spec(agent).apps.port}
    for attribute, key, _, _ in INSERT_PORTS:
        given[f"spec.insertPorts.{key}"] = getattr(spec(agent).insert_ports, attribute, "")
    for path, port in given.items():
        number = listener.number_or_name(port) if port else 1
        if not (isinstance(number, int) and 0 < number < 65536):
            yield Fault(path, "is no port number")


def _grace(agent: VMAgent, settings: Settings) -> Faults:
    sleep, grace = spec(agent).apps.pre_stop_sleep_seconds, spec(agent).apps.termination_grace_period_seconds
    if sleep is not None and grace is not None and sleep >= grace:
        yield Fault("spec.preStopSleepSeconds", "is not shorter than terminationGracePeriodSeconds")


def _modes(agent: VMAgent, settings: Settings) -> Faults:
    agent_spec = spec(agent)
    if is_daemon_set(agent):
        ignored = {
            "statefulMode": agent_spec.stateful_mode,
            "hpa": agent_spec.hpa,
            "vpa": agent_spec.vpa,
            "podDisruptionBudget": agent_spec.pod_disruption_budget,
            "shardCount": agent_spec.shard_count,
        }
        for key, value in ignored.items():
            if value:
                yield Fault(f"spec.{key}", "has no effect with daemonSetMode")
    behavior = agent_spec.stateful_rolling_update_strategy_behavior
    if is_stateful(agent) and behavior is not None and not _is_batch(behavior.max_unavailable):
        path = "spec.statefulRollingUpdateStrategyBehavior.maxUnavailable"
        yield Fault(path, "expected a number from 1 on or a percentage from 1% to 100%")


def _scrape_classes(agent: VMAgent, settings: Settings) -> Faults:
    classes = spec(agent).scraping.scrape_classes
    seen: set[str] = set()
    for index, scrape_class in enumerate(classes):
        if scrape_class.name in seen:
            yield Fault(f"spec.scrapeClasses[{index}].name", f"{scrape_class.name} is there already")
        seen.add(scrape_class.name)
    if sum(bool(scrape_class.default) for scrape_class in classes) > 1:
        yield Fault("spec.scrapeClasses", "more than one is the default")


def _credentials(agent: VMAgent, settings: Settings) -> Faults:
    agent_spec = spec(agent)
    blocks: list[tuple[str, Any]] = [("spec.apiServerConfig", agent_spec.scraping.api_server_config)]
    blocks += [(f"spec.remoteWrite[{index}]", remote) for index, remote in enumerate(agent_spec.remote_write)]
    blocks += [(f"spec.scrapeClasses[{index}]", of) for index, of in enumerate(agent_spec.scraping.scrape_classes)]
    for path, block in blocks:
        for at, value in walk(block, path, frozenset(_CREDENTIALS)):
            if text := _CREDENTIALS[type(value)](value):
                yield Fault(at, text)


def _relabeling(agent: VMAgent, settings: Settings) -> Faults:
    """Rules of templates and classes: the objects that get them are left out. Other rules stop the agent."""
    for path, rule in walk(spec(agent).scraping, "spec", frozenset((RelabelConfig,))):
        for fault in relabeling(rule, environment(agent).literal):
            field, _, message = fault.partition(": ")
            yield Fault(f"{path}.{field}", message)


def _reload(agent: VMAgent, settings: Settings) -> Faults:
    """Whether the reloader can make vmagent read a new configuration."""
    extra, reloader = spec(agent).apps.extra_args, spec(agent).reloader
    has_key = bool(extra.get("reloadAuthKey")) or reloader.config_reload_auth_key_secret is not None
    has_url = "reload-url" in reloader.config_reloader_extra_args
    if has_reloader(agent) and listener.asks_for_what_only_it_knows(extra) and not (has_key or has_url):
        text = "the reloader does not know it, and vmagent answers it with 401: set configReloadAuthKeySecret"
        yield Fault("spec.extraArgs.httpAuth.password", text)


def _license(agent: VMAgent, settings: Settings) -> Faults:
    license = spec(agent).license
    if license is not None and license.key and license.key_ref:
        yield Fault("spec.license", "both key and keyRef are set")


FATAL: tuple[Rule, ...] = (_names, _scaling)
DOUBTFUL: tuple[Rule, ...] = (
    _remote_write,
    _ports,
    _grace,
    _modes,
    _scrape_classes,
    _credentials,
    _relabeling,
    _reload,
    _license,
)


def _is_batch(value: int | str | None) -> bool:
    return value >= 1 if isinstance(value, int) else bool(value and _PERCENTAGE.fullmatch(value))


def _tls(tls: TLSConfig) -> str:
    both = [key for key in ("ca", "cert", "key") if getattr(tls, f"{key}_file") and _tls_reference(tls, key)]
    return f"has both file and reference for {', '.join(both)}" if both else ""


def _tls_reference(tls: TLSConfig, key: str) -> object:
    """What the key is read from; an empty reference is what converters write for none."""
    if key == "key":
        return named(tls.key_secret)
    source: SecretOrConfigMap | None = getattr(tls, key)
    return source and source.reference and source.reference.name


def _source(source: SecretOrConfigMap) -> str:
    has_both = named(source.secret) is not None and source.config_map is not None and source.config_map.name
    return "has both secret and configMap" if has_both else ""


def _oauth2(oauth2: OAuth2) -> str:
    if oauth2.client_id.reference is None:
        return "client_id names neither a secret nor a configMap"
    return "has both client_secret and client_secret_file" if _is_double_oauth2(oauth2) else ""


def _is_double_oauth2(oauth2: OAuth2) -> bool:
    return oauth2.client_secret is not None and bool(oauth2.client_secret_file)


def _authorization(block: Authorization) -> str:
    if block.type.strip().lower() == "basic":
        return "is of type basic; use basicAuth"
    return "" if block.credentials or block.credentials_file or not block.type else "has no credentials"


def _basic_auth(block: BasicAuth) -> str:
    return "has both password and password_file" if named(block.password) and block.password_file else ""


_CREDENTIALS: Mapping[type, Callable[[Any], str]] = {
    TLSConfig: _tls,
    SecretOrConfigMap: _source,
    OAuth2: _oauth2,
    Authorization: _authorization,
    BasicAuth: _basic_auth,
}
"""What is doubtful about such a block, wherever it stands."""

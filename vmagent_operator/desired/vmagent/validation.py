"""What is wrong with a VMAgent beyond its shape: faults that stop it, and doubts that are only reported.

Whatever the reference operator turns into a working vmagent is built, however odd. A fault is what the API server
would refuse or what could not run, reported before anything is written.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from vmagent_operator.api.auth import Authorization, BasicAuth, OAuth2, SecretOrConfigMap, TLSConfig
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.desired import names
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    component,
    environment,
    is_daemon_set,
    is_stateful,
    spec,
)
from vmagent_operator.desired.workload import checks
from vmagent_operator.desired.workload.checks import Faults, Verdict
from vmagent_operator.limits import SHARDS
from vmagent_operator.model.decode import Fault
from vmagent_operator.model.walk import find, walk
from vmagent_operator.scrape.checks.validate import relabeling
from vmagent_operator.settings import Settings

Rule = Callable[[VMAgent, Settings], Faults]


def verdict(agent: VMAgent, settings: Settings) -> Verdict:
    """The faults and doubts of a decoded VMAgent; an annotation of the user's leaves out those of mere form."""

    def bound(rules: tuple[Rule, ...]) -> list[Callable[[], Faults]]:
        return [partial(rule, agent, settings) for rule in rules]

    return checks.verdict(agent, bound(FATAL), doubtful=bound(DOUBTFUL))


def _names(agent: VMAgent, settings: Settings) -> Faults:
    own = component(agent, settings)
    yield from checks.owner_name(agent)
    yield from checks.object_name(names.rbac(own), "a role")
    yield from checks.services(own, spec(agent).service_spec, "spec.serviceSpec", "agent")


def _scaling(agent: VMAgent, settings: Settings) -> Faults:
    if is_daemon_set(agent):
        return
    if (spec(agent).shard_count or 0) > SHARDS:
        yield Fault("spec.shardCount", SHARDS.exceeded)
    yield from checks.replicas(spec(agent).apps, "spec")
    yield from checks.autoscaler(spec(agent).hpa, "spec.hpa")
    yield from checks.vertical(spec(agent).vpa, settings, "spec.vpa")


def _remote_write(agent: VMAgent, settings: Settings) -> Faults:
    if not spec(agent).remote_write:
        yield Fault("spec.remoteWrite", "there is no destination")


def _ports(agent: VMAgent, settings: Settings) -> Faults:
    given = {"spec.port": spec(agent).apps.port, **checks.insert_ports(spec(agent).insert_ports, "spec.insertPorts")}
    for path, port in given.items():
        yield from checks.port(port, path)


def _grace(agent: VMAgent, settings: Settings) -> Faults:
    yield from checks.grace(spec(agent).apps, "spec")


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
    if is_stateful(agent) and behavior is not None:
        path = "spec.statefulRollingUpdateStrategyBehavior.maxUnavailable"
        yield from checks.batch(behavior.max_unavailable, path)


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
        for kind, message in _CREDENTIALS:
            values: tuple[Any, ...] = find(block, kind)
            yield from (Fault(path, text) for value in values if (text := message(value)))


def _relabeling(agent: VMAgent, settings: Settings) -> Faults:
    """Rules of templates and classes: the objects that get them are left out. Other rules stop the agent."""
    for path, rule in walk(spec(agent).scraping, "spec", frozenset((RelabelConfig,))):
        for fault in relabeling(rule, environment(agent).literal):
            field, _, message = fault.partition(": ")
            yield Fault(f"{path}.{field}", message)


def _license(agent: VMAgent, settings: Settings) -> Faults:
    yield from checks.license(spec(agent).license, "spec.license")


FATAL: tuple[Rule, ...] = (_names, _scaling)
DOUBTFUL: tuple[Rule, ...] = (
    _remote_write,
    _ports,
    _grace,
    _modes,
    _scrape_classes,
    _credentials,
    _relabeling,
    _license,
)


def _tls(tls: TLSConfig) -> str:
    both = [key for key in ("ca", "cert", "key") if getattr(tls, f"{key}_file") and _tls_reference(tls, key)]
    return f"tlsConfig has both file and reference for {', '.join(both)}" if both else ""


def _tls_reference(tls: TLSConfig, key: str) -> object:
    return tls.key_secret if key == "key" else getattr(tls, key)


def _source(source: SecretOrConfigMap) -> str:
    return "" if (source.secret is None) != (source.config_map is None) else "expected a secret or a configMap"


def _oauth2(oauth2: OAuth2) -> str:
    return "oauth2 has both client_secret and client_secret_file" if _is_double_oauth2(oauth2) else ""


def _is_double_oauth2(oauth2: OAuth2) -> bool:
    return oauth2.client_secret is not None and bool(oauth2.client_secret_file)


def _authorization(block: Authorization) -> str:
    if block.type.strip().lower() == "basic":
        return "authorization of type basic; use basicAuth"
    return "" if block.credentials or block.credentials_file else "authorization has no credentials"


def _basic_auth(block: BasicAuth) -> str:
    return "basicAuth has both password and password_file" if block.password and block.password_file else ""


_CREDENTIALS: tuple[tuple[type, Callable[..., str]], ...] = (
    (TLSConfig, _tls),
    (SecretOrConfigMap, _source),
    (OAuth2, _oauth2),
    (Authorization, _authorization),
    (BasicAuth, _basic_auth),
)

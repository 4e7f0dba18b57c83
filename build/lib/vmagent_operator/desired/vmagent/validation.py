"""What is wrong with a VMAgent beyond its shape: faults that stop it, and doubts that are only reported.

Whatever the reference operator turns into a working vmagent is built, however odd. A fault is what the API server
would refuse or what could not run, reported before anything is written.
"""

from collections.abc import Callable
from functools import partial

from vmagent_operator.desired import listener, names
from vmagent_operator.desired.around import scrapechecks
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    component,
    environment,
    has_reloader,
    is_daemon_set,
    is_stateful,
    spec,
)
from vmagent_operator.desired.workload import checks
from vmagent_operator.desired.workload.checks import Faults, Verdict
from vmagent_operator.limits import SHARDS
from vmagent_operator.model.decode import Fault
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
    yield from checks.stateful_set(own)


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
    return scrapechecks.scrape_classes(spec(agent).scraping.scrape_classes)


def _credentials(agent: VMAgent, settings: Settings) -> Faults:
    remotes = {f"spec.remoteWrite[{index}]": remote for index, remote in enumerate(spec(agent).remote_write)}
    return scrapechecks.credentials(spec(agent).scraping, remotes)


def _relabeling(agent: VMAgent, settings: Settings) -> Faults:
    return scrapechecks.relabelings(spec(agent).scraping, environment(agent))


def _reload(agent: VMAgent, settings: Settings) -> Faults:
    """Whether the reloader can make vmagent read a new configuration."""
    extra, reloader = spec(agent).apps.extra_args, spec(agent).reloader
    has_key = bool(extra.get("reloadAuthKey")) or reloader.config_reload_auth_key_secret is not None
    has_url = "reload-url" in reloader.config_reloader_extra_args
    if has_reloader(agent) and listener.asks_for_what_only_it_knows(extra) and not (has_key or has_url):
        text = "the reloader does not know it, and vmagent answers it with 401: set configReloadAuthKeySecret"
        yield Fault("spec.extraArgs.httpAuth.password", text)


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
    _reload,
    _license,
)

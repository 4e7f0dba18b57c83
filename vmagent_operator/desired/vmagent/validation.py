"""What is wrong with a VMAgent beyond its shape: faults that stop it, and doubts that are only reported.

Whatever the reference operator turns into a working vmagent is built, however odd. A fault is what the API server
would refuse or what could not run, reported before anything is written.
"""

import re

from vmagent_operator.desired.around import faults
from vmagent_operator.desired.around.faults import Faults, Rule, Rules, Verdict
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    component,
    environment,
    is_daemon_set,
    is_stateful,
    spec,
)
from vmagent_operator.limits import SHARDS
from vmagent_operator.model.decode import Fault
from vmagent_operator.settings import Settings

_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")


def verdict(agent: VMAgent, settings: Settings) -> Verdict:
    """The faults and doubts of a decoded VMAgent; an annotation of the user's leaves out those of mere form."""
    return Rules(fatal=FATAL, doubtful=DOUBTFUL).verdict(agent, settings)


def _names(agent: VMAgent, settings: Settings) -> Faults:
    return faults.named(component(agent, settings), spec(agent).service_spec, "agent")


def _scaling(agent: VMAgent, settings: Settings) -> Faults:
    if is_daemon_set(agent):
        return
    if (spec(agent).shard_count or 0) > SHARDS:
        yield Fault("spec.shardCount", SHARDS.exceeded)
    yield from faults.replicas(spec(agent).apps)
    hpa = spec(agent).hpa
    if hpa is not None and (hpa.min_replicas or 1) > (hpa.max_replicas or 0):
        yield Fault("spec.hpa.maxReplicas", "is lower than minReplicas")
    yield from faults.autoscaled(spec(agent).vpa, settings)


def _remote_write(agent: VMAgent, settings: Settings) -> Faults:
    if not spec(agent).remote_write:
        yield Fault("spec.remoteWrite", "there is no destination")


def _ports(agent: VMAgent, settings: Settings) -> Faults:
    return faults.ports(faults.opened(spec(agent).apps, spec(agent).insert_ports))


def _grace(agent: VMAgent, settings: Settings) -> Faults:
    return faults.grace(spec(agent).apps)


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
    return faults.scrape_classes(spec(agent).scraping.scrape_classes)


def _credentials(agent: VMAgent, settings: Settings) -> Faults:
    remotes = {f"spec.remoteWrite[{index}]": remote for index, remote in enumerate(spec(agent).remote_write)}
    return faults.credentials(spec(agent).scraping, remotes)


def _relabeling(agent: VMAgent, settings: Settings) -> Faults:
    return faults.relabelings(spec(agent).scraping, environment(agent))


def _license(agent: VMAgent, settings: Settings) -> Faults:
    return faults.licensed(spec(agent).license)


FATAL: tuple[Rule[VMAgent], ...] = (_names, _scaling)
DOUBTFUL: tuple[Rule[VMAgent], ...] = (
    _remote_write,
    _ports,
    _grace,
    _modes,
    _scrape_classes,
    _credentials,
    _relabeling,
    _license,
)


def _is_batch(value: int | str | None) -> bool:
    return value >= 1 if isinstance(value, int) else bool(value and _PERCENTAGE.fullmatch(value))

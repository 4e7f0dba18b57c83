"""Every object that a VMAgent asks for: `desired` is what its row in the table of owner kinds names."""

from collections.abc import Iterator

from vmagent_operator.desired.around import policies, selfscrape, service
from vmagent_operator.desired.around.scraping import Scraping
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.stages import Desired, Inputs
from vmagent_operator.desired.vmagent import container, features, remotewrite, rules, validation
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.desired.workload import capacity, pod, shard, workload
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.settings import Settings


def desired(inputs: Inputs) -> Desired:
    """Everything that `inputs.owner` asks for; OwnerError if it cannot be built, and then nothing is to be written."""
    agent = inputs.owner
    verdict = validation.verdict(agent, inputs.settings)
    if verdict.faults:
        raise OwnerError(verdict.reason)
    scrapes = not spec(agent).scraping.ingest_only_mode
    component = features.component(agent, inputs.settings, inputs.server)
    assets = remotewrite.assets(agent, inputs.values)
    config = None
    if scrapes:
        room = capacity.room(component, assets.tls, is_scaled=spec(agent).vpa is not None)
        config = configuration(features.scrape_owner(agent, inputs.settings), inputs.selection, inputs.values, room)
    warnings = (*map(str, verdict.warnings), *(config.faults if config else ()))
    scraping = Scraping(
        component=component,
        has_secrets=features.has_secrets(agent),
        known=inputs.config,
        config=config,
        is_unmanaged=features.is_unmanaged(agent),
        credentials=assets.config,
        tls=assets.tls,
    )
    files = (of(agent, component, inputs.values) for of in (rules.relabeling, rules.aggregation))
    running = workloads(agent, component, inputs.values, len(scraping.overflow))
    stages = scraping.stages(_around(agent, component), files, running)
    return Desired(stages=stages, configuration=config, warnings=warnings)


def self_scrape(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The scrape object of the agent itself, or None where it is switched off. Raises OwnerError."""
    component = features.component(agent, settings)
    return selfscrape.self_scrape(component, _wish(agent, _service(agent, component)))


def _around(agent: VMAgent, component: Component) -> Iterator[Manifest]:
    """What stands around the pods; autoscalers point at the agent, whose scale is the number of shards."""
    agent_spec, main = spec(agent), _service(agent, component)
    yield from service.additional(component, agent_spec.service_spec, main)
    yield main
    others = (
        selfscrape.self_scrape(component, _wish(agent, main)),
        policies.horizontal_autoscaler(component, agent_spec.hpa, agent.name, component.target),
        policies.vertical_autoscaler(component, agent_spec.vpa, agent.name, component.target),
        policies.network_policy(component, agent_spec.network_policy),
    )
    yield from filter(None, others)


def _service(agent: VMAgent, component: Component) -> Manifest:
    agent_spec = spec(agent)
    ports = service.insert_ports(agent_spec.insert_ports)
    return service.main(component, agent_spec.service_spec, ports, is_headless=agent_spec.stateful_mode)


def _wish(agent: VMAgent, main: Manifest) -> selfscrape.Wish:
    agent_spec = spec(agent)
    return selfscrape.Wish(
        given=agent_spec.self_scrape.service_scrape_spec,
        is_disabled=agent_spec.self_scrape.disable_self_service_scrape,
        has_reloader=features.has_reloader(agent),
        service=main,
        service_spec=agent_spec.service_spec,
    )


def workloads(
    agent: VMAgent, component: Component, snapshot: SecretSnapshot, overflow_count: int
) -> Iterator[Manifest]:
    """For each shard its disruption budget, if any, and its workload; `overflow_count` is that of overflow Secrets."""
    count = component.shards
    budget = policies.disruption_budget(component, spec(agent).pod_disruption_budget)
    running = _workload(agent, component, container.parts(agent, component, snapshot, overflow_count))
    if not count:
        yield from filter(None, (budget, running))
    for number in range(count):
        if budget is not None:
            yield shard.render(budget, number)
        workload_manifest = shard.render(running, number)
        if not spec(agent).scraping.ingest_only_mode:
            member = {"promscrape.cluster.membersCount": count, "promscrape.cluster.memberNum": number}
            workload_manifest = shard.with_flags(workload_manifest, component.app.container, member)
        yield workload_manifest


def _workload(agent: VMAgent, component: Component, parts: pod.Parts) -> Manifest:
    """The workload, holding the shard placeholder if the agent is sharded."""
    agent_spec, template = spec(agent), pod.spec(component, parts)
    if component.kind == "DaemonSet":
        pace = agent_spec.daemon_set_rolling_update_strategy_behavior
        return workload.daemon_set(component, template, agent_spec.daemon_set_update_strategy, pace)
    if component.kind == "Deployment":
        return workload.deployment(component, template, agent_spec.update_strategy, agent_spec.rolling_update)
    main_service = component.name if component.shards else ""
    return workload.stateful_set(
        component,
        template,
        service=service.governing_name(component, agent_spec.service_spec, main_service),
        strategy=agent_spec.stateful_rolling_update_strategy,
        claims=parts.claims,
        retention=agent_spec.persistent_volume_claim_retention_policy,
    )

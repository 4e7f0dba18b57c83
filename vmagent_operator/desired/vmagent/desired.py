"""Every object that a VMAgent asks for: `desired` is what its row in the table of owner kinds names."""

from collections.abc import Iterator, Mapping, Sequence

from vmagent_operator.desired import names
from vmagent_operator.desired.around import configsecret, policies, rbac, selfscrape, service
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.stages import Desired, Gate, Inputs, Stage
from vmagent_operator.desired.vmagent import capacity, container, features, remotewrite, rules, validation
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.desired.workload import pod, shard, workload
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.pack import compressed
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
        owner, room = features.scrape_owner(agent, inputs.settings), capacity.room(agent, component, assets.tls)
        config = configuration(owner, inputs.selection, inputs.values, room)
    warnings = (*map(str, verdict.warnings), *(config.faults if config else ()))
    return Desired(stages=_stages(inputs, component, config, assets), configuration=config, warnings=warnings)


def self_scrape(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The scrape object of the agent itself, or None where it is switched off. Raises OwnerError."""
    component = features.component(agent, settings)
    return selfscrape.self_scrape(component, _wish(agent, _service(agent, component)))


def _stages(
    inputs: Inputs, component: Component, config: Configuration | None, assets: remotewrite.Assets
) -> tuple[Stage, ...]:
    """Objects so ordered that whatever one refers to has been written before.

    With overflow Secrets the configuration waits for the workloads: jobs that move to a Secret which running pods do not
    mount yet would be lost until they do.
    """
    overflow = _overflow(component, config)
    around = _before(inputs, component, overflow, config, assets)
    running = tuple(workloads(inputs.owner, component, inputs.values, len(overflow)))
    if not features.has_secrets(inputs.owner):
        return (Stage(objects=(*around, *running)),)
    configuration = _configuration(inputs, component, config, assets.config)
    if not overflow:
        return (Stage(objects=(*around, configuration, *running)),)
    until = tuple(manifest for manifest in running if manifest["kind"] in WORKLOADS)
    gate = Gate(until=until, since=overflow[-1])
    return Stage(objects=tuple(around)), Stage(objects=(configuration,), gate=gate), Stage(objects=running)


def _overflow(component: Component, config: Configuration | None) -> list[Manifest]:
    """The overflow Secrets."""
    buckets = config.overflow if config else ()
    return [configsecret.overflow(component, number, jobs) for number, jobs in enumerate(buckets, 1)]


def _before(
    inputs: Inputs,
    component: Component,
    overflow: Sequence[Manifest],
    config: Configuration | None,
    assets: remotewrite.Assets,
) -> Iterator[Manifest]:
    """What stands before the configuration."""
    agent, snapshot = inputs.owner, inputs.values
    has_secrets = features.has_secrets(agent)
    yield from rbac.account(component)
    if has_secrets:
        yield from rbac.scraping(component, discovers=not spec(agent).scraping.ingest_only_mode)
    yield from _around(agent, component)
    yield from overflow
    if has_secrets:
        tls = configsecret.texts(assets.tls | (dict(config.assets) if config else {}))
        yield configsecret.secret(component, names.tls_assets(component), tls)
    yield from filter(None, (of(agent, component, snapshot) for of in (rules.relabeling, rules.aggregation)))


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
        given=agent_spec.service_scrape_spec,
        is_disabled=agent_spec.disable_self_service_scrape,
        has_reloader=features.has_reloader(agent),
        service=main,
        service_spec=agent_spec.service_spec,
    )


def _configuration(
    inputs: Inputs, component: Component, config: Configuration | None, credentials: Mapping[str, str]
) -> Manifest:
    """The configuration Secret.

    An agent that selects nothing leaves the configuration to its user: it gets a first one, never another. To a Secret
    that was there before the agent only keys are added, so that it stays when the agent goes.
    """
    is_unmanaged = features.is_unmanaged(inputs.owner)
    data = configsecret.texts(credentials)
    if not (is_unmanaged and inputs.config.exists):
        data[component.app.config_key] = config.main.packed if config else compressed(b"")
    manifest = configsecret.secret(component, names.config(component), data)
    if inputs.config.is_foreign and (is_unmanaged or inputs.config.is_shared):
        manifest["metadata"] = {key: manifest["metadata"][key] for key in ("name", "namespace")}
    return manifest


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

"""Every object that a VMAgent asks for: `desired` is the one function that the rest of the program calls."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from vmagent_operator.desired import names
from vmagent_operator.desired.around import autoscaling, configsecret, disruption, network, rbac, selfscrape, service
from vmagent_operator.desired.vmagent import capacity, features, remotewrite, rules, validation
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.desired.workload import claims, pod, shard, workload
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.pack import compressed
from vmagent_operator.scrape.references import Values
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.settings import Server, Settings


@frozen(kw_only=True)
class Inputs:
    """The snapshot that decides what a VMAgent gets.

    selection: the scrape objects that it picks. values: the Secrets and ConfigMaps that it or they refer to.
    unmanaged_config_exists: the configuration Secret holds a configuration already, under the key `vmagent.yaml.gz`.
    is_config_foreign: that Secret is somebody else's, and stays so. is_config_shared: its configuration is ours all the
    same, because the agent has used it before it was given a selection.
    """

    agent: VMAgent
    selection: Selection
    values: Values
    settings: Settings
    server: Server
    unmanaged_config_exists: bool = False
    is_config_foreign: bool = False
    is_config_shared: bool = False


@frozen(kw_only=True)
class Desired:
    """What the cluster should hold: objects in the order in which they are written, and how they came about.

    configuration: None for an agent that scrapes nothing. warnings: what is doubtful in the spec, and yet built.
    """

    objects: tuple[Manifest, ...]
    configuration: Configuration | None
    warnings: tuple[str, ...]


def desired(inputs: Inputs) -> Desired:
    """Everything that `inputs.agent` asks for; AgentError if it cannot be built, and then nothing is to be written."""
    agent = inputs.agent
    verdict = validation.verdict(agent, inputs.settings)
    if verdict.faults:
        raise AgentError(verdict.reason)
    scrapes = not spec(agent).scraping.ingest_only_mode
    assets = remotewrite.assets(agent, inputs.values)
    room = capacity.room(agent, inputs.settings, assets.tls)
    found = configuration(agent, inputs.selection, inputs.values, inputs.settings, room) if scrapes else None
    warnings = (*map(str, verdict.warnings), *(found.faults if found else ()))
    return Desired(objects=tuple(_objects(inputs, found, assets)), configuration=found, warnings=warnings)


def _objects(inputs: Inputs, found: Configuration | None, assets: remotewrite.Assets) -> Iterator[Manifest]:
    """Objects so ordered that whatever one refers to has been written before."""
    agent, settings, values = inputs.agent, inputs.settings, inputs.values
    around = (
        service.additional(agent, settings),
        service.main(agent, settings),
        selfscrape.self_scrape(agent, settings),
        autoscaling.horizontal(agent, settings),
        autoscaling.vertical(agent, settings),
        network.policy(agent, settings),
    )
    contents = (
        rules.relabeling(agent, settings, values),
        rules.aggregation(agent, settings, values),
    )
    overflow = found.overflow if found else ()
    yield from rbac.objects(agent, settings)
    yield from filter(None, around)
    for number, jobs in enumerate(overflow, 1):
        yield configsecret.overflow(agent, settings, number, jobs)
    if features.has_secrets(agent):
        tls = configsecret.texts(assets.tls | (dict(found.assets) if found else {}))
        yield configsecret.secret(agent, settings, names.tls_assets(agent), tls)
    yield from filter(None, contents)
    if features.has_secrets(agent):
        yield _configuration(inputs, found, assets.config)
    yield from _workloads(inputs, len(overflow))


def _configuration(inputs: Inputs, found: Configuration | None, credentials: Mapping[str, str]) -> Manifest:
    """The configuration Secret.

    An agent that selects nothing leaves the configuration to its user: it gets a first one, never another. To a Secret
    that was there before the agent only keys are added, so that it stays when the agent goes.
    """
    agent, is_users = inputs.agent, configsecret.is_users(inputs.agent)
    data = configsecret.texts(credentials)
    if not (is_users and inputs.unmanaged_config_exists):
        data[configsecret.CONFIG_KEY] = found.main.packed if found else compressed(b"")
    manifest = configsecret.secret(agent, inputs.settings, names.config(agent), data)
    if inputs.is_config_foreign and (is_users or inputs.is_config_shared):
        manifest["metadata"] = {key: manifest["metadata"][key] for key in ("name", "namespace")}
    return manifest


def _workloads(inputs: Inputs, overflow_count: int) -> Iterator[Manifest]:
    """For each shard its disruption budget, if any, and its workload."""
    agent, settings = inputs.agent, inputs.settings
    spec_ = pod.spec(agent, settings, inputs.server, inputs.values, overflow_count)
    budget = disruption.budget(agent, settings)
    running = workload.workload(agent, settings, spec_, claims.claims(agent))
    if not (count := features.shards(agent)):
        yield from filter(None, (budget, running))
    scrapes = not spec(agent).scraping.ingest_only_mode
    for number in range(count):
        if budget is not None:
            yield shard.render(budget, number, count, scrapes=False)
        yield shard.render(running, number, count, scrapes=scrapes)

"""Every object that a VMSingle asks for: `desired` is what its row in the table of owner kinds names."""

from collections.abc import Iterator

from vmagent_operator.desired import names
from vmagent_operator.desired.around import policies, rules, selfscrape, service
from vmagent_operator.desired.around.rules import Rules
from vmagent_operator.desired.around.scraping import Scraping
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.stages import Desired, Inputs
from vmagent_operator.desired.vmsingle import container, features, storage, validation
from vmagent_operator.desired.vmsingle.features import VMSingle, environment, has_aggregation, has_relabeling, spec
from vmagent_operator.desired.workload import backup, capacity, pod, workload
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import SecretResolver, SecretSnapshot
from vmagent_operator.settings import Settings

ALIAS = "8428"
"""The port at which a VictoriaMetrics listens that nobody configures, and at which others look for one."""


def desired(inputs: Inputs) -> Desired:
    """Everything that `inputs.owner` asks for; OwnerError if it cannot be built, and then nothing is to be written."""
    single = inputs.owner
    verdict = validation.verdict(single, inputs)
    if verdict.faults:
        raise OwnerError(verdict.reason)
    component = features.component(single, inputs.settings, inputs.server)
    config = None
    if owner := features.scrape_owner(single, inputs.settings):
        room = capacity.room(component, {}, is_scaled=spec(single).vpa is not None)
        config = configuration(owner, inputs.selection, inputs.values, room)
    warnings = (*map(str, verdict.warnings), *(config.faults if config else ()))
    scraping = Scraping(
        component=component,
        has_secrets=config is not None,
        known=inputs.config,
        config=config,
        is_unmanaged=features.is_unmanaged(single),
    )
    running = _deployment(component, container.parts(single, component, len(scraping.overflow)))
    stages = scraping.stages(_around(single, component), _rules(single, component, inputs.values), [running])
    return Desired(stages=stages, configuration=config, warnings=warnings)


def self_scrape(single: VMSingle, settings: Settings) -> Manifest | None:
    """The scrape object of the database itself, or None where it is switched off. Raises OwnerError."""
    component = features.component(single, settings)
    return selfscrape.self_scrape(component, _wish(single, _service(single, component)))


def _around(single: VMSingle, component: Component) -> Iterator[Manifest]:
    """The claim, and what stands around the pod."""
    given, main = spec(single), _service(single, component)
    yield from filter(None, [storage.claim(single, component)])
    yield from service.additional(component, given.service_spec, main)
    yield main
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": component.name}
    others = (
        selfscrape.self_scrape(component, _wish(single, main)),
        policies.vertical_autoscaler(component, given.vpa, component.name, target),
        policies.network_policy(component, given.network_policy),
    )
    yield from filter(None, others)


def _service(single: VMSingle, component: Component) -> Manifest:
    given = spec(single)
    ports = [*backup.service_ports(storage.backup(single, component)), *service.insert_ports(given.insert_ports)]
    return service.main(component, given.service_spec, ports, alias=ALIAS)


def _wish(single: VMSingle, main: Manifest) -> selfscrape.Wish:
    given = spec(single)
    return selfscrape.Wish(
        given=given.self_scrape.service_scrape_spec,
        is_disabled=given.self_scrape.disable_self_service_scrape,
        has_reloader=features.has_reloader(single),
        service=main,
        service_spec=given.service_spec,
        sidecars=(backup.SERVICE_PORT,) if given.vm_backup else (),
    )


def _rules(single: VMSingle, component: Component, snapshot: SecretSnapshot) -> Iterator[Manifest]:
    """The ConfigMaps with rules. OwnerError for what is missing or wrong."""
    given, filled = spec(single), environment(single).fill
    resolver = SecretResolver(snapshot, single.namespace)
    if has_relabeling(single):
        source = Rules(
            "spec.inlineRelabelConfig", given.inline_relabel_config, "spec.relabelConfig", given.relabel_config
        )
        text = rules.relabeling(source, resolver, filled)
        yield rules.config_map(component, names.relabeling(component), [(container.RELABELING, text)])
    if has_aggregation(single):
        text = rules.aggregation(given.stream_aggr_config, "spec.streamAggrConfig", resolver, filled)
        yield rules.config_map(component, names.aggregation(component), [(container.AGGREGATION, text)])


def _deployment(component: Component, parts: pod.Parts) -> Manifest:
    """A pod is gone before the next one comes: two would write to one volume."""
    return workload.deployment(component, pod.spec(component, parts), "Recreate")

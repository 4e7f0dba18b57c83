"""The Services of a cluster, and the objects by which its components are scraped.

Behind a balancer a component has two: one that its clients know, which leads to the balancer, and an internal one, which
leads to its pods.
"""

from collections.abc import Iterator

from attrs import evolve

from vmagent_operator.api.apps import AdditionalServiceSpec
from vmagent_operator.desired import labels, listener
from vmagent_operator.desired.around import selfscrape, service
from vmagent_operator.desired.around.service import Port
from vmagent_operator.desired.vmcluster import balancer, workloads
from vmagent_operator.desired.vmcluster.features import INSERT, SELECT, STORAGE, Cluster, Part
from vmagent_operator.desired.workload import backup
from vmagent_operator.identity import PROXY_JOB_LABEL, PROXY_LABEL
from vmagent_operator.model.decode import Manifest

_FORCED = ("type", "clusterIP", "clusterIPs", "loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges")
_EXTERNAL = (
    "externalIPs",
    "externalName",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "allocateLoadBalancerNodePorts",
)
_FRONTS = {SELECT.name: "select", INSERT.name: "insert"}


def own(cluster: Cluster, part: Part) -> Manifest:
    """The Service that leads to the pods of a component."""
    given = part.common.service_spec
    if part is cluster.balancer:
        found = service.main(part.component, balancer.service_spec(given))
        return _marked(found, {PROXY_LABEL: part.component.app.container})
    is_select, is_internal = part.component.app is SELECT, bool(part.internal)
    found = service.main(
        evolve(part.component, name=part.service),
        _behind(given) if is_internal else given,
        _ports(cluster, part),
        is_headless=part.component.kind == "StatefulSet" or is_internal,
        is_early=part.component.app is STORAGE or is_select,
    )
    return _marked(found, {PROXY_JOB_LABEL: part.component.name}) if is_internal else found


def front(cluster: Cluster, part: Part) -> Manifest | None:
    """The Service that leads to the balancer in place of a component; None for one that is not behind it."""
    if cluster.balancer is None or not part.internal:
        return None
    found = service.main(part.component, part.common.service_spec)
    target = listener.number_or_name(listener.port(cluster.balancer.component))
    ports = [port | ({"targetPort": target} if port.get("name") == "http" else {}) for port in found["spec"]["ports"]]
    spec = {**found["spec"], "selector": labels.selector(cluster.balancer.component), "ports": ports}
    return _marked({**found, "spec": spec}, {PROXY_LABEL: _FRONTS[part.component.app.name]})


def around(cluster: Cluster, part: Part) -> Iterator[Manifest]:
    """The Services of a component but for the one in front of the balancer, and its self scrape."""
    main = own(cluster, part)
    if part is not cluster.balancer:
        for additional in service.additional(part.component, part.common.service_spec, main):
            yield _marked(additional, {PROXY_JOB_LABEL: part.component.name}) if part.internal else additional
    yield main
    yield from filter(None, [self_scrape(cluster, part, main)])


def self_scrape(cluster: Cluster, part: Part, main: Manifest) -> Manifest | None:
    """The object by which a component is scraped, or None where that is switched off."""
    given = part.common.service_spec
    is_balancer = part is cluster.balancer
    job = PROXY_JOB_LABEL if part.internal else ""
    wish = selfscrape.Wish(
        given=part.common.service_scrape_spec,
        is_disabled=part.common.disable_self_service_scrape,
        has_reloader=False,
        service=main,
        service_spec=balancer.service_spec(given) if is_balancer else given,
        sidecars=tuple(name for name, _, _ in _sidecar_ports(cluster, part)),
        marks=(PROXY_LABEL,) if is_balancer else (job,) if job else (),
        job_label=job,
    )
    return selfscrape.self_scrape(part.component, wish)


def _ports(cluster: Cluster, part: Part) -> list[Port]:
    found = cluster.spec
    if part is cluster.storage and found.vmstorage:
        return [*workloads.storage_ports_of(cluster, found.vmstorage), *_sidecar_ports(cluster, part)]
    if part is cluster.select and found.vmselect:
        return workloads.select_ports(found.vmselect)
    return workloads.insert_ports(found.vminsert) if found.vminsert else []


def _sidecar_ports(cluster: Cluster, part: Part) -> list[Port]:
    storage = cluster.spec.vmstorage
    saved = workloads.backup_of(part, storage) if storage and part is cluster.storage else None
    return backup.service_ports(saved)


def _behind(given: AdditionalServiceSpec | None) -> AdditionalServiceSpec | None:
    """What the user says about a Service, without what makes it one for clients."""
    if given is None or not given.use_as_default:
        return None
    kept = {key: value for key, value in given.spec.items() if key not in (*_FORCED, *_EXTERNAL)}
    if ports := kept.get("ports"):
        kept["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
    return evolve(given, spec=kept)


def _marked(manifest: Manifest, marks: dict[str, str]) -> Manifest:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **marks}}}

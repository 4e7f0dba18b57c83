"""Every object that a VMCluster asks for: `desired` is what its row in the table of owner kinds names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from vmagent_operator.api.apps import EmbeddedHPA
from vmagent_operator.desired.around import policies, rbac
from vmagent_operator.desired.stages import Desired, Gate, Inputs, Stage
from vmagent_operator.desired.vmcluster import balancer, services, validation, workloads
from vmagent_operator.desired.vmcluster.features import STORAGE, Cluster, Part, VMCluster, storage_count
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.settings import Settings

_NEVER_DOWN = {"scaleDown": {"selectPolicy": "Disabled"}}


def desired(inputs: Inputs) -> Desired:
    """Everything that `inputs.owner` asks for; OwnerError if it cannot be built, and then nothing is to be written."""
    cluster = Cluster(owner=inputs.owner, settings=inputs.settings, server=inputs.server, replicas=inputs.replicas)
    verdict = validation.verdict(cluster)
    if verdict.faults:
        raise OwnerError(verdict.reason)
    return Desired(stages=_stages(cluster), warnings=tuple(map(str, verdict.warnings)))


def self_scrapes(owner: VMCluster, settings: Settings) -> tuple[Manifest, ...]:
    """The scrape objects of the components. Raises OwnerError."""
    cluster = Cluster(owner=owner, settings=settings)
    found = (services.self_scrape(cluster, part, services.own(cluster, part)) for part in cluster.parts)
    return tuple(filter(None, found))


def _stages(cluster: Cluster) -> tuple[Stage, ...]:
    """What stands around the pods, then one workload after the other, each once those before it run.

    Storage nodes come first, since those who use them can do with newer ones. Where there are to be fewer of them, they
    come last: nobody is to look for one that is gone.
    """
    around = [manifest for part in cluster.parts for manifest in _around(cluster, part)]
    running = _workloads(cluster)
    ordered = [running[part.component.app.name] for part in cluster.parts if part is not cluster.balancer]
    if is_shrinking(cluster):
        ordered.reverse()
    first = [*([running[cluster.balancer.component.app.name]] if cluster.balancer else ()), *ordered[:1]]
    later = [
        Stage(objects=(manifest,), gate=Gate(until=tuple(ordered[:index])))
        for index, manifest in enumerate(ordered)
        if index
    ]
    objects = (*rbac.account(cluster.root), *around, *first)
    return Stage(objects=objects), *later, *_fronts(cluster, running)


def is_shrinking(cluster: Cluster) -> bool:
    """Whether there are more storage nodes than there are to be."""
    part = cluster.storage
    return part is not None and cluster.replicas.get(part.component.name, 0) > storage_count(cluster)


def _workloads(cluster: Cluster) -> Mapping[str, Manifest]:
    """The workloads by the names of their applications."""
    spec = cluster.spec
    build: Sequence[tuple[Part | None, Any, Any]] = (
        (cluster.storage, spec.vmstorage, workloads.storage),
        (cluster.select, spec.vmselect, workloads.select),
        (cluster.insert, spec.vminsert, workloads.insert),
    )
    found = {part.component.app.name: of(cluster, part, given) for part, given, of in build if part is not None}
    if cluster.balancer is not None:
        lb = cluster.balancer
        found[lb.component.app.name] = balancer.deployment(lb, spec.requests_load_balancer.spec)
    return found


def _around(cluster: Cluster, part: Part) -> Iterator[Manifest]:
    """What stands around the pods of a component."""
    component, common = part.component, part.common
    if part is cluster.balancer:
        yield balancer.config(cluster, part)
    yield from services.around(cluster, part)
    others = (
        policies.disruption_budget(component, common.pod_disruption_budget),
        policies.network_policy(component, common.network_policy),
        policies.horizontal_autoscaler(component, _bounded(part), component.name, component.workload),
        policies.vertical_autoscaler(component, part.vpa, component.name, component.workload),
    )
    yield from filter(None, others)


def _bounded(part: Part) -> EmbeddedHPA | None:
    """The autoscaler of a component; that of the storage nodes never takes one away, for its data would be gone."""
    if part.hpa is None or part.component.app is not STORAGE:
        return part.hpa
    return evolve(part.hpa, behaviour={**_NEVER_DOWN, **(part.hpa.behaviour or {})})


def _fronts(cluster: Cluster, running: Mapping[str, Manifest]) -> Iterator[Stage]:
    """The Services that lead to the balancer: one that has led to pods does so until the balancer and its way to them stand."""
    for part in cluster.parts:
        manifest = services.front(cluster, part)
        if manifest is not None and cluster.balancer is not None:
            until = (running[cluster.balancer.component.app.name], running[part.component.app.name])
            yield Stage(objects=(manifest,), gate=Gate(until=until, since=services.own(cluster, part)))

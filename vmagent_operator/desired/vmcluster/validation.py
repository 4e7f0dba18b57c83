"""What is wrong with a VMCluster beyond its shape: faults that stop it, and doubts that are only reported.

What can be left out by an annotation is what would only hurt the cluster itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from vmagent_operator import texts
from vmagent_operator.api.vmcluster import VMInsert, VMSelect
from vmagent_operator.desired import listener
from vmagent_operator.desired.vmcluster import workloads
from vmagent_operator.desired.vmcluster.addresses import ordinals, storage_nodes
from vmagent_operator.desired.vmcluster.arguments import (
    COPIES,
    DEDUP,
    UNKNOWN,
    effective_dedup,
    given_dedup,
    replication,
)
from vmagent_operator.desired.vmcluster.features import (
    SELECT,
    STORAGE,
    Cluster,
    Part,
    applied,
    storage_count,
    storage_ports,
)
from vmagent_operator.desired.workload import backup, checks, claims, retention
from vmagent_operator.desired.workload.checks import Faults, Verdict
from vmagent_operator.model.decode import Fault
from vmagent_operator.scrape.expressions import regex

_NODES = "storageNode"
Rule = Callable[[Cluster], Faults]


def verdict(cluster: Cluster) -> Verdict:
    """The faults and doubts of a decoded VMCluster; an annotation of the user's leaves out those of mere form."""

    def bound(rules: tuple[Rule, ...]) -> list[Callable[[], Faults]]:
        return [partial(rule, cluster) for rule in rules]

    return checks.verdict(cluster.owner, bound(FATAL), bound(REFUSED), bound(DOUBTFUL))


def _names(cluster: Cluster) -> Faults:
    yield from checks.owner_name(cluster.owner)
    for part in cluster.parts:
        given = None if part is cluster.balancer else part.common.service_spec
        yield from checks.services(part.component, given, f"{part.path}.serviceSpec", part.component.app.container)


def _limits(cluster: Cluster) -> Faults:
    for part in cluster.parts:
        yield from checks.replicas(part.common.apps, part.path)
        yield from checks.least_replicas(part.hpa, f"{part.path}.hpa")
        yield from checks.vertical(part.vpa, cluster.settings, f"{part.path}.vpa")


def _claims(cluster: Cluster) -> Faults:
    given = {"spec.vmstorage": cluster.spec.vmstorage, "spec.vmselect": cluster.spec.vmselect}
    for path, component in given.items():
        storage = component.storage if component else None
        claim = storage.volume_claim_template if storage and storage.empty_dir is None else None
        if claim is not None and not claims.request(claim):
            yield Fault(f"{path}.storage.volumeClaimTemplate.spec.resources.requests.storage", "required")


def _dropped(cluster: Cluster) -> Faults:
    """Data that would be out of sight: they are in claims that were asked for and are not any more."""
    storage, before = cluster.storage, applied(cluster.owner)
    if storage is None or before is None or before.vmstorage is None or cluster.spec.vmstorage is None:
        return
    kept = workloads.data(workloads.STORAGE_VOLUME, before.vmstorage.storage, "")
    wanted = workloads.data(workloads.STORAGE_VOLUME, cluster.spec.vmstorage.storage, "")
    users = {volume.get("name") for volume in storage.params.volumes}
    if kept.claim and kept.volume not in users and not (wanted.claim and wanted.volume == kept.volume):
        what = f"the data are in claims called {kept.volume}; ask for them, or give a volume of that name"
        yield Fault(f"{storage.path}.storage", what)


def _headless(cluster: Cluster) -> Faults:
    for part in _stateful(cluster):
        given = part.common.service_spec
        if given is None or not given.use_as_default or not given.spec.get("type"):
            continue
        if (given.spec["type"], given.spec.get("clusterIP")) != ("ClusterIP", "None"):
            yield Fault(
                f"{part.path}.serviceSpec.spec.type", "this Service has to stay headless; add another one instead"
            )


def _scaling(cluster: Cluster) -> Faults:
    for part in cluster.parts:
        yield from checks.autoscaler(part.hpa, f"{part.path}.hpa")
        yield from checks.whole_vertical(part.vpa, f"{part.path}.vpa")
    storage = cluster.storage
    if storage and storage.hpa and "scaleDown" in (storage.hpa.behaviour or {}):
        yield Fault(f"{storage.path}.hpa.behaviour.scaleDown", "a storage node that goes takes its data along")


def _rollout(cluster: Cluster) -> Faults:
    for part in cluster.parts:
        yield from checks.grace(part.common.apps, part.path)
    for path, given in (("spec.vmstorage", cluster.spec.vmstorage), ("spec.vmselect", cluster.spec.vmselect)):
        behavior = given.stateful.rolling_update_strategy_behavior if given else None
        if behavior is not None and behavior.max_unavailable is not None:
            yield from checks.batch(behavior.max_unavailable, f"{path}.rollingUpdateStrategyBehavior.maxUnavailable")


def _ports(cluster: Cluster) -> Faults:
    for part in cluster.parts:
        seen = dict[str, str]()
        for path, number in _ports_of(cluster, part).items():
            yield from checks.port(number, path)
            if number in seen:
                yield Fault(path, f"{number} is the port of {seen[number]} already")
            seen[number] = path


def _ports_of(cluster: Cluster, part: Part) -> dict[str, str]:
    """The ports that the containers of a pod listen at, by the paths of their fields."""
    spec, path = cluster.spec, part.path
    found = {f"{path}.port": listener.port(part.component)}
    if part is cluster.storage and spec.vmstorage:
        insert, select = storage_ports(spec.vmstorage, cluster.settings)
        found |= {f"{path}.vmInsertPort": insert, f"{path}.vmSelectPort": select}
        if saved := workloads.backup_of(part, spec.vmstorage):
            found[f"{path}.vmBackup.port"] = listener.port(saved.manager)
    elif part is cluster.select and spec.vmselect:
        found[f"{path}.clusterNativeListenPort"] = spec.vmselect.cluster_native_listen_port
    elif part is cluster.insert and spec.vminsert:
        found |= checks.insert_ports(spec.vminsert.insert_ports, f"{path}.insertPorts")
        found[f"{path}.clusterNativeListenPort"] = spec.vminsert.cluster_native_listen_port
    return {at: number for at, number in found.items() if number}


def _license(cluster: Cluster) -> Faults:
    licenses = {"spec.license": cluster.spec.license}
    if cluster.balancer:
        licenses[f"{cluster.balancer.path}.license"] = cluster.spec.requests_load_balancer.spec.license
    for path, given in licenses.items():
        yield from checks.license(given, path)
        yield from checks.interval(given, path)
    storage, is_licensed = cluster.spec.vmstorage, cluster.is_licensed
    yield from retention.downsampling_faults(cluster.spec.downsampling, "spec.downsampling", is_licensed=is_licensed)
    if storage and cluster.storage:
        filters, period = storage.retention_filters, cluster.spec.retention_period
        at = f"{cluster.storage.path}.retentionFilters"
        yield from retention.filter_faults(filters, at, period, is_licensed=is_licensed)
        yield from backup.faults(workloads.backup_of(cluster.storage, storage), f"{cluster.storage.path}.vmBackup")


def _nodes(cluster: Cluster) -> Faults:
    for part, given in _clients(cluster):
        chosen = _chosen_nodes(part)
        addresses = storage_nodes(cluster, given) if chosen is None else chosen
        if cluster.storage is None and chosen is None and not addresses:
            yield Fault(part.path, "has no storage node: there are neither spec.vmstorage nor extraArgs.storageNode")
        twice = sorted(address for address, times in Counter(addresses).items() if times > 1)
        if twice:
            yield Fault(part.path, f"storage node {', '.join(twice[:10])} is there more than once")
        if "" in addresses:
            yield Fault(f"{part.path}.extraArgs.storageNode", "has an empty address")


def _discovery(cluster: Cluster) -> Faults:
    storage = cluster.spec.vmstorage
    for part, given in _clients(cluster):
        found = cluster.discovery(given)
        if found is None:
            continue
        path = f"{part.path}.discovery" if given.discovery else "spec.discovery"
        if not cluster.is_licensed:
            yield Fault(path, "needs a license")
        if storage is None and _chosen_nodes(part) is None:
            yield Fault(path, "there is no spec.vmstorage to discover, and no extraArgs.storageNode")
        if found.filter and (fault := regex.fault(found.filter)):
            yield Fault(f"{path}.filter", fault)
        if found.interval and not _is_positive(found.interval):
            yield Fault(f"{path}.interval", "is no duration such as 30s")
        reads = isinstance(given, VMSelect)
        if storage and (storage.maintenance_select_node_ids if reads else storage.maintenance_insert_node_ids):
            key = "maintenanceSelectNodeIDs" if reads else "maintenanceInsertNodeIDs"
            yield Fault(f"spec.vmstorage.{key}", f"cannot be left out of what {path} finds")


def _replication(cluster: Cluster) -> Faults:
    factor, nodes = replication(cluster), _insert_nodes(cluster)
    if factor is not None and nodes is not None and factor > nodes:
        yield Fault("spec.replicationFactor", f"{factor} copies do not fit on {nodes} storage nodes")


def _dedup(cluster: Cluster) -> Faults:
    given = {part.path: given_dedup(part) for part in (cluster.storage, cluster.select) if part}
    for path, interval in given.items():
        if interval not in ("", UNKNOWN) and not _is_positive(interval):
            yield Fault(f"{path}.extraArgs[{DEDUP}]", f"{interval!r} is no duration such as 30s")


def _few_nodes(cluster: Cluster) -> Faults:
    factor, nodes = cluster.spec.replication_factor, _insert_nodes(cluster)
    if factor is not None and factor <= 0:
        yield Fault("spec.replicationFactor", f"{factor} is taken for absent")
    elif factor is not None and nodes is not None and factor <= nodes < 2 * factor - 1:
        what = f"with {factor - 1} of them away, {nodes} storage nodes cannot take {factor} copies of what is new"
        yield Fault("spec.replicationFactor", what)


def _lopsided_dedup(cluster: Cluster) -> Faults:
    storage, select = cluster.storage, cluster.select
    general = cluster.spec.downsampling.dedup_interval if cluster.spec.downsampling else ""
    for part in (storage, select):
        own = given_dedup(part)
        if part and own and general and own != general:
            yield Fault("spec.downsampling.dedupInterval", f"{part.path} has {own} of its own, which wins")
    if storage is None or select is None or given_dedup(storage) == given_dedup(select):
        return
    values = {part.path: effective_dedup(cluster, part) or "none" for part in (storage, select)}
    said = " and ".join(f"{value} at {path}" for path, value in values.items())
    yield Fault("spec", f"{DEDUP} is not given alike: it comes to {said}")


def _pairs(cluster: Cluster) -> Faults:
    """Samples of several agents, which neither nothing nor what replication needs would make one of."""
    part = cluster.select
    if part and cluster.writers and (interval := effective_dedup(cluster, part)) in ("", COPIES):
        found = f"{DEDUP} is {interval or 'not set'}"
        what = f"several pods each of {', '.join(sorted(cluster.writers))} write the same samples, and {found}"
        yield Fault(f"{part.path}.extraArgs", f"{what}: set their scrapeInterval here and in vmstorage")


def _shrinking(cluster: Cluster) -> Faults:
    part = cluster.storage
    before, count = cluster.replicas.get(part.component.name, 0) if part else 0, storage_count(cluster)
    if part and count < before:
        gone = f"{count}" if before - count == 1 else f"{count} to {before - 1}"
        yield Fault(f"{part.path}.replicaCount", f"what is on the storage nodes {gone} is out of reach from now on")


def _versions(cluster: Cluster) -> Faults:
    given = {"spec.clusterVersion": cluster.spec.cluster_version}
    for part in cluster.parts:
        if part is not cluster.balancer:
            given[f"{part.path}.componentVersion"] = part.common.apps.component_version
            given[f"{part.path}.image.tag"] = part.common.apps.image.tag
    for path, tag in given.items():
        if tag and "cluster" not in tag and ":" not in tag:
            yield Fault(path, f"{tag} is not the version of a cluster, which ends in -cluster")


def _without_effect(cluster: Cluster) -> Faults:
    for part in cluster.parts:
        if part.common.paused:
            yield Fault(f"{part.path}.paused", "has no effect; spec.paused stops the whole cluster")


def _stateful(cluster: Cluster) -> Iterator[Part]:
    yield from (part for part in cluster.parts if part.component.app in (STORAGE, SELECT))


def _clients(cluster: Cluster) -> Iterator[tuple[Part, VMSelect | VMInsert]]:
    """Those who look for storage nodes."""
    if cluster.select and cluster.spec.vmselect:
        yield cluster.select, cluster.spec.vmselect
    if cluster.insert and cluster.spec.vminsert:
        yield cluster.insert, cluster.spec.vminsert


def _chosen_nodes(part: Part) -> list[str] | None:
    """The addresses that the user gives in place of ours; None if the user does not."""
    if _NODES in part.params.extra_args:
        return part.params.extra_args[_NODES].split(",")
    variables: Mapping[str, str] = {
        each.get("name", ""): str(each.get("value") or "") for each in part.params.extra_envs
    }
    return variables[_NODES].split(",") if variables.get(_NODES) else None


def _insert_nodes(cluster: Cluster) -> int | None:
    """How many storage nodes there are to write to, if that is known."""
    storage, insert = cluster.spec.vmstorage, cluster.spec.vminsert
    if storage is None or cluster.storage is None or cluster.storage.hpa is not None:
        return None
    if insert and (cluster.discovery(insert) or (cluster.insert and _chosen_nodes(cluster.insert) is not None)):
        return None
    return len(ordinals(cluster, storage.maintenance_insert_node_ids))


def _is_positive(text: str) -> bool:
    try:
        return texts.duration(text) > 0
    except ValueError:
        return False


FATAL: tuple[Rule, ...] = (_names, _limits, _claims, _dropped)
REFUSED: tuple[Rule, ...] = (
    _headless,
    _scaling,
    _rollout,
    _ports,
    _license,
    _nodes,
    _discovery,
    _replication,
    _dedup,
)
DOUBTFUL: tuple[Rule, ...] = (_few_nodes, _lopsided_dedup, _pairs, _shrinking, _versions, _without_effect)

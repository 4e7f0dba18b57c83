"""What the programs of a cluster are started with, and the one decision that they share: replication and deduplication."""

from collections.abc import Iterator

from vmagent_operator.api.vmcluster import VMInsert, VMSelect, VMStorage
from vmagent_operator.desired.around import service
from vmagent_operator.desired.vmcluster.addresses import select_nodes, storage_arguments
from vmagent_operator.desired.vmcluster.features import Cluster, Part, storage_ports
from vmagent_operator.desired.workload import pod, retention

DEDUP = "dedup.minScrapeInterval"
STORAGE_PATH = "vmstorage-data"
CACHE_PATH = "/cache"
_COPIES = "1ms"
"""Collapses the equal copies that replication makes; samples of two agents are further apart."""
UNKNOWN = "?"
"""A value that comes from somewhere else."""


def replication(cluster: Cluster) -> int | None:
    """On how many storage nodes each sample is; None if that is not said, or makes no sense."""
    factor = cluster.spec.replication_factor
    return factor if factor is not None and factor > 0 else None


def given_dedup(part: Part | None) -> str:
    """The deduplication interval that the user gives a component by argument or environment; "" for none."""
    if part is None:
        return ""
    if DEDUP in part.params.extra_args:
        return part.params.extra_args[DEDUP]
    variable = next((each for each in part.params.extra_envs if each.get("name") == DEDUP.replace(".", "_")), None)
    return "" if variable is None else str(variable.get("value") or UNKNOWN)


def generated_dedup(cluster: Cluster, part: Part | None) -> str:
    """The deduplication interval that the operator gives vmstorage or vmselect; "" for none.

    It is decided for both: where replication asks for one and the user gives one of them another, that is the other's too.
    A value in the environment counts, though one among the arguments would win over it.
    """
    if given_dedup(part):
        return ""
    if cluster.spec.downsampling and cluster.spec.downsampling.dedup_interval:
        return cluster.spec.downsampling.dedup_interval
    if (replication(cluster) or 1) == 1:
        return ""
    values = {given_dedup(each) for each in (cluster.storage, cluster.select)} - {"", UNKNOWN}
    return next(iter(values), _COPIES)


def storage(cluster: Cluster, part: Part, given: VMStorage) -> list[str]:
    """The arguments of vmstorage."""
    insert, select = storage_ports(given, cluster.settings)
    found = [
        *pod.arguments(part.component),
        f"-vminsertAddr=:{insert}",
        f"-vmselectAddr=:{select}",
        f"-storageDataPath={given.storage_data_path or STORAGE_PATH}",
        *_dedup(cluster, part),
        *retention.downsampling(cluster.spec.downsampling),
        *retention.filters(given.retention_filters),
    ]
    if cluster.spec.retention_period:
        found.append(f"-retentionPeriod={cluster.spec.retention_period}")
    return pod.overridden(part.component, found)


def select(cluster: Cluster, part: Part, given: VMSelect) -> list[str]:
    """The arguments of vmselect."""
    found = [
        *pod.arguments(part.component),
        f"-cacheDataPath={given.cache_mount_path or CACHE_PATH}",
        *storage_arguments(cluster, given),
        *_dedup(cluster, part),
        *retention.downsampling(cluster.spec.downsampling),
    ]
    if nodes := select_nodes(cluster):
        found.append(f"-selectNode={','.join(nodes)}")
    if (factor := replication(cluster) or 1) > 1:
        found.append(f"-replicationFactor={factor}")
    if given.cluster_native_listen_port:
        found.append(f"-clusternativeListenAddr=:{given.cluster_native_listen_port}")
    return pod.overridden(part.component, found)


def insert(cluster: Cluster, part: Part, given: VMInsert) -> list[str]:
    """The arguments of vminsert."""
    found = [
        *pod.arguments(part.component),
        *storage_arguments(cluster, given),
        *service.insert_flags(given.insert_ports),
    ]
    if (factor := replication(cluster)) is not None:
        found.append(f"-replicationFactor={factor}")
    if given.cluster_native_listen_port:
        found.append(f"--clusternativeListenAddr=:{given.cluster_native_listen_port}")
    return pod.overridden(part.component, found)


def effective_dedup(cluster: Cluster, part: Part) -> str:
    """The deduplication interval that a component has in the end; "" for none."""
    return given_dedup(part) or generated_dedup(cluster, part)


def _dedup(cluster: Cluster, part: Part) -> Iterator[str]:
    if interval := generated_dedup(cluster, part):
        yield f"-{DEDUP}={interval}"

"""At which addresses the components of a cluster find each other.

Source: https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/#cluster-setup
"""

from collections.abc import Iterator, Sequence

from vmagent_operator.api.vmcluster import Discovery, VMInsert, VMSelect
from vmagent_operator.desired import listener
from vmagent_operator.desired.vmcluster.features import Cluster, Part, storage_count, storage_ports


def ordinals(cluster: Cluster, left_out: Sequence[int]) -> list[int]:
    """The storage nodes that are not left out for maintenance."""
    return [ordinal for ordinal in range(storage_count(cluster)) if ordinal not in left_out]


def storage_nodes(cluster: Cluster, given: VMSelect | VMInsert) -> list[str]:
    """The addresses of the storage nodes that a component uses."""
    own = _discovered(cluster, given) if cluster.discovery(given) else _listed(cluster, given)
    return [*own, *(node.addr for node in given.extra_storage_nodes)] if isinstance(given, VMSelect) else own


def storage_arguments(cluster: Cluster, given: VMSelect | VMInsert) -> Iterator[str]:
    """The arguments that name them; none if there are none."""
    if nodes := storage_nodes(cluster, given):
        yield f"-storageNode={','.join(nodes)}"
    found: Discovery | None = cluster.discovery(given)
    if found and found.interval:
        yield f"-storageNode.discoveryInterval={found.interval}"
    if found and found.filter:
        yield f"-storageNode.filter={found.filter}"


def select_nodes(cluster: Cluster) -> list[str]:
    """The addresses of all pods of vmselect, which forget what they have cached together; none if their number changes by itself."""
    part = cluster.select
    if part is None or part.hpa is not None:
        return []
    numbers = range(part.params.replica_count or 0)
    return [_pod(cluster, part, number, listener.port(part.component)) for number in numbers]


def service_host(cluster: Cluster, service: str) -> str:
    """The host name of a Service of the cluster."""
    return f"{service}.{cluster.owner.namespace}.svc{cluster.domain}"


def _listed(cluster: Cluster, given: VMSelect | VMInsert) -> list[str]:
    storage = cluster.spec.vmstorage
    if storage is None or cluster.storage is None:
        return []
    reads = isinstance(given, VMSelect)
    left_out = storage.maintenance_select_node_ids if reads else storage.maintenance_insert_node_ids
    port = storage_ports(storage, cluster.settings)[reads]
    return [_pod(cluster, cluster.storage, ordinal, port) for ordinal in ordinals(cluster, left_out)]


def _discovered(cluster: Cluster, given: VMSelect | VMInsert) -> list[str]:
    if cluster.spec.vmstorage is None or cluster.storage is None:
        return []
    port = storage_ports(cluster.spec.vmstorage, cluster.settings)[isinstance(given, VMSelect)]
    return [f"srv+{_in_namespace(cluster, cluster.storage.service)}:{port}"]


def _pod(cluster: Cluster, part: Part, ordinal: int, port: str) -> str:
    return f"{part.component.name}-{ordinal}.{_in_namespace(cluster, part.service)}:{port}"


def _in_namespace(cluster: Cluster, service: str) -> str:
    """The name of a Service as pods of the namespace look it up; whole only where the domain is known."""
    return service_host(cluster, service) if cluster.domain else f"{service}.{cluster.owner.namespace}"

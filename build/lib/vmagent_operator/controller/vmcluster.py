"""VMCluster as the engine sees it: its row."""

from collections.abc import Mapping

from vmagent_operator.api import kinds
from vmagent_operator.api.vmcluster import VMAuth, VMInsert, VMSelect, VMStorage
from vmagent_operator.controller.engine.kind import OwnerKind, Workload
from vmagent_operator.desired.component import Application
from vmagent_operator.desired.vmcluster import desired
from vmagent_operator.desired.vmcluster.features import (
    APPS,
    BALANCER,
    INSERT,
    SELECT,
    STORAGE,
    VMCluster,
    name,
    spec,
)
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube.resource import Manifest

_CONDITIONS = {STORAGE: "VMStorageReady", SELECT: "VMSelectReady", INSERT: "VMInsertReady"}


def _parts(cluster: VMCluster) -> Mapping[Application, VMStorage | VMSelect | VMInsert | VMAuth | None]:
    """What is asked of each component; None of one that the cluster does not have."""
    given = spec(cluster)
    balancer = given.requests_load_balancer
    return {
        STORAGE: given.vmstorage,
        SELECT: given.vmselect,
        INSERT: given.vminsert,
        BALANCER: balancer.spec if balancer.enabled else None,
    }


def _workloads(cluster: VMCluster) -> tuple[Workload, ...]:
    return tuple(
        Workload(
            name=name(cluster, app) if part else "",
            condition=_CONDITIONS.get(app, ""),
            is_counted=part is not None and (app is STORAGE or part.hpa is not None),
        )
        for app, part in _parts(cluster).items()
    )


def _max_unavailable(cluster: VMCluster, workload: str) -> int | str:
    given = spec(cluster)
    parts = {name(cluster, STORAGE): given.vmstorage, name(cluster, SELECT): given.vmselect}
    part = parts.get(workload)
    behavior = part.stateful.rolling_update_strategy_behavior if part else None
    return (behavior and behavior.max_unavailable) or 1


def _yields(cluster: VMCluster, manifest: Manifest) -> frozenset[str]:
    """The number of pods, where an autoscaler says it: ours, or a user's where nobody says a number here.

    Not of storage nodes: what writes to them has to know how many there are.
    """
    if manifest["kind"] in WORKLOADS:
        for app, part in _parts(cluster).items():
            is_unsaid = part is not None and part.common.apps.replica_count is None and app is not STORAGE
            if part is not None and name(cluster, app) == manifest["metadata"]["name"] and (part.hpa or is_unsaid):
                return frozenset({"spec.replicas"})
    return frozenset()


VMCLUSTER = OwnerKind(
    kind=kinds.VMCLUSTER,
    apps=APPS,
    desired=desired.desired,
    scale=lambda cluster: {},
    self_scrapes=desired.self_scrapes,
    service_account=lambda cluster: spec(cluster).service_account_name,
    max_unavailable=_max_unavailable,
    workloads=_workloads,
    yields=_yields,
)

"""VMCluster as the engine sees it: its row."""

from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.kind import OwnerKind, Workload
from vmagent_operator.desired.vmcluster import desired
from vmagent_operator.desired.vmcluster.features import APPS, INSERT, SELECT, STORAGE, VMCluster, name, spec

_CONDITIONS = {STORAGE.name: "VMStorageReady", SELECT.name: "VMSelectReady", INSERT.name: "VMInsertReady"}


def _workloads(cluster: VMCluster) -> tuple[Workload, ...]:
    given = spec(cluster)
    balancer = given.requests_load_balancer
    parts = {STORAGE.name: given.vmstorage, SELECT.name: given.vmselect, INSERT.name: given.vminsert}
    found = []
    for app in APPS[1:]:
        is_balancer = app.name not in parts
        part = (balancer.spec if balancer.enabled else None) if is_balancer else parts[app.name]
        found.append(
            Workload(
                name=name(cluster, app) if part else "",
                condition=_CONDITIONS.get(app.name, ""),
                is_counted=app is STORAGE and part is not None,
                is_autoscaled=part is not None and part.hpa is not None,
            )
        )
    return tuple(found)


def _max_unavailable(cluster: VMCluster, workload: str) -> int | str:
    parts = {name(cluster, STORAGE): spec(cluster).vmstorage, name(cluster, SELECT): spec(cluster).vmselect}
    part = parts.get(workload)
    behavior = part.stateful.rolling_update_strategy_behavior if part else None
    return (behavior and behavior.max_unavailable) or 1


VMCLUSTER = OwnerKind(
    kind=kinds.VMCLUSTER,
    apps=APPS,
    desired=desired.desired,
    scale=lambda cluster: {},
    self_scrapes=desired.self_scrapes,
    service_account=lambda cluster: spec(cluster).service_account_name,
    max_unavailable=_max_unavailable,
    workloads=_workloads,
)

"""Deployment, StatefulSet or DaemonSet around the pod."""

from collections.abc import Sequence

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json

_QUARTER = {"maxSurge": "25%", "maxUnavailable": "25%"}
_HISTORY = 10
"""Revisions to roll back to: Kubernetes' default, written out as the Go operator does, so that a take-over changes nothing."""
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def deployment(component: Component, pod: Manifest, strategy: str | None, rolling_update: object = None) -> Manifest:
    """The Deployment that runs `pod` (the spec); `rolling_update` is the user's pace."""
    kind: Manifest = {"type": strategy or "RollingUpdate"}
    if kind["type"] == "RollingUpdate":
        kind["rollingUpdate"] = _QUARTER | _given(rolling_update)
    own = {**_replicated(component), "progressDeadlineSeconds": 600, "strategy": kind}
    return _workload(component, "Deployment", own, pod)


def stateful_set(
    component: Component,
    pod: Manifest,
    *,
    service: str,
    strategy: str = "",
    claims: Sequence[Manifest] = (),
    retention: object = None,
    is_ordered: bool = False,
) -> Manifest:
    """The StatefulSet that runs `pod`.

    service: the Service that gives the pods their names. claims: templates of volume claims. retention: what becomes of
    the claims. is_ordered: whether pods come and go one by one.
    """
    own = {
        **_replicated(component),
        "podManagementPolicy": "OrderedReady" if is_ordered else "Parallel",
        "serviceName": service,
        "updateStrategy": {"type": strategy or "OnDelete"},
    }
    if claims:
        own["volumeClaimTemplates"] = list(claims)
    if kept := _given(retention):
        own["persistentVolumeClaimRetentionPolicy"] = kept
    return _workload(component, "StatefulSet", own, pod)


def daemon_set(component: Component, pod: Manifest, strategy: str | None, rolling_update: object = None) -> Manifest:
    """The DaemonSet that runs `pod`; an empty strategy leaves it to the API server."""
    kind: Manifest = {}
    if strategy != "":
        kind["type"] = strategy or "RollingUpdate"
    if rolling := _given(rolling_update):
        kind["rollingUpdate"] = rolling
    return _workload(component, "DaemonSet", {"updateStrategy": kind}, pod)


def _workload(component: Component, kind: str, own: Manifest, pod: Manifest) -> Manifest:
    """The workload, holding the shard placeholder if the component is sharded."""
    params = component.params
    common: Manifest = {
        "selector": {"matchLabels": labels.shard_selector(component)},
        "template": {"metadata": labels.pod(component), "spec": pod},
    }
    if params.min_ready_seconds:
        common["minReadySeconds"] = params.min_ready_seconds
    if (history := params.revision_history_limit_count) is not None:
        common["revisionHistoryLimit"] = history
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": labels.meta(component, names.workload(component)),
        "spec": own | common,
    }


def _replicated(component: Component) -> Manifest:
    replicas = component.params.replica_count
    return {"replicas": 1 if replicas is None else replicas, "revisionHistoryLimit": _HISTORY}


def _given(block: object) -> Manifest:
    """A block that is passed on, as JSON; empty if there is none."""
    return canonical({} if block is None else to_json(block))

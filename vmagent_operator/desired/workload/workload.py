"""Deployment, StatefulSet or DaemonSet around the pod."""

from collections.abc import Mapping
from typing import Any

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.around import service
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, is_daemon_set, is_stateful, shards, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.settings import Settings

_QUARTER = {"maxSurge": "25%", "maxUnavailable": "25%"}
_HISTORY = 10


def workload(agent: VMAgent, settings: Settings, pod: Manifest, claims: list[Manifest]) -> Manifest:
    """The workload that runs `pod` (the spec), holding the shard placeholder if the agent is sharded.

    claims: templates of the StatefulSet's volume claims.
    """
    asked = spec(agent)
    common: dict[str, Any] = {
        "selector": {"matchLabels": labels.shard_selector(agent)},
        "template": {"metadata": labels.pod(agent, settings), "spec": pod},
    }
    if asked.apps.min_ready_seconds:
        common["minReadySeconds"] = asked.apps.min_ready_seconds
    if (history := asked.apps.revision_history_limit_count) is not None:
        common["revisionHistoryLimit"] = history
    if is_daemon_set(agent):
        kind, own = "DaemonSet", _daemon_set(agent)
    elif is_stateful(agent):
        kind, own = "StatefulSet", _stateful_set(agent, claims)
    else:
        kind, own = "Deployment", _deployment(agent)
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": labels.meta(agent, settings, names.workload(agent)),
        "spec": own | common,
    }


def _replicated(agent: VMAgent) -> Manifest:
    replicas = spec(agent).apps.replica_count
    return {"replicas": 1 if replicas is None else replicas, "revisionHistoryLimit": _HISTORY}


def _deployment(agent: VMAgent) -> Manifest:
    asked = spec(agent)
    strategy: dict[str, Any] = {"type": asked.update_strategy or "RollingUpdate"}
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = _QUARTER | _given(asked.rolling_update)
    return {**_replicated(agent), "progressDeadlineSeconds": 600, "strategy": strategy}


def _stateful_set(agent: VMAgent, claims: list[Manifest]) -> Manifest:
    asked = spec(agent)
    out = {
        **_replicated(agent),
        "podManagementPolicy": "Parallel",
        "serviceName": _governing_service(agent),
        "updateStrategy": {"type": asked.stateful_rolling_update_strategy or "OnDelete"},
    }
    if claims:
        out["volumeClaimTemplates"] = claims
    if retention := _given(asked.persistent_volume_claim_retention_policy):
        out["persistentVolumeClaimRetentionPolicy"] = retention
    return out


def _daemon_set(agent: VMAgent) -> Manifest:
    asked = spec(agent)
    strategy: dict[str, Any] = {}
    if asked.daemon_set_update_strategy != "":
        strategy["type"] = asked.daemon_set_update_strategy or "RollingUpdate"
    if rolling := _given(asked.daemon_set_rolling_update_strategy_behavior):
        strategy["rollingUpdate"] = rolling
    return {"updateStrategy": strategy}


def _governing_service(agent: VMAgent) -> str:
    """The Service that gives the pods their names: a headless one of the user's, or with shards the main one."""
    given, name = spec(agent).service_spec, service.additional_name(agent)
    if given is not None and name is not None and given.spec.get("clusterIP") == "None":
        return name
    return names.prefixed(agent) if shards(agent) else ""


def _given(block: Any) -> Manifest:
    """A block that is passed on, as JSON; empty if there is none."""
    raw = block if isinstance(block, Mapping) else to_json(block) if block is not None else {}
    return canonical(raw)

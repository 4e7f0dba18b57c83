"""What kube-state-metrics shows of our kinds: its configuration, written from the kinds that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmagent_operator.api.kinds import KINDS, OWNER_KINDS
from vmagent_operator.controller.engine.metrictable import STATES
from vmagent_operator.identity import API_VERSION

GROUP, VERSION = API_VERSION.split("/")
QUIET = 5  # the verbosity at which kube-state-metrics says that a field is absent, which is nothing unusual
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {  # name: help, path
    "created": ("Unix time of creation.", ("metadata", "creationTimestamp")),
    "generation": ("Generation of the spec.", ("metadata", "generation")),
    "observed_generation": ("Generation that the status is about.", ("status", "observedGeneration")),
}
COUNTS: dict[str, tuple[tuple[str, str, tuple[str, ...], dict[str, str]], ...]] = {  # kind: name, help, path, labels
    "VMAgent": (
        ("spec_replicas", "Pods a shard asked for.", ("spec", "replicaCount"), {}),
        ("spec_shards", "Shards asked for.", ("spec", "shardCount"), {}),
        ("status_replicas", "Pods that each workload is to have.", ("status", "replicas"), {}),
        ("status_shards", "Shards that there are to be.", ("status", "shards"), {}),
    ),
    "VMCluster": tuple(
        ("spec_replicas", "Pods asked for.", ("spec", name, "replicaCount"), {"component": name})
        for name in ("vmstorage", "vmselect", "vminsert")
    ),
}


def config() -> dict[str, Any]:
    """The file for `--custom-resource-state-config-file`."""
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": [_resource(kind) for kind in KINDS]}}


def values() -> dict[str, Any]:
    """Values of the Helm chart of kube-state-metrics."""
    verbs = {"verbs": ["list", "watch"]}
    rules = [
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], **verbs},
        {"apiGroups": [GROUP], "resources": [kind.plural for kind in KINDS], **verbs},
    ]
    return {"customResourceState": {"enabled": True, "config": config()}, "rbac": {"extraRules": rules}}


def _resource(kind: Any) -> dict[str, Any]:
    return {
        "groupVersionKind": {"group": GROUP, "version": VERSION, "kind": kind.name},
        "metricNamePrefix": f"kube_{kind.singular}",
        "labelsFromPath": {"namespace": ["metadata", "namespace"], "name": ["metadata", "name"]},
        "errorLogV": QUIET,
        "metrics": list(_metrics(kind)),
    }


def _metrics(kind: Any) -> Iterator[dict[str, Any]]:
    for name, (text, path) in GAUGES.items():
        yield _gauge(name, text, path)
    state = {"path": ["status", "updateStatus"], "labelName": "status", "list": list(STATES)}
    yield {"name": "status", "help": "State in a word.", "each": {"type": "StateSet", "stateSet": state}}
    about = {"labelsFromPath": {"type": ["type"], "reason": ["reason"]}, "valueFrom": ["status"]}
    yield _gauge("status_condition", "1 for a condition that is True.", ("status", "conditions"), **about)
    if kind in OWNER_KINDS:
        yield _gauge("spec_paused", "1 if changes are not to be made.", ("spec", "paused"), nilIsZero=True)
    for name, text, path, labels in COUNTS.get(kind.name, ()):
        yield _gauge(name, text, path) | ({"commonLabels": labels} if labels else {})


def _gauge(name: str, text: str, path: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return {"name": name, "help": text, "each": {"type": "Gauge", "gauge": {"path": list(path), **more}}}

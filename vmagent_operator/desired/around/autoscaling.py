"""Autoscalers. Both point at the VMAgent, whose scale subresource is the number of shards, and carry its own name."""

from vmagent_operator.api.kinds import API_VERSION
from vmagent_operator.desired import labels
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, is_daemon_set, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.settings import Settings


def horizontal(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The HorizontalPodAutoscaler, or None; a DaemonSet has nothing to scale."""
    given = spec(agent).hpa
    if given is None or is_daemon_set(agent):
        return None
    scaling = {"maxReplicas": given.max_replicas, **canonical(to_json(given))}
    if "behaviour" in scaling:
        scaling["behavior"] = scaling.pop("behaviour")
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": labels.meta(agent, settings, agent.name),
        "spec": {**scaling, "scaleTargetRef": _target(agent)},
    }


def vertical(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The VerticalPodAutoscaler, or None; a DaemonSet has none."""
    given = spec(agent).vpa
    if given is None or is_daemon_set(agent):
        return None
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": labels.meta(agent, settings, agent.name),
        "spec": {**canonical(to_json(given)), "targetRef": _target(agent)},
    }


def _target(agent: VMAgent) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": "VMAgent", "name": agent.name}

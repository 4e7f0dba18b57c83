"""What keeps, guards and scales pods: disruption budgets, network policies, autoscalers."""

from vmagent_operator.api.apps import EmbeddedHPA, EmbeddedNetworkPolicy, EmbeddedPDB, EmbeddedVPA
from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json


def disruption_budget(component: Component, given: EmbeddedPDB | None) -> Manifest | None:
    """The budget of one workload, holding the shard placeholder if the component is sharded; None without one.

    A DaemonSet has none: an eviction does not move its pods.
    """
    if given is None or component.kind == "DaemonSet":
        return None
    limits, own = to_json(given), labels.selector(component)
    shard = {key: value for key, value in labels.shard_selector(component).items() if key not in own}
    matched = {**(limits.pop("selectorLabels", None) or own), **shard}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": labels.meta(component, names.workload(component)),
        "spec": {**limits, "selector": {"matchLabels": matched}},
    }


def network_policy(component: Component, given: EmbeddedNetworkPolicy | None) -> Manifest | None:
    """The policy for the pods, or None without rules: a policy without any would cut the pods off."""
    rules = canonical(to_json(given)) if given is not None else {}
    types = [kind for kind in ("Ingress", "Egress") if rules.get(kind.lower())]
    if not types:
        return None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": labels.meta(component, component.name),
        "spec": {**rules, "podSelector": {"matchLabels": labels.selector(component)}, "policyTypes": types},
    }


def horizontal_autoscaler(
    component: Component, given: EmbeddedHPA | None, name: str, target: Manifest
) -> Manifest | None:
    """The HorizontalPodAutoscaler of that name over `target`, or None; a DaemonSet has nothing to scale."""
    if given is None or component.kind == "DaemonSet":
        return None
    scaling = {"maxReplicas": given.max_replicas, **canonical(to_json(given))}
    if "behaviour" in scaling:
        scaling["behavior"] = scaling.pop("behaviour")
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": labels.meta(component, name),
        "spec": {**scaling, "scaleTargetRef": target},
    }


def vertical_autoscaler(
    component: Component, given: EmbeddedVPA | None, name: str, target: Manifest
) -> Manifest | None:
    """The VerticalPodAutoscaler of that name over `target`, or None; a DaemonSet has none."""
    if given is None or component.kind == "DaemonSet":
        return None
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": labels.meta(component, name),
        "spec": {**canonical(to_json(given)), "targetRef": target},
    }

"""NetworkPolicies."""

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.settings import Settings


def policy(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The policy for the agent's pods, or None without rules: a policy without any would cut the pods off."""
    given = spec(agent).network_policy
    rules = canonical(to_json(given)) if given is not None else {}
    types = [kind for kind in ("Ingress", "Egress") if rules.get(kind.lower())]
    if not types:
        return None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": labels.meta(agent, settings, names.prefixed(agent)),
        "spec": {**rules, "podSelector": {"matchLabels": labels.selector(agent)}, "policyTypes": types},
    }

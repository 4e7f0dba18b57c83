"""PodDisruptionBudgets."""

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.vmagent.features import VMAgent, is_daemon_set, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_json
from vmagent_operator.settings import Settings


def budget(agent: VMAgent, settings: Settings) -> Manifest | None:
    """The budget of one workload, holding the shard placeholder if the agent is sharded; None without one."""
    given = spec(agent).pod_disruption_budget
    if given is None or is_daemon_set(agent):
        return None
    limits = to_json(given)
    shard = {k: v for k, v in labels.shard_selector(agent).items() if k not in labels.selector(agent)}
    matched = {**(limits.pop("selectorLabels", None) or labels.selector(agent)), **shard}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": labels.meta(agent, settings, names.workload(agent)),
        "spec": {**limits, "selector": {"matchLabels": matched}},
    }

"""Names of the objects that belong to a VMAgent."""

from vmagent_operator.desired.vmagent.features import VMAgent, shards, spec

PREFIX = "vmagent-"
SHARD_PLACEHOLDER = "%SHARD_NUM%"
"""Stands for the shard's number in a workload until `shard.render` replaces it."""


def prefixed(agent: VMAgent) -> str:
    """The name that most children have: `vmagent-<name>`, or the agent's own with legacy naming."""
    return agent.name if spec(agent).use_legacy_naming else f"{PREFIX}{agent.name}"


def rbac(agent: VMAgent) -> str:
    """The name of roles and bindings; it holds the namespace, because some have none or stand in another one."""
    return f"monitoring:{agent.namespace}:{prefixed(agent)}"


def workload(agent: VMAgent) -> str:
    """The workload's name, holding the shard placeholder if the agent is sharded."""
    return f"{prefixed(agent)}-{SHARD_PLACEHOLDER}" if shards(agent) else prefixed(agent)


def service_account(agent: VMAgent) -> str:
    """The account of the pods: the user's, or the operator's own."""
    return spec(agent).apps.service_account_name or prefixed(agent)


def config(agent: VMAgent) -> str:
    """The Secret with the scrape configuration and the copied credentials."""
    return prefixed(agent)


def tls_assets(agent: VMAgent) -> str:
    """The Secret with copied TLS content."""
    return f"tls-assets-{prefixed(agent)}"


def overflow(agent: VMAgent, number: int) -> str:
    """The Secret with the jobs that the configuration Secret had no room for; `number` counts from 1."""
    return f"{prefixed(agent)}-sc-{number}"


def relabeling(agent: VMAgent) -> str:
    """The ConfigMap with the relabeling rules of remote write."""
    return f"relabelings-assets-{prefixed(agent)}"


def aggregation(agent: VMAgent) -> str:
    """The ConfigMap with the stream aggregation rules."""
    return f"stream-aggr-{prefixed(agent)}"


def additional_service(agent: VMAgent) -> str:
    """The Service that `serviceSpec` describes, unless it says otherwise."""
    return f"{prefixed(agent)}-additional-service"

"""Which VMAgents write to a database from several pods each, so that every sample arrives more than once. Pure."""

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec


def pairs(agents: Iterable[CustomObject[VMAgentSpec]], services: Collection[str], namespace: str) -> frozenset[str]:
    """Those that write to one of the `services` of a namespace, as `namespace/name`."""
    return frozenset(
        agent.key
        for agent in agents
        if agent.spec is not None
        and (agent.spec.apps.replica_count or 1) > 1
        and any(_leads_to(remote.url, agent.namespace, services, namespace) for remote in agent.spec.remote_write)
    )


def _leads_to(url: str, at: str, services: Collection[str], namespace: str) -> bool:
    """Whether a URL, as a pod of namespace `at` looks it up, has one of the Services as its host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    name, *rest = host.split(".")
    return name in services and (*rest, at)[0] == namespace

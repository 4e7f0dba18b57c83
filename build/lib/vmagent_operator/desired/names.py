"""Names of the objects that belong to a component."""

from vmagent_operator.desired.component import Component

SHARD_PLACEHOLDER = "%SHARD_NUM%"
"""Stands for the shard's number in a workload until `shard.render` replaces it."""


def rbac(component: Component) -> str:
    """The name of roles and bindings; it holds the namespace, because some have none or stand in another one."""
    return f"monitoring:{component.namespace}:{component.name}"


def workload(component: Component) -> str:
    """The workload's name, holding the shard placeholder if the component is sharded."""
    return f"{component.name}-{SHARD_PLACEHOLDER}" if component.shards else component.name


def service_account(component: Component) -> str:
    """The account of the pods: the user's, or the operator's own."""
    return component.account or component.name


def config(component: Component) -> str:
    """The Secret with the scrape configuration and the copied credentials."""
    return component.name


def tls_assets(component: Component) -> str:
    """The Secret with copied TLS content."""
    return f"tls-assets-{component.name}"


def overflow(component: Component, number: int) -> str:
    """The Secret with the jobs that the configuration Secret had no room for; `number` counts from 1."""
    return f"{component.name}-sc-{number}"


def relabeling(component: Component) -> str:
    """The ConfigMap with the relabeling rules."""
    return f"relabelings-assets-{component.name}"


def aggregation(component: Component) -> str:
    """The ConfigMap with the stream aggregation rules."""
    return f"stream-aggr-{component.name}"


def additional_service(component: Component) -> str:
    """The Service that `serviceSpec` describes, unless it says otherwise."""
    return f"{component.name}-additional-service"

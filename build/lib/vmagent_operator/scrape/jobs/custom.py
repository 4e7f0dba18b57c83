"""VMScrapeConfig: one job with the discoveries that its object lists."""

from collections.abc import Iterator

from attrs import evolve

from vmagent_operator.api.discovery import KubernetesSDConfig, NamespaceDiscovery
from vmagent_operator.api.scrapeconfig import VMScrapeConfigSpec
from vmagent_operator.model.encode import Config, to_config
from vmagent_operator.scrape.jobs.job import JobBuilder


def jobs(spec: VMScrapeConfigSpec, builder: JobBuilder) -> Iterator[Config]:
    """The job of a VMScrapeConfig, its discoveries at the end. Raises Missing."""
    job = builder.job(builder.name(), spec.params, spec.auth, (), relabelings=builder.relabelings(spec.relabelings))
    discoveries = spec.discoveries
    if builder.context.discovery.ignores_namespace_selectors:
        own = tuple(_restricted(entry, builder.object.namespace) for entry in discoveries.kubernetes_sd_configs)
        discoveries = evolve(discoveries, kubernetes_sd_configs=own)
    yield job | to_config(discoveries, builder.resolver)


def _restricted(entry: KubernetesSDConfig, namespace: str) -> KubernetesSDConfig:
    """`entry`, looking into one namespace only; nodes are in none."""
    return entry if entry.role == "node" else evolve(entry, namespaces=NamespaceDiscovery(names=(namespace,)))

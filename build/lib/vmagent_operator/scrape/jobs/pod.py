"""VMPodScrape: a job for each endpoint, its targets discovered among pods."""

from collections.abc import Iterator

from vmagent_operator.api.podscrape import PodMetricsEndpoint, VMPodScrapeSpec
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.jobs.relabel import Rule, assign, copy, drop, keep
from vmagent_operator.scrape.text.emit import Constant

RUNNING = Constant(drop("__meta_kubernetes_pod_phase", "(Failed|Succeeded)"))
POD_RULES = (
    Constant(copy("__meta_kubernetes_namespace", to="namespace")),
    Constant(copy("__meta_kubernetes_pod_container_name", to="container")),
    Constant(copy("__meta_kubernetes_pod_name", to="pod")),
)


def jobs(spec: VMPodScrapeSpec, builder: JobBuilder) -> Iterator[Config]:
    """The jobs of a VMPodScrape, one an endpoint. Raises Missing."""
    for index, endpoint in enumerate(spec.pod_metrics_endpoints):
        attached = builder.attachments(endpoint.attach_metadata, spec.attach_metadata)
        entry = builder.kubernetes("pod", spec.selector, spec.namespace_selector, attached)
        yield builder.job(
            builder.name(index),
            endpoint.params,
            endpoint.auth,
            _rules(spec, endpoint, builder),
            relabelings=builder.relabelings(endpoint.relabelings),
            discovery={"kubernetes_sd_configs": [entry]},
            limits=(spec.sample_limit, spec.series_limit),
        )


def _rules(spec: VMPodScrapeSpec, endpoint: PodMetricsEndpoint, builder: JobBuilder) -> Iterator[Rule]:
    if endpoint.filter_running is not False:
        yield RUNNING
    if not builder.context.discovery.uses_api_selectors:
        yield from relabel.selected("pod", spec.selector)
    yield from _port(endpoint)
    yield from POD_RULES
    yield from relabel.copies("__meta_kubernetes_pod_label_", spec.pod_target_labels)
    yield assign("job", builder.object.key)
    yield from relabel.job("__meta_kubernetes_pod_label_", spec.job_label)
    yield from relabel.endpoint(endpoint.port, endpoint.target_port)


def _port(endpoint: PodMetricsEndpoint) -> Iterator[Rule]:
    """Keep the port that is named first: by name, by number, or in the older way."""
    if endpoint.port:
        yield keep("__meta_kubernetes_pod_container_port_name", endpoint.port)
    elif endpoint.port_number:
        source = ["__meta_kubernetes_pod_container_port_number"]
        yield {"action": "keep", "source_labels": source, "regex": endpoint.port_number}
    else:
        yield from relabel.target_port(endpoint.target_port)

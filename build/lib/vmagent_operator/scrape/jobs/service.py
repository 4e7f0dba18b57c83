"""VMServiceScrape: a job for each endpoint, its targets discovered behind Services."""

from collections.abc import Iterator, Mapping

from vmagent_operator.api.servicescrape import Endpoint, VMServiceScrapeSpec
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.jobs.relabel import Rule, copy, keep
from vmagent_operator.scrape.text.emit import Constant

_NAMES = (
    Constant(copy("__meta_kubernetes_pod_name", to="pod")),
    Constant(copy("__meta_kubernetes_pod_container_name", to="container")),
)


def _address_targets(meta: str) -> tuple[Rule, ...]:
    """Labels that say which node or pod is behind an address."""
    source = [f"__meta_kubernetes_{meta}_address_target_kind", f"__meta_kubernetes_{meta}_address_target_name"]
    return tuple(
        Constant(
            {
                "source_labels": source,
                "separator": ";",
                "regex": f"{kind};(.*)",
                "replacement": "${1}",
                "target_label": kind.lower(),
            }
        )
        for kind in ("Node", "Pod")
    )


SLICE_RULES = (*_address_targets("endpointslice"), *_NAMES)
ROLE_RULES: Mapping[str, tuple[Rule, ...]] = {
    "endpoints": (*_address_targets("endpoint"), *_NAMES),
    "endpointslice": SLICE_RULES,
    "endpointslices": SLICE_RULES,
    "service": (),
}
PORT_NAME: Mapping[str, str] = {
    "endpoints": "__meta_kubernetes_endpoint_port_name",
    "endpointslice": "__meta_kubernetes_endpointslice_port_name",
    "endpointslices": "__meta_kubernetes_endpointslice_port_name",
    "service": "__meta_kubernetes_service_port_name",
}
SERVICE_RULES = (
    Constant(copy("__meta_kubernetes_namespace", to="namespace")),
    Constant(copy("__meta_kubernetes_service_name", to="service")),
)
JOB_RULE = Constant(copy("__meta_kubernetes_service_name", to="job") | {"replacement": "${1}"})


def jobs(spec: VMServiceScrapeSpec, builder: JobBuilder) -> Iterator[Config]:
    """The jobs of a VMServiceScrape, one an endpoint. Raises Missing."""
    default_role = "endpointslice" if builder.context.discovery.enforces_endpointslices else "endpoints"
    role = spec.discovery_role or default_role
    for index, endpoint in enumerate(spec.endpoints):
        attached = builder.attachments(endpoint.attach_metadata, spec.attach_metadata)
        entry = builder.kubernetes(role, spec.selector, spec.namespace_selector, attached)
        yield builder.job(
            builder.name(index),
            endpoint.params,
            endpoint.auth,
            _rules(spec, endpoint, role, builder),
            relabelings=builder.relabelings(endpoint.relabelings),
            discovery={"kubernetes_sd_configs": [entry]},
            limits=(spec.sample_limit, spec.series_limit),
        )


def _rules(spec: VMServiceScrapeSpec, endpoint: Endpoint, role: str, builder: JobBuilder) -> Iterator[Rule]:
    target_port = None if endpoint.port or role == "service" else endpoint.target_port
    if not builder.context.discovery.uses_api_selectors:
        yield from relabel.selected("service", spec.selector)
    if endpoint.port:
        yield keep(PORT_NAME[role], endpoint.port)
    yield from relabel.target_port(target_port)
    yield from ROLE_RULES[role]
    yield from SERVICE_RULES
    yield from relabel.copies("__meta_kubernetes_service_label_", spec.target_labels)
    if role != "service":
        yield from relabel.copies("__meta_kubernetes_pod_label_", spec.pod_target_labels)
    yield JOB_RULE
    yield from relabel.job("__meta_kubernetes_service_label_", spec.job_label)
    yield from relabel.endpoint(endpoint.port, target_port)

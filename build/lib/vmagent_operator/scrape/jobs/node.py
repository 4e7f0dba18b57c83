"""VMNodeScrape: one job, its targets discovered among nodes."""

from collections.abc import Iterator

from vmagent_operator.api.nodescrape import VMNodeScrapeSpec
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.jobs.relabel import Rule, assign, copy

_LABEL = "__meta_kubernetes_node_label_"


def jobs(spec: VMNodeScrapeSpec, builder: JobBuilder) -> Iterator[Config]:
    """The job of a VMNodeScrape. Raises Missing."""
    yield builder.job(
        builder.name(),
        spec.params,
        spec.auth,
        _rules(spec, builder),
        relabelings=builder.relabelings(spec.relabelings),
        discovery={"kubernetes_sd_configs": [builder.kubernetes("node", spec.selector, None)]},
    )


def _rules(spec: VMNodeScrapeSpec, builder: JobBuilder) -> Iterator[Rule]:
    if not builder.context.discovery.uses_api_selectors:
        yield from relabel.selected("node", spec.selector)
    yield copy("__meta_kubernetes_node_name", to="node")
    yield from relabel.copies(_LABEL, spec.target_labels)
    yield assign("job", builder.object.key)
    yield from relabel.job(_LABEL, spec.job_label)
    if spec.port:
        yield {
            "source_labels": ["__address__"],
            "target_label": "__address__",
            "regex": "^(.*):(.*)",
            "replacement": f"${{1}}:{spec.port}",
        }

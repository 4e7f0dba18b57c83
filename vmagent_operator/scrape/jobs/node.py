"""VMNodeScrape: one job, its targets discovered among nodes."""

from collections.abc import Iterator
from typing import Any

from vmagent_operator.api.nodescrape import VMNodeScrapeSpec
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.jobs.job import Work
from vmagent_operator.scrape.jobs.relabel import Rule, assign, copy

_LABEL = "__meta_kubernetes_node_label_"


def jobs(spec: VMNodeScrapeSpec, work: Work) -> Iterator[dict[str, Any]]:
    """The job of a VMNodeScrape. Raises Missing."""
    yield work.job(
        work.name(),
        spec.params,
        spec.auth,
        _rules(spec, work),
        relabelings=work.relabelings(spec.relabelings),
        discovery={"kubernetes_sd_configs": [work.kubernetes("node", spec.selector, None)]},
    )


def _rules(spec: VMNodeScrapeSpec, work: Work) -> Iterator[Rule]:
    if not work.context.uses_api_selectors:
        yield from relabel.selected("node", spec.selector)
    yield copy("__meta_kubernetes_node_name", to="node")
    yield from relabel.copies(_LABEL, spec.target_labels)
    yield assign("job", work.object.key)
    yield from relabel.job(_LABEL, spec.job_label)
    if spec.port:
        yield {
            "source_labels": ["__address__"],
            "target_label": "__address__",
            "regex": "^(.*):(.*)",
            "replacement": f"${{1}}:{spec.port}",
        }

"""VMStaticScrape: a job for each group of listed targets."""

from collections.abc import Iterator, Mapping

from vmagent_operator.api.staticscrape import VMStaticScrapeSpec
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.jobs.relabel import assign


def jobs(spec: VMStaticScrapeSpec, builder: JobBuilder) -> Iterator[Config]:
    """The jobs of a VMStaticScrape, one an endpoint. Raises Missing."""
    for index, endpoint in enumerate(spec.target_endpoints):
        yield builder.job(
            builder.name(index),
            endpoint.params,
            endpoint.auth,
            (assign("job", spec.job_name),) if spec.job_name else (),
            relabelings=builder.relabelings(endpoint.relabelings),
            discovery={"static_configs": [listed(endpoint.targets, endpoint.labels)]},
            default_timeout=builder.context.scrape_timeout,
            limits=(spec.sample_limit, spec.series_limit),
        )


def listed(targets: tuple[str, ...], labels: Mapping[str, str] | None) -> Config:
    """An entry of `static_configs`."""
    sorted_labels = {} if labels is None else {"labels": dict(sorted(labels.items()))}
    return {"targets": list(targets), **sorted_labels}

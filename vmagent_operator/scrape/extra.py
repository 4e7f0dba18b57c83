"""Further jobs, which an owner takes from a Secret and from its own spec as they are.

For one that vmagent cannot read it would refuse the whole file, with everybody's jobs; so each is read here first.
"""

from collections.abc import Callable, Iterator

from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.scrape.checks.raw import words
from vmagent_operator.scrape.checks.rawjob import job as job_shape
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.pack import Entry
from vmagent_operator.scrape.references import Missing, SecretResolver
from vmagent_operator.scrape.text import emit
from vmagent_operator.scrape.text.goyaml import InvalidYAML, load


def entries(
    owner: ScrapeOwner, resolver: SecretResolver, is_taken: Callable[[str], bool]
) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The further jobs, those of the Secret first, and what is wrong with those that are left out.

    is_taken: whether a job name is in use; a second job of a name would make vmagent refuse the whole file. Raises OwnerError if a text
    is missing or no YAML list.
    """
    used = set[str]()
    found: list[Entry] = []
    faults: list[str] = []
    for where, job in _jobs(owner.scraping, resolver):
        if not isinstance(job, dict):
            faults.append(f"{where}: expected a mapping")
            continue
        name = words(job.get("job_name")) if not isinstance(job.get("job_name"), dict | list) else ""
        wrong = list(job_shape()(job, where, owner.environment.fill))
        if not wrong and (name in used or is_taken(name)):
            wrong = [f"{where}: there is a job {name!r} already"]
        if wrong:
            faults += wrong
            continue
        used.add(name)
        found.append(Entry(name, emit.item(job).encode()))
    return tuple(found), tuple(faults)


def _jobs(scraping: ScrapingParams, resolver: SecretResolver) -> Iterator[tuple[str, object]]:
    if selector := scraping.additional_scrape_configs:
        try:
            text = resolver.text(selector)
        except Missing as missing:
            raise OwnerError(f"spec.additionalScrapeConfigs: {missing}") from missing
        yield from _listed("spec.additionalScrapeConfigs", text)
    yield from _listed("spec.inlineScrapeConfig", scraping.inline_scrape_config)


def _listed(where: str, text: str) -> Iterator[tuple[str, object]]:
    try:
        found = load(text)
    except InvalidYAML as error:
        raise OwnerError(f"{where}: {error}") from None
    if found is not None and not isinstance(found, list):
        raise OwnerError(f"{where}: expected a list of jobs")
    for index, job in enumerate(found or ()):
        yield f"{where}[{index}]", job

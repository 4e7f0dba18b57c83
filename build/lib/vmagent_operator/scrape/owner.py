"""Whoever selects scrape objects and scrapes what they describe, as this package sees it.

Jobs, selection and explanation take a `ScrapeOwner` and never an owner's spec, so that whatever scrapes does so alike. Its
`Environment` is what placeholders `%{NAME}` stand for in the files that its container reads, as far as that is known.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from attrs import frozen

from vmagent_operator.api.apps import AppParams
from vmagent_operator.api.kinds import SCRAPE_KINDS
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.scrape.checks import placeholder
from vmagent_operator.settings import Settings


@frozen
class Environment:
    """Variables by what is known of them.

    literal: those to which the owner gives a value that stands there as it is. hidden: those that it gives a value that is
    not known here, by name; None if there may be any others.
    """

    literal: Mapping[str, str]
    hidden: frozenset[str] | None

    def fill(self, text: str) -> str | None:
        """What is read where the owner's own YAML holds `text`; None if a variable of the owner's decides.

        Raises placeholder.Unknown for a variable that does not come from the owner.
        """
        try:
            return placeholder.filled(text, self.literal)
        except placeholder.Unknown:
            if self.hidden is None or any(f"%{{{name}}}" in text for name in self.hidden):
                return None
            raise


@frozen(kw_only=True, eq=False, slots=False)
class ScrapeOwner:
    """The parts of an owner that decide what it scrapes.

    account: the service account that the user has named. container: the name of the one that scrapes. is_daemon_set: whether each of its pods scrapes those of its own node.
    assets_directory: where copied TLS content is mounted.
    """

    object: CustomObject[object]
    scraping: ScrapingParams
    params: AppParams
    settings: Settings
    account: str = ""
    container: str
    is_daemon_set: bool = False
    assets_directory: str

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return self.object.key

    @property
    def namespace(self) -> str:
        """The owner's namespace."""
        return self.object.namespace

    @property
    def has_cluster_access(self) -> bool:
        """Whether it may look beyond the watched namespaces: always without any, else only with its own account."""
        return not self.settings.watch_namespaces or bool(self.account)

    @cached_property
    def environment(self) -> Environment:
        """What its container finds in its environment."""
        return environment(self.params, self.container, is_daemon_set=self.is_daemon_set)


def asks_for_nothing(scraping: ScrapingParams) -> bool:
    """Whether nothing says what is to be scraped: neither a selector, of whatever it selects, nor jobs as they are."""
    selectors = (field for kind in SCRAPE_KINDS for field in (kind.selector, kind.namespace_selector))
    is_selective = scraping.select_all_by_default or any(getattr(scraping, name) is not None for name in selectors)
    return not (is_selective or scraping.additional_scrape_configs is not None or scraping.inline_scrape_config)


def environment(params: AppParams, container: str, *, is_daemon_set: bool = False) -> Environment:
    """The environment of the `container` of that name.

    A value from elsewhere is not known, and one that Kubernetes or vmagent expands once more is not followed.
    """
    laid_over = [each for each in params.containers if each["name"] == container]
    lists = [params.extra_envs, *(each.get("env") for each in laid_over)]
    # The API server has not looked into these lists, if they stand in a container that is passed on.
    given = (each for env in lists if isinstance(env, list | tuple) for each in env)
    last = {str(each["name"]): each for each in given if isinstance(each, dict) and "name" in each}
    values = {name: _literal(each) for name, each in last.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if params.extra_envs_from or any(each.get("envFrom") for each in laid_over):
        return Environment(known, None)
    hidden = values.keys() - known.keys()
    return Environment(known, frozenset(hidden | {"KUBE_NODE_NAME"} if is_daemon_set else hidden))


def _literal(variable: Mapping[str, Any]) -> str | None:
    value = variable.get("value") or ""
    is_known = isinstance(value, str) and not variable.get("valueFrom")
    return value if is_known and not any(mark in value for mark in ("$(", "$$", "%{")) else None

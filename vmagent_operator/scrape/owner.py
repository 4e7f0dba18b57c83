"""Whoever selects scrape objects and scrapes what they describe, as this package sees it.

Jobs, selection and explanation take a `ScrapeOwner` and never an owner's spec, so that whatever scrapes does so alike.
"""

from functools import cached_property
from typing import Any

from attrs import frozen

from vmagent_operator.api.apps import AppParams
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.scrape.environment import Environment, environment
from vmagent_operator.settings import Settings


@frozen(kw_only=True, eq=False, slots=False)
class ScrapeOwner:
    """The parts of an owner that decide what it scrapes.

    container: the name of the one that scrapes. is_daemon_set: whether each of its pods scrapes those of its own node.
    assets_directory: where copied TLS content is mounted.
    """

    object: CustomObject[Any]
    scraping: ScrapingParams
    params: AppParams
    settings: Settings
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
        return not self.settings.watch_namespaces or bool(self.params.service_account_name)

    @cached_property
    def environment(self) -> Environment:
        """What its container finds in its environment."""
        return environment(self.params, self.container, is_daemon_set=self.is_daemon_set)

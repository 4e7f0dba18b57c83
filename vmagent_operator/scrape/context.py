"""What reaches a job from outside its scrape object: fields of its owner and settings of the operator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import APIServerConfig, ScrapeClass
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import Reference, references

_PLACEHOLDER = re.compile(r"%\{(.*?)\}", re.S)
_RUNTIME = re.compile(r"HOME|HOSTNAME|PATH|[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT\w*|PORT\w*)")
"""Variables that come from the image, the container runtime and the Services of the namespace."""


@frozen(kw_only=True, slots=False, cache_hash=True)
class Context:
    """Everything but a scrape object and Secrets that its jobs depend on; equal contexts give equal jobs.

    variables: the names of the scraping container's environment variables; None if there may be any others.
    templates: kind name -> rules appended to those of every job of the kind.
    """

    min_interval: str | None
    max_interval: str | None
    scrape_timeout: str
    overrides_honor_labels: bool
    overrides_honor_timestamps: bool
    enforced_label: str
    denies_files: bool
    ignores_namespace_selectors: bool
    uses_api_selectors: bool
    is_daemon_set: bool
    enforces_endpointslices: bool
    assets_directory: str
    variables: frozenset[str] | None
    api_server: APIServerConfig | None = field(hash=False)
    scrape_classes: tuple[ScrapeClass, ...] = field(hash=False)
    templates: Mapping[str, tuple[RelabelConfig, ...]] = field(hash=False)

    def scrape_class(self, name: str | None) -> ScrapeClass | None:
        """The class of that name, or else the last default one; None if there is neither."""
        named = (c for c in self.scrape_classes if c.name == name)
        return next(named, None) or next((c for c in reversed(self.scrape_classes) if c.default), None)

    def interval(self, wanted: str) -> str:
        """`wanted` held within the agent's bounds; unchanged if it, or a bound that matters, is no duration."""
        if not wanted or (self.min_interval is None and self.max_interval is None):
            return wanted
        try:
            length = milliseconds(wanted)
            if self.min_interval is not None and milliseconds(self.min_interval) >= length:
                return self.min_interval
            if self.max_interval is not None and milliseconds(self.max_interval) < length:
                return self.max_interval
        except InvalidDuration:
            pass
        return wanted

    @cached_property
    def named_objects(self) -> frozenset[Reference]:
        """The Secrets and ConfigMaps of classes and API server, in the namespace "", which stands for a scrape object's."""
        return frozenset().union(*(references(part, "") for part in (self.api_server, *self.scrape_classes) if part))


def context(owner: ScrapeOwner) -> Context:
    """The context that `owner` gives its jobs; one instance for as long as the object behind it does not change."""
    known = owner.object.memo.get(Context)
    if known is None or known[0] is not owner.settings:
        known = owner.object.memo[Context] = (owner.settings, _context(owner))
    return known[1]


def is_filled(text: str, known: frozenset[str] | None) -> bool:
    """Whether vmagent replaces every placeholder in `text`, of which there is at least one.

    Such a text can't be judged. A placeholder of an unknown variable stays what it is, and may make the text a wrong one.
    """
    names = set(_PLACEHOLDER.findall(text))
    return bool(names) and (known is None or all(name in known or _RUNTIME.fullmatch(name) for name in names))


def _context(owner: ScrapeOwner) -> Context:
    scraping = owner.scraping
    return Context(
        min_interval=scraping.min_scrape_interval,
        max_interval=scraping.max_scrape_interval,
        scrape_timeout=scraping.scrape_timeout,
        overrides_honor_labels=scraping.override_honor_labels,
        overrides_honor_timestamps=scraping.override_honor_timestamps,
        enforced_label=scraping.enforced_namespace_label,
        denies_files=scraping.arbitrary_fs_access_through_sms.deny,
        ignores_namespace_selectors=scraping.ignore_namespace_selectors or not owner.has_cluster_access,
        uses_api_selectors=scraping.enable_kubernetes_api_selectors and not owner.is_daemon_set,
        is_daemon_set=owner.is_daemon_set,
        enforces_endpointslices=owner.settings.enforce_endpointslices,
        assets_directory=owner.assets_directory,
        variables=owner.variables,
        api_server=scraping.api_server_config,
        scrape_classes=scraping.scrape_classes,
        templates={kind.name: getattr(scraping, kind.template) for kind in SCRAPE_KINDS},
    )

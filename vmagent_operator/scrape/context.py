"""What reaches a job from outside its scrape object: fields of its owner and settings of the operator."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from attrs import field, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, ScrapeObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import APIServerConfig, ScrapeClass, ScrapingParams
from vmagent_operator.blocks import Block
from vmagent_operator.model.encode import to_config
from vmagent_operator.scrape.checks import placeholder, special
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import Reference, SecretResolver, SecretSnapshot, keys


@frozen(kw_only=True)
class Enforced:
    """What an owner enforces on scrape objects whatever they say. is_any: whether it holds them within any bounds at all.

    label: of the namespace, which nothing may overwrite; "" for none. honor_labels, honor_timestamps: whether jobs lose these rights.
    """

    min_interval: str | None
    max_interval: str | None
    label: str
    honor_labels: bool
    honor_timestamps: bool
    denies_files: bool
    is_any: bool


@frozen(kw_only=True)
class Discovery:
    """How jobs may look for targets."""

    ignores_namespace_selectors: bool
    uses_api_selectors: bool
    is_daemon_set: bool
    enforces_endpointslices: bool


def _kept() -> Any:
    return field(init=False, eq=False, hash=False, repr=False, factory=WeakKeyDictionary)


@frozen(kw_only=True, slots=False, cache_hash=True)
class Context:
    """Everything but a scrape object and Secrets that its jobs depend on; equal contexts give equal jobs.

    variables: what the owner itself says that its scraping container finds in its environment, by name.
    templates: kind name -> rules appended to those of every job of the kind. global_rules: those rules of the global section that
    may write a label that stops vmagent.
    """

    enforced: Enforced
    discovery: Discovery
    scrape_timeout: str
    assets_directory: str
    variables: Mapping[str, str] = field(hash=False)
    api_server: APIServerConfig | None = field(hash=False)
    scrape_classes: tuple[ScrapeClass, ...] = field(hash=False)
    templates: Mapping[str, tuple[RelabelConfig, ...]] = field(hash=False)
    global_rules: tuple[special.Rule, ...] = field(hash=False)

    fragments: MutableMapping[object, tuple[Any, Any]] = _kept()
    """What came of each object under this context, for as long as anybody holds that version of its spec."""
    keys: MutableMapping[Block[ScrapeObject], Any] = _kept()
    parts: MutableMapping[Block[ScrapeObject], tuple[Any, Any]] = _kept()
    """What each block needs, and what came of it: for as long as the block is there."""

    def scrape_class(self, name: str | None) -> ScrapeClass | None:
        """The class of that name, or else the last default one; None if there is neither."""
        named = (c for c in self.scrape_classes if c.name == name)
        return next(named, None) or next((c for c in reversed(self.scrape_classes) if c.default), None)

    def interval(self, text: str) -> str:
        """`text` held within the owner's bounds; unchanged if it, or a bound that matters, is no duration."""
        least, most = self.enforced.min_interval, self.enforced.max_interval
        if not text or (least is None and most is None):
            return text
        try:
            length = self._milliseconds(text)
            if least is not None and self._milliseconds(least) >= length:
                return least
            if most is not None and self._milliseconds(most) < length:
                return most
        except (InvalidDuration, placeholder.Unknown):
            pass
        return text

    def _milliseconds(self, text: str) -> int:
        return milliseconds(placeholder.filled(text, self.variables))

    @cached_property
    def named_keys(self) -> frozenset[tuple[Reference, str]]:
        """What classes and API server name of Secrets and ConfigMaps, in the namespace "", which stands for a scrape object's."""
        return frozenset().union(*(keys(part, "") for part in (self.api_server, *self.scrape_classes) if part))


_SHARED: WeakKeyDictionary[Context, ReferenceType[Context]] = WeakKeyDictionary()
"""One instance of equal contexts, so that owners share fragments however many of them there are; two at worst, where two
workers meet, and then some work is done twice."""


def context(owner: ScrapeOwner) -> Context:
    """The context that `owner` gives its jobs; one instance for as long as the object behind it does not change."""
    cached = owner.object.memo.get(Context)
    if cached is None or cached[0] is not owner.settings:
        made = _context(owner)
        shared = _SHARED.setdefault(made, ref(made))() or made
        cached = owner.object.memo[Context] = (owner.settings, shared)
    result: Context = cached[1]
    return result


def _context(owner: ScrapeOwner) -> Context:
    scraping = owner.scraping
    return Context(
        enforced=Enforced(
            min_interval=scraping.min_scrape_interval,
            max_interval=scraping.max_scrape_interval,
            label=scraping.enforced_namespace_label,
            honor_labels=scraping.override_honor_labels,
            honor_timestamps=scraping.override_honor_timestamps,
            denies_files=scraping.arbitrary_fs_access_through_sms.deny,
            is_any=_enforces(scraping),
        ),
        discovery=Discovery(
            ignores_namespace_selectors=scraping.ignore_namespace_selectors or not owner.has_cluster_access,
            uses_api_selectors=scraping.enable_kubernetes_api_selectors and not owner.is_daemon_set,
            is_daemon_set=owner.is_daemon_set,
            enforces_endpointslices=owner.settings.enforce_endpointslices,
        ),
        scrape_timeout=scraping.scrape_timeout,
        assets_directory=owner.assets_directory,
        variables=owner.environment.literal,
        api_server=scraping.api_server_config,
        scrape_classes=scraping.scrape_classes,
        templates={kind.name: getattr(scraping, kind.template) for kind in SCRAPE_KINDS},
        global_rules=tuple(filter(_may_stop, map(_rendered, scraping.global_scrape_relabel_configs))),
    )


def _enforces(scraping: ScrapingParams) -> bool:
    return bool(
        scraping.enforced_namespace_label
        or scraping.min_scrape_interval
        or scraping.max_scrape_interval
        or scraping.arbitrary_fs_access_through_sms.deny
        or scraping.ignore_namespace_selectors
        or scraping.override_honor_labels
        or scraping.override_honor_timestamps
    )


def _rendered(rule: RelabelConfig) -> special.Rule:
    rendered: special.Rule = to_config(rule, SecretResolver(SecretSnapshot({}), ""))
    return rendered


def _may_stop(rule: special.Rule) -> bool:
    return any(special.may_write((rule,), label, special.Origin.PREFIXED) for label in special.HARMLESS)

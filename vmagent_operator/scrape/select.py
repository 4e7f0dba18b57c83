"""Which scrape objects an agent picks, and why it does not pick the others.

A pick is a chain: agent and kind, namespace, labels. Each check returns the first broken link as a value, so that the
explanation of a missing job is the decision itself.

Source: https://docs.victoriametrics.com/operator/resources/vmagent/#scraping
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from attrs import frozen

from vmagent_operator.api.core import LabelSelector
from vmagent_operator.api.kinds import (
    SCRAPE_KINDS,
    VMNODESCRAPE,
    VMPODSCRAPE,
    VMPROBE,
    VMSCRAPECONFIG,
    VMSERVICESCRAPE,
    VMSTATICSCRAPE,
    Kind,
)
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.scrape import selector
from vmagent_operator.scrape.context import has_cluster_access, spec_of
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.settings import Settings

Namespaces = Mapping[str, Mapping[str, str]]
"""Namespace name -> its labels."""
Link = Literal["kind", "mode", "access", "selector", "namespace", "deleted", "labels"]

# Kind -> the prefix of its two selectors among the agent's fields.
SELECTORS: Mapping[Kind[Any], str] = {
    VMSERVICESCRAPE: "service_scrape",
    VMPODSCRAPE: "pod_scrape",
    VMPROBE: "probe",
    VMNODESCRAPE: "node_scrape",
    VMSTATICSCRAPE: "static_scrape",
    VMSCRAPECONFIG: "scrape_config",
}


class SelectorError(AgentError):
    """A selector of the agent that no API server would take; the text names the field."""


@frozen
class Refusal:
    """Why an object is not picked: the first link of the chain that is broken, and a sentence about it."""

    link: Link
    message: str


@frozen
class Reach:
    """The part of a kind's objects that an agent picks; `namespaces` and `labels` are None for any."""

    namespaces: frozenset[str] | None
    labels: LabelSelector | None

    def refusal(self, obj: CustomObject[Any]) -> Refusal | None:
        """Why `obj` is outside, or None if it is inside."""
        if self.namespaces is not None and obj.namespace not in self.namespaces:
            return Refusal("namespace", f"namespace {obj.namespace} is not searched")
        if obj.is_deleted:
            return Refusal("deleted", "it is being deleted")
        if self.labels is not None and not selector.matches(self.labels, obj.metadata.labels):
            return Refusal("labels", f"its labels do not match {selector.text(self.labels)}")
        return None


@frozen
class Selection:
    """The objects that an agent picks, by kind, each kind sorted by `namespace/name`."""

    chosen: Mapping[Kind[Any], tuple[CustomObject[Any], ...]]


def pick(
    agent: CustomObject[VMAgentSpec],
    objects: Mapping[Kind[Any], Iterable[CustomObject[Any]]],
    namespaces: Namespaces,
    settings: Settings,
) -> Selection:
    """What `agent` picks among `objects`. Raises SelectorError."""
    chosen: dict[Kind[Any], tuple[CustomObject[Any], ...]] = {}
    for kind in SCRAPE_KINDS:
        found = reach(agent, kind, namespaces, settings)
        inside = (o for o in objects.get(kind, ()) if isinstance(found, Reach) and found.refusal(o) is None)
        chosen[kind] = tuple(sorted(inside, key=lambda o: o.key))
    return Selection(chosen)


def refusal(
    agent: CustomObject[VMAgentSpec], obj: CustomObject[Any], namespaces: Namespaces, settings: Settings
) -> Refusal | None:
    """Why `agent` does not pick `obj`, or None if it does. Raises SelectorError."""
    found = reach(agent, obj.kind, namespaces, settings)
    return found if isinstance(found, Refusal) else found.refusal(obj)


def matches(
    agent: CustomObject[VMAgentSpec], obj: CustomObject[Any], namespaces: Namespaces, settings: Settings
) -> bool:
    """Whether `agent` picks `obj`. Raises SelectorError."""
    return refusal(agent, obj, namespaces, settings) is None


def reach(
    agent: CustomObject[VMAgentSpec], kind: Kind[Any], namespaces: Namespaces, settings: Settings
) -> Reach | Refusal:
    """The part of the objects of `kind` that `agent` picks, or why it picks none of the kind. Raises SelectorError."""
    spec = spec_of(agent)
    if kind.name in settings.disabled_kinds:
        return Refusal("kind", f"{kind.name} is disabled in the operator")
    if spec.scraping.ingest_only_mode:
        return Refusal("mode", "the agent only takes in what is pushed")
    if spec.daemon_set_mode and kind is not VMPODSCRAPE:
        return Refusal("mode", "an agent in DaemonSet mode picks VMPodScrapes only")
    if kind is VMNODESCRAPE and not has_cluster_access(spec, settings):
        return Refusal("access", "nodes are beyond the watched namespaces; the agent has no service account of its own")
    labels = _checked(spec.scraping, f"{SELECTORS[kind]}_selector")
    wanted: LabelSelector | None = getattr(spec.scraping, f"{SELECTORS[kind]}_namespace_selector")
    if labels is None and wanted is None and not spec.scraping.select_all_by_default:
        return Refusal("selector", f"the agent has no selector of {kind.name}s and does not select all by default")
    if settings.watch_namespaces:
        return Reach(frozenset(settings.watch_namespaces), labels)
    if wanted is None:
        return Reach(None if labels is None else frozenset({agent.namespace}), labels)
    if wanted.is_empty:
        return Reach(None, labels)
    _checked(spec.scraping, f"{SELECTORS[kind]}_namespace_selector")
    return Reach(frozenset(name for name, own in namespaces.items() if selector.matches(wanted, own)), labels)


def _checked(scraping: ScrapingParams, attribute: str) -> LabelSelector | None:
    found: LabelSelector | None = getattr(scraping, attribute)
    for fault in selector.faults(found) if found is not None else ():
        head, *rest = attribute.split("_")
        raise SelectorError(f"spec.{head}{''.join(map(str.title, rest))}.{fault}")
    return found

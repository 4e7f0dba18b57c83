"""Which scrape objects an owner selects, and why it does not select the others.

A selection is a chain: owner and kind, namespace, labels. Each check returns the first broken link as a value, so that the
explanation of a missing job is the decision itself.

Source: https://docs.victoriametrics.com/operator/resources/vmagent/#scraping
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Literal, get_args
from weakref import WeakKeyDictionary, WeakValueDictionary

from attrs import field, frozen

from vmagent_operator import blocks
from vmagent_operator.api.core import LabelSelector
from vmagent_operator.api.kinds import SCRAPE_KINDS, VMNODESCRAPE, VMPODSCRAPE, Kind, ScrapeObject, ScrapeSpec
from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.blocks import Block, Blocks
from vmagent_operator.model.fields import camel_case
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.owner import ScrapeOwner

Namespaces = Mapping[str, Mapping[str, str]]
"""Namespace name -> its labels."""
Reason = Literal["kind", "mode", "access", "selector", "namespace", "deleted", "labels"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""In the order in which they are tried."""


class SelectorError(OwnerError):
    """A selector of the owner that no API server would take; the text names the field."""


@frozen
class NotSelected:
    """Why an object is not selected: the first link of the chain that is broken, and a sentence about it."""

    reason: Reason
    message: str


@frozen
class SelectorScope:
    """The part of a kind's objects that an owner selects.

    namespaces and labels are None for any. limit and wanted_namespaces say what limits the namespaces.
    """

    namespaces: frozenset[str] | None
    labels: LabelSelector | None
    limit: str = ""
    wanted_namespaces: LabelSelector | None = None

    def reason_of(self, obj: ScrapeObject) -> Reason | None:
        """The first link that keeps `obj` out, or None if it is inside: the decision of every reconcile."""
        if self.namespaces is not None and obj.namespace not in self.namespaces:
            return "namespace"
        if obj.is_deleted:
            return "deleted"
        if self.labels is not None and not labelselector.matches(self.labels, obj.metadata.labels):
            return "labels"
        return None

    def not_selected(self, obj: ScrapeObject, namespaces: Namespaces) -> NotSelected | None:
        """The same with a sentence about it."""
        reason = self.reason_of(obj)
        if reason == "namespace":
            return NotSelected(reason, self.limit + self._namespace_mismatch(obj.namespace, namespaces))
        if reason == "labels" and self.labels is not None:
            return NotSelected(reason, f"selector {labelselector.mismatch(self.labels, obj.metadata.labels, 'object')}")
        return NotSelected(reason, "it is being deleted") if reason else None

    def _namespace_mismatch(self, name: str, namespaces: Namespaces) -> str:
        if self.wanted_namespaces is None:
            return ""
        if name not in namespaces:
            return f"; there is no namespace {name}"
        return f" {labelselector.mismatch(self.wanted_namespaces, namespaces[name], f'namespace {name}')}"


@frozen(eq=False)
class Selection:
    """The objects that an owner selects, by kind, each kind in the order of `namespace/name`."""

    blocks: Mapping[Kind[ScrapeSpec], Blocks[ScrapeObject]] = field(factory=dict)

    def __len__(self) -> int:
        return sum(len(block) for block in self)

    def __iter__(self) -> Iterator[Block[ScrapeObject]]:
        """All blocks, in the order of their jobs."""
        return (block for kind in SCRAPE_KINDS for block in self.blocks.get(kind, ()))

    def objects(self) -> Iterator[ScrapeObject]:
        """All objects, in the order of their jobs."""
        return blocks.each(self)

    def find(self, obj: ScrapeObject) -> ScrapeObject | None:
        """The state of this object that is among them, None if none is."""
        return blocks.find(self.blocks.get(obj.kind, ()), obj.key)


def select(
    owner: ScrapeOwner,
    objects: Mapping[Kind[ScrapeSpec], Iterable[ScrapeObject]],
    namespaces: Namespaces,
) -> Selection:
    """What `owner` selects among `objects`. Raises SelectorError."""
    return select_blocks(owner, {kind: in_blocks(of_kind) for kind, of_kind in objects.items()}, namespaces)


def select_blocks(
    owner: ScrapeOwner, objects: Mapping[Kind[ScrapeSpec], Blocks[ScrapeObject]], namespaces: Namespaces
) -> Selection:
    """What `owner` selects among `objects`: of a block that has been looked at for such a scope the same as then.

    Raises SelectorError.
    """
    chosen: dict[Kind[ScrapeSpec], Blocks[ScrapeObject]] = {}
    for kind in SCRAPE_KINDS:
        scope = selector_scope(owner, kind, namespaces)
        if isinstance(scope, SelectorScope):
            inside = _inside(owner, kind, scope)
            chosen[kind] = tuple(chain.from_iterable(map(inside.of, objects.get(kind, ()))))
    return Selection(chosen)


def in_blocks(objects: Iterable[ScrapeObject]) -> list[Block[ScrapeObject]]:
    """Objects of one kind as blocks."""
    return blocks.ordered((obj.key, obj) for obj in objects)


@frozen(eq=False)
class _Inside:
    """What a scope takes of every block that there is."""

    scope: SelectorScope
    known: WeakKeyDictionary[Block[ScrapeObject], tuple[Block[ScrapeObject], ...] | None] = field(
        init=False, factory=WeakKeyDictionary
    )
    """The part that is inside, or none; None for all of it, since a block that stood here itself would never go."""

    def of(self, block: Block[ScrapeObject]) -> tuple[Block[ScrapeObject], ...]:
        """The block itself if all of it is inside, a block of what is, nothing if nothing is."""
        if block not in self.known:
            pairs = zip(block.keys, block.things, strict=True)
            inside = dict(pair for pair in pairs if self.scope.reason_of(pair[1]) is None)
            part = Block(tuple(inside), tuple(inside.values()))
            self.known[block] = None if len(part) == len(block) else (part,) if inside else ()
        known = self.known[block]
        return (block,) if known is None else known


_INSIDE: WeakValueDictionary[object, _Inside] = WeakValueDictionary()
"""One instance of scopes that take the same, whoever's they are; for as long as an owner keeps it in its memo."""


def _inside(owner: ScrapeOwner, kind: Kind[ScrapeSpec], scope: SelectorScope) -> _Inside:
    key = (kind.name, scope.namespaces, None if scope.labels is None else labelselector.text(scope.labels))
    inside = owner.object.memo[_Inside, kind.name] = _INSIDE.setdefault(key, _Inside(scope))
    return inside


def not_selected(owner: ScrapeOwner, obj: ScrapeObject, namespaces: Namespaces) -> NotSelected | None:
    """Why `owner` does not select `obj`, or None if it does. Raises SelectorError."""
    scope = selector_scope(owner, obj.kind, namespaces)
    return scope if isinstance(scope, NotSelected) else scope.not_selected(obj, namespaces)


NOBODY = "no owner selects it: there is none that scrapes"


def nearest_miss(owners: Iterable[ScrapeOwner], obj: ScrapeObject, namespaces: Namespaces) -> str:
    """Why the owner that is nearest to selecting `obj` does not; empty if one does, or there is none.

    Near is whoever breaks the chain last: one that asks for another label is nearer than one without a selector.
    """
    misses: list[tuple[int, str, NotSelected]] = []
    for owner in owners:
        try:
            miss = not_selected(owner, obj, namespaces)
        except SelectorError:
            continue  # such an owner has failed, and its status says why
        if miss is None:
            return ""
        misses.append((-REASONS.index(miss.reason), owner.key, miss))
    if not misses:
        return ""
    _, key, nearest = min(misses, key=lambda each: each[:2])
    return f"no owner selects it; the nearest, {key}, does not: {nearest.reason}: {nearest.message}"


def matches(owner: ScrapeOwner, obj: ScrapeObject, namespaces: Namespaces) -> bool:
    """Whether `owner` selects `obj`. Raises SelectorError."""
    scope = selector_scope(owner, obj.kind, namespaces)
    return isinstance(scope, SelectorScope) and scope.reason_of(obj) is None


def selector_scope(owner: ScrapeOwner, kind: Kind[ScrapeSpec], namespaces: Namespaces) -> SelectorScope | NotSelected:
    """The part of the objects of `kind` that `owner` selects, or why it selects none of the kind. Raises SelectorError."""
    scraping, settings = owner.scraping, owner.settings
    if kind.name in settings.disabled_kinds:
        return NotSelected("kind", f"{kind.name} is disabled in the operator")
    if scraping.ingest_only_mode:
        return NotSelected("mode", "the agent only takes in what is pushed")
    if owner.is_daemon_set and kind is not VMPODSCRAPE:
        return NotSelected("mode", "an agent in DaemonSet mode selects VMPodScrapes only")
    if kind is VMNODESCRAPE and not owner.has_cluster_access:
        return NotSelected(
            "access", "nodes are beyond the watched namespaces; the agent has no service account of its own"
        )
    labels, field = _checked(scraping, kind.selector), kind.namespace_selector
    namespace_selector: LabelSelector | None = getattr(scraping, field)
    if labels is None and namespace_selector is None and not scraping.select_all_by_default:
        return NotSelected("selector", f"the agent has no selector of {kind.name}s and does not select all by default")
    if settings.watch_namespaces:
        return SelectorScope(frozenset(settings.watch_namespaces), labels, "the operator watches other namespaces only")
    if namespace_selector is None:
        limit = f"without spec.{camel_case(field)} the agent searches its own namespace only"
        return SelectorScope(None if labels is None else frozenset({owner.namespace}), labels, limit)
    if namespace_selector.is_empty:
        return SelectorScope(None, labels)
    _checked(scraping, field)
    searched = frozenset(
        name for name, labels_of in namespaces.items() if labelselector.matches(namespace_selector, labels_of)
    )
    return SelectorScope(searched, labels, f"spec.{camel_case(field)}", namespace_selector)


def _checked(scraping: ScrapingParams, attribute: str) -> LabelSelector | None:
    selector: LabelSelector | None = getattr(scraping, attribute)
    for fault in labelselector.faults(selector) if selector is not None else ():
        raise SelectorError(f"spec.{camel_case(attribute)}.{fault}")
    return selector

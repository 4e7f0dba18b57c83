"""A change in a store -> the owners that have to be looked at. Pure, given the stores; no I/O and no rendering.

An event says only "look at this key again"; nothing else of it reaches a reconcile.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import Factory, define, field, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.kind import Owner, OwnerKey, OwnerKind
from vmagent_operator.controller.engine.owners import OwnerIndex
from vmagent_operator.controller.engine.state import Usage
from vmagent_operator.controller.engine.stores import SCRAPES, WORKLOADS, Stores
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import Reference
from vmagent_operator.scrape.selection import SelectorError, matches
from vmagent_operator.settings import Settings

Cause = Literal["spec", "scrape", "namespace", "reference", "child"]
_IGNORED_METADATA = frozenset({"resourceVersion", "managedFields"})


@frozen
class Requests:
    """The owners to look at, and why."""

    cause: Cause
    keys: frozenset[OwnerKey] = frozenset()


@define
class Mapper:
    """Maps changes to owners, by what the stores hold and what earlier reconciles have left in `usage`."""

    stores: Stores
    owners: Sequence[OwnerKind]
    usage: Usage
    settings: Settings
    _rules: Mapping[Resource, Callable[[Change[Any]], Requests]] = field(
        init=False, default=Factory(lambda self: self._table(), takes_self=True)
    )

    def _table(self) -> Mapping[Resource, Callable[[Change[Any]], Requests]]:
        return {
            **dict.fromkeys(SCRAPES, self._scrape),
            resource.NAMESPACES: self._namespace,
            resource.SECRETS: self._reference,
            resource.CONFIGMAPS: self._reference,
        }

    def requests(self, kind: Resource, change: Change[Any]) -> Requests:
        """Which owners a change of a `kind` concerns."""
        for of in self.owners:
            if kind == of.resource:
                return _owner(of, change)
        rule = self._rules.get(kind)
        return rule(change) if rule else self._child(kind, change)

    def _scrape(self, change: Change[CustomObject[Any]]) -> Requests:
        old, new = change.old, change.new
        if old is not None and new is not None and self._content(old) == self._content(new):
            return Requests("scrape")
        states = [state for state in (old, new) if state is not None]
        namespaces = self.stores.namespaces(state.namespace for state in states)
        keys = {
            key for key, owner in self.scrape_owners() if any(_matches(owner, state, namespaces) for state in states)
        }
        for state in states:
            keys |= {key for key, selection in [*self.usage.selected.items()] if selection.find(state) is not None}
            keys |= set(self._owners(state))
        return Requests("scrape", frozenset(keys))

    def _content(self, scrape: CustomObject[Any]) -> tuple[Any, ...]:
        """What a change of a scrape object must touch to matter; of one that we have made, all that we write."""
        own = scrape.metadata
        content = (own.uid, own.generation, own.deletion_timestamp, own.labels, own.annotations.get(SKIP_VALIDATION))
        if not OwnerIndex(self.owners).keys(scrape):
            return content
        return (*content, own.annotations, own.owner_references, own.finalizers)

    def _namespace(self, change: Change[Manifest]) -> Requests:
        labels = [(state["metadata"].get("labels") or {}) if state else None for state in (change.old, change.new)]
        keys = (key for key, owner in self.scrape_owners() if _is_concerned(owner, *labels))
        return Requests("namespace", frozenset(keys))

    def _reference(self, change: Change[Manifest]) -> Requests:
        keys = set[OwnerKey]()
        for state in (change.old, change.new):
            if state is not None:
                reference = _reference_to(state)
                keys |= self.usage.references.users(reference) | set(self._owners(state))
        if change.new is not None:
            reference, version = _reference_to(change.new), change.new["metadata"]["resourceVersion"]
            keys = {key for key in keys if not self.usage.wrote(key, reference, version)}
        return Requests("reference", frozenset(keys))

    def _child(self, kind: Resource, change: Change[Manifest]) -> Requests:
        old, new = change.old, change.new
        if old is not None and new is not None and kind not in WORKLOADS and _compared(old) == _compared(new):
            return Requests("child")
        keys = (key for state in (old, new) if state is not None for key in self._owners(state))
        return Requests("child", frozenset(keys))

    def _owners(self, child: Manifest | CustomObject[Any]) -> Iterator[OwnerKey]:
        for key in OwnerIndex(self.owners).keys(child):
            if self.owner(key) is not None:
                yield key

    def owner(self, key: OwnerKey) -> Owner | None:
        """The owner of this key, as its store has it."""
        kind, namespace, name = key
        of = next(of for of in self.owners if of.name == kind)
        found: Owner | None = self.stores.get(of.resource, namespace, name)
        return found

    def scrape_owners(self) -> Iterator[tuple[OwnerKey, ScrapeOwner]]:
        """Every owner that selects scrape objects, whether it is to stay or not."""
        for of in self.owners:
            for owner in self.stores.items(of.resource):
                scrapes = of.scrape_owner(owner, self.settings) if owner.spec is not None else None
                if scrapes is not None:
                    yield of.key(owner), scrapes


def _reference_to(state: Manifest) -> Reference:
    return Reference(state["kind"], state["metadata"]["namespace"], state["metadata"]["name"])


def _owner(of: OwnerKind, change: Change[Owner]) -> Requests:
    old, new = change.old, change.new
    if old is not None and new is not None and _identity(old) == _identity(new):
        return Requests("spec")  # status, mostly our own
    known = new or old
    return Requests("spec", frozenset({of.key(known)} if known else ()))


def _identity(owner: Owner) -> tuple[Any, ...]:
    """What a reconcile acts on; the status and who wrote it are not among it."""
    own = owner.metadata
    marks = (own.labels, own.annotations, own.finalizers, own.owner_references)
    return own.uid, own.generation, own.deletion_timestamp, *marks


def _compared(child: Manifest) -> Manifest:
    metadata = {key: value for key, value in child["metadata"].items() if key not in _IGNORED_METADATA}
    return {**child, "metadata": metadata}


def _matches(owner: ScrapeOwner, scrape: CustomObject[Any], namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    try:
        return matches(owner, scrape, namespaces)
    except SelectorError:
        return False  # such an owner has failed, and selects nothing until it is edited


def _is_concerned(owner: ScrapeOwner, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> bool:
    """Whether a namespace with labels `old` and one with `new` differ for a namespace selector; None is no namespace."""
    for kind in SCRAPE_KINDS:
        wanted = getattr(owner.scraping, kind.namespace_selector)
        if wanted is None or wanted.is_empty or any(labelselector.faults(wanted)):
            continue
        before, after = (labels is not None and labelselector.matches(wanted, labels) for labels in (old, new))
        if before != after:
            return True
    return False

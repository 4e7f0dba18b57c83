"""A change in a store -> the VMAgents that have to be looked at. Pure, given the stores; no I/O and no rendering.

An event says only "look at this key again"; nothing else of it reaches a pass.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from attrs import define, field, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.controller.engine.state import Key, Memories
from vmagent_operator.controller.engine.stores import SCRAPES, VMAGENTS, WORKLOADS, Stores, owner_keys
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.references import Reference
from vmagent_operator.scrape.selection import SelectorError, matches
from vmagent_operator.settings import Settings

Cause = Literal["spec", "scrape", "namespace", "reference", "child"]
_UNTOLD = frozenset({"resourceVersion", "managedFields"})


@frozen
class Requests:
    """The keys to look at, and why."""

    cause: Cause
    keys: frozenset[Key] = frozenset()


@define
class Mapper:
    """Maps changes to keys, by what the stores hold and what earlier passes have left in `memories`."""

    stores: Stores
    memories: Memories
    settings: Settings
    _rules: Mapping[Resource, Callable[[Change[Any]], Requests]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rules = {
            VMAGENTS: self._agent,
            **dict.fromkeys(SCRAPES, self._scrape),
            resource.NAMESPACES: self._namespace,
            resource.SECRETS: self._reference,
            resource.CONFIGMAPS: self._reference,
        }

    def requests(self, kind: Resource, change: Change[Any]) -> Requests:
        """Which VMAgents a change of a `kind` concerns."""
        rule = self._rules.get(kind)
        return rule(change) if rule else self._child(kind, change)

    def _agent(self, change: Change[CustomObject[VMAgentSpec]]) -> Requests:
        old, new = change.old, change.new
        if old is not None and new is not None and _identity(old) == _identity(new):
            return Requests("spec")  # status, mostly our own
        known = new or old
        return Requests("spec", frozenset({(known.namespace, known.name)}) if known else frozenset())

    def _scrape(self, change: Change[CustomObject[Any]]) -> Requests:
        old, new = change.old, change.new
        if old is not None and new is not None and _content(old) == _content(new):
            return Requests("scrape")
        states = [state for state in (old, new) if state is not None]
        namespaces = self.stores.namespaces()
        keys = {
            (agent.namespace, agent.name)
            for agent in self._agents()
            if any(_matches(agent, state, namespaces, self.settings) for state in states)
        }
        for state in states:
            keys |= self.memories.selected.users((state.kind.name, state.key))
            keys |= set(self._owners(state))
        return Requests("scrape", frozenset(keys))

    def _namespace(self, change: Change[Manifest]) -> Requests:
        labels = [(state["metadata"].get("labels") or {}) if state else None for state in (change.old, change.new)]
        keys = ((agent.namespace, agent.name) for agent in self._agents() if _is_concerned(agent, *labels))
        return Requests("namespace", frozenset(keys))

    def _reference(self, change: Change[Manifest]) -> Requests:
        keys = set[Key]()
        for state in (change.old, change.new):
            if state is not None:
                metadata = state["metadata"]
                reference = Reference(state["kind"], metadata["namespace"], metadata["name"])
                keys |= self.memories.references.users(reference) | set(self._owners(state))
        return Requests("reference", frozenset(keys))

    def _child(self, kind: Resource, change: Change[Manifest]) -> Requests:
        old, new = change.old, change.new
        if old is not None and new is not None and kind not in WORKLOADS and _told(old) == _told(new):
            return Requests("child")
        keys = (key for state in (old, new) if state is not None for key in self._owners(state))
        return Requests("child", frozenset(keys))

    def _owners(self, child: Manifest | CustomObject[Any]) -> Iterator[Key]:
        for owner in owner_keys(child):
            namespace, _, name = owner.partition("/")
            if self.stores.get(VMAGENTS, namespace, name) is not None:
                yield namespace, name

    def _agents(self) -> Iterable[CustomObject[VMAgentSpec]]:
        return (agent for agent in self.stores.items(VMAGENTS) if agent.spec is not None)


def _identity(agent: CustomObject[VMAgentSpec]) -> tuple[Any, ...]:
    """What a pass acts on; the status and who wrote it are not among it."""
    own = agent.metadata
    marks = (own.labels, own.annotations, own.finalizers, own.owner_references)
    return own.uid, own.generation, own.deletion_timestamp, *marks


def _content(scrape: CustomObject[Any]) -> tuple[Any, ...]:
    own = scrape.metadata
    return own.uid, own.generation, own.deletion_timestamp, own.labels, own.annotations.get(SKIP_VALIDATION)


def _told(child: Manifest) -> Manifest:
    metadata = {key: value for key, value in child["metadata"].items() if key not in _UNTOLD}
    return {**child, "metadata": metadata}


def _matches(
    agent: CustomObject[VMAgentSpec],
    scrape: CustomObject[Any],
    namespaces: Mapping[str, Mapping[str, str]],
    settings: Settings,
) -> bool:
    try:
        return matches(scrape_owner(agent, settings), scrape, namespaces)
    except SelectorError:
        return False  # such an agent has failed, and selects nothing until it is edited


def _is_concerned(
    agent: CustomObject[VMAgentSpec], old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> bool:
    """Whether a namespace with labels `old` and one with `new` differ for a namespace selector; None is no namespace."""
    assert agent.spec is not None
    for kind in SCRAPE_KINDS:
        wanted = getattr(agent.spec.scraping, kind.namespace_selector)
        if wanted is None or wanted.is_empty or any(labelselector.faults(wanted)):
            continue
        before, after = (labels is not None and labelselector.matches(wanted, labels) for labels in (old, new))
        if before != after:
            return True
    return False

"""The informers of all sources, and whether what their stores lack can be believed to be absent."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.controller.engine.stores import Source, Stores
from vmagent_operator.identity import GROUP
from vmagent_operator.kube.cache.absence import Absence, definition_deleted, not_discovered
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.cache.collection import Collection
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.clock import Clock
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Resource

UNHEALTHY_SECONDS, ABSENT_SECONDS = 30.0, 60.0
"""How long a source may be in trouble, or must have been absent, before what it lacks counts: nothing is deleted on the word of a store that may be behind."""


@frozen(kw_only=True)
class Listing:
    """How informers list and watch: where (None is everywhere), objects a page, and how long the server keeps a watch."""

    namespaces: tuple[str | None, ...] = (None,)
    page_size: int
    watch_seconds: float
    jitter: Callable[[], float]


@define
class Informers:
    """One informer for each source and watched namespace; none until `make`."""

    sources: tuple[Source, ...]
    clock: Clock
    listing: Listing
    by_kind: dict[Resource, list[Informer[Any]]] = field(init=False, factory=dict)

    def make(
        self,
        client: Client,
        stores: Stores,
        on_change: Callable[[Resource, Change[Any]], None],
    ) -> tuple[Informer[Any], ...]:
        """All of them, not started."""
        for source in self.sources:
            kind = source.resource
            self.by_kind[kind] = [
                Informer.of(
                    client,
                    Collection(
                        kind,
                        namespace=namespace,
                        selector=source.selector,
                        metadata_only=source.metadata_only,
                        page_size=self.listing.page_size,
                        min_timeout_seconds=self.listing.watch_seconds,
                        jitter=self.listing.jitter,
                    ),
                    stores.of(kind),
                    partial(on_change, kind),
                    Absence(
                        required=source.is_required and kind.group != GROUP,
                        is_gone=definition_deleted if kind.group == GROUP else not_discovered,
                    ),
                )
                for namespace in self.listing.namespaces
            ]
        return tuple(self)

    def __iter__(self) -> Iterator[Informer[Any]]:
        return (informer for each in self.by_kind.values() for informer in each)

    def required(self) -> list[Informer[Any]]:
        """Those without which nothing can be decided."""
        kinds = [source.resource for source in self.sources if source.is_required]
        return [informer for kind in kinds for informer in self.by_kind.get(kind, ())]

    def unsynced(self) -> list[Informer[Any]]:
        """Those that a first reconcile has to wait for."""
        return [informer for informer in self.required() if not informer.has_synced]

    def is_current(self, kind: Resource) -> bool:
        """Whether the stores follow this kind: its informers are neither in trouble nor without anything to follow."""
        informers = self.by_kind.get(kind, ())
        return all(informer.is_healthy and informer.state.phase is not Phase.ABSENT for informer in informers)

    def has_synced(self, kind: Resource) -> bool:
        """Whether a kind is served, and all of it was listed."""
        informers = self.by_kind.get(kind, ())
        return bool(informers) and all(each.has_synced and each.state.phase is not Phase.ABSENT for each in informers)

    def is_healthy(self, kind: Resource) -> bool:
        """Whether something may be removed because a store lacks what would need it."""
        now = self.clock.monotonic()
        needed = {kind, *(source.resource for source in self.sources if source.is_required)}
        for informer in (informer for each in needed for informer in self.by_kind.get(each, ())):
            since, absent_at = informer.state.unhealthy_since, informer.state.absent_at
            if since is not None and now - since > UNHEALTHY_SECONDS:
                return False
            if absent_at is not None and not informer.is_healthy and now - absent_at < ABSENT_SECONDS:
                return False
        return True

"""What one informer follows: a kind, in one namespace or in all, and how it is asked for."""

import random
from collections.abc import Callable
from typing import TypeVar

from attrs import field, frozen

from vmagent_operator.kube.http.answer import Watch
from vmagent_operator.kube.http.client import PAGE_SIZE, Client, Listing
from vmagent_operator.kube.resource import Manifest, Resource

T = TypeVar("T")

LARGE_STORE = 20
"""From so many objects on, a list that lacks half of them is asked for twice: a broken aggregator must not delete targets."""


@frozen(kw_only=True)
class Collection:
    """The objects of a kind that a selector selects; `jitter` spreads what all sources would do at the same time."""

    resource: Resource = field(kw_only=False)
    namespace: str | None = None
    selector: str = ""
    metadata_only: bool = False
    page_size: int = PAGE_SIZE
    min_timeout_seconds: float = 300.0
    jitter: Callable[[], float] = random.random

    @property
    def name(self) -> str:
        """The kind, and the namespace if it is one."""
        return f"{self.resource.kind} {self.namespace}" if self.namespace else self.resource.kind

    def list(self, client: Client, transform: Callable[[Manifest], T], count: int) -> Listing[T]:
        """All of it; asked for twice if much of the `count` objects that were there seems to have vanished."""
        for _ in range(2):
            listing = client.list_with(
                transform,
                self.resource,
                self.namespace,
                selector=self.selector,
                metadata_only=self.metadata_only,
                page_size=self.page_size,
            )
            if count < LARGE_STORE or len(listing.items) * 2 >= count:
                break
        return listing

    def watch(self, client: Client, resource_version: str) -> Watch:
        """What happens to it after `resource_version`, for one to two times `min_timeout_seconds`."""
        return client.watch(
            self.resource,
            self.namespace,
            resource_version=resource_version,
            selector=self.selector,
            metadata_only=self.metadata_only,
            timeout_seconds=self.min_timeout_seconds * (1 + self.jitter()),
        )

"""The end of a VMAgent: what the garbage collector cannot remove, and the finalizer that kept the agent until then.

Needs nothing of the agent but its metadata, so that a broken or paused one can go as well.
"""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.owners import is_ours
from vmagent_operator.controller.engine.stores import CLUSTER_RBAC, NAMESPACED_RBAC, VMAGENTS, Stores
from vmagent_operator.controller.steps import prune
from vmagent_operator.controller.steps.prune import SWEPT
from vmagent_operator.identity import FINALIZER
from vmagent_operator.kube.errors import Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write.apply import Applier
from vmagent_operator.status.conditions import condition_type

RELEASE_SECONDS = 30.0
"""How long an agent stays for scrape objects to say that it no longer selects them. They are told afterwards as well, but
not by another process."""


def add(client: Client, agent: CustomObject[Any]) -> bool:
    """Put our finalizer on `agent`; False if it is not what we took it for, so that it has to be looked at again."""
    before = list(agent.metadata.finalizers)
    return _patch(client, agent, before, [*before, FINALIZER])


def _patch(client: Client, agent: CustomObject[Any], before: list[str], after: list[str]) -> bool:
    path = "/metadata/finalizers"
    known = [{"op": "test", "path": path, "value": before}] if before else []
    operations: list[Manifest] = [
        {"op": "test", "path": "/metadata/uid", "value": agent.metadata.uid},
        *known,
        {"op": "add", "path": path, "value": after},
    ]
    if not before:
        # Without a list there is nothing to test; the resource version stands in for it.
        version = agent.metadata.resource_version
        operations.insert(1, {"op": "test", "path": "/metadata/resourceVersion", "value": version})
    try:
        client.json_patch(VMAGENTS, agent.namespace, agent.name, operations)
    except (Invalid, NotFound):
        return False
    return True


@frozen
class Finalizer:
    """Takes leave of a VMAgent. Methods raise ApiError."""

    stores: Stores
    client: Client
    applier: Applier
    is_cluster_wide: bool

    def run(self, agent: CustomObject[Any], *, is_late: bool) -> str:
        """Do what is left to do; what is still waited for, "" if the agent is free to go.

        is_late: whether scrape objects have had their time to be released.
        """
        if FINALIZER not in agent.metadata.finalizers:
            return ""
        self._strip(agent)
        for kind, namespace, name in self._unowned(agent):
            prune.remove(self.applier, kind, namespace, name, agent.namespace, agent.name)
        if self.stores.reported_by(condition_type(agent)) and not is_late:
            return "scrape objects are being released"
        before = list(agent.metadata.finalizers)
        if not _patch(self.client, agent, before, [name for name in before if name != FINALIZER]):
            return "the finalizers have changed meanwhile"
        return ""

    def _strip(self, agent: CustomObject[Any]) -> None:
        """Take an earlier operator's finalizer off the children, or the garbage collector would wait for ever."""
        for kind in SWEPT:
            for known in self.stores.owned(kind, agent.namespace, agent.name):
                metadata = stores.metadata(known)
                if FINALIZER in (metadata.get("finalizers") or ()):
                    place = metadata.get("namespace")
                    self.applier.strip_finalizer(kind, place, metadata["name"], lambda live: is_ours(agent, live))

    def _unowned(self, agent: CustomObject[Any]) -> Iterator[tuple[Resource, str | None, str]]:
        """Roles and bindings that cannot have an owner reference: those of the cluster by name, the others as known."""
        if self.is_cluster_wide:
            for kind in CLUSTER_RBAC:
                yield from (
                    (kind, None, f"monitoring:{agent.namespace}:{name}")
                    for name in (f"vmagent-{agent.name}", agent.name)
                )
        for kind in NAMESPACED_RBAC:
            for known in self.stores.owned(kind, agent.namespace, agent.name):
                metadata = known["metadata"]
                if metadata["namespace"] != agent.namespace:
                    yield kind, metadata["namespace"], metadata["name"]

"""What is no longer wanted is removed, last of all, and only if it surely is the owner's own."""

import logging
from collections.abc import Collection, Container

from attrs import frozen

from vmagent_operator import identity
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.kind import Owner, OwnerKind, custom
from vmagent_operator.controller.engine.owners import is_removable
from vmagent_operator.controller.engine.stores import CLUSTER_RBAC, NAMESPACED_RBAC, WORKLOADS, Stores
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write.apply import Applier

logger = logging.getLogger(__name__)

# In the order of removal: what uses something goes before it.
PRUNED: tuple[Resource, ...] = (
    *WORKLOADS,
    resource.PODDISRUPTIONBUDGETS,
    resource.HORIZONTALPODAUTOSCALERS,
    resource.VERTICALPODAUTOSCALERS,
    resource.NETWORKPOLICIES,
    custom(kinds.VMSERVICESCRAPE),
    custom(kinds.VMPODSCRAPE),
    resource.SERVICES,
    resource.CONFIGMAPS,
    resource.SECRETS,
    *CLUSTER_RBAC,
    *NAMESPACED_RBAC,
    resource.SERVICEACCOUNTS,
)


@frozen
class Pruner:
    """Removes children that an owner has and does not want. Methods raise ApiError.

    spared: kinds of which the owner could not be given all that it wants, so that it keeps what it has.
    """

    of: OwnerKind
    stores: Stores
    applier: Applier
    spared: Collection[str] = ()

    def prune(self, owner: Owner, desired: Container[Child]) -> bool:
        """Remove what is not `desired`; False if something is held back because a source cannot be trusted."""
        is_complete, account = True, self.of.service_account(owner)
        for kind in PRUNED:
            if kind.kind in self.spared:
                continue
            for known in self.stores.owned(kind, self.of.key(owner)):
                metadata = stores.metadata(known)
                child = Child(kind, metadata.get("namespace") or "", metadata["name"])
                is_used = kind == resource.SERVICEACCOUNTS and child.name == account
                is_going = bool(metadata.get("deletionTimestamp"))
                if child in desired or is_used or is_going or not self._is_removable(metadata, owner):
                    continue
                if not self.stores.is_healthy(kind):
                    is_complete = False
                else:
                    self._remove(kind, child, owner)
        return is_complete

    def _remove(self, kind: Resource, child: Child, owner: Owner) -> None:
        place = child.namespace or None
        if self.applier.remove(kind, place, child.name, lambda live: self._is_removable(live["metadata"], owner)):
            logger.info("%s %s: removed kind=%s name=%s", self.of.name, owner.key, kind.kind, child.name)

    def _is_removable(self, metadata: Manifest, owner: Owner) -> bool:
        if is_removable(self.of, metadata, owner.namespace, owner.name):
            return True
        target = self.of.config(owner)
        secret = (metadata.get("labels") or {}).get(identity.OVERFLOW_LABEL)
        return target is not None and secret == target.name and not metadata.get("ownerReferences")


def remove(of: OwnerKind, applier: Applier, child: Child, namespace: str, name: str) -> bool:
    """Remove an object if it is that owner's; whether it was. Raises ApiError."""
    return applier.remove(
        child.kind,
        child.namespace or None,
        child.name,
        lambda live: is_removable(of, live["metadata"], namespace, name),
    )


def orphans(of: OwnerKind, known: Stores, namespace: str, name: str) -> list[Child]:
    """The roles and bindings of an owner that is not there: nobody else would ever remove them."""
    found = []
    for kind in (*CLUSTER_RBAC, *NAMESPACED_RBAC):
        for child in known.owned(kind, (of.name, namespace, name)):
            metadata = stores.metadata(child)
            if not metadata.get("ownerReferences") and is_removable(of, metadata, namespace, name):
                found.append(Child(kind, metadata.get("namespace") or "", metadata["name"]))
    return found


def remove_orphans(of: OwnerKind, known: Stores, client: Client, namespace: str, name: str) -> None:
    """Remove them, if the owner surely is not there: the store may be behind. Raises ApiError."""
    children = orphans(of, known, namespace, name)
    try:
        if children:
            client.get(of.resource, namespace, name, metadata_only=True)
    except NotFound:
        for child in children:
            remove(of, Applier(client), child, namespace, name)

"""What is no longer wanted is removed, last of all, and only if it surely is the agent's own."""

import logging
from collections.abc import Collection, Container, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator import identity
from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.stores import CLUSTER_RBAC, NAMESPACED_RBAC, WORKLOADS, Stores
from vmagent_operator.desired.vmagent.features import VMAGENT, prefixed
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write.apply import Applier

logger = logging.getLogger(__name__)

# In the order of removal: what uses something goes before it.
SWEPT: tuple[Resource, ...] = (
    *WORKLOADS,
    resource.PODDISRUPTIONBUDGETS,
    resource.HORIZONTALPODAUTOSCALERS,
    resource.VERTICALPODAUTOSCALERS,
    resource.NETWORKPOLICIES,
    stores.custom(kinds.VMSERVICESCRAPE),
    stores.custom(kinds.VMPODSCRAPE),
    resource.SERVICES,
    resource.CONFIGMAPS,
    resource.SECRETS,
    *CLUSTER_RBAC,
    *NAMESPACED_RBAC,
    resource.SERVICEACCOUNTS,
)


@frozen
class Pruner:
    """Removes children that an agent has and does not want. Methods raise ApiError.

    spared: kinds of which the agent could not be given all that it wants, so that it keeps what it has.
    """

    stores: Stores
    applier: Applier
    spared: Collection[str] = ()

    def sweep(self, agent: CustomObject[Any], wanted: Container[Child], account: str) -> bool:
        """Remove what is not in `wanted`; False if something is held back because a source cannot be trusted.

        account: a ServiceAccount that the agent uses without having asked for it, and which therefore stays.
        """
        is_complete = True
        for kind in SWEPT:
            if kind.kind in self.spared:
                continue
            for known in self.stores.owned(kind, agent.namespace, agent.name):
                metadata = stores.metadata(known)
                child = Child(kind, metadata.get("namespace") or "", metadata["name"])
                is_used = kind == resource.SERVICEACCOUNTS and child.name == account
                is_going = bool(metadata.get("deletionTimestamp"))
                if child in wanted or is_used or is_going or not _is_removable(metadata, agent):
                    continue
                if not self.stores.is_healthy(kind):
                    is_complete = False
                else:
                    self._remove(kind, child, agent)
        return is_complete

    def _remove(self, kind: Resource, child: Child, agent: CustomObject[Any]) -> None:
        place = child.namespace or None
        if self.applier.remove(kind, place, child.name, lambda live: _is_removable(live["metadata"], agent)):
            logger.info("vmagent %s: removed kind=%s name=%s", agent.key, kind.kind, child.name)


def remove(
    applier: Applier, kind: Resource, namespace: str | None, name: str, agent_namespace: str, agent_name: str
) -> bool:
    """Remove an object if it is that agent's; whether it was. Raises ApiError."""
    return applier.remove(kind, namespace, name, lambda live: is_ours(live["metadata"], agent_namespace, agent_name))


def leftovers(known: Stores, namespace: str, name: str) -> list[Child]:
    """The roles and bindings of an agent that is not there: nobody else would ever remove them."""
    found = []
    for kind in (*CLUSTER_RBAC, *NAMESPACED_RBAC):
        for child in known.owned(kind, namespace, name):
            metadata = stores.metadata(child)
            if not metadata.get("ownerReferences") and is_ours(metadata, namespace, name):
                found.append(Child(kind, metadata.get("namespace") or "", metadata["name"]))
    return found


def remove_leftovers(known: Stores, client: Client, namespace: str, name: str) -> None:
    """Remove them, if the agent surely is not there: the store may be behind. Raises ApiError."""
    children = leftovers(known, namespace, name)
    try:
        if children:
            client.get(stores.VMAGENTS, namespace, name, metadata_only=True)
    except NotFound:
        for child in children:
            remove(Applier(client), child.kind, child.namespace or None, child.name, namespace, name)


def is_ours(metadata: Manifest, namespace: str, name: str) -> bool:
    """Whether an object may be removed: it carries the labels of that agent, and its reference if it can have one."""
    references = metadata.get("ownerReferences") or ()
    if not stores.is_labelled(metadata.get("labels") or {}, name):
        return False
    if references:
        # Never what has another controller beside us, or instead of us.
        others = (reference for reference in references if not _is_reference(reference, name))
        is_referred = any(_is_reference(reference, name) for reference in references)
        return is_referred and not any(reference.get("controller") for reference in others)
    roles = (f"monitoring:{namespace}:{VMAGENT.prefix}{name}", f"monitoring:{namespace}:{name}")
    return metadata.get("namespace") != namespace and metadata["name"] in roles


def _is_removable(metadata: Manifest, agent: CustomObject[Any]) -> bool:
    labels = metadata.get("labels") or {}
    is_overflow = labels.get(identity.OVERFLOW_LABEL) == prefixed(agent) and not metadata.get("ownerReferences")
    return is_ours(metadata, agent.namespace, agent.name) or is_overflow


def _is_reference(reference: Mapping[str, Any], name: str) -> bool:
    group = str(reference.get("apiVersion", "")).partition("/")[0]
    return (group, reference.get("kind"), reference.get("name")) == (identity.GROUP, kinds.VMAGENT.name, name)

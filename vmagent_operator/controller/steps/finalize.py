"""The end of an owner: what the garbage collector cannot remove, and the finalizer that kept the owner until then.

Needs nothing of the owner but its metadata, so that a broken or paused one can go as well.
"""

from collections.abc import Callable, Iterator
from functools import partial

from attrs import frozen

from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.kind import Owner, OwnerKind
from vmagent_operator.controller.engine.owners import applied, is_ours
from vmagent_operator.controller.engine.stores import CLAIMS, CLUSTER_RBAC, NAMESPACED_RBAC, Stores
from vmagent_operator.controller.steps import prune
from vmagent_operator.controller.steps.prune import PRUNED
from vmagent_operator.identity import FINALIZER
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.apply import Applier
from vmagent_operator.scrape.references import Reference, references
from vmagent_operator.status.conditions import condition_type

RELEASE_SECONDS = 30.0
"""How long an owner stays for scrape objects to say that it no longer selects them. It is written afterwards as well, but
not by another process."""


def add(of: OwnerKind, client: Client, owner: Owner) -> bool:
    """Put our finalizer on `owner`; False if it is not what we took it for, so that it has to be looked at again."""
    before = list(owner.metadata.finalizers)
    return _patch(of, client, owner, before, [*before, FINALIZER])


def _patch(of: OwnerKind, client: Client, owner: Owner, before: list[str], after: list[str]) -> bool:
    path = "/metadata/finalizers"
    known = [{"op": "test", "path": path, "value": before}] if before else []
    operations: list[Manifest] = [
        {"op": "test", "path": "/metadata/uid", "value": owner.metadata.uid},
        *known,
        {"op": "add", "path": path, "value": after},
    ]
    if not before:
        # Without a list there is nothing to test; the resource version stands in for it.
        version = owner.metadata.resource_version
        operations.insert(1, {"op": "test", "path": "/metadata/resourceVersion", "value": version})
    try:
        client.json_patch(of.resource, owner.namespace, owner.name, operations)
    except (Invalid, NotFound):
        return False
    return True


@frozen
class Finalizer:
    """Takes leave of an owner. Methods raise ApiError.

    lists_references: whether the stores have every Secret and ConfigMap, not only ours.
    """

    of: OwnerKind
    stores: Stores
    client: Client
    applier: Applier
    is_cluster_wide: bool
    release: Callable[[Manifest], None]
    """Takes the reference to the owner off the claim with this metadata."""
    lists_references: bool

    def run(self, owner: Owner, *, is_late: bool) -> str:
        """Do what is left to do; what is still waited for, "" if the owner is free to go.

        is_late: whether scrape objects have had their time to be released.
        """
        if FINALIZER not in owner.metadata.finalizers:
            return ""
        self._strip(owner)
        self._free(owner)
        self._release(owner)
        for child in self._unowned(owner):
            prune.remove(self.of, self.applier, child, owner.namespace, owner.name)
        if self.stores.reported_by(condition_type(owner)) and not is_late:
            return "scrape objects are being released"
        before = list(owner.metadata.finalizers)
        after = [name for name in before if name != FINALIZER]
        if not _patch(self.of, self.client, owner, before, after):
            return "the finalizers have changed meanwhile"
        return ""

    def _strip(self, owner: Owner) -> None:
        """Take an earlier operator's finalizer off the children, or the garbage collector would wait for ever."""
        for kind in PRUNED:
            for known in self.stores.owned(kind, self.of.key(owner)):
                metadata = stores.metadata(known)
                if FINALIZER in (metadata.get("finalizers") or ()):
                    place = metadata.get("namespace")
                    self.applier.strip_finalizer(
                        kind, place, metadata["name"], lambda live: is_ours(self.of, owner, live)
                    )

    def _free(self, owner: Owner) -> None:
        """Take it off what the owner refers, or has referred, to as well: an earlier release of that operator put it there."""
        for reference in sorted(_referred(self.of, owner)):
            kind = resource.SECRETS if reference.kind == "Secret" else resource.CONFIGMAPS
            known = self.stores.get(kind, reference.namespace, reference.name)
            if known is None and self.lists_references:
                continue
            if known is None or FINALIZER in (known["metadata"].get("finalizers") or ()):
                self.applier.strip_finalizer(kind, reference.namespace, reference.name, lambda _: True)

    def _release(self, owner: Owner) -> None:
        """Have claims stay that are to outlive the owner, whatever an earlier operator wrote into them."""
        for name in self.of.claims(owner):
            try:
                live = self.client.get(CLAIMS, owner.namespace, name)
            except NotFound:
                continue
            self.applier.strip_finalizer(CLAIMS, owner.namespace, name, partial(is_ours, self.of, owner))
            if self.of.keeps_claims(owner):
                self.release(live["metadata"])

    def _unowned(self, owner: Owner) -> Iterator[Child]:
        """Roles and bindings that cannot have an owner reference: those of the cluster by name, the others as known."""
        if self.is_cluster_wide:
            readers = [app for app in self.of.apps if app.config_file]
            names = dict.fromkeys(name for app in readers for name in (f"{app.prefix}{owner.name}", owner.name))
            for kind in CLUSTER_RBAC:
                yield from (Child(kind, "", f"monitoring:{owner.namespace}:{name}") for name in names)
        for kind in NAMESPACED_RBAC:
            for known in self.stores.owned(kind, self.of.key(owner)):
                metadata = known["metadata"]
                if metadata["namespace"] != owner.namespace:
                    yield Child(kind, metadata["namespace"], metadata["name"])


def _referred(of: OwnerKind, owner: Owner) -> frozenset[Reference]:
    """The Secrets and ConfigMaps that the specs of an owner name, as far as they can be read: the last and the one before."""
    specs = (each.spec for each in (owner, applied(of, owner)) if each is not None and each.spec is not None)
    return frozenset(each for spec in specs for each in references(spec, owner.namespace))

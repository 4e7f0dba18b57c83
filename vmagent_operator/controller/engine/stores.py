"""Which collections are watched, what is kept of their objects, and the one place where a pass looks them up.

`sources` is the table; `Stores` holds a store for each and knows nothing of threads: informers feed them, or tests do.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import Factory, define, field, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.blocks import Block
from vmagent_operator.controller.engine.kind import OwnerKey, OwnerKind, custom
from vmagent_operator.controller.engine.owners import OwnerIndex, child_selector
from vmagent_operator.convert.sources import enabled
from vmagent_operator.convert.sources import read as read_kept
from vmagent_operator.identity import CONDITION_SUFFIX, OPERATOR
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.store import Store
from vmagent_operator.kube.resource import Manifest, Remains, Resource
from vmagent_operator.kube.write.ownership import holds_spec
from vmagent_operator.settings import Settings
from vmagent_operator.status.conditions import conditions

OWNER = "owner"
PARENT = "parent"
_KEPT_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
    "creationTimestamp",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


SCRAPES: Mapping[Resource, Kind[Any]] = {custom(kind): kind for kind in kinds.SCRAPE_KINDS}
WORKLOADS = (resource.DEPLOYMENTS, resource.STATEFULSETS, resource.DAEMONSETS)
CLUSTER_RBAC = (resource.CLUSTERROLEBINDINGS, resource.CLUSTERROLES)
NAMESPACED_RBAC = (resource.ROLEBINDINGS, resource.ROLES)
OPTIONAL_CHILDREN = (
    resource.PODDISRUPTIONBUDGETS,
    resource.HORIZONTALPODAUTOSCALERS,
    resource.NETWORKPOLICIES,
    *NAMESPACED_RBAC,
)
CLAIMS = resource.PERSISTENTVOLUMECLAIMS
"""Never pruned: what is in them cannot be made again."""


@frozen(kw_only=True)
class Source:
    """One watched collection. Required ones must have been read before any pass; the rest is how its store reads objects."""

    resource: Resource
    transform: Callable[[Manifest], Any]
    renew: Callable[[Any, Manifest], Any] = lambda known, raw: None
    selector: str = ""
    metadata_only: bool = False
    is_required: bool = False
    indexes: Mapping[str, Callable[[Any], Iterable[str]]] = field(factory=dict)


def sources(settings: Settings, owners: Sequence[OwnerKind], *, watch_references: bool) -> tuple[Source, ...]:
    """Every collection that an operator of these `owners` watches."""
    owned: dict[str, Any] = {"indexes": {OWNER: OwnerIndex(owners).texts}}
    children: dict[str, Any] = {"selector": child_selector(owners), **owned}
    references: dict[str, Any] = {"metadata_only": True, "is_required": True, "transform": slim_labels, **owned}
    if not watch_references:
        references["selector"] = child_selector(owners)
    scrape_indexes = {**owned["indexes"], PARENT: parents}
    found = [
        Source(
            resource=custom(kind), transform=partial(read, kind), renew=renew, is_required=True, indexes=scrape_indexes
        )
        for kind in (*(of.kind for of in owners), *kinds.SCRAPE_KINDS)
        if kind.name not in settings.disabled_kinds
    ]
    found += [Source(resource=custom(row.kind), transform=partial(read_source, row.kind)) for row in enabled(settings)]
    if not settings.watch_namespaces:
        found.append(Source(resource=resource.NAMESPACES, transform=slim_labels, is_required=True))
    found += [Source(resource=kind, **references) for kind in (resource.SECRETS, resource.CONFIGMAPS)]
    found += [Source(resource=kind, transform=slim_workload, is_required=True, **children) for kind in WORKLOADS]
    basic = (resource.SERVICES, resource.SERVICEACCOUNTS)
    found += [Source(resource=kind, transform=slim, is_required=True, **children) for kind in basic]
    optional = [*OPTIONAL_CHILDREN, *(() if settings.watch_namespaces else CLUSTER_RBAC)]
    if settings.vpa_api_enabled:
        optional.append(resource.VERTICALPODAUTOSCALERS)
    found += [Source(resource=kind, transform=slim, **children) for kind in optional]
    found.append(Source(resource=CLAIMS, transform=slim_workload, **children))
    return tuple(found)


def read(kind: Kind[Any], raw: Manifest) -> CustomObject[Any]:
    """The custom resource of this kind that `raw` is; what cannot be read of it is its `error`."""
    if isinstance(raw, Remains):
        return kinds.unreadable(kind, raw, raw.fault)
    return kinds.read_as(kind, raw, is_applied=_is_applied(raw))


def renew(known: CustomObject[Any], raw: Manifest) -> CustomObject[Any] | None:
    """`known` as `raw` has it now, if that is the same but for status and labels; None if it may not be."""
    metadata = raw["metadata"]
    is_same = (known.metadata.uid, known.metadata.generation) == (metadata.get("uid"), metadata.get("generation"))
    return kinds.renewed(known, raw, is_applied=_is_applied(raw)) if is_same else None


def read_source(kind: Kind[Any], raw: Manifest) -> CustomObject[Any]:
    """The source of this kind that `raw` is; what cannot be read of it is its `error`."""
    return kinds.unreadable(kind, raw, raw.fault) if isinstance(raw, Remains) else read_kept(kind, raw)


def _is_applied(raw: Manifest) -> bool:
    entries = raw["metadata"].get("managedFields") or ()
    return any(
        (entry.get("manager"), entry.get("operation")) == (OPERATOR, "Apply") and holds_spec(entry) for entry in entries
    )


def slim(raw: Manifest) -> Manifest:
    """A child as it is kept: without status, and of the managed fields only our own."""
    return {key: value for key, value in slim_workload(raw).items() if key != "status"}


def slim_workload(raw: Manifest) -> Manifest:
    """A child as it is kept, with the status that tells how its rollout goes."""
    metadata = slim_metadata(raw)["metadata"]
    ours = [entry for entry in raw["metadata"].get("managedFields") or () if entry.get("manager") == OPERATOR]
    return {**raw, "metadata": {**metadata, "managedFields": ours}}


def slim_metadata(raw: Manifest) -> Manifest:
    """The part of an object's metadata that anything here reads, and nothing else of it."""
    metadata = {key: raw["metadata"][key] for key in _KEPT_METADATA if key in raw["metadata"]}
    if _LAST_APPLIED in (metadata.get("annotations") or {}):
        kept = {key: value for key, value in metadata["annotations"].items() if key != _LAST_APPLIED}
        metadata["annotations"] = kept
    return {"apiVersion": raw.get("apiVersion"), "kind": raw.get("kind"), "metadata": metadata}


def slim_labels(raw: Manifest) -> Manifest:
    """The same without annotations, of which everybody may write 256 KiB on every Secret of the cluster."""
    slimmed = slim_metadata(raw)
    slimmed["metadata"].pop("annotations", None)
    return slimmed


def parents(scrape: CustomObject[Any]) -> tuple[str, ...]:
    """The types of the conditions on a scrape object: who has looked at it."""
    return tuple(each["type"] for each in conditions(scrape) if each["type"].endswith(CONDITION_SUFFIX))


@define
class Stores:
    """A store for every source.

    is_healthy: whether something may be removed because its store lacks what would need it. is_current: whether what a store
    lacks is not there, as far as anybody can tell just now.
    """

    sources: tuple[Source, ...]
    is_healthy: Callable[[Resource], bool]
    is_current: Callable[[Resource], bool]
    _stores: dict[Resource, Store[Any]] = field(
        init=False,
        default=Factory(
            lambda self: {each.resource: Store(each.transform, each.indexes, each.renew) for each in self.sources},
            takes_self=True,
        ),
    )

    def __contains__(self, kind: Resource) -> bool:
        return kind in self._stores

    def of(self, kind: Resource) -> Store[Any]:
        """The store of a watched collection; KeyError for another."""
        return self._stores[kind]

    def get(self, kind: Resource, namespace: str | None, name: str) -> Any:
        """The object as last seen, None if there was none or its collection is not watched."""
        return self._stores[kind].get(namespace, name) if kind in self._stores else None

    def items(self, kind: Resource) -> tuple[Any, ...]:
        """Every object of a collection, none if it is not watched."""
        return self._stores[kind].items() if kind in self._stores else ()

    def blocks(self, kind: Resource) -> tuple[Block[Any], ...]:
        """The same in order and in blocks, none of which is empty."""
        return self._stores[kind].blocks() if kind in self._stores else ()

    def owned(self, kind: Resource, owner: OwnerKey) -> tuple[Any, ...]:
        """The children of one kind that an owner has."""
        return self._stores[kind].by(OWNER, "/".join(owner)) if kind in self._stores else ()

    def reported_by(self, parent: str) -> tuple[CustomObject[Any], ...]:
        """The scrape objects that carry a condition of this type."""
        carried = (self._stores[kind].by(PARENT, parent) for kind in SCRAPES if kind in self._stores)
        return tuple(scrape for found in carried for scrape in found)

    def namespaces(self, names: Iterable[str] | None = None) -> dict[str, Mapping[str, str]]:
        """Labels of every namespace by name, or of those that are asked for; none are known in namespaced mode."""
        of = resource.NAMESPACES
        found = self.items(of) if names is None else (self.get(of, None, name) for name in names)
        return {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in found if each is not None}


def metadata(known: Manifest | CustomObject[Any]) -> Manifest:
    """The metadata of an object in a store, as the API spells it, of what children have at least."""
    if not isinstance(known, CustomObject):
        found: Manifest = known["metadata"]
        return found
    own = known.metadata
    return {
        "namespace": own.namespace,
        "name": own.name,
        "uid": own.uid,
        "resourceVersion": own.resource_version,
        "generation": own.generation,
        "labels": own.labels,
        "ownerReferences": own.owner_references,
        "finalizers": own.finalizers,
        "deletionTimestamp": own.deletion_timestamp,
    }

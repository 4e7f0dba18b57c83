"""The registry of kinds: what each is called, which table reads its spec, and how kubectl lists it."""

import re
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

from attrs import Factory, evolve, frozen

from vmagent_operator.api.nodescrape import VMNodeScrapeSpec
from vmagent_operator.api.objects import CustomObject, Metadata
from vmagent_operator.api.podscrape import VMPodScrapeSpec
from vmagent_operator.api.probe import VMProbeSpec
from vmagent_operator.api.scrapeconfig import VMScrapeConfigSpec
from vmagent_operator.api.servicescrape import VMServiceScrapeSpec
from vmagent_operator.api.staticscrape import VMStaticScrapeSpec
from vmagent_operator.api.status import OwnerStatus, ScrapeStatus
from vmagent_operator.api.vmagent import VMAgentSpec, VMAgentStatus
from vmagent_operator.api.vmcluster import VMClusterSpec
from vmagent_operator.api.vmsingle import VMSingleSpec
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.bugs import trail
from vmagent_operator.model.decode import INTERNAL_ERROR, DecodeError, Fault, Manifest, decode

S_co = TypeVar("S_co", covariant=True)


@frozen
class Column:
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str
    doc: str = ""


AGE = Column("Age", "date", ".metadata.creationTimestamp")
READY = Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "Whether it is what it asks to be")
REASON = Column("Reason", "string", ".status.reason", "What is wrong, or waited for")
"""Behind the columns of the Go operator, which stay where they are. In those of scrape objects, `Sync Error` is the reason."""
SCRAPE_COLUMNS = (
    AGE,
    Column("Status", "string", ".status.updateStatus"),
    Column("Sync Error", "string", ".status.reason"),
    READY,
)
AGENT_COLUMNS = (
    Column("Shards Count", "integer", ".status.shards", "current number of shards"),
    Column("Replica Count", "integer", ".status.replicas", "current number of replicas"),
    Column("Status", "string", ".status.updateStatus", "Current status of update rollout"),
    AGE,
    READY,
    REASON,
)
SINGLE_COLUMNS = (
    Column("Status", "string", ".status.updateStatus", "Current status of single node update process"),
    AGE,
    READY,
    REASON,
)
CLUSTER_COLUMNS = (
    Column("Insert Count", "string", ".spec.vminsert.replicaCount", "replicas of VMInsert"),
    Column("Storage Count", "string", ".spec.vmstorage.replicaCount", "replicas of VMStorage"),
    Column("Select Count", "string", ".spec.vmselect.replicaCount", "replicas of VMSelect"),
    AGE,
    Column("Status", "string", ".status.updateStatus", "Current status of cluster"),
    READY,
    REASON,
)
AGENT_SCALE = {
    "specReplicasPath": ".spec.shardCount",
    "statusReplicasPath": ".status.shards",
    "labelSelectorPath": ".status.selector",
}


@frozen(kw_only=True, eq=False)
class Kind(Generic[S_co]):
    """A kind of custom resource.

    short: what `kubectl` takes for the name as well; none that Kubernetes, the Prometheus operator or KubeVirt has.
    is_spec_required: whether the API server refuses an object without a spec. scale: the paths of the scale subresource.
    prefix: of a kind of scrape object, begins the fields of `ScrapingParams` by which owners select it. template: the
    field there with the rules that are appended to those of each of its jobs.
    """

    name: str
    singular: str = Factory(lambda kind: kind.name.lower(), takes_self=True)
    plural: str = Factory(lambda kind: f"{kind.singular}s", takes_self=True)
    short: str = ""
    spec_class: type[S_co]
    status_class: type = ScrapeStatus
    columns: tuple[Column, ...] = SCRAPE_COLUMNS
    is_spec_required: bool = False
    scale: Mapping[str, str] | None = None
    api_version: str = API_VERSION
    prefix: str = ""
    template: str = Factory(lambda kind: f"{kind.prefix}_relabel_template", takes_self=True)

    @property
    def selector(self) -> str:
        """The field of owners that selects objects of this kind by their labels."""
        return f"{self.prefix}_selector"

    @property
    def namespace_selector(self) -> str:
        """The field of owners that selects the namespaces of such objects."""
        return f"{self.prefix}_namespace_selector"


VMAGENT = Kind(
    name="VMAgent",
    short="vma",
    spec_class=VMAgentSpec,
    status_class=VMAgentStatus,
    columns=AGENT_COLUMNS,
    scale=AGENT_SCALE,
)
VMSINGLE = Kind(
    name="VMSingle", short="vmsgl", spec_class=VMSingleSpec, status_class=OwnerStatus, columns=SINGLE_COLUMNS
)
VMCLUSTER = Kind(
    name="VMCluster",
    short="vmc",
    spec_class=VMClusterSpec,
    status_class=OwnerStatus,
    columns=CLUSTER_COLUMNS,
    is_spec_required=True,
)
VMSERVICESCRAPE = Kind(
    name="VMServiceScrape",
    short="vmssc",
    spec_class=VMServiceScrapeSpec,
    is_spec_required=True,
    prefix="service_scrape",
)
VMPODSCRAPE = Kind(name="VMPodScrape", short="vmpsc", spec_class=VMPodScrapeSpec, prefix="pod_scrape")
VMPROBE = Kind(
    name="VMProbe",
    short="vmprb",
    spec_class=VMProbeSpec,
    is_spec_required=True,
    prefix="probe",
    template="probe_scrape_relabel_template",
)
VMNODESCRAPE = Kind(name="VMNodeScrape", short="vmnsc", spec_class=VMNodeScrapeSpec, prefix="node_scrape")
VMSTATICSCRAPE = Kind(name="VMStaticScrape", short="vmstsc", spec_class=VMStaticScrapeSpec, prefix="static_scrape")
VMSCRAPECONFIG = Kind(name="VMScrapeConfig", short="vmscfg", spec_class=VMScrapeConfigSpec, prefix="scrape_config")


class ScrapeSpec(Protocol):
    """What the specs of all scrape objects have."""

    @property
    def scrape_class(self) -> str | None:
        """The class of the owner's that it asks for by name."""


ScrapeObject = CustomObject[ScrapeSpec]

SCRAPE_KINDS: tuple[Kind[ScrapeSpec], ...] = (
    VMSERVICESCRAPE,
    VMPODSCRAPE,
    VMPROBE,
    VMNODESCRAPE,
    VMSTATICSCRAPE,
    VMSCRAPECONFIG,
)
"""In the order of their jobs in a configuration."""

OWNER_KINDS: tuple[Kind[object], ...] = (VMAGENT, VMSINGLE, VMCLUSTER)
"""Those that something runs for."""
KINDS: tuple[Kind[object], ...] = (*OWNER_KINDS, *SCRAPE_KINDS)
BY_NAME: Mapping[str, Kind[object]] = {kind.name: kind for kind in KINDS}


def read(raw: Manifest) -> CustomObject[Any]:
    """The custom resource that `raw` is, `raw["kind"]` being one of KINDS; see `read_as`."""
    return read_as(BY_NAME[raw["kind"]], raw)


def read_metadata(kind: Kind[Any], raw: Manifest) -> CustomObject[Any]:
    """The object of this kind that `raw` is, but for spec and status; what cannot be decoded is kept as its `error`."""
    metadata, error = _metadata(raw.get("metadata") or {})
    return CustomObject(kind=kind, metadata=metadata, spec=None, error=error)


def read_as(kind: Kind[Any], raw: Manifest, *, is_applied: bool = False) -> CustomObject[Any]:
    """The custom resource of this kind that `raw` is; what cannot be decoded is kept as its `error`."""
    found, status = read_metadata(kind, raw), raw.get("status")
    spec, unknown, error = (None, (), found.error) if found.error is not None else _spec(kind, raw.get("spec"))
    known = status if isinstance(status, dict) else {}
    return evolve(found, spec=spec, unknown=unknown, error=error, status=known, is_applied=is_applied)


def _spec(kind: Kind[Any], raw: object) -> tuple[Any, tuple[str, ...], DecodeError | None]:
    """The spec, the paths of its unknown keys, and what is wrong with it."""
    try:
        decoded = decode(kind.spec_class, {} if raw is None else raw)
    except DecodeError as broken:
        return None, broken.unknown, broken
    except Exception as unforeseen:  # noqa: BLE001 - a bug of ours is the end of this object only
        return None, (), DecodeError((Fault("spec", INTERNAL_ERROR),), trail(unforeseen))
    return decoded.value, decoded.unknown, None


def renewed(known: CustomObject[Any], raw: Manifest, *, is_applied: bool = False) -> CustomObject[Any] | None:
    """`known` with what else `raw` has: its spec, which must be the same one, and what has been derived of it stay.

    None if `known` could not be read, or its annotations differ: some of them decide on what is derived.
    """
    metadata, error = _metadata(raw.get("metadata") or {})
    before = known.metadata
    if error is not None or known.error is not None or metadata.annotations != before.annotations:
        return None
    if metadata.labels == before.labels:
        metadata = evolve(metadata, labels=before.labels)  # one copy is enough
    status = raw.get("status")
    fresh = evolve(
        known,
        metadata=evolve(metadata, namespace=before.namespace, name=before.name, annotations=before.annotations),
        status=status if isinstance(status, dict) else {},
        is_applied=is_applied,
    )
    fresh.memo.update(known.memo)
    return fresh


def unreadable(kind: Kind[Any], raw: Manifest, fault: str) -> CustomObject[Any]:
    """What is left of a custom resource, with the reason why there is no more of it: `spec: nested deeper ...`."""
    path, _, message = fault.rpartition(": ")
    metadata, _error = _metadata(raw.get("metadata") or {})
    status = raw.get("status")
    return CustomObject(
        kind=kind,
        metadata=metadata,
        spec=None,
        error=DecodeError((Fault(path or "spec", message),)),
        status=status if isinstance(status, dict) else {},
    )


def _metadata(raw: object) -> tuple[Metadata, DecodeError | None]:
    """The metadata; with an error, what is left of it without the keys at fault."""
    try:
        return decode(Metadata, raw, "metadata").value, None
    except DecodeError as error:
        if not isinstance(raw, dict):
            return Metadata(), error
        wrong = {re.split(r"[.\[]", fault.path)[1] for fault in error.faults}
        sound = {key: value for key, value in raw.items() if key not in wrong}
        return decode(Metadata, sound, "metadata").value, error

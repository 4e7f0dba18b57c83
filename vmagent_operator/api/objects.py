"""A custom resource as it stands in a store: decoded once, or with the reason why it could not be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from attrs import field, frozen

from vmagent_operator.model.decode import DecodeError, Manifest
from vmagent_operator.model.fields import Field, Json

if TYPE_CHECKING:
    from vmagent_operator.api.kinds import Kind

S_co = TypeVar("S_co", covariant=True)

OwnerReference = Annotated[Manifest, Json("io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference")]


@frozen(kw_only=True)
class Metadata:
    """The metadata that we read."""

    namespace: Annotated[str, Field("Namespace.")] = ""
    name: Annotated[str, Field("Name.")] = ""
    uid: Annotated[str, Field("Identity across re-creations.")] = ""
    generation: Annotated[int, Field("Counts the changes of the spec.")] = 0
    resource_version: Annotated[str, Field("Changes with every write.")] = ""
    labels: Annotated[Mapping[str, str], Field("Labels.")] = field(factory=dict)
    annotations: Annotated[Mapping[str, str], Field("Annotations.")] = field(factory=dict)
    creation_timestamp: Annotated[str, Field("When it was created.")] = ""
    deletion_timestamp: Annotated[str, Field("When deletion was asked for.")] = ""
    finalizers: Annotated[tuple[str, ...], Field("Who must agree to the deletion.")] = ()
    owner_references: Annotated[tuple[OwnerReference, ...], Field("Owners.")] = ()


@frozen(kw_only=True, eq=False)
class CustomObject(Generic[S_co]):
    """A custom resource.

    spec: None if it cannot be decoded; error says why. unknown: paths of keys that nothing reads.
    status: as it is in the cluster. is_applied: whether its spec is what we have applied, be it in part. memo: what pure code has derived from this very object; a new version of the object
    starts with an empty one.
    """

    kind: Kind[S_co]
    metadata: Metadata
    spec: S_co | None
    error: DecodeError | None = None
    unknown: tuple[str, ...] = ()
    status: Mapping[str, Any] = field(factory=dict)
    is_applied: bool = False
    memo: dict[Any, Any] = field(factory=dict, init=False, repr=False)
    key: str = field(init=False, repr=False)
    """`namespace/name`, which also is the order of objects everywhere."""

    @key.default
    def _key(self) -> str:
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return self.metadata.namespace

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def is_deleted(self) -> bool:
        """Whether deletion has been asked for."""
        return bool(self.metadata.deletion_timestamp)

"""A kind of owner as engine and steps see it: a row, and the only way in which they learn of one. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.component import Application
from vmagent_operator.desired.stages import Desired, Inputs
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.settings import Settings

Owner = CustomObject[Any]

OwnerKey = tuple[str, str, str]
"""Kind, namespace and name of an owner: two kinds may have an object of the same name."""


@frozen(kw_only=True)
class ConfigTarget:
    """Where the scrape configuration of an owner goes: the `key` of the Secret `name` in its namespace.

    is_unmanaged: whether it is the user's: made once, and never touched again.
    """

    name: str
    key: str
    is_unmanaged: bool


@frozen(kw_only=True)
class Workload:
    """What is to be known of one workload of an owner beside its manifest.

    name: "" for one that the owner does not ask for. condition: the type of the condition by which the owner's status tells
    of it, "" for none. is_counted: whether the owner's objects depend on how many pods it has been told to have.
    """

    name: str
    condition: str
    is_counted: bool


@frozen(kw_only=True, eq=False)
class OwnerKind:
    """All that tells one kind of owner from another, for everything that is not built for it alone.

    apps: the applications that run for one, the main one first. The functions get an owner whose spec could be decoded,
    but for `scale` and those about claims, which get any; those with settings raise OwnerError.
    """

    kind: Kind[Any]
    apps: tuple[Application, ...]
    desired: Callable[[Inputs], Desired]
    """Everything that an owner asks for. Raises OwnerError: then nothing is to be written."""
    scale: Callable[[Owner], Mapping[str, Any]]
    """What its scale subresource and its columns read in its status."""
    self_scrapes: Callable[[Owner, Settings], tuple[Manifest, ...]] = lambda owner, settings: ()
    """The scrape objects by which it is scraped itself."""
    scrape_owner: Callable[[Owner, Settings], ScrapeOwner | None] = lambda owner, settings: None
    """It as whoever selects scrape objects; None for one that selects none."""
    config: Callable[[Owner], ConfigTarget | None] = lambda owner: None
    """Where its scrape configuration goes; None for one that has none."""
    service_account: Callable[[Owner], str] = lambda owner: ""
    """An account that it uses without having asked for it, and which stays whatever it asks for."""
    max_unavailable: Callable[[Owner, str], int | str] = lambda owner, workload: 1
    """How many pods of its StatefulSet `workload` may be missing while we replace them: a number, or a percentage."""

    workloads: Callable[[Owner], tuple[Workload, ...]] = lambda owner: ()
    """What is to be known of its workloads, of those where it is anything."""

    dropped: Callable[[Owner], frozenset[str]] = lambda owner: frozenset()
    """Names of applications that it does not ask for, and that nothing else of it needs: what is left of them goes at once."""

    claims: Callable[[Owner], tuple[str, ...]] = lambda owner: ()
    """The names that claims of its own have or have had, beside those of its StatefulSets; gets any owner."""
    entrances: Callable[[Owner], tuple[str, ...]] = lambda owner: ()
    """The names of the Services by which agents write to it, where it matters to it who does."""
    keeps_claims: Callable[[Owner], bool] = lambda owner: True
    """Whether those stay when it goes; gets any owner."""
    yields: Callable[[Owner, Manifest], frozenset[str]] = lambda owner, manifest: frozenset()
    """Paths of one of its objects where it asks for a default only, and leaves another's choice alone."""

    @property
    def name(self) -> str:
        """As controllers, metrics and log records name the kind."""
        return self.kind.singular

    @property
    def resource(self) -> Resource:
        """Where the API server has the owners."""
        return custom(self.kind)

    def key(self, owner: Owner) -> OwnerKey:
        """The key of one of them."""
        return self.name, owner.namespace, owner.name


def custom(kind: Kind[Any]) -> Resource:
    """Where the API server has the objects of a custom kind."""
    group, _, version = kind.api_version.partition("/")
    return Resource(group, version, kind.plural, kind.name)

"""What the reconciles of all owners in a `Cluster` come to once nothing changes any more; `render` and `explain` put it into words.

Whatever is decided here is decided by the functions that a reconcile calls: selection, the `desired` of the kind, ownership, what is left out.
"""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, VMAGENT, Kind, ScrapeObject, ScrapeSpec, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster, name_of_custom
from vmagent_operator.cli.converted import Conversions, conversions
from vmagent_operator.controller.engine import owners
from vmagent_operator.controller.engine.kind import Owner, OwnerKind
from vmagent_operator.controller.kinds import BY_KIND, OWNERS
from vmagent_operator.controller.steps.leftout import LeftOut, name_of
from vmagent_operator.desired import stages
from vmagent_operator.desired.around.writers import pairs
from vmagent_operator.desired.stages import Desired, Inputs
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube.write.ownership import adds_nothing, describe, objection
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Missing, SecretSnapshot
from vmagent_operator.scrape.selection import Selection, select
from vmagent_operator.settings import Server, Settings
from vmagent_operator.status.owner import State

Scrapes = Mapping[Kind[ScrapeSpec], Sequence[ScrapeObject]]


@frozen(kw_only=True)
class Decision:
    """What a reconcile of an owner comes to: what it asks for and what of that is left out, or the error that stops all of it."""

    owner: Owner
    asked: Desired | None
    left_out: LeftOut
    error: str

    @property
    def is_paused(self) -> bool:
        """Whether the owner is not to be touched, whatever it asks for."""
        return self.owner.spec is not None and self.owner.spec.paused

    @property
    def reason(self) -> str:
        """What its status says that is wrong; "" if all is well."""
        return self.error or self.left_out.reason

    @property
    def state(self) -> State:
        """The state of its status, once its workloads are ready."""
        if self.is_paused:
            return "paused"
        return "failed" if self.reason else "operational"

    @property
    def is_configured(self) -> bool:
        """Whether the owner gets its scrape configuration."""
        if self.error:
            return False
        target = kind_of(self.owner).config(self.owner)
        return target is None or ("Secret", self.owner.namespace, target.name) not in self.left_out.names

    def writes(self, manifest: Manifest) -> bool:
        """Whether the owner gets `manifest`, one of the objects that it may ask for."""
        return not self.error and name_of(manifest) not in self.left_out.names and not adds_nothing(manifest)


@frozen
class Decisions:
    """One for each owner that is watched and that nobody is deleting, in the order in which they were given.

    cluster: the given one with the scrape objects by which the owners are scraped, and those that Prometheus objects become.
    converted: what becomes of these.
    """

    cluster: Cluster
    made: tuple[Decision, ...]
    converted: Conversions


def decisions(cluster: Cluster, settings: Settings, server: Server) -> Decisions:
    """What becomes of all owners in `cluster`.

    All see the scrape objects by which the others are scraped, except those that are not written: nothing is where an
    owner fails.
    """
    converted = conversions(cluster, settings)
    cluster = converted.cluster
    deciding = _Deciding(
        cluster,
        settings,
        server,
        cluster.namespaces,
        SecretSnapshot(cluster.contents, trim=settings.trim_secret_values),
    )
    given = (owner for of in OWNERS for owner in cluster.of_kind(of.kind))
    watched = [owner for owner in given if not owner.is_deleted and is_watched(owner, settings)]
    own = {name_of_custom(owner): manifests for owner in watched if (manifests := deciding.own_scrapes(owner))}
    while True:
        placed = {name_of(manifest): deciding.placed(manifest) for each in own.values() for manifest in each}
        whole = evolve(cluster, custom={**cluster.custom, **placed})
        scrapes = {kind: whole.of_kind(kind) for kind in SCRAPE_KINDS}
        made = tuple(deciding.decision(owner, scrapes) for owner in watched)
        lacking = [name for each in made if not all(map(each.writes, own.get(name := name_of_custom(each.owner), ())))]
        if not lacking:
            return Decisions(whole, made, converted)
        for name in lacking:
            del own[name]


def kind_of(owner: Owner) -> OwnerKind:
    """The row of the owner's kind."""
    return BY_KIND[owner.kind.name]


def is_watched(owner: Owner, settings: Settings) -> bool:
    """Whether the operator ever sees the owner."""
    return not settings.watch_namespaces or owner.namespace in settings.watch_namespaces


@frozen
class _Deciding:
    """What all decisions are made on."""

    cluster: Cluster
    settings: Settings
    server: Server
    namespaces: Mapping[str, Mapping[str, str]]
    values: SecretSnapshot

    def decision(self, owner: Owner, scrapes: Scrapes) -> Decision:
        """What becomes of one owner among the scrape objects `scrapes`."""
        of = kind_of(owner)
        try:
            asked = of.desired(self._inputs(of, owner, scrapes))
        except (OwnerError, Missing) as error:
            return Decision(owner=owner, asked=None, left_out=LeftOut(), error=str(error))
        return Decision(owner=owner, asked=asked, left_out=self._left_out(of, owner, asked), error="")

    def _inputs(self, of: OwnerKind, owner: Owner, scrapes: Scrapes) -> Inputs:
        if owner.spec is None:
            raise OwnerError(str(owner.error))
        selects, target = of.scrape_owner(owner, self.settings), of.config(owner)
        secret = self.cluster.objects.get(("Secret", owner.namespace, target.name)) if target else None
        return Inputs(
            owner=owner,
            selection=select(selects, scrapes, self.namespaces) if selects else Selection(),
            values=self.values,
            settings=self.settings,
            server=self.server,
            config=owners.config_secret(of, owner, secret),
            replicas=self._replicas(of, owner),
            claims=frozenset(
                name
                for name in of.claims(owner)
                if ("PersistentVolumeClaim", owner.namespace, name) in self.cluster.objects
            ),
            writers=pairs(self.cluster.of_kind(VMAGENT), of.entrances(owner), owner.namespace),
        )

    def _replicas(self, of: OwnerKind, owner: Owner) -> Mapping[str, int]:
        """How many pods those workloads have been told to have that are there and of which that counts."""
        counted = {each.name for each in of.workloads(owner) if each.is_counted}
        found = {
            name: self.cluster.objects.get((kind, owner.namespace, name)) for name in counted for kind in WORKLOADS
        }
        return {name: live.get("spec", {}).get("replicas", 1) for name, live in found.items() if live is not None}

    def _left_out(self, of: OwnerKind, owner: Owner, asked: Desired) -> LeftOut:
        """What somebody else has an object of the name of, and what leans on that."""
        left_out, policy = LeftOut(), owners.policy(of, owner)
        for manifest in stages.objects(asked.stages):
            live = self.cluster.objects.get(name_of(manifest))
            if adds_nothing(manifest) or left_out.takes(manifest) or live is None:
                continue
            if reason := objection(manifest, live, policy):
                left_out.refuse(manifest, f"{describe(manifest)} {reason}")
        return left_out

    def own_scrapes(self, owner: Owner) -> tuple[Manifest, ...]:
        """The scrape objects by which the owner is scraped, as far as they are there or their names are free."""
        if owner.spec is None or owner.spec.paused:
            return ()
        of = kind_of(owner)
        manifests = of.self_scrapes(owner, self.settings)
        return tuple(each for each in manifests if self._is_free(of, owner, each))

    def _is_free(self, of: OwnerKind, owner: Owner, manifest: Manifest) -> bool:
        live = self.cluster.objects.get(name_of(manifest))
        return live is None or owners.is_ours(of, owner, live)

    def placed(self, manifest: Manifest) -> CustomObject[object]:
        """A scrape object of an owner's own, as it stands in the cluster once written."""
        before = self.cluster.objects.get(name_of(manifest), {"metadata": {"generation": 1}})
        return read({**manifest, "metadata": before["metadata"] | manifest["metadata"], "status": before.get("status")})

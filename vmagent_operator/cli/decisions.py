"""What the reconciles of all agents in a `Cluster` come to once nothing changes any more; `render` and `explain` put it into words.

Whatever is decided here is decided by the functions that a reconcile calls: selection, `desired`, ownership, what is left out.
"""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, VMAGENT, Kind, ScrapeObject, ScrapeSpec, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.controller.engine import owners
from vmagent_operator.controller.steps.leftout import LeftOut, name_of
from vmagent_operator.desired import stages
from vmagent_operator.desired.vmagent.desired import Desired, Inputs, desired, self_scrape
from vmagent_operator.desired.vmagent.features import VMAgent, prefixed, scrape_owner
from vmagent_operator.kube.write.ownership import adds_nothing, describe, objection
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Missing, SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.settings import Server, Settings
from vmagent_operator.status.owner import State

Scrapes = Mapping[Kind[ScrapeSpec], Sequence[ScrapeObject]]


@frozen(kw_only=True)
class Decision:
    """What a reconcile of an agent comes to: what it asks for and what of that is left out, or the error that stops all of it."""

    agent: VMAgent
    asked: Desired | None
    left_out: LeftOut
    error: str

    @property
    def is_paused(self) -> bool:
        """Whether the agent is not to be touched, whatever it asks for."""
        return self.agent.spec is not None and self.agent.spec.paused

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
        """Whether the agent gets its scrape configuration."""
        return not self.error and ("Secret", self.agent.namespace, prefixed(self.agent)) not in self.left_out.names

    def writes(self, manifest: Manifest) -> bool:
        """Whether the agent gets `manifest`, one of the objects that it may ask for."""
        return not self.error and name_of(manifest) not in self.left_out.names and not adds_nothing(manifest)


@frozen
class Decisions:
    """One for each agent that is watched and that nobody is deleting, in the order in which they were given.

    cluster: the given one with the scrape objects by which the agents are scraped.
    """

    cluster: Cluster
    made: tuple[Decision, ...]


def decisions(cluster: Cluster, settings: Settings, server: Server) -> Decisions:
    """What becomes of all agents in `cluster`.

    All see the scrape objects by which the others are scraped, except those that are not written: nothing is where an
    agent fails.
    """
    deciding = _Deciding(
        cluster,
        settings,
        server,
        cluster.namespaces,
        SecretSnapshot(cluster.contents, trim=settings.trim_secret_values),
    )
    agents = [agent for agent in cluster.of_kind(VMAGENT) if not agent.is_deleted and is_watched(agent, settings)]
    own = {agent.key: manifest for agent in agents if (manifest := deciding.own_scrape(agent))}
    while True:
        placed = {name_of(manifest): deciding.placed(manifest) for manifest in own.values()}
        whole = evolve(cluster, custom={**cluster.custom, **placed})
        scrapes = {kind: whole.of_kind(kind) for kind in SCRAPE_KINDS}
        made = tuple(deciding.decision(agent, scrapes) for agent in agents)
        lacking = [each.agent.key for each in made if each.agent.key in own and not each.writes(own[each.agent.key])]
        if not lacking:
            return Decisions(whole, made)
        for key in lacking:
            del own[key]


def is_watched(agent: VMAgent, settings: Settings) -> bool:
    """Whether the operator ever sees the agent."""
    return not settings.watch_namespaces or agent.namespace in settings.watch_namespaces


@frozen
class _Deciding:
    """What all decisions are made on."""

    cluster: Cluster
    settings: Settings
    server: Server
    namespaces: Mapping[str, Mapping[str, str]]
    values: SecretSnapshot

    def decision(self, agent: VMAgent, scrapes: Scrapes) -> Decision:
        """What becomes of one agent among the scrape objects `scrapes`."""
        try:
            asked = desired(self._inputs(agent, scrapes))
        except (OwnerError, Missing) as error:
            return Decision(agent=agent, asked=None, left_out=LeftOut(), error=str(error))
        return Decision(agent=agent, asked=asked, left_out=self._left_out(asked), error="")

    def _inputs(self, agent: VMAgent, scrapes: Scrapes) -> Inputs:
        inputs = Inputs(
            agent=agent,
            selection=select(scrape_owner(agent, self.settings), scrapes, self.namespaces),
            values=self.values,
            settings=self.settings,
            server=self.server,
        )
        secret = self.cluster.objects.get(("Secret", agent.namespace, prefixed(agent)))
        return owners.config_secret(agent, secret).given_to(inputs)

    def _left_out(self, asked: Desired) -> LeftOut:
        """What somebody else has an object of the name of, and what leans on that."""
        left_out = LeftOut()
        for manifest in stages.objects(asked.stages):
            live = self.cluster.objects.get(name_of(manifest))
            if adds_nothing(manifest) or left_out.takes(manifest) or live is None:
                continue
            if reason := objection(manifest, live, owners.POLICY):
                left_out.refuse(manifest, f"{describe(manifest)} {reason}")
        return left_out

    def own_scrape(self, agent: VMAgent) -> Manifest | None:
        """The scrape object by which the agent is scraped, if it is there or its name is free."""
        if agent.spec is None or agent.spec.paused:
            return None
        manifest = self_scrape(agent, self.settings)
        live = self.cluster.objects.get(name_of(manifest)) if manifest else None
        return manifest if live is None or owners.is_ours(agent, live) else None

    def placed(self, manifest: Manifest) -> CustomObject[object]:
        """A scrape object of an agent's own, as it stands in the cluster once written."""
        before = self.cluster.objects.get(name_of(manifest), {"metadata": {"generation": 1}})
        return read({**manifest, "metadata": before["metadata"] | manifest["metadata"], "status": before.get("status")})

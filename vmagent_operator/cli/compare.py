"""A cluster against what it is to be: what applying objects would change, the work of the operator included."""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from vmagent_operator.cli.cluster import Cluster, name_of_custom
from vmagent_operator.cli.decisions import Decision, Decisions, decisions, kind_of
from vmagent_operator.cli.live import Live, snapshot
from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.controller.engine.child import resource_of
from vmagent_operator.controller.engine.owners import migration
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.desired import stages
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Server, Settings


@frozen(kw_only=True)
class Comparison:
    """What there is to compare: present and planned are the objects of the cluster without the given ones and with them."""

    live: Live
    settings: Settings
    server: Server
    given: Mapping[Name, Manifest]
    present: Mapping[Name, Manifest]
    planned: Mapping[Name, Manifest]

    @classmethod
    def of(cls, live: Live, settings: Settings, given: Iterable[Manifest]) -> "Comparison":
        """The comparison of a cluster with what it is once `given` are applied. Raises ApiError."""
        files = {name_of(raw): raw for raw in given}
        present = {name_of(raw): raw for raw in snapshot(live, settings)}
        merged = [_merged(raw, present.get(name)) for name, raw in files.items()]
        planned = {name_of(raw): raw for raw in snapshot(live, settings, merged)}
        return cls(
            live=live,
            settings=settings,
            server=live.server,
            given=files,
            present=present,
            planned={**present, **planned},
        )

    def changes(self, *, of_all: bool = False) -> Changes:
        """What changes with the given objects, or `of_all`, also what the operator would change anyway. Raises ApiError."""
        found = Changes()
        for name, raw in self.given.items():
            found.edit(raw, self.present.get(name) or self._get(raw))
        before, after = (self._decided(each) for each in (self.present, self.planned))
        affected = {
            name
            for name in before.keys() | after.keys()
            if of_all or _wanted(before.get(name)) != _wanted(after.get(name))
        } | (self.given.keys() & (before.keys() | after.keys()))
        children = {
            name: live
            for owner in affected
            for each in (before.get(owner), after.get(owner))
            for name, manifest in _wanted(each).items()
            if (live := self._get(manifest)) is not None
        }
        before, after = (self._decided({**children, **each}) for each in (self.present, self.planned))
        for owner in sorted(affected):
            self._compare(found, before.get(owner), after.get(owner), children)
        return found

    def _compare(
        self, found: Changes, before: Decision | None, after: Decision | None, children: Mapping[Name, Manifest]
    ) -> None:
        """What an owner writes and removes."""
        if after is None:
            return
        owner, title = after.owner, f"{after.owner.kind.name} {after.owner.key}"
        if after.is_paused:
            found.problems.append(f"{title}: is paused, so nothing is written for it")
            return
        if after.reason:
            found.problems.append(f"{title}: {after.reason}")
        wanted = {name: manifest for name, manifest in _wanted(after).items() if after.writes(manifest)}
        of = kind_of(owner)
        migrated = migration(of, owner)
        for name, manifest in wanted.items():
            yields = of.yields(owner, manifest) if owner.spec is not None else frozenset()
            found.put(manifest, children.get(name), evolve(migrated, yielded=yields))
        if after.error:
            return
        for name, manifest in _wanted(before).items():
            if name not in _wanted(after) and name in children and before and before.writes(manifest):
                found.remove({**manifest, **children[name]})

    def _decided(self, objects: Mapping[Name, Manifest]) -> dict[Name, Decision]:
        made: Decisions = decisions(Cluster.of(objects.values()), self.settings, self.server)
        return {name_of_custom(each.owner): each for each in made.made}

    def _get(self, manifest: Manifest) -> Manifest | None:
        """An object as it is in the cluster, None if it is not or its kind is none of ours."""
        try:
            of = resource_of(manifest)
            place = manifest["metadata"].get("namespace") if of.namespaced else None
            raw = self.live.client.get(of, place, manifest["metadata"]["name"])
        except (KeyError, NotFound):
            return None
        return {"apiVersion": of.api_version, "kind": of.kind, **raw}


def _merged(given: Manifest, live: Manifest | None) -> Manifest:
    """An object as it is once it is applied: what only the server says of it stays."""
    if live is None:
        return given
    kept = {key: value for key, value in live["metadata"].items() if key not in ("labels", "annotations")}
    status = {"status": live["status"]} if "status" in live else {}
    return {**given, "metadata": {**kept, **given["metadata"]}, **status}


def _wanted(decision: Decision | None) -> dict[Name, Manifest]:
    """What an owner asks for, by name."""
    if decision is None or decision.asked is None or decision.is_paused:
        return {}
    return {name_of(each): each for each in stages.objects(decision.asked.stages)}

"""`diff`: what applying manifests would change in a cluster, the work of the operator included."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from attrs import evolve, frozen

from vmagent_operator.api.kinds import BY_NAME
from vmagent_operator.cli import manifests, options
from vmagent_operator.cli.cluster import Cluster, known, name_of_custom
from vmagent_operator.cli.decisions import Decision, Decisions, decisions, kind_of
from vmagent_operator.cli.live import Live, asking, connect, snapshot
from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.controller.engine.child import resource_of
from vmagent_operator.controller.engine.owners import migration
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.desired import stages
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Server, Settings, load

JOBS_LEAVE = 3
"""The exit code of --fail-if-jobs-leave."""
EPILOG = """\
The files count as they stand, as if each were put in the place of the object of
its name. Give diff the environment (VM_..., WATCH_NAMESPACE) of your operator.

  +  is created      ~  changes      -  is deleted
  !  is deleted and made again, or cannot be written

exit codes:
  0  nothing changes
  1  something changes
  2  arguments, environment, files or cluster that cannot be used
  3  as many jobs leave as --fail-if-jobs-leave says, or more
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what the files of `arguments` would change; 1 if that is anything, 2 if it cannot be told, 3 if too many jobs leave."""
    given = parser().parse_args(arguments)
    settings = load(environ)
    cluster = connect(given, environ)
    tell = partial(print, file=sys.stderr)
    files = [*known(manifests.read(given.filename, tell), tell)]
    with asking(cluster):
        found = _Diff.of(cluster, settings, _placed(files, cluster.namespace)).changes()
    if given.output == "json":
        print(json.dumps(found.structured(), indent=2))
    else:
        print("\n".join(found.lines()))
    leaving = sum(len(each.leaving) for each in found.jobs)
    if given.fail_if_jobs_leave and leaving >= given.fail_if_jobs_leave:
        print(f"{leaving} job{'s leave' if leaving != 1 else ' leaves'}", file=sys.stderr)
        return JOBS_LEAVE
    return 0 if found.is_empty else 1


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = argparse.ArgumentParser(
        prog="vmagent-operator diff",
        description="Tell what manifests would change in a cluster once they are applied and the operator has done its work: "
        "objects and fields, which pods restart and why, and which scrape jobs join, leave or change. Nothing is written.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_files(made, "manifests")
    made.add_argument("-o", "--output", choices=("text", "json"), default="text", help="form of the output")
    made.add_argument(
        "--fail-if-jobs-leave", type=_positive, default=0, metavar="N", help="end with 3 if N jobs leave, or more"
    )
    options.add_cluster(made)
    return made


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _placed(objects: Iterable[Manifest], namespace: str) -> Iterator[Manifest]:
    """The objects with the namespace that they get, where nobody gives them one."""
    for raw in objects:
        is_placed = raw["kind"] in BY_NAME or raw["kind"] in ("Secret", "ConfigMap")
        place = {"namespace": raw["metadata"].get("namespace") or namespace} if is_placed else {}
        yield {**raw, "metadata": {**raw["metadata"], **place}}


@frozen(kw_only=True)
class _Diff:
    """The work of one `diff`. present, planned: the objects of the cluster without the files and with them."""

    live: Live
    settings: Settings
    server: Server
    given: Mapping[Name, Manifest]
    present: Mapping[Name, Manifest]
    planned: Mapping[Name, Manifest]

    @classmethod
    def of(cls, live: Live, settings: Settings, given: Iterable[Manifest]) -> "_Diff":
        """What there is to compare. Raises ApiError."""
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

    def changes(self) -> Changes:
        """All that changes. Raises ApiError."""
        found = Changes()
        for name, raw in self.given.items():
            found.edit(raw, self.present.get(name) or self._get(raw))
        before, after = (self._decided(each) for each in (self.present, self.planned))
        affected = {
            name for name in before.keys() | after.keys() if _wanted(before.get(name)) != _wanted(after.get(name))
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

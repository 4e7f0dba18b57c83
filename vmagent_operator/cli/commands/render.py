"""`render`: what a converged operator would have made of the given objects, without a cluster.

It is the pure half of the program plus a file reader, so what it prints is byte for byte what a reconcile applies.
"""

import argparse
import base64
import sys
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import evolve, frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.cli import manifests, options
from vmagent_operator.cli.cluster import Cluster, name_of_custom
from vmagent_operator.cli.decisions import Decision, Decisions, decisions, kind_of
from vmagent_operator.cli.reports.review import review
from vmagent_operator.controller.engine.verdicts import Said, Verdicts, id_of
from vmagent_operator.controller.kinds import BY_KIND
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.desired import stages
from vmagent_operator.identity import FINALIZER
from vmagent_operator.limits import INFLATED_BYTES
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration
from vmagent_operator.settings import Server, Settings, load
from vmagent_operator.status.conditions import SUMMARY, Status, condition_type, conditions
from vmagent_operator.status.owner import owner_status
from vmagent_operator.status.scrape import scrape_status

EPILOG = """\
exit codes:
  0  everything is rendered; warnings are on stderr
  1  an owner cannot be rendered, or not all of it; stderr says why
  2  arguments, environment or files that cannot be used
"""
SHOWN_NOTES = ("unreadable", "unknown-kind", "not-found")
"""Rules of notes that say what is missing in the output."""
_GZIP = b"\x1f\x8b"


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what the objects in the files of `arguments` lead to; 1 if an owner cannot be rendered, 2 if nothing can."""
    given = parser().parse_args(arguments)
    settings = load(environ)
    found = review(given.filename, settings, given.kubernetes_version)
    for each in found.findings:
        if each.rule == "unreadable" and each.level == "error":
            raise manifests.InputError(f"{each.file}:{each.line}: {each.message}")
    rendered = rendering(found.cluster, found.decided, datetime.now(UTC))
    shown = map(decoded, rendered.objects) if given.decode_secrets else rendered.objects
    sys.stdout.write(manifests.dump(shown, given.output))
    sys.stdout.flush()
    for each in found.findings:
        if each.level != "note" or each.rule in SHOWN_NOTES:
            is_lacking = each.rule == "not-found"  # lint does not know whether the cluster has it; here it is not there
            print((evolve(each, level="error") if is_lacking else each).shown(), file=sys.stderr)
    return 1 if rendered.errors else 0


@frozen
class Rendered:
    """What came of a cluster: objects sorted by kind, namespace and name, and one line for each that failed."""

    objects: tuple[Manifest, ...]
    errors: tuple[str, ...]


def render(cluster: Cluster, settings: Settings, server: Server, now: datetime) -> Rendered:
    """Everything that reconciles of all owners in `cluster` create or change, once nothing changes any more."""
    return rendering(cluster, decisions(cluster, settings, server), now)


def rendering(cluster: Cluster, decided: Decisions, now: datetime) -> Rendered:
    """The same of what was decided already."""
    shown: dict[Name, Manifest] = {name_of(each): each for each in decided.converted.manifests}
    statuses: dict[Name, Status | None] = {}
    verdicts = Verdicts()
    for decision in decided.made:
        statuses[name_of_custom(decision.owner)] = _owner_status(decision, now)
        if decision.asked is None or decision.is_paused:
            continue
        shown |= {name_of(each): each for each in stages.objects(decision.asked.stages) if decision.writes(each)}
        if decision.is_configured:
            verdicts.put(condition_type(decision.owner), _said(decision.asked.configuration))
    for name, obj in decided.cluster.custom.items():
        if obj.kind.name not in BY_KIND and not obj.is_deleted:
            statuses[name] = _judged(obj, scrape_status(obj, verdicts.of(obj), verdicts.released(obj), now))
    finalized = {name_of_custom(each.owner) for each in decided.made if each.owner.spec is not None}
    for name, obj in decided.cluster.custom.items():
        status = dict(statuses.get(name) or obj.status)
        if name in shown:
            shown[name] = {**shown[name], **({"status": status} if status else {})}
        elif name in finalized or status != obj.status:
            shown[name] = _changed(cluster.objects[name], status, is_finalized=name in finalized)
    failed = [decision for decision in decided.made if decision.state == "failed"]
    failed.sort(key=lambda decision: decision.owner.spec is not None)  # what cannot even be read comes first
    errors = tuple(f"{decision.owner.kind.name} {decision.owner.key}: {decision.reason}" for decision in failed)
    unconverted = tuple(each.line() for each in decided.converted.made.values() if each.error)
    return Rendered(tuple(shown[name] for name in sorted(shown)), (*errors, *unconverted))


def _owner_status(decision: Decision, now: datetime) -> Status:
    """The status of an owner whose workloads count as ready."""
    return owner_status(
        decision.owner,
        decision.state,
        decision.reason if decision.state == "failed" else "",
        now,
        scale=kind_of(decision.owner).scale(decision.owner),
        warnings=decision.asked.warnings if decision.asked and decision.state == "operational" else (),
        is_available=True if decision.state == "operational" else None,
        workloads={
            each.condition: "" if each.name else None
            for each in (kind_of(decision.owner).workloads(decision.owner) if decision.state == "operational" else ())
            if each.condition
        },
    )


def _judged(obj: ScrapeObject, status: Status | None) -> Status | None:
    """What owners say of a scrape object, without what sums that up for tools that wait for it in a cluster."""
    if status is None or "conditions" not in status:
        return status
    said = [each for each in status["conditions"] if each["type"] not in SUMMARY]
    given = [each for each in conditions(obj) if each["type"] in SUMMARY]
    return {**status, "conditions": sorted((*given, *said), key=lambda each: str(each["type"]))}


def _said(configuration: Configuration | None) -> Said:
    """What the owner with this configuration made of the scrape objects that it selects."""
    if configuration is None:
        return Said()
    return Said(configuration.selection, {id_of(each.object): each.message for each in configuration.findings})


def _changed(raw: Manifest, status: Status, *, is_finalized: bool) -> Manifest:
    """A given object of which only finalizers and status change."""
    metadata = raw["metadata"]
    if is_finalized:
        metadata = metadata | {"finalizers": [*dict.fromkeys((*(metadata.get("finalizers") or ()), FINALIZER))]}
    return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": metadata, "status": status}


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser("render", "Show what the operator makes of manifests, without a cluster.", EPILOG)
    options.add_files(made, "manifests")
    made.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="form of the output")
    made.add_argument("--decode-secrets", action="store_true", help="show the data of Secrets as text")
    options.add_server(made)
    return made


def decoded(manifest: Manifest) -> Manifest:
    """`manifest` with the data of a Secret as text, unpacked where it is packed."""
    if manifest["kind"] != "Secret" or "data" not in manifest:
        return manifest
    shown = {key: value for key, value in manifest.items() if key != "data"}
    return {**shown, "decoded": {key: _plain(base64.b64decode(value)) for key, value in manifest["data"].items()}}


def _plain(content: bytes) -> str:
    return _unpacked(content).decode("utf-8", "replace")


def _unpacked(content: bytes) -> bytes:
    """What gzip holds, as far as it is worth looking at; anything else, and what only looks like gzip, as it is."""
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
    try:
        unpacked = unpacker.decompress(content, INFLATED_BYTES)
    except zlib.error:
        return content
    if unpacker.unconsumed_tail:
        return INFLATED_BYTES.exceeded.encode()
    return unpacked if unpacker.eof else content

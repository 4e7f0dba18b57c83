"""`explain`: why an object is scraped or not, from manifests or from a cluster."""

import argparse
import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import yaml

from vmagent_operator.api.kinds import KINDS, OWNER_KINDS, SCRAPE_KINDS, Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli import manifests, options
from vmagent_operator.cli.cluster import Cluster, known, name_of_custom
from vmagent_operator.cli.decisions import decisions
from vmagent_operator.cli.reports.explanation import Explanation, Row, named
from vmagent_operator.convert.sources import GROUP as PROMETHEUS
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.identity import GROUP
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Server, Settings, load

NOT_SCRAPED = 3
"""The exit code that says so."""
EXPLAINED: tuple[Kind[Any], ...] = (*KINDS, *(source.kind for source in SOURCES))
SHOWN = 3
"""Objects that may have been meant by a name."""
EPILOG = """\
examples:
  vmagent-operator explain                          what nobody scrapes, and why
  vmagent-operator explain vmservicescrape/cart -n shop
  vmagent-operator explain vma main -n monitoring   what an agent scrapes

KIND may be shortened as long as it fits one kind only: vma is vmagent.
Without -f the cluster is asked that --kubeconfig, KUBECONFIG, the pod or
~/.kube/config lead to.

exit codes:
  0  the object is scraped; an owner: it has its configuration
  1  there is no such object
  2  arguments, environment, files or cluster that cannot be used
  3  nobody scrapes the object; an owner: it gets no configuration;
     without an object: something is not scraped
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Tell what becomes of the object that `arguments` name; 1 if there is none, 2 if nothing can be asked, 3 if it is not scraped."""
    given = parser().parse_args(arguments)
    wanted = _object(given.object)
    settings = load(environ)
    objects, namespace = _given(given, settings, environ)
    cluster = Cluster.of(objects)
    decided = decisions(cluster, settings, Server())
    found = Explanation(cluster=decided.converted.cluster, decided=decided, settings=settings)
    if wanted is None:
        return _everything(found, given.namespace, given.output)
    kind, name = wanted
    obj = {**cluster.custom, **cluster.sources}.get((kind.name, given.namespace or namespace, name))
    if obj is not None and obj.kind not in KINDS:
        return _source(found, obj, given.output)
    if obj is None:
        print(_not_found(cluster, kind, given.namespace or namespace, name), file=sys.stderr)
        return 1
    rows = _rows(found, obj)
    faults = [*found.faults(obj)] if obj.kind in OWNER_KINDS else []
    if given.output == "text":
        print("\n".join(explanation(found, obj, rows, faults)))
    else:
        _write(given.output, {**_head(obj), "faults": faults, "verdicts": [_structured(obj, row) for row in rows]})
    for line in manifests.unread([obj]):
        print(line, file=sys.stderr)
    is_well = not faults if obj.kind in OWNER_KINDS else any(row.is_scraped for row in rows)
    return 0 if is_well else NOT_SCRAPED


def explanation(
    found: Explanation, obj: CustomObject[object], rows: Sequence[Row], faults: Sequence[str]
) -> Iterator[str]:
    """Lines about every object of an owner, or about every owner of a scrape object; reasons in the words of statuses."""
    yield named(obj)
    yield from (f"  {fault}" for fault in faults)
    if obj.kind not in OWNER_KINDS:
        yield from (f"  {named(row.owner)}: {row.text}" for row in rows)
        if not found.owners:
            yield "  there is no owner that scrapes, such as a VMAgent"
        return
    if not rows and not any(owner.key == obj.key and owner.kind is obj.kind for owner in found.owners):
        yield "  it selects no scrape objects"
        return
    for kind in SCRAPE_KINDS:
        of_kind = [row for row in rows if row.scrape.kind is kind]
        yield f"  {kind.name}: {sum(row.verdict.is_selected for row in of_kind)} of {len(of_kind)} selected"
        yield from (f"    {row.scrape.key}: {row.text}" for row in of_kind)


def _source(found: Explanation, source: CustomObject[Any], form: str) -> int:
    """Tell what becomes of a Prometheus object, down to the jobs of what it is converted to."""
    made = found.decided.converted.made.get(name_of_custom(source))
    target = found.cluster.custom.get(made.target) if made else None
    said = made.said if made else "not converted: the settings leave it out"
    rows = _rows(found, target) if target else []
    if form == "text":
        lines = [said] if said else []
        lines += explanation(found, target, rows, []) if target else []
        print("\n".join([named(source), *(f"  {line}" for line in lines)]))
    else:
        verdicts = [_structured(target, row) for row in rows] if target else []
        _write(form, {**_head(source), "faults": [said] if said else [], "verdicts": verdicts})
    return 0 if any(row.is_scraped for row in rows) else NOT_SCRAPED


def _rows(found: Explanation, obj: CustomObject[Any]) -> list[Row]:
    """Each pair of an owner and a scrape object of which one is `obj`."""
    if obj.kind not in OWNER_KINDS:
        scrape = next(each for each in found.scrapes if each.kind is obj.kind and each.key == obj.key)
        return found.rows(scrape)
    owners = [each for each in found.owners if each.kind is obj.kind and each.key == obj.key]
    return [found.row(owner, scrape) for owner in owners for scrape in found.scrapes]


def _everything(found: Explanation, namespace: str, form: str) -> int:
    """Tell what nobody scrapes, and which owners get no configuration."""
    scrapes = [each for each in found.scrapes if namespace in ("", each.namespace)]
    failing = {owner: faults for owner in found.owners if (faults := [*found.faults(owner)])}
    missing = {scrape: reasons for scrape in scrapes if (reasons := found.unscraped(scrape))}
    told: list[tuple[CustomObject[Any], list[str]]] = [*failing.items(), *missing.items()]
    if form == "text":
        print("\n".join(_summary(len(scrapes), len(missing), told)))
    else:
        _write(form, {"objects": len(scrapes), "notScraped": [{**_head(obj), "reasons": said} for obj, said in told]})
    return NOT_SCRAPED if told else 0


def _summary(count: int, missing: int, told: Sequence[tuple[CustomObject[Any], list[str]]]) -> Iterator[str]:
    if not count:
        yield "there are no scrape objects"
    else:
        yield f"{count - missing} of {count} scrape object{'s are' if count != 1 else ' is'} scraped"
    for obj, reasons in told:
        yield ""
        yield named(obj)
        yield from (f"  {reason}" for reason in reasons)


def _head(obj: CustomObject[Any]) -> dict[str, Any]:
    return {"kind": obj.kind.name, "namespace": obj.namespace, "name": obj.name}


def _structured(obj: CustomObject[Any], row: Row) -> dict[str, Any]:
    other: CustomObject[Any] = row.scrape if obj.kind in OWNER_KINDS else row.owner
    verdict = row.verdict
    return {
        **_head(other),
        "scraped": row.is_scraped,
        "selected": verdict.is_selected,
        "jobs": list(verdict.jobs),
        "link": verdict.broken,
        "message": verdict.message,
    }


def _write(form: str, content: dict[str, Any]) -> None:
    if form == "json":
        print(json.dumps(content, indent=2))
    else:
        print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1 << 20), end="")


def _not_found(cluster: Cluster, kind: Kind[object], namespace: str, name: str) -> str:
    given = (*cluster.custom.values(), *cluster.sources.values())
    keys = sorted(obj.key for obj in given if obj.kind is kind)
    same = [key for key in keys if key.partition("/")[2] == name]
    near = same or difflib.get_close_matches(f"{namespace}/{name}", keys, 1)
    near = near or [key for key in keys if difflib.get_close_matches(name, [key.partition("/")[2]])]
    meant = f"; did you mean {' or '.join(near[:SHOWN])}?" if near else ""
    return f"there is no {kind.name} {namespace}/{name}{meant}"


def _given(given: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> tuple[Iterable[Manifest], str]:
    """The objects to tell of, and the namespace of one that is named without."""
    if given.filename:
        tell = partial(print, file=sys.stderr)
        return known(manifests.read(given.filename, tell), tell), "default"
    from vmagent_operator.cli import live  # the client library is for clusters only

    cluster = live.connect(given, environ)
    with live.asking(cluster):
        return live.snapshot(cluster, settings), cluster.namespace


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser(
        "explain",
        "Tell who scrapes an object, or what an owner scrapes, and the first reason why not. Without an object: "
        "everything that is not scraped.",
        EPILOG,
        usage="%(prog)s [options] [KIND/NAME | KIND NAME]",
    )
    made.add_argument("object", nargs="*", metavar="KIND/NAME", help="such as vmservicescrape/cart or vmagent main")
    made.add_argument(
        "-n", "--namespace", default="", help="namespace of the object (default: that of the kubeconfig's context)"
    )
    made.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text", help="form of the output")
    options.add_files(made, "manifests instead of a cluster", is_required=False)
    options.add_cluster(made)
    return made


def _object(words: Sequence[str]) -> tuple[Kind[object], str] | None:
    """The kind and name that words give. Raises InputError."""
    if not words:
        return None
    name, _, rest = words[0].partition("/") if len(words) == 1 else (words[0], "", words[1])
    spelled = name.lower().removesuffix(f".{GROUP}").removesuffix(f".{PROMETHEUS}")
    fitting = [kind for kind in EXPLAINED if spelled in (kind.singular, kind.plural)]
    fitting = fitting or [kind for kind in EXPLAINED if spelled and kind.singular.startswith(spelled)]
    if len(fitting) > 1:
        raise manifests.InputError(f"{name} may be {' or '.join(kind.singular for kind in fitting)}")
    if not fitting or not rest or len(words) > 2:
        kinds = ", ".join(kind.singular for kind in EXPLAINED)
        raise manifests.InputError(f"expected KIND/NAME or KIND NAME, and for KIND one of {kinds}")
    return fitting[0], rest

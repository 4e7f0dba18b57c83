"""`diff`: what applying manifests would change in a cluster, the work of the operator included."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from vmagent_operator.api.kinds import BY_NAME
from vmagent_operator.cli import manifests, options
from vmagent_operator.cli.cluster import known
from vmagent_operator.cli.compare import Comparison
from vmagent_operator.cli.live import asking, connect
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import load

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
        found = Comparison.of(cluster, settings, _placed(files, cluster.namespace)).changes()
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
    made = options.parser(
        "diff",
        "Tell what manifests would change in a cluster once they are applied and the operator has done its work: "
        "objects and fields, which pods restart and why, and which scrape jobs join, leave or change. Nothing is written.",
        EPILOG,
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

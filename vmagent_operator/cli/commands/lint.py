"""`lint`: what is wrong with manifests, before a cluster gets to see them."""

import argparse
import sys
from collections.abc import Mapping

from vmagent_operator.cli import options
from vmagent_operator.cli.reports import findings
from vmagent_operator.cli.reports.review import review
from vmagent_operator.settings import load

EPILOG = """\
exit codes:
  0  nothing was found, or notes only
  1  errors or warnings were found; with --strict also for notes
  2  arguments, environment or files that cannot be used

A note tells of what files cannot say, such as a Secret that only the cluster
has. Give lint the environment (VM_..., WATCH_NAMESPACE) of your operator.
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what is wrong with the files of `arguments`; 1 if that is anything, 2 if they cannot be looked at."""
    given = parser().parse_args(arguments)
    found = review(given.filename, load(environ), given.kubernetes_version)
    sys.stdout.write(findings.FORMS[given.output](found.findings))
    if given.output == "text":
        objects = f"{found.objects} object{'s' if found.objects != 1 else ''}"
        files = f"{found.files} file{'s' if found.files != 1 else ''}"
        print(f"{objects} in {files}: {findings.counted(found.findings) or 'nothing found'}", file=sys.stderr)
    counting = ("error", "warning", "note") if given.strict else ("error", "warning")
    return int(any(each.level in counting for each in found.findings))


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser(
        "lint",
        "Tell what is wrong with manifests: fields and kinds that do not exist, and everything that the operator "
        "would refuse or warn of.",
        EPILOG,
    )
    options.add_files(made, "manifests")
    made.add_argument("-o", "--output", choices=tuple(findings.FORMS), default="text", help="form of the output")
    made.add_argument("--strict", action="store_true", help="notes count as well")
    options.add_server(made)
    return made

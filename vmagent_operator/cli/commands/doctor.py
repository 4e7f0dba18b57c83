"""`doctor`: what is wrong with an installation, and the command that mends it."""

import argparse
import json
import textwrap
from collections.abc import Iterator, Mapping

from attrs import frozen

from vmagent_operator.cli import options
from vmagent_operator.cli.doctor import health, migration
from vmagent_operator.cli.doctor.health import SHOWN
from vmagent_operator.cli.doctor.patient import Check, Patient, Symptom
from vmagent_operator.cli.live import asking, connect
from vmagent_operator.kube.errors import Forbidden
from vmagent_operator.settings import load

EPILOG = """\
Give doctor the environment (VM_..., WATCH_NAMESPACE) of your operator. It only
reads; the permissions that it asks about are yours unless --as says whose.

exit codes:
  0  all is well
  1  errors or warnings were found
  2  arguments, environment or cluster that cannot be used
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what is wrong with the cluster that `arguments` lead to; 1 if anything is, 2 if it cannot be asked."""
    given = parser().parse_args(arguments)
    settings = load(environ)
    cluster = connect(given, environ)
    patient = Patient(cluster, settings, given.user)
    checks = migration.CHECKS if given.migration else health.CHECKS
    with asking(cluster):
        cluster.client.server_version()
        found = [Examined(name, tuple(_examined(patient, check))) for name, check in checks.items()]
    if given.output == "json":
        print(json.dumps({"checks": [each.structured() for each in found]}, indent=2))
    else:
        print("\n".join(line for each in found for line in each.lines()))
    return int(any(symptom.level != "ok" for each in found for symptom in each.symptoms))


@frozen
class Examined:
    """A check and what it found; with no symptom at all, all is well."""

    name: str
    symptoms: tuple[Symptom, ...]

    def lines(self) -> Iterator[str]:
        """For people, in 80 columns."""
        bad = [each for each in self.symptoms if each.level != "ok"]
        for each in [*bad[:SHOWN], *(each for each in self.symptoms if each.level == "ok")] or [Symptom("ok", "")]:
            yield from textwrap.wrap(
                f"{each.level:<8}{self.name}{': ' if each.message else ''}{each.message}",
                80,
                subsequent_indent=" " * 10,
                break_long_words=False,
                break_on_hyphens=False,
            )
            if each.command:
                yield f"{'':10}$ {each.command}"
        if len(bad) > SHOWN:
            yield f"{'':8}{self.name}: {len(bad) - SHOWN} more"

    def structured(self) -> dict[str, object]:
        """The same for programs, all of it."""
        keys = ("level", "message", "command")
        return {"name": self.name, "symptoms": [{key: getattr(each, key) for key in keys} for each in self.symptoms]}


def _examined(patient: Patient, check: Check) -> Iterator[Symptom]:
    try:
        yield from check(patient)
    except Forbidden as error:
        yield Symptom("warning", f"not known: {error}")


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser(
        "doctor",
        "Tell what is wrong with an installation: definitions, permissions, the operator itself, other operators "
        "beside it, owners that fail, objects that nobody scrapes, clocks; each with the command that mends it.",
        EPILOG,
    )
    made.add_argument(
        "--migration", action="store_true", help="what is to be seen to when moving over from the Go operator"
    )
    made.add_argument(
        "--as",
        dest="user",
        default="",
        metavar="USER",
        help="whose permissions to ask about (needs SubjectAccessReviews)",
    )
    made.add_argument("-o", "--output", choices=("text", "json"), default="text", help="form of the output")
    options.add_cluster(made)
    return made

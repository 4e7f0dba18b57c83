"""The command line: a subcommand's name, and its own arguments.

Subcommands are imported when called, so that `render` starts without the client library.
"""

import importlib
import os
import sys

SUBCOMMANDS = {
    "crds": "vmagent_operator.cli.crds",
    "explain": "vmagent_operator.cli.explain",
    "render": "vmagent_operator.cli.render",
}


def main(arguments: list[str] | None = None) -> int:
    """The exit code of the subcommand that `arguments` (by default those of the process) name; 2 if there is none."""
    given = sys.argv[1:] if arguments is None else arguments
    name = given[0] if given else ""
    if name not in SUBCOMMANDS:
        print(f"usage: vmagent-operator {{{','.join(SUBCOMMANDS)}}} ...", file=sys.stderr)
        return 2
    exit_code: int = importlib.import_module(SUBCOMMANDS[name]).main(given[1:], os.environ)
    return exit_code

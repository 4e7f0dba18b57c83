"""The command line: a subcommand's name and its own arguments; without a name, flags of the operator itself.

Subcommands are imported when called, so that `render` starts without the client library.
"""

import gc
import importlib
import os
import sys
from typing import Any

SUBCOMMANDS = {
    "crds": "vmagent_operator.cli.commands.crds",
    "diff": "vmagent_operator.cli.commands.diff",
    "doctor": "vmagent_operator.cli.commands.doctor",
    "explain": "vmagent_operator.cli.commands.explain",
    "limits": "vmagent_operator.cli.commands.limits",
    "lint": "vmagent_operator.cli.commands.lint",
    "render": "vmagent_operator.cli.commands.render",
    "run": "vmagent_operator.cli.run",
}


def main(arguments: list[str] | None = None) -> int:
    """The exit code of the subcommand that `arguments` (by default those of the process) name; 2 if there is none."""
    given = sys.argv[1:] if arguments is None else arguments
    name, *rest = given if given and not given[0].startswith("-") else ["run", *given]
    if name not in SUBCOMMANDS:
        print(f"unknown command {name!r}; there are {', '.join(SUBCOMMANDS)}, see --help", file=sys.stderr)
        return 2
    try:
        exit_code: int = _imported(SUBCOMMANDS[name]).main(rest, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return exit_code


def _imported(module: str) -> Any:
    """A module, its classes kept out of every garbage collection: there is nothing to collect, and much to look at."""
    gc.disable()
    found = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    return found

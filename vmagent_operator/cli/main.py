"""The command line: a subcommand's name and its own arguments; without a name, flags of the operator itself.

Subcommands are imported when called, so that `render` starts without the client library. `kubectl vmagent` is the same.
"""

import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from vmagent_operator.cli.options import program
from vmagent_operator.identity import OPERATOR
from vmagent_operator.model.suggest import meant


@frozen
class Command:
    """A subcommand: the module with its `main` and `parser`, and what it is for. has_parser: not for the operator itself."""

    module: str
    summary: str
    has_parser: bool = True


_HERE = "vmagent_operator.cli.commands"
COMMANDS: Mapping[str, Command] = {
    "lint": Command(f"{_HERE}.lint", "what is wrong with manifests"),
    "render": Command(f"{_HERE}.render", "what the operator makes of manifests"),
    "diff": Command(f"{_HERE}.diff", "what manifests would change in a cluster"),
    "explain": Command(f"{_HERE}.explain", "why an object is scraped, or not"),
    "doctor": Command(f"{_HERE}.doctor", "what is wrong with an installation"),
    "crds": Command(f"{_HERE}.crds", "the CustomResourceDefinitions"),
    "limits": Command(f"{_HERE}.limits", "limits on what others may write, as a page"),
    "completion": Command(f"{_HERE}.completion", "completion for bash, zsh or fish"),
    "help": Command(f"{_HERE}.help", "the commands, or one of them"),
    "run": Command("vmagent_operator.cli.run", "the operator itself, also without a command", has_parser=False),
}
"""In the order of their use."""
COMPLETE = "__complete"
"""What completion scripts ask by; the last word is the one that is being typed."""
INTERRUPTED = 128 + signal.SIGINT


def main(arguments: list[str] | None = None) -> int:
    """The exit code of the subcommand that `arguments` (by default those of the process) name; 2 if there is none."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == [COMPLETE]:
        return _guarded(f"{_HERE}.completion", "complete", given[1:])
    name, *rest = given if given and not given[0].startswith("-") else [_default(given), *given]
    if name not in COMMANDS:
        print(f"unknown command {name!r}{meant(name, COMMANDS)}; see {program()} help", file=sys.stderr)
        return 2
    return _guarded(COMMANDS[name].module, "main", rest)


def plugin() -> int:
    """`kubectl vmagent`: the same, by the name under which kubectl finds it."""
    return main()


def kubectl_complete() -> int:
    """`kubectl_complete-vmagent`: what kubectl asks for completions of the plugin, in the form that it reads.

    Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/kubectl/pkg/cmd/plugin_completion.go
    """
    code = main([COMPLETE, *sys.argv[1:]])
    print(":0")  # where nothing is suggested, files are
    return code


def _default(given: list[str]) -> str:
    """What a program is for that gets no command: as a plugin nobody starts an operator by mistake."""
    is_asked_for_help = given in (["-h"], ["--help"], ["-help"])
    return "help" if program() != OPERATOR and (is_asked_for_help or not given) else "run"


def _guarded(module: str, function: str, rest: list[str]) -> int:
    """The exit code of a function of a module; also where whoever reads has had enough, or Ctrl-C ends it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # half a surrogate pair in somebody's JSON is no reason to fail
    try:
        exit_code: int = getattr(_imported(module), function)(rest, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return exit_code


def _imported(module: str) -> Any:
    """A module, its classes kept out of every garbage collection: there is nothing to collect, and much to look at."""
    gc.disable()
    found = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    return found

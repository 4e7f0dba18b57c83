"""`help`: the commands, or all about one of them."""

import argparse
import importlib
from collections.abc import Mapping

from vmagent_operator.cli import flags, options
from vmagent_operator.cli import main as commands
from vmagent_operator.cli.manifests import InputError
from vmagent_operator.identity import OPERATOR
from vmagent_operator.model.suggest import meant


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print the commands, or the help of the one that `arguments` name; 2 if there is none."""
    name = parser().parse_args(arguments).command
    if not name:
        print(overview(), end="")
        return 0
    if name not in commands.COMMANDS:
        raise InputError(f"unknown command {name!r}{meant(name, commands.COMMANDS)}; see {options.program()} help")
    command = commands.COMMANDS[name]
    if command.has_parser:
        importlib.import_module(command.module).parser().print_help()
    else:
        print(flags.usage())
    return 0


def overview() -> str:
    """All commands in 80 columns."""
    program = options.program()
    lines = [f"Usage: {program} COMMAND [options]"]
    if program == OPERATOR:
        lines.append(f"       {program} [flags]    run the operator; see {program} --help")
    lines += ["", "Commands:"]
    width = max(map(len, commands.COMMANDS))
    lines += [f"  {name:<{width}}  {command.summary}" for name, command in commands.COMMANDS.items()]
    lines += ["", f"{program} help COMMAND tells all about one, exit codes included."]
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser("help", "Tell which commands there are, or all about one.")
    made.add_argument("command", nargs="?", default="", metavar="COMMAND", help="a command")
    return made

"""What several subcommands have in common: options, and how they end when they cannot begin."""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path

from vmagent_operator.cli.manifests import InputError
from vmagent_operator.identity import OPERATOR
from vmagent_operator.settings import Server, SettingsError

Command = Callable[[list[str], Mapping[str, str]], int]
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def program() -> str:
    """What somebody types for this program: `kubectl vmagent` where kubectl has found it as a plugin."""
    return "kubectl vmagent" if "kubectl" in Path(sys.argv[0]).name else OPERATOR


def ending(command: Command) -> Command:
    """`command` with 2 for arguments, an environment or files that cannot be used; that takes one line on stderr."""

    @wraps(command)
    def ended(arguments: list[str], environ: Mapping[str, str]) -> int:
        try:
            return command(arguments, environ)
        except SystemExit as stop:  # of argparse, which has said why
            return int(stop.code or 0)
        except (SettingsError, InputError) as error:
            print(error, file=sys.stderr)
            return 2
        except OSError as error:
            if isinstance(error, BrokenPipeError) or error.filename is None:
                raise
            print(f"{error.filename}: {error.strerror}", file=sys.stderr)
            return 2

    return ended


class _Formatter(argparse.HelpFormatter):
    """Help in 80 columns; texts of several paragraphs stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def parser(command: str, description: str, epilog: str = "", usage: str | None = None) -> argparse.ArgumentParser:
    """A parser for the arguments of a subcommand, without any yet."""
    return argparse.ArgumentParser(
        prog=f"{program()} {command}",
        description=description,
        epilog=epilog,
        usage=usage,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )


def add_files(parser: argparse.ArgumentParser, purpose: str, *, is_required: bool = True) -> None:
    """`-f`, which may be repeated."""
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        required=is_required,
        metavar="FILE|DIR|-",
        help=f"{purpose}; may be repeated",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """How a cluster is reached."""
    parser.add_argument("--kubeconfig", default="", metavar="FILE", help="how to reach the cluster")
    parser.add_argument("--context", default="", help="context of the kubeconfig")


def add_server(parser: argparse.ArgumentParser) -> None:
    """`--kubernetes-version`, for what depends on it where no cluster is asked."""
    parser.add_argument(
        "--kubernetes-version", type=server, default=Server(), metavar="1.36", help="version of the API server"
    )


def server(text: str) -> Server:
    """An API server of the version in `text`, such as 1.36."""
    if not (found := _VERSION.match(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 1.36")
    return Server((int(found[1]), int(found[2])))

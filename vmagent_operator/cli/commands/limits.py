"""`limits`: the table of limits as the page `docs/limits.md`, printed or written to a file."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from vmagent_operator.cli import options
from vmagent_operator.limits import TABLE

INTRODUCTION = """# Limits

Written by `make limits` from `vmagent_operator/limits.py`; a test compares the two.

Whoever may write an object could make it cost everybody else. So what is written is counted before anything is built from
it. An object beyond a limit is left out, its status names field and limit, and the jobs of all others stay what they are,
byte for byte. Text is counted in characters where it is read, in bytes where it is written.
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print the page, or write it to the file of `--output`."""
    output = parser().parse_args(arguments).output
    if output is None:
        print(page(), end="")
    else:
        output.write_text(page(), encoding="utf-8")
    return 0


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *_rows(), ""))


def _rows() -> Iterator[str]:
    yield "| Limit | Value | Of what | Why that much |"
    yield "|---|---|---|---|"
    for each in TABLE:
        yield f"| `{each.name}` | {each.value:,} {each.unit} | {each.bounds} | {each.why} |"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser("limits", "Print the limits on what others may write as the page docs/limits.md.")
    made.add_argument("-o", "--output", metavar="FILE", type=Path, help="file to write to")
    return made

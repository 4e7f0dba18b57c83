"""`make imports`: who imports whom, room by room, as docs/imports.md.

A room is a package, or a folder in one; the order is that of the contract in setup.cfg, so that what is drawn is what is
checked. Numbers count importing modules, which change less often than imports do.
"""

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = "vmagent_operator"
TARGET = Path(__file__).parent.parent / "docs/imports.md"
Uses = Mapping[str, Mapping[str, int]]  # room -> the rooms that it imports from, with the number of modules that do

TEXT = """# Who imports whom

Written by `make imports` from the code; `make layers` checks the contracts in `setup.cfg`.

Packages, without the arrows that others imply; the number is that of modules at the tail which import from the head.

```mermaid
flowchart TD
{edges}
```

All rooms: modules of a row import from the room of a column. Right of the diagonal is down the stack; left of it is up, inside a package.

{matrix}
"""


def uses(graph: grimp.ImportGraph, depth: int) -> Uses:
    """Who uses whom; a room has at most `depth` names."""

    def room(module: str) -> str:
        names = module.split(".")[1:]
        is_package = bool(graph.find_children(module))
        return ".".join(names[: min(depth, len(names) - (not is_package and len(names) > 1))])

    found: dict[str, dict[str, int]] = {}
    for module in graph.modules - {ROOT, f"{ROOT}.__main__"}:
        targets = {room(each) for each in graph.find_modules_directly_imported_by(module)} - {room(module), ""}
        of = found.setdefault(room(module), {})
        of.update({target: of.get(target, 0) + 1 for target in targets})
    return found


def needed(of: Uses) -> Iterator[tuple[str, str, int]]:
    """The arrows that no longer way implies. Raises CycleError if packages import each other."""
    below: dict[str, set[str]] = {}
    for name in TopologicalSorter(of).static_order():
        below[name] = set(of[name]).union(*(below[each] for each in of[name]))
    for name, targets in sorted(of.items()):
        rest = set(targets).difference(*(below[each] for each in targets))
        yield from ((name, each, targets[each]) for each in sorted(rest))


def matrix(of: Uses, layers: list[str]) -> Iterator[str]:
    """The lines of a table of all rooms, the upper first."""
    package = {room: room.split(".")[0] for room in of}
    importers = {room: sum(room in of[each] for each in of if package[each] == package[room]) for room in of}
    order = sorted(of, key=lambda room: (layers.index(package[room]), importers[room], room))
    yield "| | " + " | ".join(map(str, range(1, len(order) + 1))) + " |"
    yield "|---" * (len(order) + 1) + "|"
    for number, room in enumerate(order, start=1):
        cells = ("·" if other == room else str(of[room].get(other, "")) for other in order)
        yield f"| {number} `{room}` | {' | '.join(cells)} |"


if __name__ == "__main__":
    config = ConfigParser()
    config.read(TARGET.parent.parent / "setup.cfg")
    layers = config["importlinter:contract:layers"]["layers"].replace("|", " ").replace(f"{ROOT}.", "").split()
    graph = grimp.build_graph(ROOT, cache_dir=None)
    edges = (f"    {name} -->|{count}| {target}" for name, target, count in needed(uses(graph, 1)))
    TARGET.write_text(TEXT.format(edges="\n".join(edges), matrix="\n".join(matrix(uses(graph, 2), layers))))

"""Tables of a page whose rows have addresses."""

import re
from collections.abc import Iterable

CODE = re.compile(r"(`[^`]*`)")


def table(columns: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A table; `columns` are its heads, separated by commas."""
    heads = columns.split(", ")
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n\n"


def anchor(address: str, name: str) -> str:
    """The first cell of a row: `name`, at the address on the page and linked to it."""
    return f'<a id="{address}" href="#{address}"><code>{name}</code></a>'


def prose(text: str) -> str:
    """A sentence as a cell: what is not code is not HTML, and nothing ends the cell."""
    parts = CODE.split(text.replace("|", "&#124;").replace("\n", " "))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*") for part in parts)


def code(text: object) -> str:
    """A value as code in a cell."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace("*", "&#42;")
    return f"<code>{escaped}</code>" if escaped else ""

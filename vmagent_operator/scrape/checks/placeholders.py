"""Placeholders `%{NAME}`, which vmagent fills in from its environment wherever they stand in its files.

The environment may hold what is none of a tenant's business: credentials of remote storage, say. And a placeholder without
its end reaches into the jobs of others, up to the next `}`.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/tree/v1.150.0/lib/envtemplate
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from vmagent_operator.model.fields import slots

START, END = "%{", "}"


def fault(text: str, *, denied: bool) -> str | None:
    """What is wrong with the placeholders of a text that a tenant wrote; `denied`: whether he may have none."""
    last = text.rfind(START)
    if last < 0:
        return None
    if text.find(END, last) < 0:
        return f"a placeholder {START} without {END}"
    return f"a placeholder {START}...{END}, which the agent denies to scrape objects" if denied else None


def faults(value: Any, path: str, *, denied: bool) -> Iterator[str]:
    """The same of every text inside a model, keys of mappings included, each with its path."""
    if isinstance(value, str):
        found = fault(value, denied=denied)
        yield from (f"{path}: {found}",) if found else ()
    elif attrs.has(type(value)):
        for slot in slots(type(value)):
            yield from faults(getattr(value, slot.name), path if slot.inline else f"{path}.{slot.key}", denied=denied)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from faults(item, f"{path}[{index}]", denied=denied)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from faults(key, path, denied=denied)
            yield from faults(item, f"{path}.{key}", denied=denied)

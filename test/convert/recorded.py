"""The CustomResourceDefinitions of prometheus-operator v0.93 (`crd/`, without descriptions), and conversions by the Go operator.

A line of `cases.jsonl.gz` is an object and what the Go operator v0.74.1 made of it, in fields that it keeps.
`deviations.txt` beside it lists where we do better on purpose.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from test.api import recorded

GOLDEN = Path(__file__).parent.parent / "golden" / "prometheus"


definition = partial(recorded.definition, folder=Path(__file__).parent)
"""The recorded definition of a source kind; not to be changed."""
spec_schema = partial(recorded.spec_schema, folder=Path(__file__).parent)
"""The schema of its spec."""


def cases() -> list[dict[str, Any]]:
    """Every recorded conversion: `id`, `given`, `want`."""
    with gzip.open(GOLDEN / "cases.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def deviations() -> Mapping[str, tuple[str, ...]]:
    """The paths at which a case is meant to differ, by its id."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (GOLDEN / "deviations.txt").read_text("utf-8").splitlines():
        case, _, path = line.partition("#")[0].partition(":")
        if path:
            found[case.strip()] = (*found.get(case.strip(), ()), path.strip())
    return found


def differences(want: Any, got: Any, path: str = "") -> Iterator[str]:
    """The paths at which two objects differ; null, empty, false, 0 and absent are the same."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted({*want, *got}):
            yield from differences(want.get(key), got.get(key), f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (left, right) in enumerate(zip(want, got, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif _cleaned(want) != _cleaned(got):
        yield path


def _cleaned(value: Any) -> Any:
    """`value` without what says nothing, None if it says nothing itself."""
    if isinstance(value, dict):
        value = {key: item for key, item in ((key, _cleaned(item)) for key, item in value.items()) if item is not None}
    elif isinstance(value, list):
        value = [_cleaned(item) for item in value]
    return value or None

"""The examples of the specification, and what we map beyond the Go operator."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.pace import slowness
from vmagent_operator.convert.metadata import merged
from vmagent_operator.convert.sources import BY_NAME, convert, read
from vmagent_operator.settings import load

EXAMPLES = list(yaml.safe_load_all((Path(__file__).parent / "examples.yaml").read_text("utf-8")))


@pytest.mark.parametrize("case", EXAMPLES, ids=[case["name"] for case in EXAMPLES])
def test_an_object_becomes(case: dict[str, Any]) -> None:
    metadata = {"namespace": "mon", "name": "app", "uid": "u-1"} | case.get("metadata", {})
    given = {"kind": case["kind"], "metadata": metadata, "spec": case["given"]}
    made = convert(read(BY_NAME[case["kind"]].kind, given), load(case.get("environ", {})))
    if "error" in case:
        assert (made.manifest, made.error) == (None, case["error"])
        return
    assert made.manifest is not None, made.error
    assert made.manifest["spec"] == case["want"]
    for key, value in case.get("want_metadata", {}).items():
        assert made.manifest["metadata"].get(key) == value
    assert made.lost == case.get("lost", "")


@pytest.mark.parametrize(
    ("strategy", "own", "want", "removed"),
    [
        (None, {"a"}, {"a": "new", "b": "2"}, ("manual",)),
        ("prefer-prometheus", {"a"}, {"a": "new", "b": "2"}, ("manual",)),
        ("no such strategy", {"a"}, {"a": "new", "b": "2"}, ("manual",)),
        ("prefer-victoriametrics", {"a"}, {"a": "old"}, ()),
        ("merge-prometheus-priority", {"a"}, {"a": "new", "b": "2"}, ()),
        ("merge-victoriametrics-priority", {"a"}, {"a": "old", "b": "2"}, ()),
        ("merge-victoriametrics-priority", set(), {"b": "2"}, ()),
    ],
)
def test_labels_are_merged_by_a_strategy(
    strategy: str | None, own: set[str], want: dict[str, str], removed: tuple[str, ...]
) -> None:
    found = merged({"a": "new", "b": "2"}, {"a": "old", "manual": "1"}, own, strategy)
    assert (found.desired, found.removed) == (want, removed)


def test_the_operators_own_annotations_on_a_target_stay() -> None:
    live = {"operator.victoriametrics.com/merge-meta-strategy": "x", "other": "y"}
    assert merged({}, live, (), "x").removed == ("other",)


@pytest.mark.parametrize("size", ["1" * 100_000 + "x1B", "0" * 100_000 + "1MB", "9" * 400 + "B", "9" * 309 + "PB", "."])
def test_a_size_without_end_is_lost_at_once(size: str) -> None:
    spec = {"selector": {}, "endpoints": [{"port": "http"}] * 100, "bodySizeLimit": size}
    given = {"kind": "ServiceMonitor", "metadata": {"namespace": "mon", "name": "app"}, "spec": spec}
    started = time.process_time()
    made = convert(read(BY_NAME["ServiceMonitor"].kind, given), load({}))
    assert time.process_time() - started < 1 * slowness()
    assert made.manifest is not None
    assert "max_scrape_size" not in made.manifest["spec"]["endpoints"][0]
    assert made.lost.startswith("spec.bodySizeLimit: ")
    assert len(made.lost) < 200

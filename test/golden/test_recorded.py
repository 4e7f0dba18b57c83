"""Recorded cases of the Go operator: the same objects in, the same objects out.

`deviations.txt` lists where we do better on purpose. Cases that begin with children in place need an API server and are
left to the controller's tests.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.golden.compare import Manifest, differences, documents, indexed
from vmagent_operator.cli import manifests, render
from vmagent_operator.settings import load

HERE = Path(__file__).parent
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _deviations() -> dict[str, tuple[str, ...]]:
    """Case -> prefixes of the paths that may differ."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (HERE / "deviations.txt").read_text().splitlines():
        name, _, path = line.partition(" #")[0].partition(": ")
        if path and not name.startswith("#"):
            found[name] = (*found.get(name, ()), path.strip())
    return found


def _metadata(case: Path) -> dict[str, Any]:
    path = case / "case.yaml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


CASES = {path.parent.name: path.parent for path in sorted(HERE.glob("*/*/given.yaml"))}
DEVIATIONS = _deviations()
METADATA = {name: _metadata(case) for name, case in CASES.items()}


def _rendered(case: Path, environ: Mapping[str, str]) -> render.Rendered:
    server = render.server(environ.get("KUBERNETES_VERSION", "1.36"))
    cluster = render.Cluster.of(manifests.read([str(case / "given.yaml")]))
    return render.render(cluster, load(environ), server, NOW)


def _unchanged(obj: Manifest, before: Mapping[str, Manifest], key: str) -> bool:
    head = {name: before[key][name] for name in ("apiVersion", "kind", "metadata", "status") if name in before[key]}
    return obj == head


@pytest.mark.parametrize("name", [name for name, metadata in METADATA.items() if not metadata.get("live")])
def test_same_objects(name: str) -> None:
    case = CASES[name]
    environ = {key: str(value) for key, value in (METADATA[name].get("env") or {}).items()}
    recorded = documents(case / "want.yaml")
    errors = recorded.pop(0)["errors"] if recorded and "errors" in recorded[0] else None
    rendered = _rendered(case, environ)
    if errors is None:
        assert rendered.errors == ()
    before = indexed(documents(case / "given.yaml"))
    want, got = indexed(recorded), indexed(map(render.decoded, rendered.objects))
    for ours, theirs in ((want, got), (got, want)):
        for key in before.keys() & ours.keys() - theirs.keys():
            if _unchanged(ours[key], before, key):
                del ours[key]
    if (kinds := case.parent / "kinds").exists():
        kept = kinds.read_text().split()
        want = {key: obj for key, obj in want.items() if obj["kind"] in kept}
        got = {key: obj for key, obj in got.items() if obj["kind"] in kept and (key in want or not _is_cut_off(obj))}
    if errors is not None:  # what was written before the failure differs: we write nothing
        both = want.keys() & got.keys()
        want, got = ({key: obj for key, obj in side.items() if key in both} for side in (want, got))
    allowed = DEVIATIONS.get(name, ())
    assert [found for found in differences(want, got) if not found[0].startswith(allowed)] == []


def _is_cut_off(obj: Manifest) -> bool:
    """Whether this is a scrape object of an agent's own; the scrape cases were recorded without them."""
    return "ownerReferences" in obj["metadata"] and obj["kind"] != "Secret"


def test_every_deviation_belongs_to_a_case() -> None:
    assert DEVIATIONS.keys() - CASES.keys() == set()

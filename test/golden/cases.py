"""The recorded cases, what we make of them, and the judgement on it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from test.golden.compare import Manifest, differences, documents, indexed
from vmagent_operator.cli import manifests, options
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
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


def rendered(name: str) -> render.Rendered:
    """What `render` shows of a case."""
    case, given = CASES[name], environ(name)
    server = options.server(given.get("KUBERNETES_VERSION", "1.36"))
    cluster = Cluster.of(manifests.read([str(case / "given.yaml")]))
    return render.render(cluster, load(given), server, NOW)


def environ(name: str) -> dict[str, str]:
    """The environment of the operator in a case."""
    return {key: str(value) for key, value in (METADATA[name].get("env") or {}).items()}


LIVE = [name for name, metadata in METADATA.items() if metadata.get("live") or metadata.get("deleted")]
"""The cases that begin with children in place."""


def judge(name: str, objects: Iterable[Manifest], errors: Sequence[str], deleted: Sequence[str] = ()) -> None:
    """Fail unless `objects` are those of the case, the wanted deviations aside."""
    case = CASES[name]
    recorded = documents(case / "want.yaml")
    fails = bool(recorded) and "errors" in recorded[0]
    gone = next((document["deleted"] for document in recorded if "deleted" in document), None) or []
    recorded = [document for document in recorded if "kind" in document]
    allowed = DEVIATIONS.get(name, ())
    if "exit" in allowed:
        assert errors
        return
    if not fails:
        assert list(errors) == []
    before = indexed(documents(case / "given.yaml"))
    want, got = indexed(recorded), indexed(map(render.decoded, objects))
    for ours, theirs in ((want, got), (got, want)):
        for key in before.keys() & ours.keys() - theirs.keys():
            if _unchanged(ours[key], before, key):
                del ours[key]
    if (kinds := case.parent / "kinds").exists():
        kept = kinds.read_text().split()
        want = {key: obj for key, obj in want.items() if obj["kind"] in kept}
        got = {key: obj for key, obj in got.items() if obj["kind"] in kept and (key in want or not _is_cut_off(obj))}
    if fails:  # what was written before the failure differs: we write nothing
        both = want.keys() & got.keys()
        want, got = ({key: obj for key, obj in side.items() if key in both} for side in (want, got))
    found = [*differences(want, got), *differences(sorted(gone), sorted(deleted), "deleted")]
    assert [difference for difference in found if not difference[0].startswith(allowed)] == []


def _is_cut_off(obj: Manifest) -> bool:
    """Whether this is a scrape object of an agent's own; the scrape cases were recorded without them."""
    return "ownerReferences" in obj["metadata"] and obj["kind"] != "Secret"


def _unchanged(obj: Manifest, before: Mapping[str, Manifest], key: str) -> bool:
    head = {name: before[key][name] for name in ("apiVersion", "kind", "metadata", "status") if name in before[key]}
    return obj == head

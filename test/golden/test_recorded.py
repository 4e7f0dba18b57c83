"""Recorded cases of the Go operator: the same objects in, the same objects out.

`deviations.txt` lists where we do better on purpose. Cases that begin with children in place go through the controller and
an API server in this process; so do all others where there is time for it, since `render` and controller must agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.golden.compare import Manifest, differences, documents, indexed
from test.simulate import Simulation, simulate
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


def _rendered(case: Path, environ: Mapping[str, str]) -> render.Rendered:
    server = options.server(environ.get("KUBERNETES_VERSION", "1.36"))
    cluster = Cluster.of(manifests.read([str(case / "given.yaml")]))
    return render.render(cluster, load(environ), server, NOW)


def _simulated(case: Path, environ: Mapping[str, str]) -> Simulation:
    version = options.server(environ.get("KUBERNETES_VERSION", "1.36"))
    return simulate(list(manifests.read([str(case / "given.yaml")])), environ, version)


def _environ(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in (METADATA[name].get("env") or {}).items()}


def _unchanged(obj: Manifest, before: Mapping[str, Manifest], key: str) -> bool:
    head = {name: before[key][name] for name in ("apiVersion", "kind", "metadata", "status") if name in before[key]}
    return obj == head


REFUSED = ("port-that-is-not-a-number", "zero-shards-is-not-sharded", "cluster-app-fields-of-vminsert")
"""Cases with an object that no API server takes: a Service port 0, a label with the shard placeholder, minDomains where
pods are scheduled anyway."""
LIVE = [name for name, metadata in METADATA.items() if metadata.get("live") or metadata.get("deleted")]


@pytest.mark.parametrize("name", [name for name in CASES if name not in LIVE])
def test_same_objects(name: str) -> None:
    rendered = _rendered(CASES[name], _environ(name))
    judge(name, rendered.objects, rendered.errors)


@pytest.mark.parametrize("name", LIVE)
def test_same_objects_where_some_exist_already(name: str) -> None:
    simulation = _simulated(CASES[name], _environ(name))
    judge(name, simulation.objects(), simulation.failures(), simulation.deleted())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in (*LIVE, *REFUSED)])
def test_the_controller_brings_about_what_render_shows(name: str) -> None:
    simulation = _simulated(CASES[name], _environ(name))
    judge(name, simulation.objects(), simulation.failures())


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


def test_every_deviation_belongs_to_a_case() -> None:
    assert DEVIATIONS.keys() - CASES.keys() == set()

"""From a change to the agents that it concerns, by the cases beside this file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator import settings
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.mapping import Mapper
from vmagent_operator.controller.engine.state import Usage
from vmagent_operator.controller.engine.stores import Stores, sources
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.http.answer import Event
from vmagent_operator.scrape.references import Reference
from vmagent_operator.scrape.selection import Selection, in_blocks

KIND = kinds.VMSERVICESCRAPE
CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())


def named(key: str) -> Any:
    """A VMServiceScrape of that namespace and name."""
    namespace, _, name = key.partition("/")
    return kinds.read_metadata(KIND, {"metadata": {"namespace": namespace, "name": name}})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_reaction(case: dict[str, Any]) -> None:
    environment = settings.load({})
    stores, usage = (
        Stores(sources(environment, OWNERS, watch_references=True), lambda kind: True, lambda kind: True),
        Usage(),
    )
    for name, spec in case["agents"].items():
        metadata = {"namespace": "obs", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
        raw = {
            "apiVersion": API_VERSION,
            "kind": "VMAgent",
            "metadata": metadata,
            "spec": {"remoteWrite": [], **spec},
        }
        stores.of(VMAGENT.resource).apply(Event("ADDED", raw))
    for name, used in case.get("references", {}).items():
        usage.references.replace(("vmagent", "obs", name), (Reference(*reference) for reference in used))
    for name, (reference, version) in case.get("written", {}).items():
        usage.note_write(("vmagent", "obs", name), Reference(*reference), version)
    for name, used in case.get("selected", {}).items():
        usage.selected["vmagent", "obs", name] = Selection({KIND: in_blocks(named(key) for _, key in used)})
    source = next(source for source in stores.sources if source.resource.kind == case["kind"])
    states = {
        "spec": {"endpoints": [], "selector": {}},
        "apiVersion": source.resource.api_version,
        "kind": case["kind"],
    }
    old, new = (source.transform(states | case[state]) if state in case else None for state in ("old", "new"))
    requests = Mapper(stores, OWNERS, usage, environment).requests(source.resource, Change(old, new))
    assert sorted(name for _, _, name in requests.keys) == case["want"]

"""Every field has an effect: setting one changes what is rendered, from an empty document and from a full one.

Fields without any are in `inert.yaml`, each with the reason.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from test.apiserver import codec, kinds
from test.properties import sample
from test.properties.sample import Property
from test.properties.world import World, manifest
from vmagent_operator.api import crd
from vmagent_operator.api.kinds import KINDS, VMAGENT, VMCLUSTER, VMSINGLE, Kind, read

HERE = Path(__file__).parent
WORLD = World(HERE / "world.yaml")
View = Callable[[Kind[Any], dict[str, Any]], bytes]
VIEWS: tuple[View, ...] = (WORLD.built, WORLD.outcome)
MODES: Mapping[Kind[Any], tuple[dict[str, Any], ...]] = {
    VMAGENT: ({}, {"statefulMode": True}, {"daemonSetMode": True}, {"shardCount": 2}),
    VMCLUSTER: ({}, {"vmselect": {}, "vminsert": {}}),
    VMSINGLE: ({}, {"ingestOnlyMode": False}, {"storage": {"resources": {"requests": {"storage": "1Gi"}}}}),
}


def _changes(kind: Kind[Any], at: Property, *, full: bool) -> Iterator[bool]:
    """Whether the property changes what is built or, failing that, what is rendered; mode by mode."""
    document = sample.document(kind.spec_class, at.path, full=full)
    for mode in ({},) if sample.is_inert(kind.name, at) else MODES.get(kind, ({},)):
        given = {**mode, **document}
        for view in VIEWS:
            yield _seen(view, kind, json.dumps(given)) != view(kind, sample.changed(given, at))


@lru_cache(maxsize=64)
def _seen(view: View, kind: Kind[Any], document: str) -> bytes:
    """What comes of a document around a property; full ones are mostly the same for its neighbours."""
    return view(kind, json.loads(document))


@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_has_an_effect_and_leaves_nothing_behind(kind: Kind[Any], full: bool) -> None:
    base = sample.document(kind.spec_class, full=full)
    before = WORLD.outcome(kind, base)
    without = {str(at) for at in sample.properties(kind.spec_class) if not any(_changes(kind, at, full=full))}
    listed = {str(at) for at in sample.properties(kind.spec_class) if sample.is_inert(kind.name, at)}
    assert without == listed
    assert WORLD.outcome(kind, base) == before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_null_is_the_same_as_absent(kind: Kind[Any]) -> None:
    for at in sample.properties(kind.spec_class):
        if not at.is_given:
            given = sample.document(kind.spec_class, at.path, full=False)
            absent, null = (read(manifest(kind, change(given, at))) for change in (sample.changed, sample.nulled))
            assert (null.spec, null.unknown) == (absent.spec, absent.unknown), str(at)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_documents_are_what_an_api_server_accepts(kind: Kind[Any]) -> None:
    (served,) = kinds.custom(crd.manifest(kind))
    for at in sample.properties(kind.spec_class):
        document = manifest(kind, sample.document(kind.spec_class, at.path, full=False))
        assert list(codec.validate(served.node, document)) == []
    full = manifest(kind, sample.document(kind.spec_class, full=True))
    assert list(codec.validate(served.node, full)) == []


def test_every_listed_field_exists() -> None:
    fields = [f"{kind.name} {at}" for kind in KINDS for at in sample.properties(kind.spec_class)]
    assert [regex for regex in sample.INERT if not any(re.fullmatch(regex, field) for field in fields)] == []

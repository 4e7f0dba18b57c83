"""Our CustomResourceDefinitions against those that the Go operator ships."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from test.api.recorded import definition
from vmagent_operator.api import kubernetes
from vmagent_operator.api.crd import manifest, structures
from vmagent_operator.api.kinds import KINDS, OWNER_KINDS, Kind
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import Json

REVIEWED = {
    "metadata.annotations": "names the tool that generated the file",
    "spec.names.categories": "`kubectl get victoriametrics` shows all kinds",
    "spec.names.shortNames": "the Go operator has none",
    "spec.versions[v1beta1].additionalPrinterColumns": "columns of ours behind those of the Go operator",
    "spec.versions[v1beta1].schema.openAPIV3Schema.properties.spec.properties.shardCount.maximum": "a limit of ours",
    "spec.versions[v1beta1].schema.openAPIV3Schema.properties.spec.properties.vmselect.properties.claimTemplates"
    ".items.properties": "without a schema the API server would take everything out of them",
}
"""Paths at which we differ on purpose, and why."""

TAKEN = {
    *("cm", "cs", "csr", "crd", "cj", "deploy", "ds", "ep", "ev", "hpa", "ing", "limits", "netpol", "no", "ns", "pc"),
    *("pdb", "po", "pv", "pvc", "quota", "rc", "rs", "sa", "sc", "sts", "svc", "vpa", "vpacheckpoint"),
    *("am", "amcfg", "pmon", "prb", "prom", "promagent", "promrule", "ruler", "scfg", "smon"),
    *("vm", "vms", "vmi", "vmis", "vmim", "vmims", "vmirs", "vmpool", "vmf", "vmfs", "vmcf", "vmcfs", "vmp", "vmps"),
    *("vmcp", "vmcps", "vmsnapshot", "vmrestore", "vmexport", "vmclone"),
}
"""Short names of Kubernetes, the Prometheus operator and KubeVirt, which may be in the same cluster."""

EVERYWHERE = {
    ".modulus.minimum": "vmagent refuses its whole file for a negative one",
    ".dnsConfig.items": "a leftover of patching: an object has no items, so the API server never looks at it",
    ".replicaCount.maximum": "a limit of ours",
    ".properties.status.default": "whoever waits for an object waits until somebody has looked at it",
}
"""What we add to a field wherever it stands, and why."""

MAX_BYTES = 250_000
"""Client-side `kubectl apply` keeps the manifest as JSON in an annotation of at most 256 KiB."""

UNORDERED = {"required", "enum"}


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths at which two documents differ, descriptions aside."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key == "description" and key not in theirs and isinstance(ours[key], str):
                continue
            inner = f"{path}.{key}" if path else key
            if key not in ours or key not in theirs:
                yield inner
            elif key in UNORDERED and isinstance(ours[key], list):
                yield from [] if sorted(ours[key]) == sorted(theirs[key]) else [inner]
            else:
                yield from differences(ours[key], theirs[key], inner)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            name = one.get("name", index) if isinstance(one, dict) else index
            yield from differences(one, other, f"{path}[{name}]")
    elif ours != theirs or type(ours) is not type(theirs):
        yield path


def _reviewed(path: str) -> str:
    """The end of a path that is reviewed wherever it stands; else the path."""
    return next((end for end in EVERYWHERE if path.endswith(end)), path)


def test_a_difference_is_found_wherever_it_is() -> None:
    ours = {"a": [{"name": "x", "required": ["b", "a"]}], "b": 1, "description": "ours"}
    theirs = {"a": [{"name": "x", "required": ["a", "c"]}], "b": True, "c": None}
    assert list(differences(ours, theirs)) == ["a[x].required", "b", "c"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_definition_is_the_recorded_one(kind: Kind[Any]) -> None:
    assert {
        _reviewed(path) for path in differences(manifest(kind), definition(kind))
    } <= REVIEWED.keys() | EVERYWHERE.keys()


def test_every_reviewed_difference_still_exists() -> None:
    found = {_reviewed(path) for kind in KINDS for path in differences(manifest(kind), definition(kind))}
    assert found == REVIEWED.keys() | EVERYWHERE.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_columns_begin_with_those_of_the_go_operator(kind: Kind[Any]) -> None:
    ours, theirs = (
        each["spec"]["versions"][0]["additionalPrinterColumns"] for each in (manifest(kind), definition(kind))
    )
    shown = [{key: value for key, value in column.items() if key != "description"} for column in ours[: len(theirs)]]
    assert shown == [{key: value for key, value in column.items() if key != "description"} for column in theirs]
    added = [column["name"] for column in ours[len(theirs) :]]
    assert added == (["Ready", "Reason"] if kind in OWNER_KINDS else ["Ready"])


def test_short_names_are_nobody_elses() -> None:
    ours = [kind.short for kind in KINDS]
    assert len(set(ours)) == len(ours)
    names = {name for kind in KINDS for name in (kind.singular, kind.plural)}
    assert {*ours} & (names | TAKEN) == set()
    assert KINDS[0].short == "vma"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_definition_is_small_enough_for_client_side_apply(kind: Kind[Any]) -> None:
    assert len(json.dumps(manifest(kind), separators=(",", ":"))) < MAX_BYTES


def fields(schema: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    """Every field below a schema by its path, as `kubectl explain --recursive` shows them."""
    for key, part in schema.get("properties", {}).items():
        yield f"{path}.{key}", part
        yield from fields(part, f"{path}.{key}")
    for part in filter(None, (schema.get("items"), schema.get("additionalProperties"))):
        yield from fields(part, path)


def test_fields_are_found_wherever_they_are() -> None:
    inner = {"type": "object", "properties": {"x": {}}}
    schema = {"properties": {"a": {"items": inner}, "b": {"additionalProperties": inner, "description": "B."}}}
    assert [path for path, _ in fields(schema)] == [".a", ".a.x", ".b", ".b.x"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_is_explained_by_a_sentence(kind: Kind[Any]) -> None:
    schema = manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"]["description"]
    lacking = [path for path, part in fields(schema) if not part.get("description", "").endswith(".")]
    assert lacking == [".metadata"], "the API server explains that itself, and takes no other words"


def test_every_schema_belongs_to_a_structure_and_asks_for_what_decoding_asks_for() -> None:
    found = (part for alias in vars(kubernetes).values() for part in getattr(alias, "__metadata__", ()))
    by_name = {part.name: part for part in found if isinstance(part, Json)}
    assert structures().keys() <= by_name.keys()
    assert [
        name for name, part in structures().items() if not {*by_name[name].required} <= {*part.get("required", ())}
    ] == []

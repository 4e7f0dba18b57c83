"""What a converted object is to be, given the live one: whose it is, and how the two go together. Pure."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.convert import metadata
from vmagent_operator.identity import MERGE_STRATEGY, OPERATOR, PREDECESSORS, SOURCE_GONE
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.ownership import Policy, holds_spec

WRITERS = PREDECESSORS | {OPERATOR}
"""Whose hold on the spec of an object shows that it was converted: ours, and the Go operator's."""


def policy(source: CustomObject[Any]) -> Policy:
    """How an object shows that it was converted from this source, by us or by the Go operator."""
    return Policy(
        writers=WRITERS,
        owner={**metadata.owner_reference(source), "namespace": source.namespace},
        whose=f"converted from {source.kind.name} {source.name}",
    )


def merged(made: Manifest, live: Manifest, source: CustomObject[Any]) -> tuple[Manifest, list[Manifest]]:
    """`made` with the metadata that the target `live` is to have, and JSON patch operations for what goes beside.

    Fields that others have added to the spec go as well: they are no part of the source. An owner reference to the source
    stays, whatever the settings say by now, and is to the source that there is.
    """
    own, has = made["metadata"], live["metadata"]
    strategy = (has.get("annotations") or {}).get(MERGE_STRATEGY)
    desired = {"name": own["name"], "namespace": own["namespace"]}
    operations = [{"op": "remove", "path": path} for path in _added(made["spec"], live.get("spec") or {}, "/spec")]
    for part in ("labels", "annotations"):
        found = metadata.merged(own.get(part) or {}, has.get(part) or {}, held(live, part), strategy)
        if found.desired:
            desired[part] = dict(found.desired)
        if part == "annotations" and SOURCE_GONE in (has.get(part) or {}):
            found = evolve(found, removed=(*found.removed, SOURCE_GONE))
        operations += [{"op": "remove", "path": f"/metadata/{part}/{_escaped(key)}"} for key in found.removed]
    references = own.get("ownerReferences") or [
        {**each, "uid": source.metadata.uid}
        for each in has.get("ownerReferences") or ()
        if metadata.is_about(each, source)
    ]
    if references:
        desired["ownerReferences"] = references[:1]
    return {**made, "metadata": desired}, operations


def held(live: Manifest, part: str) -> frozenset[str]:
    """The labels or annotations that we, or the Go operator, have put on a target."""
    found = set[str]()
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") in WRITERS and holds_spec(entry):
            fields = entry["fieldsV1"].get("f:metadata") or {}
            found |= {key[2:] for key in fields.get(f"f:{part}") or {} if key != "."}
    return frozenset(found)


def _added(desired: Manifest, live: Manifest, path: str) -> Iterator[str]:
    """Where an object says something that `desired` does not; the server's defaults, which are empty, say nothing."""
    for key, value in live.items():
        at = f"{path}/{_escaped(key)}"
        if key not in desired:
            if value:
                yield at
        elif isinstance(value, dict) and isinstance(desired[key], dict):
            yield from _added(desired[key], value, at)


def _escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")

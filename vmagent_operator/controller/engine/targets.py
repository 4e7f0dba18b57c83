"""What a converted object is to be, given the live one: whose it is, and how the two go together. Pure."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.convert import metadata, predecessor
from vmagent_operator.identity import MERGE_STRATEGY, OPERATOR, PREDECESSORS, PREDECESSORS_ONLY, SOURCE_GONE
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.ownership import Policy, holds_spec
from vmagent_operator.settings import Settings

WRITERS = PREDECESSORS | {OPERATOR}
"""Who may have put labels and annotations on what is known to be converted: we, and the Go operator."""


def policy(source: CustomObject[Any], live: Manifest, settings: Settings) -> Policy:
    """How `live` shows that it was converted from this source, by us or by the Go operator.

    The Go operator's name is that of its executable, which many programs share. That such a one has written the spec
    counts if nothing speaks against it; the message says what does. Whoever has said how its metadata goes together
    with the source's has handed it over.
    """
    own = Policy(
        writers=PREDECESSORS_ONLY | {OPERATOR},
        owner={**metadata.owner_reference(source), "namespace": source.namespace},
        whose=f"converted from {source.kind.name} {source.name}",
    )
    has = live["metadata"]
    if MERGE_STRATEGY in (has.get("annotations") or {}):
        return evolve(own, uid=has["uid"])
    writer = next(filter(None, map(_unsure_writer, has.get("managedFields") or ())), "")
    if not writer:
        return own
    theirs = {part: held(live, part) for part in ("labels", "annotations")}
    if not (doubt := predecessor.doubt(source, live, theirs, settings)):
        return evolve(own, uid=has["uid"])
    return evolve(own, whose=f"shown to be {own.whose} (any program may write as {writer!r}, and {doubt})")


def _unsure_writer(entry: Manifest) -> str:
    """The field manager of an entry that may be the Go operator's; "" for another."""
    name = str(entry.get("manager"))
    return name if name in PREDECESSORS and entry.get("operation") == "Update" and holds_spec(entry) else ""


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

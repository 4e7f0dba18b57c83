"""The migration of managed fields from an earlier operator, and back to it: who is recorded as owner of a field. Pure.

Server-side apply removes only what its own field manager has applied. The fields of objects that another operator made by
ordinary updates are therefore moved to our entry in `managedFields`, once; no value changes, so no pod restarts.
Source: k8s.io/client-go/util/csaupgrade
"""

import json
from collections.abc import Iterable, Mapping

from attrs import frozen

from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.resource import Json, Manifest
from vmagent_operator.kube.write.ownership import holds_spec, is_claim, is_same_owner

Fields = Mapping[str, Json]  # a fieldsV1 tree: "f:name", "k:{...}", "v:..." or "." -> subtree

# What the API server or a controller of load balancers has given a Service, and what cannot be had again.
ALLOCATED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "loadBalancerClass")

_NOBODY = "before-first-apply"
"""As which the API server records, at the first apply, all that an object without `managedFields` had."""
_DATA = ("f:data",)
_OWNERS = ("f:metadata", "f:ownerReferences")


@frozen(kw_only=True)
class Migration:
    """What earlier writes may have left behind.

    labels, annotations: metadata keys that an earlier operator may have set, to become ours beside the desired ones.
    released: keys of `data` that are the user's: made if missing, and left as they are otherwise, desired or not.
    yielded: paths such as `spec.replicas` of which what we want is a mere default: once somebody else has set such a field,
    it stays as it is. writers: field managers whose ordinary updates of the spec were an earlier operator's.
    """

    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    yielded: frozenset[str] = frozenset()
    writers: frozenset[str] = frozenset()


NO_MIGRATION = Migration()


def managed(live: Manifest, manager: FieldManager) -> Fields:
    """The fields that `manager` has applied to `live`, as a fieldsV1 tree; empty if none."""
    entry = next((entry for entry in _entries(live) if _is_ours(entry, manager)), {})
    fields: Fields = entry.get("fieldsV1") or {}
    return fields


def of_others(live: Manifest, manager: FieldManager) -> Fields | None:
    """The fields that others than `manager` hold, through the object itself; None if nobody is known to hold any."""
    entries = _entries(live)
    if not any(entry.get("fieldsV1") for entry in entries):
        return None
    return _union(
        *(
            entry.get("fieldsV1") or {}
            for entry in entries
            if entry.get("manager") not in (manager.name, manager.restoring) and not entry.get("subresource")
        )
    )


def last_other(live: Manifest, manager: FieldManager) -> str:
    """Who beside `manager` was the last to write to the object itself, by the name of its field manager; "" if unknown."""
    own = (manager.name, manager.restoring)
    others = [each for each in _entries(live) if each.get("manager") not in own and not each.get("subresource")]
    return str(max(others, key=lambda each: each.get("time") or "", default={}).get("manager", ""))


def is_yielded(path: str, desired: Manifest, live: Manifest, manager: FieldManager) -> bool:
    """Whether the field at `path` of `live` is there, and neither ours nor an earlier operator's alone.

    Of what we have applied we lose what somebody else changes; so a store can tell that has no other entry than ours.
    """
    keys = path.split(".")
    fields = tuple(f"f:{key}" for key in keys)
    if _value(live, keys) is None or _holds(managed(live, manager), fields):
        return False
    holders = [entry for entry in _entries(live) if _holds(entry.get("fieldsV1") or {}, fields)]
    return not holders or any(
        entry.get("manager") == _NOBODY or not _is_predecessor(entry, desired, live, manager) for entry in holders
    )


def _value(manifest: Manifest, keys: list[str]) -> Json:
    value: Json = manifest
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _holds(fields: Fields, path: tuple[str, ...]) -> bool:
    return path[-1] in _at(fields, path[:-1])


def migrate(desired: Manifest, live: Manifest, manager: FieldManager, migration: Migration) -> list[Manifest]:
    """JSON patch operations that make the fields of an earlier operator ours, once; none if there is nothing to do.

    An earlier operator is whoever wrote our owner reference (or label, without one) by an ordinary update; we ourselves are
    one after a `restore`. Of labels and annotations only the desired and `migration` keys become ours: others were put
    there by people. Nor does what a Service was given, which nobody can have meant to set, nor what is yielded. Of somebody
    else's object, which we only add to, nothing does. The patch fails with a conflict if the object has changed since.
    """
    metadata = live["metadata"]
    entries, operations = _entries(live), list[Manifest]()
    theirs = [
        entry
        for entry in entries
        if is_claim(desired) and _is_predecessor(entry, desired, live, manager, migration.writers)
    ]
    ours = next((entry for entry in entries if _is_ours(entry, manager)), None)
    released = migration.released - set(desired.get("data") or {})
    if theirs or any(f"f:{key}" in _at(managed(live, manager), _DATA) for key in released):
        taken, left = _split(theirs, desired, live, migration)
        left = [entry for entry in left if entry["manager"] != manager.restoring]
        base = ours or {**theirs[0], "manager": manager.name, "operation": "Apply"}
        merged = _without_given(_union((ours["fieldsV1"] if ours else {}), *taken), desired)
        for path in migration.yielded:
            *above, last = (f"f:{key}" for key in path.split("."))
            rest = {field: tree for field, tree in _at(merged, tuple(above)).items() if field != last}
            merged = _replaced(merged, tuple(above), rest)
        data = {field: tree for field, tree in _at(merged, _DATA).items() if field[2:] not in released}
        if data != _at(merged, _DATA):
            merged = _replaced(merged, _DATA, data)
        others = [entry for entry in entries if entry not in theirs and entry is not ours]
        value = [*others, *left, {**base, "fieldsV1": merged}]
        operations.append({"op": "replace", "path": "/metadata/managedFields", "value": value})
    finalizers = metadata.get("finalizers") or []
    if manager.upgrades_finalizer in finalizers and is_claim(desired):
        kept = [name for name in finalizers if name != manager.upgrades_finalizer]
        operations.append({"op": "replace", "path": "/metadata/finalizers", "value": kept})
    if operations:
        operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]})
    return operations


def _entries(live: Manifest) -> list[Manifest]:
    return live["metadata"].get("managedFields") or []


def _is_ours(entry: Manifest, manager: FieldManager) -> bool:
    return entry.get("manager") == manager.name and entry.get("operation") == "Apply" and not entry.get("subresource")


def _is_predecessor(
    entry: Manifest,
    desired: Manifest,
    live: Manifest,
    manager: FieldManager,
    writers: frozenset[str] = frozenset(),
) -> bool:
    if entry.get("operation") != "Update" or entry.get("subresource"):
        return False
    if entry.get("manager") == manager.restoring or (entry.get("manager") in writers and holds_spec(entry)):
        return True
    metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    if desired["metadata"].get("ownerReferences"):
        return bool(_own_references(entry, desired, live))
    return f"f:{manager.upgrades_label}" in (metadata.get("f:labels") or {})


def _own_references(entry: Manifest, desired: Manifest, live: Manifest) -> set[str]:
    """The references among the fields of `entry` that are not known to name another owner than ours."""
    owners = desired["metadata"].get("ownerReferences") or ()
    references = live["metadata"].get("ownerReferences") or ()
    others = {each["uid"] for each in references if not any(is_same_owner(each, owner) for owner in owners)}
    owned = _at(entry.get("fieldsV1") or {}, _OWNERS)
    return {name for name in owned if name.startswith("k:") and json.loads(name[2:]).get("uid") not in others}


def _split(
    theirs: Iterable[Manifest], desired: Manifest, live: Manifest, migration: Migration
) -> tuple[list[Fields], list[Manifest]]:
    """Fields to take from `theirs`, and what remains of those entries."""
    template = desired.get("spec", {}).get("template", {}).get("metadata", {})
    keep = {
        ("f:metadata", "f:labels"): migration.labels | set(desired["metadata"].get("labels") or {}),
        ("f:metadata", "f:annotations"): migration.annotations | set(desired["metadata"].get("annotations") or {}),
        ("f:spec", "f:template", "f:metadata", "f:annotations"): migration.annotations
        | set(template.get("annotations") or {}),
    }
    taken, left = list[Fields](), list[Manifest]()
    for entry in theirs:
        fields, rest = dict(entry["fieldsV1"]), Manifest()
        references = {name[2:] for name in _own_references(entry, desired, live)}
        for path, keys in {**keep, _OWNERS: references}.items():
            names = _at(fields, path)
            foreign = {field: tree for field, tree in names.items() if field != "." and field[2:] not in keys}
            if foreign:
                fields = _replaced(fields, path, {field: tree for field, tree in names.items() if field not in foreign})
                rest = _replaced(rest, path, foreign)
        taken.append(fields)
        if rest:
            left.append({**entry, "fieldsV1": rest})
    return taken, left


def _without_given(fields: Manifest, desired: Manifest) -> Manifest:
    """`fields` without addresses and the like of a Service: to own them would be to take them away."""
    if desired.get("kind") != "Service" or not (spec := _at(fields, ("f:spec",))):
        return fields
    wanted = desired["spec"]
    kept = {field: tree for field, tree in spec.items() if field[2:] not in ALLOCATED or field[2:] in wanted}
    if ports := spec.get("f:ports"):
        kept["f:ports"] = {
            item: {field: tree for field, tree in port.items() if field != "f:nodePort"} for item, port in ports.items()
        }
    return {**fields, "f:spec": kept}


def _at(fields: Fields, path: tuple[str, ...]) -> Fields:
    for field in path:
        fields = fields.get(field) or {}
    return fields


def _replaced(fields: Fields, path: tuple[str, ...], tree: Fields) -> Manifest:
    """`fields` with `tree` at `path`. Nothing is left where `tree` is empty: a field without children is owned whole."""
    head, *rest = path
    below = _replaced(fields.get(head) or {}, tuple(rest), tree) if rest else tree
    if any(field != "." for field in below):
        return {**fields, head: below}
    return {field: other for field, other in fields.items() if field != head}


def _union(*trees: Fields) -> Manifest:
    merged = Manifest()
    for tree in trees:
        for field, below in tree.items():
            merged[field] = _union(merged.get(field, {}), below)
    return merged

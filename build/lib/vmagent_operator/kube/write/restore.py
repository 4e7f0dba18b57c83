"""What to write where an apply is refused because something of somebody else's stands in its way. Pure.

Server-side apply merges: an entry that another manager has put into one of our lists, or another choice of a one-of, stays
beside ours, and the API server refuses the two together (two ports of one name, two handlers of a probe, a pace beside
`Recreate`). Then the object is written as a whole: ours alone where the refusal points, merged with theirs elsewhere.
"""

import json
from collections.abc import Iterator, Mapping

from attrs import frozen

from vmagent_operator.kube.errors import Invalid
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.resource import Json, Manifest
from vmagent_operator.kube.write import keyed
from vmagent_operator.kube.write.managedfields import ALLOCATED, Fields, of_others

# Of a spec, what stays whoever holds it where we ask for nothing: what cannot be had again, and an autoscaler's number.
_GIVEN: Mapping[str, tuple[str, ...]] = {
    "Service": ALLOCATED,
    "Deployment": ("replicas",),
    "StatefulSet": ("replicas",),
}
EVERYWHERE = frozenset({""})


def candidates(desired: Manifest, live: Manifest, manager: FieldManager, refusal: Invalid) -> Iterator[Manifest]:
    """Objects to replace `live` by, in the order in which to try them; none if nothing of others' can be in the way.

    The first is without others' parts where the causes of `refusal` point, the second without any beside ours.
    """
    seen = [restored(desired, live, manager, frozenset())]
    for places in (_places(refusal), EVERYWHERE):
        manifest = restored(desired, live, manager, places)
        if manifest not in seen:
            seen.append(manifest)
            yield manifest


def restored(desired: Manifest, live: Manifest, manager: FieldManager, places: frozenset[str]) -> Manifest:
    """`live` with the content of `desired` over it, and without others' parts beside it at and below `places`.

    Places are paths as `keyed.place` gives them. Others' is what their managers hold; everything, where nobody holds anything. Metadata
    and status stay those of `live`, and so does what is a given.
    """
    overlay = _Overlay(places, desired["kind"] in keyed.KINDS)
    theirs = of_others(live, manager)
    fresh = dict(live)
    for key in desired.keys() - {"apiVersion", "kind", "metadata", "status"}:
        fresh[key] = overlay.value(desired[key], live.get(key), _below(theirs, f"f:{key}"), key)
    if given := _GIVEN.get(desired["kind"]):
        before, spec = live["spec"], fresh["spec"]
        if spec.get("type") == before.get("type"):
            fresh["spec"] = {**{key: before[key] for key in given if key in before}, **spec}
    return fresh


def _places(refusal: Invalid) -> frozenset[str]:
    """Where to look: what each cause names, and what that is in: the list, or the object of which one choice is too many."""
    found = set[str]()
    for _, path in refusal.causes:
        place = keyed.place(path)
        found |= {place, keyed.around(place)}
        if keyed.around(place).endswith("[]"):
            found.add(keyed.around(keyed.around(place)))
    return frozenset(found - EVERYWHERE)


def _below(theirs: Fields | None, field: str) -> Fields | None:
    """Others' fields in a part, None for all of it; `theirs` are those of the whole."""
    return None if theirs is None else theirs.get(field, {})


@frozen
class _Overlay:
    places: frozenset[str]
    has_keyed: bool

    def value(self, desired: Json, live: Json, theirs: Fields | None, path: str, is_exact: bool = False) -> Json:
        is_exact = is_exact or path in self.places or "" in self.places
        if isinstance(desired, dict) and isinstance(live, dict):
            kept = {key: value for key, value in live.items() if not (is_exact and _is_held(theirs, f"f:{key}"))}
            return kept | {
                key: self.value(value, live.get(key), _below(theirs, f"f:{key}"), f"{path}.{key}", is_exact)
                for key, value in desired.items()
            }
        if self.has_keyed and isinstance(desired, list) and isinstance(live, list):
            keys = keyed.keys_of(desired, path)
            return self._items(desired, live, theirs, path, keys, is_exact) if keys else desired
        return desired

    def _items(
        self,
        desired: list[Json],
        live: list[Json],
        theirs: Fields | None,
        path: str,
        keys: tuple[str, ...],
        is_exact: bool,
    ) -> list[Json]:
        ours = {keyed.identity(item, keys): item for item in desired}
        present = {keyed.identity(item, keys): item for item in live if isinstance(item, dict)}
        names = {keyed.identity(json.loads(name[2:]), keys): name for name in theirs or () if name.startswith("k:")}
        merged = [
            self.value(item, present.get(identity), _below(theirs, names.get(identity, "")), f"{path}[]", is_exact)
            for identity, item in ours.items()
        ]
        others = {identity: item for identity, item in present.items() if identity not in ours}
        return merged + [
            item for identity, item in others.items() if not (is_exact and _is_held(theirs, names.get(identity, "")))
        ]


def _is_held(theirs: Fields | None, field: str) -> bool:
    return theirs is None or field in theirs

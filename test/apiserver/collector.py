"""What the controller manager does: garbage collection by owner reference, finalizers of propagation, namespace termination."""

from collections.abc import Callable

from attrs import define, field

from test.apiserver.failure import Failure
from test.apiserver.kinds import Kind
from test.apiserver.objects import Context, Objects
from test.apiserver.store import Change, Json, Name, clone
from test.apiserver.strategy import FOREGROUND, ORPHAN

BY_MANAGER = Context("kube-controller-manager")
Edit = Callable[[Json], None]


@define(eq=False)
class Collector:
    """Follows deletions in a store; `step` does what is due. `is_on` off: children of an owner that is gone stay."""

    objects: Objects
    is_on: bool = True
    _dirty: bool = True
    _uids: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self._uids.update(value["metadata"]["uid"] for _, _, value in self.objects.store.everything())
        self.objects.store.listeners.append(self._note)

    def _note(self, change: Change) -> None:
        """Remember whether a change can have made something superfluous, which is rare: a look at everything is long."""
        if change.new is None:
            self._uids.discard(change.old["metadata"]["uid"] if change.old else "")
            self._dirty = True
            return
        meta = change.new["metadata"]
        self._uids.add(meta["uid"])
        is_orphan = any(one["uid"] not in self._uids for one in meta.get("ownerReferences") or ())
        self._dirty = self._dirty or is_orphan or "deletionTimestamp" in meta

    def step(self) -> bool:
        """Do what is due; whether there was something."""
        if not self._dirty:
            return False
        self._dirty = False
        before = self.objects.store.version
        found = [(self.kind(resource), name, value) for resource, name, value in self.objects.store.everything()]
        uids = {value["metadata"]["uid"] for _, _, value in found}
        for kind, name, value in found:
            if kind is not None and self.objects.store.get(kind.storage, name) is value:
                self._collect(kind, name, value, uids)
        for name, value in self.objects.store.items("namespaces"):
            if value["metadata"].get("deletionTimestamp"):
                self._empty(name[1])
        return self.objects.store.version != before

    def kind(self, resource: str) -> Kind | None:
        """A served kind of a stored resource."""
        return next((kind for kind in self.objects.kinds.values() if kind.storage == resource), None)

    def _collect(self, kind: Kind, name: Name, value: Json, uids: set[str]) -> None:
        meta = value["metadata"]
        finalizers = meta.get("finalizers") or ()
        if meta.get("deletionTimestamp") and ORPHAN in finalizers:
            self._release_children(meta["uid"])
            self._drop(kind, name, ORPHAN)
        elif meta.get("deletionTimestamp") and FOREGROUND in finalizers:
            if not self._delete_children(meta["uid"]):
                self._drop(kind, name, FOREGROUND)
        elif self.is_on and meta.get("ownerReferences") and not meta.get("deletionTimestamp"):
            owners = [one for one in meta["ownerReferences"] if one["uid"] in uids]
            if not owners:
                self._delete(kind, name, "Background")
            elif len(owners) < len(meta["ownerReferences"]):
                self._edit(kind, name, lambda new: new["metadata"].update(ownerReferences=owners))

    def _children(self, uid: str) -> list[tuple[Kind, Name, Json]]:
        found = []
        for resource, name, value in self.objects.store.everything():
            kind = self.kind(resource)
            if kind and any(one["uid"] == uid for one in value["metadata"].get("ownerReferences") or ()):
                found.append((kind, name, value))
        return found

    def _delete_children(self, uid: str) -> bool:
        """Begin to delete the children; whether one that blocks its owner's deletion is left."""
        for kind, name, value in self._children(uid):
            if not value["metadata"].get("deletionTimestamp"):
                self._delete(kind, name, "Foreground")
        return any(one["uid"] == uid and one.get("blockOwnerDeletion")
                   for _, _, value in self._children(uid) for one in value["metadata"]["ownerReferences"])  # fmt: skip

    def _release_children(self, uid: str) -> None:
        for kind, name, value in self._children(uid):
            owners = [one for one in value["metadata"]["ownerReferences"] if one["uid"] != uid]
            self._edit(kind, name, lambda new, owners=owners: new["metadata"].update(ownerReferences=owners))  # type: ignore[misc]

    def _delete(self, kind: Kind, name: Name, policy: str) -> None:
        try:
            self.objects.delete(kind, name, {"propagationPolicy": policy} if policy == "Foreground" else {}, BY_MANAGER)
        except Failure:
            self._dirty = True  # refused for now

    def _drop(self, kind: Kind, name: Name, finalizer: str) -> None:
        def edit(new: Json) -> None:
            new["metadata"]["finalizers"] = [one for one in new["metadata"]["finalizers"] if one != finalizer]

        self._edit(kind, name, edit)

    def _edit(self, kind: Kind, name: Name, edit: "Edit") -> None:
        live = self.objects.store.get(kind.storage, name)
        if live is None:
            return
        new = clone(live)
        edit(new)
        new["metadata"] = {key: part for key, part in new["metadata"].items() if part != []}
        self.objects.store.put(kind.storage, name, new)
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self.objects.remove(kind, name)

    def _empty(self, namespace: str) -> None:
        """Delete what is in a terminating namespace; once it is empty, the namespace itself."""
        inside = [
            (self.kind(resource), name, value)
            for resource, name, value in self.objects.store.everything()
            if name[0] == namespace
        ]
        for kind, name, value in inside:
            if kind is not None and not value["metadata"].get("deletionTimestamp"):
                self._delete(kind, name, "")
        if not any(name[0] == namespace for _, name, _ in self.objects.store.everything()):
            live = self.objects.store.get("namespaces", ("", namespace))
            kind = self.kind("namespaces")
            if kind is not None and live is not None and not live["metadata"].get("finalizers"):
                self.objects.remove(kind, ("", namespace))

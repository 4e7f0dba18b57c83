"""CustomResourceDefinitions come to life: checked, established, and served from then on."""

from typing import TYPE_CHECKING

from test.apiserver import kinds, openapi
from test.apiserver.objects import Context
from test.apiserver.store import Change, Json

if TYPE_CHECKING:
    from test.apiserver.api import Api

STORAGE = "customresourcedefinitions.apiextensions.k8s.io"
CONDITIONS = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)
BY_SERVER = Context("kube-apiserver")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class Definitions:
    """Keeps an `Api`'s served kinds in step with its definitions."""

    def __init__(self, api: "Api") -> None:
        self.api = api
        self.schemas: dict[str, Json] = {}
        self._changed: list[Change] = []
        self._leaving: set[str] = set()  # definitions that wait for the last of their objects
        api.store.listeners.append(self._note)

    def reload(self) -> None:
        """Serve what a store already defines."""
        self._changed = [Change(0, STORAGE, name, None, value) for name, value in self.api.store.items(STORAGE)]
        self.step()

    def _note(self, change: Change) -> None:
        if change.resource == STORAGE:
            self._changed.append(change)
        elif change.resource in self._leaving:
            self._changed.append(Change(0, STORAGE, ("", change.resource), None, None))

    def step(self) -> bool:
        """Serve what has been defined since the last step; whether there was something."""
        changes, self._changed = self._changed, []
        for change in changes:
            live = self.api.store.get(STORAGE, change.name)
            if live is None:
                self._withdraw(change.name[1])
            elif live["metadata"].get("deletionTimestamp"):
                self._clean_up(live)
            else:
                self._serve(live)
        return bool(changes)

    def _serve(self, definition: Json) -> None:
        self._withdraw(definition["metadata"]["name"])
        schemas = {version["name"]: version.get("schema", {}) for version in definition["spec"]["versions"]}
        for kind in kinds.custom(definition):
            self.api.served[kind.group, kind.version, kind.plural] = kind
            self.schemas[openapi.definition(kind)] = schemas[kind.version].get("openAPIV3Schema", {})
        names = definition["spec"]["names"]
        stored = [version["name"] for version in definition["spec"]["versions"] if version.get("storage")]
        old = {one["type"]: one for one in definition.get("status", {}).get("conditions") or ()}
        now = self.api.store.timestamp()
        conditions = [old.get(name) or {"type": name, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
                      for name, reason, message in CONDITIONS]  # fmt: skip
        status = {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}
        finalizers = definition["metadata"].get("finalizers") or ()
        meta = definition["metadata"] | {"finalizers": [*dict.fromkeys((*finalizers, CLEANUP))]}
        wanted = definition | {"status": status, "metadata": meta}
        if wanted != definition:
            self.api.store.put(STORAGE, ("", definition["metadata"]["name"]), wanted)

    def _withdraw(self, name: str) -> None:
        for key in [key for key, kind in self.api.served.items() if kind.is_custom and kind.storage == name]:
            del self.api.served[key]

    def _clean_up(self, definition: Json) -> None:
        """Delete the custom objects of a definition that is being deleted, then let it go."""
        storage = definition["metadata"]["name"]
        kind = self.api.by_storage(storage)
        self._leaving.add(storage)
        for name, value in self.api.store.items(storage):
            if kind is not None and not value["metadata"].get("deletionTimestamp"):
                self.api.objects.delete(kind, name, {}, BY_SERVER)
        if self.api.store.items(storage):
            return
        self._leaving.discard(storage)
        own = self.api.by_storage(STORAGE)
        assert own is not None
        self.api.objects.remove(own, ("", storage))

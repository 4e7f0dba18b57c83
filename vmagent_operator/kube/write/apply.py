"""A desired object -> the API calls that bring it about.

Everything is decided on a live read, so a lagging cache costs a read and never a wrong write; and every write names the
object that was read (UID, resource version), so that a late one meets a conflict instead of somebody else's work.
"""

import random
from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import AlreadyExists, ApiError, Conflict, Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Json, Manifest, Resource
from vmagent_operator.kube.write import diff, ownership, restore
from vmagent_operator.kube.write.managedfields import NO_MIGRATION, Migration, last_other
from vmagent_operator.kube.write.ownership import REFERENCES_ONLY, Policy, describe

ATTEMPTS = 5
"""Rounds against somebody who writes at the same time; whoever still does then, does so all the time."""
STEPS = 6
"""In a round: a migration, a whole object, its migration, a deletion, a creation and a look at it. More would be a server that
does not keep what it is given."""
PAUSE_SECONDS = 0.01
"""Between two rounds: long enough for another's write to be over."""
# No object has ever been stored at this version, so that an apply which names it makes an object or meets a conflict: what
# somebody else makes between our look and our write is not written to. (Server-side apply alone would merge into it.)
NEVER = "1"


class WaitingError(Exception):
    """Something must happen first that we cannot hasten; the message names it."""


class NotOwnedError(Exception):
    """The object is somebody else's; the message names it and its owner, or says what to do."""


@frozen(kw_only=True)
class Written:
    """What came of `ensure`: the object's metadata and, if anything was written, which field paths.

    rival: who else was the last to write to it before us, "" if that is not known.
    """

    metadata: Manifest
    action: str = ""
    paths: tuple[str, ...] = ()
    rival: str = ""


@define
class Applier:
    """Brings objects about, one at a time; `before_write` may raise to prevent a write, `before_recreation` hears of an
    object that is to be deleted and made again, and why.

    policy: how an object without a reference to our owner shows that it is ours. `resource_of` finds the path of a desired
    object; ours knows the kinds of Kubernetes itself. Who has others says so.
    All methods raise ApiError, of which Conflict means that somebody else writes all the time.
    """

    client: Client
    before_write: Callable[[], None] = field(default=lambda: None)
    jitter: Callable[[], float] = field(default=random.random)
    policy: Policy = field(default=REFERENCES_ONLY, kw_only=True)
    resource_of: Callable[[Manifest], Resource] = field(default=resource.of, kw_only=True)
    before_recreation: Callable[[str], None] = field(default=lambda _: None, kw_only=True)

    def ensure(self, desired: Manifest, migration: Migration = NO_MIGRATION) -> Written:
        """Make the live object as `desired`, and ours; one that says whose it is by nothing is only added to.

        Raises WaitingError while the object is being deleted or what is to be added to is gone, NotOwnedError if it is
        somebody else's.
        """
        kind = self.resource_of(desired)
        actions = list[diff.Step]()
        for attempt in range(ATTEMPTS):
            if attempt:
                self.client.clock.wait(self.client.stop, PAUSE_SECONDS * (1 + self.jitter() / 10))
            try:
                return self._ensure_once(kind, desired, migration, actions)
            except (Conflict, AlreadyExists):
                continue
        raise Conflict(f"{describe(desired)}: somebody else keeps writing to it")

    def create(self, desired: Manifest) -> Written:
        """Make an object that nobody knows to be there. Raises Conflict or AlreadyExists if it is, and nothing is changed."""
        step = diff.step(desired, None, self.client.manager)
        assert step is not None
        self.before_write()
        answer = self._send(self.resource_of(desired), step, None)
        assert answer is not None
        return _written(answer["metadata"], [step], "")

    def _ensure_once(self, kind: Resource, desired: Manifest, migration: Migration, done: list[diff.Step]) -> Written:
        live = self._read(kind, desired)
        rival = last_other(live, self.client.manager) if live else ""
        for _ in range(STEPS):
            if live is not None:
                self._refuse(kind, desired, live)
            elif not ownership.is_claim(desired):
                raise WaitingError(f"{describe(desired)} is gone, and not ours to make")
            step = diff.step(desired, live, self.client.manager, migration)
            if step is None:
                assert live is not None
                return _written(live["metadata"], done, rival)
            self.before_write()  # the last moment: whoever the object is for may be gone since the reconcile began
            try:
                answer = self._send(kind, step, live)
            except ApiError as error:
                # Without the look, a lost answer would be an error of the owner although what it asked for is there.
                if not error.is_uncertain or not self._is_there(kind, desired, migration):
                    raise
                answer = None  # the answer was lost, the effect was not
            done.append(step)
            if answer is not None and step.action == "take over":
                live = answer
            elif answer is None or self.client.manager.upgrades_finalizer in (
                answer["metadata"].get("finalizers") or ()
            ):
                live = self._read(kind, desired)
            else:
                return _written(answer["metadata"], done, rival)
        raise Conflict(f"{describe(desired)} does not take what is written to it")

    def _send(self, kind: Resource, step: diff.Step, live: Manifest | None) -> Manifest | None:
        """What results: of a migration the object, else its metadata; None if the object has to be looked at again."""
        if live is None:
            fresh = {**step.manifest, "metadata": {**step.manifest["metadata"], "resourceVersion": NEVER}}
            return self.client.apply(kind, fresh, force=False)
        metadata = live["metadata"]
        namespace, name = metadata.get("namespace"), metadata["name"]
        if step.action == "take over":
            answer = self.client.json_patch(kind, namespace, name, step.operations)
            changed = {patch["path"].removeprefix("/metadata/"): patch["value"] for patch in step.operations}
            return {**live, "metadata": {**metadata, **changed, **answer["metadata"]}}
        if step.action == "recreate":
            self._recreate(kind, step, metadata, ", ".join(step.paths))
            return None
        if step.action == "restore":
            self._replace(kind, live, restore.restored(step.manifest, live, self.client.manager, step.rivals))
            return None
        # Without a UID, an object that has vanished since would be made again, perhaps beside a successor's owner; without a
        # version, force would take fields from whoever has written since we looked.
        identity = {key: metadata[key] for key in ("uid", "resourceVersion")}
        try:
            return self.client.apply(kind, {**step.manifest, "metadata": {**step.manifest["metadata"], **identity}})
        except Invalid as error:
            if self._restore(kind, step.manifest, live, error):
                return None
            if diff.is_only_for_new(step.manifest, error):
                self._recreate(kind, step, metadata, str(error))
                return None
            raise

    def _restore(self, kind: Resource, desired: Manifest, live: Manifest, refusal: Invalid) -> bool:
        """Write the object as a whole, as an apply was refused for what others have put into it; False if it is not that."""
        for manifest in restore.candidates(desired, live, self.client.manager, refusal):
            try:
                self._replace(kind, live, manifest)
            except Invalid:
                continue
            return True
        return False

    def _replace(self, kind: Resource, live: Manifest, fresh: Manifest) -> None:
        """Make `live` what `fresh` is, metadata aside; by a patch, as nothing else needs the right to update."""
        metadata = live["metadata"]
        operations = [
            {"op": "add", "path": f"/{key}", "value": value} for key, value in fresh.items() if value != live.get(key)
        ]
        operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]})
        self.client.json_patch(
            kind,
            metadata.get("namespace"),
            metadata["name"],
            operations,
            manager=self.client.manager.restoring,
        )

    def _recreate(self, kind: Resource, step: diff.Step, metadata: Mapping[str, Json], why: str) -> None:
        self.before_recreation(f"{describe(step.manifest)} is deleted and made again: {why}")
        # The pods of a StatefulSet stay when it goes, and the new one adopts them: a deletion in the background would end them all.
        self._delete(kind, metadata, "Orphan" if step.manifest["kind"] == "StatefulSet" else None)

    def remove(self, kind: Resource, namespace: str | None, name: str, owns: Callable[[Manifest], bool]) -> bool:
        """Delete the object if it is there and `owns` says yes to its live state; whether that was the case."""
        for _ in range(2):
            try:
                live = self.client.get(kind, namespace, name, metadata_only=True)
            except NotFound:
                return False
            if not owns(live):  # asked about the live object: the cache may know an earlier one of that name
                return False
            if live["metadata"].get("deletionTimestamp"):
                self._strip(kind, live)
                return True
            metadata = self._strip(kind, live)  # before it goes: we may not look at it again
            self.before_write()
            try:
                self._delete(kind, metadata, None)
            except Conflict:
                continue
            return True
        raise Conflict(f"{kind.kind} {name}: somebody else keeps writing to it")

    def strip_finalizer(
        self, kind: Resource, namespace: str | None, name: str, owns: Callable[[Manifest], bool]
    ) -> None:
        """Take the finalizer of an earlier operator off the object, if it is there and `owns` says yes to it."""
        try:
            live = self.client.get(kind, namespace, name, metadata_only=True)
        except NotFound:
            return
        if owns(live):
            self._strip(kind, live)

    def _strip(self, kind: Resource, live: Manifest) -> Mapping[str, Json]:
        """Take the finalizer of an earlier operator off; the metadata that results."""
        metadata = live["metadata"]
        finalizers, theirs = metadata.get("finalizers") or [], self.client.manager.upgrades_finalizer
        if theirs in finalizers:
            self.before_write()
            # Two tests, for a patch of a list by position would take away what somebody else has put there meanwhile.
            operations = [
                {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
                {"op": "test", "path": "/metadata/finalizers", "value": finalizers},
                {
                    "op": "replace",
                    "path": "/metadata/finalizers",
                    "value": [finalizer for finalizer in finalizers if finalizer != theirs],
                },
            ]
            answer = self.client.json_patch(kind, metadata.get("namespace"), metadata["name"], operations)
            metadata = answer["metadata"]
        return dict(metadata)

    def _delete(self, kind: Resource, metadata: Mapping[str, Json], propagation: str | None) -> None:
        try:
            self.client.delete(
                kind,
                metadata.get("namespace"),
                metadata["name"],
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
                propagation=propagation,
            )
        except NotFound:
            return

    def _refuse(self, kind: Resource, desired: Manifest, live: Manifest) -> None:
        refuse_foreign(desired, live, self.policy)
        if live["metadata"].get("deletionTimestamp"):
            if ownership.is_claim(desired):
                self._strip(kind, live)
            raise WaitingError(f"{describe(desired)} is being deleted")

    def _is_there(self, kind: Resource, desired: Manifest, migration: Migration) -> bool:
        live = self._read(kind, desired)
        return live is not None and diff.step(desired, live, self.client.manager, migration) is None

    def _read(self, kind: Resource, desired: Manifest) -> Manifest | None:
        metadata = desired["metadata"]
        try:
            return self.client.get(kind, metadata.get("namespace"), metadata["name"])
        except NotFound:
            return None


def refuse_foreign(desired: Manifest, live: Manifest, policy: Policy = REFERENCES_ONLY) -> None:
    """Raises NotOwnedError if `live` is not ours to write to."""
    if objection := ownership.objection(desired, live, policy):
        raise NotOwnedError(f"{describe(desired)} {objection}")


def _written(metadata: Manifest, done: list[diff.Step], rival: str) -> Written:
    paths = tuple(path for step in done for path in step.paths)
    return Written(metadata=metadata, action=", ".join(step.action for step in done), paths=paths, rival=rival)

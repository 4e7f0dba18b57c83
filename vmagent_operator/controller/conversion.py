"""The controllers of Prometheus kinds: what a ServiceMonitor and its like become is brought about, and kept so.

A target is ours if its managed fields say that we, or the Go operator, have made its spec (`targets.policy`); anything else
of its name is somebody's own and stays, and an Event on the source says so. A target that is as converted costs a comparison with what the
store has, and no request.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from vmagent_operator.api.objects import CustomObject, Metadata
from vmagent_operator.controller.engine.child import child_of, content_digest, resource_of
from vmagent_operator.controller.engine.controller import Key
from vmagent_operator.controller.engine.events import Recorder, Type
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.metrics import Metrics
from vmagent_operator.controller.engine.result import DELETION_SECONDS, RULES, WAITING_SECONDS, Kind, Result
from vmagent_operator.controller.engine.stores import Stores
from vmagent_operator.controller.engine.targets import held, merged, policy
from vmagent_operator.controller.steps.conflicts import ConflictingWriters, ConflictState
from vmagent_operator.convert import metadata, sources
from vmagent_operator.convert.sources import Converted, Source, convert
from vmagent_operator.identity import FINALIZER, MERGE_STRATEGY, PREDECESSORS, SOURCE_GONE
from vmagent_operator.kube.cache.change import Change
from vmagent_operator.kube.errors import AlreadyExists, ApiError, Cancelled, Conflict, Forbidden, Invalid, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.kube.write.apply import Applier, NotOwnedError, WaitingError, Written, refuse_foreign
from vmagent_operator.kube.write.managedfields import Migration
from vmagent_operator.kube.write.ownership import describe
from vmagent_operator.settings import Settings

logger = logging.getLogger(__name__)

SOURCES: Mapping[Resource, Source] = {custom(row.kind): row for row in sources.SOURCES}
TARGETS: Mapping[Resource, Source] = {custom(row.target): row for row in sources.SOURCES}
CONFLICT_SECONDS = 1.0
"""After a conflict the newer state is on its way to the store, and brings the key back by itself; this is for the case
that it does not differ in what brings keys back."""


UNKNOWN_SECONDS = 30.0
"""How soon a target without a source is looked at again while the sources are not known: they are not listed yet, or their
kind is not served, which is looked for as often."""


@frozen
class _Seen:
    """A target at this UID and resource version needs nothing for the content of `digest`."""

    uid: str
    resource_version: str
    digest: bytes


@define
class _State:
    """What is remembered of a source that has had to be written for, or told of something.

    seen: the target that needed nothing when last looked at. told: what Events have said, by reason, as hashes.
    """

    seen: _Seen | None = None
    told: dict[str, int] = field(factory=dict)
    conflicts: ConflictState = field(factory=ConflictState)


@define(eq=False)
class ConversionReconciler:
    """Converts the objects of one kind of source."""

    source: Source
    stores: Stores
    client: Client
    settings: Settings
    recorder: Recorder
    metrics: Metrics
    jitter: Callable[[], float]
    states: dict[Key, _State] = field(init=False, factory=dict)

    @property
    def target(self) -> Resource:
        """Where the API server has the targets."""
        return custom(self.source.target)

    def reconcile(self, namespace: str, name: str) -> Result:
        """Make the target what the source is converted to; safe to call at any time."""
        key = (namespace, name)
        source: CustomObject[Any] | None = self.stores.get(custom(self.source.kind), namespace, name)
        if source is None:
            self.states.pop(key, None)
            self.metrics.forget((self.source.kind.singular, *key))
            return self._left_behind(namespace, name)
        made = convert(source, self.settings)
        if made.manifest is None:
            self._tell(key, source, "Warning", "InvalidSpec", f"not converted: {made.error}")
            return Result(kind="invalid spec", message=made.error)
        target: CustomObject[Any] | None = self.stores.get(self.target, namespace, name)
        digest = content_digest(made.manifest)
        if target is not None and self._needs_nothing(key, source, made, target, digest):
            return Result()
        if not self.stores.is_current(self.target):
            return Result(kind="waiting", message=f"{self.target.kind} is not served", after_seconds=WAITING_SECONDS)
        try:
            return self._written(key, source, made, target, digest)
        except ApiError as error:
            return self._failed(key, source, error)

    def _left_behind(self, namespace: str, name: str) -> Result:
        """Have a target that stays without its source say so, once: nothing else would tell where it came from."""
        target: CustomObject[Any] | None = self.stores.get(self.target, namespace, name)
        if target is None or not target.is_applied or not _is_left_behind(target.metadata):
            return Result(kind="gone")
        if not self.stores.is_current(custom(self.source.kind)):
            return Result(kind="waiting", message="sources are not known", after_seconds=UNKNOWN_SECONDS)
        own = target.metadata
        said = {"annotations": {SOURCE_GONE: self.source.kind.name}, "uid": own.uid}
        patch = {"metadata": {**said, "resourceVersion": own.resource_version}}
        try:
            self.client.merge_patch(self.target, namespace, name, patch)
        except (NotFound, Cancelled):
            return Result(kind="gone")
        except ApiError as error:
            if not isinstance(error, Conflict):
                logger.warning(
                    "%s %s/%s: cannot be told that its source is gone: %s", self.target.kind, namespace, name, error
                )
            return _result_of(error)
        return Result(kind="gone")

    def crashed(self, namespace: str, name: str) -> Result:
        """What a reconcile that ended in a bug comes to."""
        return Result(kind="crash", message="internal error, see the operator's log")

    def _needs_nothing(
        self, key: Key, source: CustomObject[Any], made: Converted, target: CustomObject[Any], digest: bytes
    ) -> bool:
        """Whether the target, as the store has it, is to be left as it is."""
        own = target.metadata
        if metadata.is_ignored(own.annotations):
            return True
        state = self.states.get(key)
        if state is not None and state.seen == _Seen(own.uid, own.resource_version, digest):
            return True
        assert made.manifest is not None
        return (
            target.is_applied
            and not target.is_deleted
            and FINALIZER not in own.finalizers
            and target.spec == made.spec
            and metadata.is_replaced(own.annotations.get(MERGE_STRATEGY))
            and metadata.is_merged(made.manifest["metadata"], own, source)
        )

    def _written(
        self,
        key: Key,
        source: CustomObject[Any],
        made: Converted,
        target: CustomObject[Any] | None,
        digest: bytes,
    ) -> Result:
        """How it went to make the target as converted, on a live read. Raises ApiError."""
        assert made.manifest is not None
        state = self.states.get(key) or _State()
        writers = self._writers(key, source, state)
        if (pause := writers.pause_seconds()) > 0:
            return Result(kind="conflict", message="somebody else keeps writing", after_seconds=pause)
        applier = Applier(self.client, jitter=self.jitter, resource_of=resource_of)
        try:
            written = self._created(applier, made.manifest) if target is None else None
            if written is None:
                written = self._changed(applier, made.manifest, source)
        except NotOwnedError as error:
            self._tell(key, source, "Warning", "NotConverted", str(error))
            if target is not None:  # until it changes, it is as it was
                self.states[key].seen = _Seen(target.metadata.uid, target.metadata.resource_version, digest)
            return Result(message=str(error))
        except WaitingError as error:
            return Result(kind="waiting", message=str(error), after_seconds=DELETION_SECONDS)
        if target is not None:  # one that was made tells by itself that it needs nothing
            state.seen = _Seen(written.metadata["uid"], written.metadata["resourceVersion"], digest)
            self.states[key] = state
        if written.action:
            what = describe(made.manifest)
            logger.info("%s %s/%s: %s: %s", self.source.kind.singular, *key, what, written.action)
            if target is not None:
                writers.count(child_of(made.manifest), what, digest, written.paths, written.rival)
            if made.lost:
                self._tell(key, source, "Normal", "PartlyConverted", f"{what} lacks {made.lost}")
        return Result()

    def _created(self, applier: Applier, made: Manifest) -> Written | None:
        """What came of making a target that the store has not; None if it is there all the same."""
        try:
            return applier.create(made)
        except (Conflict, AlreadyExists):
            return None

    def _changed(self, applier: Applier, made: Manifest, source: CustomObject[Any]) -> Written:
        """What came of changing a target. Raises NotOwnedError, WaitingError and ApiError."""
        try:
            live = self.client.get(self.target, source.namespace, source.name)
        except NotFound:
            return applier.create(made)
        if metadata.is_ignored(live["metadata"].get("annotations") or {}):
            return Written(metadata=live["metadata"])
        applier.policy = policy(source, live, self.settings)
        desired, operations = merged(made, live, source)
        refuse_foreign(desired, live, applier.policy)
        paths = tuple(operation["path"][1:].replace("/", ".") for operation in operations)
        if operations and not live["metadata"].get("deletionTimestamp"):
            version = live["metadata"]["resourceVersion"]
            operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": version})
            self.client.json_patch(self.target, source.namespace, source.name, operations)
        earlier = Migration(labels=held(live, "labels"), annotations=held(live, "annotations"), writers=PREDECESSORS)
        written = applier.ensure(desired, earlier)
        return evolve(written, action=written.action or "apply", paths=(*paths, *written.paths)) if paths else written

    def _failed(self, key: Key, source: CustomObject[Any], error: ApiError) -> Result:
        if isinstance(error, Cancelled):
            return Result(kind="cancelled")
        result = _result_of(error)
        if result.kind != "conflict":
            logger.warning("%s %s/%s: target not written: %s", self.source.kind.singular, *key, error)
            self._tell(key, source, "Warning", RULES[result.kind].event, f"target not written: {error}")
        return result

    def _writers(self, key: Key, source: CustomObject[Any], state: _State) -> ConflictingWriters:
        def event(type_: Type, reason: str, message: str) -> None:
            self._tell(key, source, type_, reason, message)

        return ConflictingWriters(state.conflicts, self.client.clock, event)

    def _tell(self, key: Key, source: CustomObject[Any], type_: Type, reason: str, message: str) -> None:
        """An Event on the source, once for each thing that there is to say."""
        told, said = self.states.setdefault(key, _State()).told, hash(message)
        if told.get(reason) != said:
            told[reason] = said
            self.recorder.record(source, type_, reason, message)


def _result_of(error: ApiError) -> Result:
    """What a write that failed comes to."""
    if isinstance(error, Conflict):
        return Result(kind="conflict", message=str(error), after_seconds=CONFLICT_SECONDS)
    kind: Kind = "denied" if isinstance(error, Forbidden | Invalid) else "transient"
    return Result(kind=kind, message=str(error), after_seconds=error.retry_after or 0.0)


def _is_left_behind(own: Metadata) -> bool:
    """Whether a target without its source stays, and does not say so yet."""
    is_told = SOURCE_GONE in own.annotations or metadata.is_ignored(own.annotations)
    return not is_told and not own.deletion_timestamp and not own.owner_references


def is_material(change: Change[CustomObject[Any]]) -> bool:
    """Whether a change of a source or of a target touches what a conversion reads or writes."""
    return change.old is None or change.new is None or _compared(change.old) != _compared(change.new)


def _compared(state: CustomObject[Any]) -> tuple[Any, ...]:
    """What a change must touch to matter: of a source its content, of a target all that we write."""
    own = state.metadata
    marks = (own.labels, own.annotations, own.owner_references, own.finalizers)
    spec = state.spec if isinstance(state.spec, bytes) else own.generation
    return own.uid, own.deletion_timestamp, state.is_applied, str(state.error), spec, *marks

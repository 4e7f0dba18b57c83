"""Which objects are an owner's: the one answer for what writes, what removes, what maps events and what `render` shows. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.kind import ConfigTarget, Owner, OwnerKey, OwnerKind
from vmagent_operator.desired import labels as builders
from vmagent_operator.desired.component import owner_reference
from vmagent_operator.desired.stages import ConfigSecret
from vmagent_operator.identity import (
    API_VERSION,
    APPLICATION_LABEL,
    FINALIZER,
    GROUP,
    INSTANCE_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OPERATOR,
    OVERFLOW_LABEL,
    PREDECESSORS,
)
from vmagent_operator.kube.fieldmanager import FieldManager
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write import ownership
from vmagent_operator.kube.write.managedfields import Migration, managed
from vmagent_operator.kube.write.ownership import Policy

FIELD_MANAGER = FieldManager(name=OPERATOR, upgrades_label=MANAGED_BY_LABEL, upgrades_finalizer=FINALIZER)
"""Who writes, and whom it succeeds: the Go operator."""

_POLICY = Policy(
    marks=(MANAGED_BY_LABEL, APPLICATION_LABEL, INSTANCE_LABEL),
    seal=OVERFLOW_LABEL,
    finalizer=FINALIZER,
    # Other programs are called so too, hence the traces. Ours is among them for a take-over that was cut short.
    managers=PREDECESSORS | {OPERATOR},
    traces=frozenset({"generated"}),
)


def policy(of: OwnerKind, owner: Owner) -> Policy:
    """How an object shows that it is one of `owner`'s, where we don't want a reference to that or there is none."""
    reference = {**owner_reference(owner), "namespace": owner.namespace}
    return evolve(_POLICY, whose=f"this {of.kind.name}'s", owner=reference)


def child_selector(owners: Sequence[OwnerKind]) -> str:
    """The labels of all objects of all owners."""
    names = ",".join(app.name for of in owners for app in of.apps)
    return f"{MANAGED_BY_LABEL}={MANAGED_BY},{APPLICATION_LABEL} in ({names})"


@frozen
class OwnerIndex:
    """Finds the owners of children among these kinds."""

    owners: Sequence[OwnerKind]

    def keys(self, child: Manifest | CustomObject[Any]) -> tuple[OwnerKey, ...]:
        """The owner that a child belongs to, UIDs aside; nothing if there is none.

        Children that cannot have an owner reference (roles of the cluster, or beside scrape objects elsewhere) tell by
        their labels and name; overflow Secrets by their label, whoever may have taken the reference away.
        """
        if isinstance(child, CustomObject):
            own = child.metadata
            return self._keys(own.namespace, own.name, own.labels, own.owner_references)
        metadata = child["metadata"]
        labels, references = metadata.get("labels") or {}, metadata.get("ownerReferences") or ()
        found = self._keys(metadata.get("namespace") or "", metadata["name"], labels, references)
        return found or (self._of_claim(metadata, labels) if child.get("kind") == "PersistentVolumeClaim" else ())

    def texts(self, child: Manifest | CustomObject[Any]) -> tuple[str, ...]:
        """The same as texts, as stores index them."""
        return tuple(map("/".join, self.keys(child)))

    def _of_claim(self, metadata: Manifest, labels: Mapping[str, str]) -> tuple[OwnerKey, ...]:
        """The owner of a claim that is to outlive it, and so does not refer to it; those of StatefulSets have other names."""
        name = labels.get(INSTANCE_LABEL, "")
        return tuple(
            (of.name, metadata["namespace"], name)
            for of in self.owners
            if is_labelled(labels, of, name) and metadata["name"] in {name, *(f"{app.prefix}{name}" for app in of.apps)}
        )

    def _keys(
        self, namespace: str, name: str, labels: Mapping[str, str], references: Sequence[Mapping[str, Any]]
    ) -> tuple[OwnerKey, ...]:
        for reference in references:
            for of in self.owners:
                if _is_reference(reference, of):
                    return ((of.name, namespace, str(reference.get("name"))),)
        if secret := labels.get(OVERFLOW_LABEL):
            found = {
                (of.name, namespace, name)
                for of in self.owners
                for name in (secret, secret.removeprefix(of.apps[0].prefix))
            }
            return tuple(found)
        pattern, instance = name.split(":", 2), labels.get(INSTANCE_LABEL, "")
        if len(pattern) == 3 and pattern[0] == "monitoring":
            return tuple((of.name, pattern[1], instance) for of in self.owners if is_labelled(labels, of, instance))
        return ()


def is_labelled(labels: Mapping[str, str], of: OwnerKind, name: str) -> bool:
    """Whether `labels` are those of a child of the owner called `name`."""
    return bool(name) and (
        labels.get(MANAGED_BY_LABEL) == MANAGED_BY and _has_app(of, labels) and labels.get(INSTANCE_LABEL) == name
    )


def is_removable(of: OwnerKind, metadata: Manifest, namespace: str, name: str) -> bool:
    """Whether an object may be removed: it carries the labels of that owner, and its reference if it can have one."""
    references = metadata.get("ownerReferences") or ()
    if not is_labelled(metadata.get("labels") or {}, of, name):
        return False
    if references:
        # Never what has another controller beside us, or instead of us.
        ours = [each for each in references if _is_reference(each, of) and each.get("name") == name]
        return bool(ours) and not any(each.get("controller") for each in references if each not in ours)
    prefixes = {f"{app.prefix}{name}" for app in of.apps} | {name}
    return metadata.get("namespace") != namespace and metadata["name"] in {
        f"monitoring:{namespace}:{each}" for each in prefixes
    }


def is_ours(of: OwnerKind, owner: Owner, live: Manifest) -> bool:
    """Whether `live`, an object of one of the owner's names, may be written to as the owner's own."""
    claim = {"metadata": {"labels": builders.instance(of.apps[0], owner.name)}}
    return not ownership.objection(claim, live, policy(of, owner))


def config_secret(of: OwnerKind, owner: Owner, live: Manifest | None) -> ConfigSecret:
    """What `live`, the object that has the name of the owner's configuration Secret, is to it.

    A user's Secret serves an owner that selects nothing. Its configuration becomes ours, and nothing else of it, when
    such an owner is given a selection; an owner that always had one does not touch it. Another owner's never serves.
    """
    target = of.config(owner)
    if live is None or target is None:
        return ConfigSecret()
    exists = target.key in (live.get("data") or {})
    references = live["metadata"].get("ownerReferences") or ()
    is_anothers = any(ownership.is_same_kind(each, owner_reference(owner)) for each in references)
    was_users = _was_users(of, owner)
    held = managed(live, FIELD_MANAGER)
    is_held = f"f:{target.key}" in (held.get("f:data") or {})
    is_only_held = is_held and "f:labels" not in (held.get("f:metadata") or {})
    # Labels alone prove nothing where it may be the user's: earlier versions of ours have put them on users' Secrets.
    is_proven = is_ours(of, owner, live) and not (target.is_unmanaged or was_users or is_only_held)
    if refers_to(owner, live) or is_anothers or is_proven:
        return ConfigSecret(exists=exists)
    is_shared = not target.is_unmanaged and (is_held or was_users)
    return ConfigSecret(exists=exists, is_foreign=True, is_shared=is_shared)


def refers_to(owner: Owner, live: Manifest) -> bool:
    """Whether `live` refers to this owner, the UID aside."""
    references = live["metadata"].get("ownerReferences") or ()
    return any(ownership.is_same_owner(each, owner_reference(owner)) for each in references)


def _was_users(of: OwnerKind, owner: Owner) -> bool:
    """Whether the spec that was last applied left the configuration to the user."""
    before = applied(of, owner)
    target: ConfigTarget | None = of.config(before) if before is not None and before.spec is not None else None
    return target is not None and target.is_unmanaged


def applied(of: OwnerKind, owner: Owner) -> Owner | None:
    """The owner with the spec that was last applied, None if that is not known."""
    spec = owner.status.get("lastAppliedSpec")
    if not isinstance(spec, dict):
        return None
    identity = {"name": owner.name, "namespace": owner.namespace}
    head = {"apiVersion": API_VERSION, "kind": of.kind.name, "metadata": identity}
    return kinds.read_as(of.kind, {**head, "spec": spec})


def migration(of: OwnerKind, owner: Owner) -> Migration:
    """Which labels and annotations an earlier operator may have put on children: those of the spec that it applied."""
    spec = _table(owner.status, "lastAppliedSpec")
    components = [each for part in spec.values() if isinstance(part, dict) for each in (part, _table(part, "spec"))]
    written = [_table(spec, "managedMetadata")]
    for part in (spec, *components):
        written += [_table(part, "podMetadata"), _table(_table(part, "serviceSpec"), "metadata")]
    target = of.config(owner) if owner.spec is not None else None
    return Migration(
        labels=frozenset(key for metadata in written for key in _table(metadata, "labels")),
        annotations=frozenset(key for metadata in written for key in _table(metadata, "annotations")),
        released=frozenset({target.key} if target is not None and target.is_unmanaged else ()),
    )


def _has_app(of: OwnerKind, labels: Mapping[str, str]) -> bool:
    return any(app.name == labels.get(APPLICATION_LABEL) for app in of.apps)


def _is_reference(reference: Mapping[str, Any], of: OwnerKind) -> bool:
    group = str(reference.get("apiVersion", "")).partition("/")[0]
    return group == GROUP and reference.get("kind") == of.kind.name


def _table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at `key`, empty if something else is there: nothing checks what a status says, and people edit it."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}

"""Which objects are a VMAgent's: the one answer for what writes, what removes and what `render` shows. Pure."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired import labels
from vmagent_operator.desired.component import owner_reference
from vmagent_operator.desired.vmagent.desired import Inputs
from vmagent_operator.desired.vmagent.features import VMAGENT, is_unmanaged
from vmagent_operator.identity import (
    API_VERSION,
    APPLICATION_LABEL,
    FINALIZER,
    INSTANCE_LABEL,
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

POLICY = Policy(
    marks=(MANAGED_BY_LABEL, APPLICATION_LABEL, INSTANCE_LABEL),
    seal=OVERFLOW_LABEL,
    finalizer=FINALIZER,
    # Other programs are called so too, hence the traces. Ours is among them for a take-over that was cut short.
    managers=PREDECESSORS | {OPERATOR},
    traces=frozenset({"generated"}),
    whose="this VMAgent's",
)


def claim(agent: CustomObject[Any], namespace: str) -> Manifest:
    """The metadata by which an object in `namespace` ("" for the cluster's own) is known as the agent's."""
    metadata: Manifest = {"labels": labels.instance(VMAGENT, agent.name)}
    if namespace == agent.namespace:
        metadata["ownerReferences"] = [owner_reference(agent)]
    return {"metadata": metadata}


def is_ours(agent: CustomObject[Any], live: Manifest) -> bool:
    """Whether `live`, an object of one of the agent's names, may be written to as the agent's own."""
    return not ownership.objection(claim(agent, live["metadata"].get("namespace") or ""), live, POLICY)


@frozen(kw_only=True)
class ConfigSecret:
    """What the configuration Secret is to its agent; see the fields of the same names of `Inputs`."""

    unmanaged_config_exists: bool = False
    is_config_foreign: bool = False
    is_config_shared: bool = False

    def given_to(self, inputs: Inputs) -> Inputs:
        """`inputs` with all of it."""
        return evolve(
            inputs,
            unmanaged_config_exists=self.unmanaged_config_exists,
            is_config_foreign=self.is_config_foreign,
            is_config_shared=self.is_config_shared,
        )


def config_secret(agent: CustomObject[Any], live: Manifest | None) -> ConfigSecret:
    """What `live`, the object that has the name of the agent's configuration Secret, is to it.

    A user's Secret serves an agent that selects nothing. Its configuration becomes ours, and nothing else of it, when
    such an agent is given a selection; an agent that always had one does not touch it. Another VMAgent's never serves.
    """
    if live is None:
        return ConfigSecret()
    exists = VMAGENT.config_key in (live.get("data") or {})
    references = live["metadata"].get("ownerReferences") or ()
    is_anothers = any(ownership.is_same_kind(each, owner_reference(agent)) for each in references)
    if is_ours(agent, live) or is_anothers:
        return ConfigSecret(unmanaged_config_exists=exists)
    is_held = f"f:{VMAGENT.config_key}" in (managed(live, FIELD_MANAGER).get("f:data") or {})
    is_shared = not is_unmanaged(agent) and (is_held or _was_users(agent))
    return ConfigSecret(unmanaged_config_exists=exists, is_config_foreign=True, is_config_shared=is_shared)


def _was_users(agent: CustomObject[Any]) -> bool:
    """Whether the spec that was last applied left the configuration to the user."""
    applied = agent.status.get("lastAppliedSpec")
    if not isinstance(applied, dict):
        return False
    identity = {"name": agent.name, "namespace": agent.namespace}
    head = {"apiVersion": API_VERSION, "kind": kinds.VMAGENT.name, "metadata": identity}
    before = kinds.read({**head, "spec": applied})
    return before.spec is not None and is_unmanaged(before)


def previous(agent: CustomObject[Any]) -> Migration:
    """Which labels and annotations an earlier operator may have put on children: those of the spec that it applied."""
    spec = _table(agent.status, "lastAppliedSpec")
    service = _table(spec, "serviceSpec")
    given = [_table(spec, "managedMetadata"), _table(spec, "podMetadata"), _table(service, "metadata")]
    released = {VMAGENT.config_key} if agent.spec is not None and is_unmanaged(agent) else ()
    return Migration(
        labels=frozenset(key for metadata in given for key in _table(metadata, "labels")),
        annotations=frozenset(key for metadata in given for key in _table(metadata, "annotations")),
        released=frozenset(released),
    )


def _table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at `key`, empty if something else is there: nothing checks what a status says, and people edit it."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}

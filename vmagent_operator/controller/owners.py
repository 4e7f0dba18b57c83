"""Which objects are a VMAgent's: the one answer for what writes, what removes and what `render` shows. Pure."""

from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired import labels
from vmagent_operator.desired.around.configsecret import CONFIG_KEY, OVERFLOW_LABEL, is_users
from vmagent_operator.desired.vmagent.desired import Inputs
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write import ownership
from vmagent_operator.kube.write.managedfields import LEGACY_FINALIZER, MANAGER, managed
from vmagent_operator.kube.write.ownership import Policy

POLICY = Policy(
    marks=("managed-by", "app.kubernetes.io/name", "app.kubernetes.io/instance"),
    seal=OVERFLOW_LABEL,
    finalizer=LEGACY_FINALIZER,
    # Names that the Go operator's executable has had, by which the API server calls a client that gives itself no name.
    # Other programs are called so too, hence the traces. Ours is among them for a take-over that was cut short.
    managers=frozenset({"app", "manager", "operator", "vm-operator", MANAGER}),
    traces=frozenset({"generated"}),
    whose="this VMAgent's",
)


def claim(agent: CustomObject[Any], namespace: str) -> Manifest:
    """The metadata by which an object in `namespace` ("" for the cluster's own) is known as the agent's."""
    metadata: Manifest = {"labels": labels.selector(agent)}
    if namespace == agent.namespace:
        metadata["ownerReferences"] = [labels.owner_reference(agent)]
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
    exists = CONFIG_KEY in (live.get("data") or {})
    references = live["metadata"].get("ownerReferences") or ()
    is_anothers = any(ownership.is_same_kind(each, labels.owner_reference(agent)) for each in references)
    if is_ours(agent, live) or is_anothers:
        return ConfigSecret(unmanaged_config_exists=exists)
    is_held = f"f:{CONFIG_KEY}" in (managed(live).get("f:data") or {})
    is_shared = not is_users(agent) and (is_held or _was_users(agent))
    return ConfigSecret(unmanaged_config_exists=exists, is_config_foreign=True, is_config_shared=is_shared)


def _was_users(agent: CustomObject[Any]) -> bool:
    """Whether the spec that was last applied left the configuration to the user."""
    applied = agent.status.get("lastAppliedSpec")
    if not isinstance(applied, dict):
        return False
    identity = {"name": agent.name, "namespace": agent.namespace}
    head = {"apiVersion": kinds.API_VERSION, "kind": kinds.VMAGENT.name, "metadata": identity}
    before = kinds.read({**head, "spec": applied})
    return before.spec is not None and is_users(before)

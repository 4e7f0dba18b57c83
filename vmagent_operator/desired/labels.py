"""Labels, annotations and owner references of the objects that belong to a VMAgent.

Labels and annotations of the VMAgent's own metadata never propagate; `managedMetadata` and the operator's settings do.
"""

from collections.abc import Mapping

from vmagent_operator.api.kinds import API_VERSION
from vmagent_operator.desired.names import SHARD_PLACEHOLDER
from vmagent_operator.desired.vmagent.features import VMAgent, shards, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

SHARD_LABEL = "shard-num"


def selector(agent: VMAgent) -> dict[str, str]:
    """The four labels that select the agent's pods, of all shards; they win over any other."""
    return {
        "app.kubernetes.io/component": "monitoring",
        "app.kubernetes.io/instance": agent.name,
        "app.kubernetes.io/name": "vmagent",
        "managed-by": "vm-operator",
    }


def shard_selector(agent: VMAgent) -> dict[str, str]:
    """`selector`, and the shard's number (as placeholder) if the agent is sharded."""
    return selector(agent) | ({SHARD_LABEL: SHARD_PLACEHOLDER} if shards(agent) else {})


def final(agent: VMAgent, settings: Settings) -> dict[str, str]:
    """Labels of every child: the operator's common ones, over them the managed ones, over them the selector's."""
    managed = spec(agent).managed_metadata
    return {**settings.common_labels, **(managed.labels if managed else {}), **selector(agent)}


def annotations(agent: VMAgent, settings: Settings) -> dict[str, str]:
    """Annotations of every child but Secrets: the operator's common ones, over them the managed ones."""
    managed = spec(agent).managed_metadata
    return {**settings.common_annotations, **(managed.annotations if managed else {})}


def owner_reference(agent: VMAgent) -> Manifest:
    """The reference that lets the garbage collector remove a child with its agent."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VMAgent",
        "name": agent.name,
        "uid": agent.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def meta(agent: VMAgent, settings: Settings, name: str, *, namespace: str | None = None) -> Manifest:
    """Metadata of a child called `name`.

    namespace: where it stands, by default with the agent; "" for an object of the cluster. An owner reference cannot
    reach across namespaces, so only children beside their agent have one.
    """
    namespace = agent.namespace if namespace is None else namespace
    metadata: Manifest = {"name": name, "labels": final(agent, settings)}
    if namespace:
        metadata["namespace"] = namespace
    if given := annotations(agent, settings):
        metadata["annotations"] = given
    if namespace == agent.namespace:
        metadata["ownerReferences"] = [owner_reference(agent)]
    return metadata


def pod(agent: VMAgent, settings: Settings) -> Manifest:
    """Metadata of the pod template; `managedMetadata` does not reach pods, so that editing it restarts none."""
    given = spec(agent).apps.pod_metadata
    own: Mapping[str, str] = given.labels if given else {}
    metadata: Manifest = {"labels": {**settings.common_labels, **own, **shard_selector(agent)}}
    if notes := {**settings.common_annotations, **(given.annotations if given else {})}:
        metadata["annotations"] = notes
    return metadata

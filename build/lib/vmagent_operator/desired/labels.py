"""Labels, annotations and owner references of the objects that belong to a component.

Labels and annotations of the owner's own metadata never propagate; `managedMetadata` and the operator's settings do.
"""

from collections.abc import Mapping

from vmagent_operator.desired.component import Application, Component
from vmagent_operator.desired.names import SHARD_PLACEHOLDER
from vmagent_operator.identity import (
    APPLICATION_LABEL,
    COMPONENT_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PART_OF_LABEL,
    SHARD_LABEL,
)
from vmagent_operator.model.decode import Manifest


def selector(component: Component) -> dict[str, str]:
    """The four labels that select the pods of all shards; they win over any other."""
    return instance(component.app, component.owner.name)


def instance(app: Application, name: str) -> dict[str, str]:
    """The labels of an application that runs for the owner called `name`."""
    return {
        COMPONENT_LABEL: "monitoring",
        INSTANCE_LABEL: name,
        APPLICATION_LABEL: app.name,
        MANAGED_BY_LABEL: MANAGED_BY,
    }


def shard_selector(component: Component) -> dict[str, str]:
    """`selector`, and the shard's number (as placeholder) if the component is sharded."""
    return selector(component) | ({SHARD_LABEL: SHARD_PLACEHOLDER} if component.shards else {})


def owned(component: Component) -> dict[str, str]:
    """The managed labels, over them the selector's and that of the whole which the application is a part of."""
    whole = {PART_OF_LABEL: component.app.part_of} if component.app.part_of else {}
    return {**component.managed.labels, **selector(component), **whole}


def final(component: Component) -> dict[str, str]:
    """Labels of every child: those of `owned` over the operator's common ones."""
    return {**component.settings.common_labels, **owned(component)}


def annotations(component: Component) -> dict[str, str]:
    """Annotations of every child but Secrets: the operator's common ones, over them the managed ones."""
    return {**component.settings.common_annotations, **component.managed.annotations}


def meta(component: Component, name: str, *, namespace: str | None = None) -> Manifest:
    """Metadata of a child called `name`.

    namespace: where it stands, by default with the owner; "" for an object of the cluster. An owner reference cannot
    reach across namespaces, so only children beside their owner have one.
    """
    namespace = component.namespace if namespace is None else namespace
    metadata: Manifest = {"name": name, "labels": final(component)}
    if namespace:
        metadata["namespace"] = namespace
    if given := annotations(component):
        metadata["annotations"] = given
    if namespace == component.namespace:
        metadata["ownerReferences"] = [component.owner_reference]
    return metadata


def pod(component: Component) -> Manifest:
    """Metadata of the pod template; `managedMetadata` does not reach pods, so that editing it restarts none."""
    given, settings = component.params.pod_metadata, component.settings
    own: Mapping[str, str] = given.labels if given else {}
    metadata: Manifest = {"labels": {**settings.common_labels, **own, **shard_selector(component)}}
    if notes := {**settings.common_annotations, **(given.annotations if given else {})}:
        metadata["annotations"] = notes
    return metadata

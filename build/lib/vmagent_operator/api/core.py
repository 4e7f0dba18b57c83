"""Small Kubernetes structures that we read ourselves: selectors, references to keys, embedded metadata.

What we only forward is in `kubernetes.py`.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from attrs import field, frozen

from vmagent_operator.model.encode import Secrets
from vmagent_operator.model.fields import Field, Keywords

ATOMIC = {"x-kubernetes-map-type": "atomic"}
ATOMIC_LIST = {"x-kubernetes-list-type": "atomic"}
INT32 = {"format": "int32"}
INT64 = {"format": "int64"}
NULLABLE = {"nullable": True}

StringOrList = str | tuple[str, ...]
"""A text or several; always a tuple once decoded, so that `[]` is told from `""`."""


def listed_by(key: str) -> Keywords:
    """The schema keywords of a list whose items are merged by `key`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


@frozen(kw_only=True)
class SecretKeySelector:
    """A key of a Secret in the namespace of whoever refers to it; in a configuration, the text found there."""

    SCHEMA: ClassVar[Keywords] = ATOMIC

    name: Annotated[str, Field("Name of the Secret.", schema={"default": ""})] = ""
    key: Annotated[str, Field("Key inside the Secret.")]
    optional: Annotated[bool | None, Field("Without effect.")] = None

    def to_config(self, secrets: Secrets) -> str:
        """The text that the key holds."""
        return secrets.value(self)


@frozen(kw_only=True)
class ConfigMapKeySelector:
    """A key of a ConfigMap in the namespace of whoever refers to it; in a configuration, the text found there."""

    SCHEMA: ClassVar[Keywords] = ATOMIC

    name: Annotated[str, Field("Name of the ConfigMap.", schema={"default": ""})] = ""
    key: Annotated[str, Field("Key inside the ConfigMap.")]
    optional: Annotated[bool | None, Field("Without effect.")] = None

    def to_config(self, secrets: Secrets) -> str:
        """The text that the key holds."""
        return secrets.value(self)


@frozen(kw_only=True)
class LabelSelectorRequirement:
    """One condition on a label.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
    """

    key: Annotated[str, Field("Label that the condition is about.")]
    operator: Annotated[str, Field("In, NotIn, Exists or DoesNotExist.")]
    values: Annotated[tuple[str, ...], Field("Values for In and NotIn; empty otherwise.", schema=ATOMIC_LIST)] = ()


@frozen(kw_only=True)
class LabelSelector:
    """Conditions on labels, all of which must hold; an empty selector matches everything."""

    SCHEMA: ClassVar[Keywords] = ATOMIC

    match_labels: Annotated[Mapping[str, str], Field("Labels with exactly these values.")] = field(factory=dict)
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...], Field("Further conditions.", schema=ATOMIC_LIST)
    ] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no condition at all."""
        return not self.match_labels and not self.match_expressions


@frozen(kw_only=True)
class NamespaceSelector:
    """The namespaces in which a scrape object looks for targets; its own one unless told otherwise."""

    any: Annotated[bool, Field("Look into every namespace.")] = False
    match_names: Annotated[tuple[str, ...], Field("Look into these namespaces.")] = ()


@frozen(kw_only=True)
class EmbeddedMetadata:
    """Name, labels and annotations for an object or a pod that is created."""

    name: Annotated[str, Field("Name, where one can be chosen.")] = ""
    labels: Annotated[Mapping[str, str], Field("Labels to add.")] = field(factory=dict)
    annotations: Annotated[Mapping[str, str], Field("Annotations to add.")] = field(factory=dict)

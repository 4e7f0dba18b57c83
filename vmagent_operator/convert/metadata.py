"""Names, labels, annotations and owner references of converted objects, and how they go together with those of a live one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen

from vmagent_operator.api.objects import CustomObject, Metadata
from vmagent_operator.convert.table import Loss
from vmagent_operator.identity import GROUP, IGNORE_PROMETHEUS, NOT_CONVERTED, SOURCE_GONE
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""What kubectl has applied to the source is not what it would have applied to the target."""
ARGO_CD = {
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false",
}
OURS = (NOT_CONVERTED, SOURCE_GONE)
"""Annotations that say what is no longer true once the operator does not."""
NAMED = 20
"""Losses that an annotation names."""

KEEP, UNION, UNION_OURS = "prefer-victoriametrics", "merge-victoriametrics-priority", "merge-prometheus-priority"
"""Strategies by which labels and annotations of a target are merged; any other, and none, has the source's replace all."""


def converted(source: CustomObject[Any], losses: Sequence[Loss], settings: Settings) -> Manifest:
    """The metadata of what a source is converted to: its own, as far as no prefix keeps it out, and what got lost."""
    labels = _copied(source.metadata.labels, settings.converter_label_prefixes)
    annotations = _copied(source.metadata.annotations, settings.converter_annotation_prefixes)
    annotations.pop(LAST_APPLIED, None)
    if settings.converter_ignored_by_argocd:
        annotations |= ARGO_CD
    if lost := [loss.path for loss in losses if not loss.is_rule]:
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        annotations[NOT_CONVERTED] = ", ".join(lost[:NAMED]) + more
    metadata: Manifest = {"name": source.name, "namespace": source.namespace}
    metadata |= {key: value for key, value in (("labels", labels), ("annotations", annotations)) if value}
    if settings.converter_owner_references:
        metadata["ownerReferences"] = [owner_reference(source)]
    return metadata


def owner_reference(source: CustomObject[Any]) -> Manifest:
    """The reference by which a target goes with its source."""
    return {
        "apiVersion": source.kind.api_version,
        "kind": source.kind.name,
        "name": source.name,
        "uid": source.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_ignored(annotations: Mapping[str, Any]) -> bool:
    """Whether a target with these annotations is not to be touched."""
    return annotations.get(IGNORE_PROMETHEUS) == "enabled"


@frozen
class Merged:
    """What a target gets to say, and which keys that it has are to go although they are not ours."""

    desired: Mapping[str, str]
    removed: tuple[str, ...] = ()


def merged(converted: Mapping[str, str], live: Mapping[str, str], own: Collection[str], strategy: object) -> Merged:
    """Labels or annotations of a target by the strategy that its annotation names.

    own: the keys of `live` that we have put there: such a one goes with the source's, whatever the strategy, where it is not
    in `desired`. What the operator's own annotations say is about the target, so they stay.
    """
    if strategy == KEEP:
        return Merged({key: value for key, value in live.items() if key in own})
    if strategy == UNION_OURS:
        return Merged(converted)
    if strategy == UNION:
        return Merged({key: live.get(key, value) for key, value in converted.items() if key in own or key not in live})
    return Merged(converted, tuple(key for key in live if key not in converted and not _is_own(key)))


def is_replaced(strategy: object) -> bool:
    """Whether what the source says replaces all that a target has."""
    return strategy not in (KEEP, UNION, UNION_OURS)


def is_merged(desired: Manifest, live: Metadata, source: CustomObject[Any]) -> bool:
    """Whether the metadata of a target, which the source's replaces, is as `desired`."""
    wanted = desired.get("annotations") or {}
    has_kept = all(
        live.annotations.get(key) == wanted.get(key)
        for key in {*wanted, *live.annotations, *OURS}
        if key in wanted or key in OURS or not _is_own(key)
    )
    about = [each for each in live.owner_references if is_about(each, source)]
    uids = [each.get("uid") for each in about]
    is_referred = uids == [source.metadata.uid] if desired.get("ownerReferences") or uids else True
    return has_kept and is_referred and dict(live.labels) == (desired.get("labels") or {})


def is_about(reference: Mapping[str, Any], source: CustomObject[Any]) -> bool:
    """Whether an owner reference names the source, whatever its version and UID."""
    group = str(reference.get("apiVersion", "")).partition("/")[0]
    return (group, reference.get("kind"), reference.get("name")) == (
        source.kind.api_version.partition("/")[0],
        source.kind.name,
        source.name,
    )


def _copied(pairs: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in pairs.items() if not key.startswith(prefixes)}


def _is_own(key: str) -> bool:
    return key.startswith(f"{GROUP}/")

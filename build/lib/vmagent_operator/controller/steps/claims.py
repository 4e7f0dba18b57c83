"""Claims that already exist: metadata, and growth where the storage class allows it.

Kubernetes never changes those of StatefulSets after their template. What cannot grow is reported and left alone; nothing waits for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator import quantity
from vmagent_operator.identity import ALLOW_EXPANSION
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Forbidden, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.ownership import Policy, is_same_owner, objection

LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@frozen(kw_only=True)
class Claims:
    """What was found: is `complete` once every claim exists and has its size; `notes` name what cannot grow."""

    complete: bool
    waiting: str = ""
    notes: tuple[str, ...] = ()


def resizing(claim: Manifest, size: Any = None) -> str:
    """What is waited for until the volume of `claim` is as large as it asks for, or as `size`; "" for nothing."""
    wanted = quantity.parse(_requested(claim)) if size is None else size
    status = claim.get("status") or {}
    capacity = quantity.parse(status.get("capacity", {}).get("storage"))
    conditions = status.get("conditions") or ()
    is_resizing = any(found.get("type") == "Resizing" and found.get("status") == "True" for found in conditions)
    is_small = capacity is not None and wanted is not None and capacity < wanted
    return f"claim {claim['metadata']['name']} is being resized" if is_resizing or is_small else ""


@frozen
class VolumeExpander:
    """Brings claims in line with the templates of their StatefulSet. Methods raise ApiError."""

    client: Client
    reads_classes: bool
    before_write: Callable[[], None]

    def ensure(self, workload: Manifest) -> Claims:
        """Every claim of `workload`, one step further."""
        metadata, spec = workload["metadata"], workload["spec"]
        selector = ",".join(f"{key}={value}" for key, value in spec["selector"]["matchLabels"].items())
        listed = self.client.list(resource.PERSISTENTVOLUMECLAIMS, metadata["namespace"], selector=selector).items
        templates = {each["metadata"]["name"]: each for each in spec.get("volumeClaimTemplates") or ()}
        waiting, notes, found = list[str](), list[str](), 0
        for claim in listed:
            template = templates.get(_template(claim, metadata["name"], spec.get("replicas", 1)))
            if template is None or _is_anothers(claim):
                continue
            found += 1
            if claim["metadata"].get("deletionTimestamp"):
                continue
            self._label(claim, template)
            waits, note = self._grow(claim, template)
            waiting += waits
            notes += note
        missing = found < len(templates) * spec.get("replicas", 1)
        return Claims(complete=not missing and not waiting, waiting="; ".join(waiting), notes=tuple(notes))

    def _label(self, claim: Manifest, template: Manifest) -> None:
        """The template's labels and annotations, applied as ours so that they can be removed later."""
        given = {key: template["metadata"][key] for key in ("labels", "annotations") if template["metadata"].get(key)}
        identity = {key: claim["metadata"][key] for key in ("name", "namespace")}
        desired: Manifest = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {**identity, **given}}
        if diff.differences(desired, claim, self.client.manager):
            self.before_write()
            version = {key: claim["metadata"][key] for key in ("uid", "resourceVersion")}
            desired["metadata"] |= version
            answer = self.client.apply(resource.PERSISTENTVOLUMECLAIMS, desired)
            claim["metadata"] = {**claim["metadata"], **answer["metadata"]}

    def _grow(self, claim: Manifest, template: Manifest) -> tuple[list[str], list[str]]:
        """What is waited for, and what cannot be done."""
        name = claim["metadata"]["name"]
        wanted, asked = _requested(template), _requested(claim)
        size, present = quantity.parse(wanted), quantity.parse(asked)
        if size is None or present is None or size < present:
            return [], []
        if size > present:
            if refusal := self.refusal(claim):
                return [], [f"claim {name} cannot grow to {wanted}: {refusal}"]
            self.before_write()
            patch = {
                "metadata": {key: claim["metadata"][key] for key in ("uid", "resourceVersion")},
                "spec": {"resources": {"requests": {"storage": wanted}}},
            }
            self.client.merge_patch(resource.PERSISTENTVOLUMECLAIMS, claim["metadata"]["namespace"], name, patch)
            return [f"claim {name} is being resized"], []
        waiting = resizing(claim, size)
        return ([waiting] if waiting else []), []

    def refusal(self, claim: Manifest) -> str:
        """Why the claim may not grow; empty if it may."""
        annotations: Mapping[str, str] = claim["metadata"].get("annotations") or {}
        allowed = annotations.get(ALLOW_EXPANSION)
        if allowed is not None:
            if allowed == "true":
                return ""
            return f"annotation {ALLOW_EXPANSION} says {allowed!r}"
        if not self.reads_classes:
            return "storage classes are not read in namespaced mode"
        name = annotations.get(LEGACY_CLASS) or claim["spec"].get("storageClassName")
        found = self._storage_class(name)
        if found is None:
            return f"storage class {name or '(default)'} cannot be read"
        return (
            "" if found.get("allowVolumeExpansion") else f"storage class {found['metadata']['name']} does not allow it"
        )

    def _storage_class(self, name: str | None) -> Manifest | None:
        try:
            if name:
                return self.client.get(resource.STORAGECLASSES, None, name)
            listed = self.client.list(resource.STORAGECLASSES).items
        except (Forbidden, NotFound):
            return None
        return next((found for found in listed if _is_default(found["metadata"])), None)


@frozen
class OwnClaims:
    """Claims that an owner has by itself: before one is written, what else is to be done about it. Methods raise ApiError.

    policy: what tells that it is the owner's. note: hears what a person should know.
    """

    expander: VolumeExpander
    policy: Policy
    note: Callable[[str], None]

    def prepared(self, desired: Manifest, known: Manifest | None) -> Manifest | None:
        """The claim as it can be; None if it is to be left alone. `known`: as the stores have it."""
        live = self._live(desired) if known is None else known
        if live is None or objection(desired, live, self.policy):
            return desired
        metadata = live["metadata"]
        if metadata.get("deletionTimestamp"):
            self.note(
                f"claim {metadata['name']} is being deleted, with its data; save the volume, or make another claim"
            )
            return None
        wanted, present = _requested(desired), _requested(live)
        size, least = quantity.parse(wanted), quantity.parse(present)
        if size is None or least is None or size == least:
            return desired
        if size < least:
            refusal = "a volume never becomes smaller"
        else:
            phase = (live.get("status") or {}).get("phase", "Bound")
            refusal = self.expander.refusal(live) if phase == "Bound" else "it is not bound yet"
        if not refusal:
            return desired
        self.note(f"claim {metadata['name']} stays at {present} instead of {wanted}: {refusal}")
        return _sized(desired, present)

    def release(self, metadata: Manifest) -> None:
        """Take the reference to its owner off the claim with this metadata, which is to stay without it."""
        owner = self.policy.owner
        references = metadata.get("ownerReferences") or []
        kept = [each for each in references if owner is None or not is_same_owner(each, owner)]
        if len(kept) == len(references):
            return
        self.expander.before_write()
        operations: list[Manifest] = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "test", "path": "/metadata/ownerReferences", "value": references},
            {"op": "replace", "path": "/metadata/ownerReferences", "value": kept},
        ]
        namespace, name = metadata["namespace"], metadata["name"]
        self.expander.client.json_patch(resource.PERSISTENTVOLUMECLAIMS, namespace, name, operations)

    def _live(self, desired: Manifest) -> Manifest | None:
        metadata = desired["metadata"]
        try:
            return self.expander.client.get(resource.PERSISTENTVOLUMECLAIMS, metadata["namespace"], metadata["name"])
        except NotFound:
            return None


def _sized(claim: Manifest, size: Any) -> Manifest:
    resources = claim["spec"]["resources"]
    changed = {**resources, "requests": {**resources["requests"], "storage": size}}
    return {**claim, "spec": {**claim["spec"], "resources": changed}}


def _template(claim: Manifest, workload: str, replicas: int) -> str:
    """The name of the template that a claim was made from for one of the replicas of `workload`; empty if it was not.

    Claims are looked at, not numbers: there are as many as a cluster has, and an owner can ask for any number.
    """
    rest, _, ordinal = claim["metadata"]["name"].rpartition("-")
    is_ours = ordinal.isdecimal() and len(ordinal) < 10 and str(int(ordinal)) == ordinal and int(ordinal) < replicas
    return rest.removesuffix(f"-{workload}") if is_ours and rest.endswith(f"-{workload}") else ""


def _is_anothers(claim: Manifest) -> bool:
    """Whether something other than a StatefulSet or its pods has made the claim, and looks after it."""
    references = claim["metadata"].get("ownerReferences") or ()
    return any(
        reference.get("controller") and reference.get("kind") not in ("StatefulSet", "Pod") for reference in references
    )


def _is_default(metadata: Mapping[str, Any]) -> bool:
    return (metadata.get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _requested(claim: Manifest) -> Any:
    return ((claim.get("spec") or {}).get("resources") or {}).get("requests", {}).get("storage")

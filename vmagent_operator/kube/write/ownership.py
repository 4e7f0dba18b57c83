"""Whose object is it? What may be taken into our hands, and what somebody else made and keeps. Pure.

Everything that writes, removes or previews asks `objection`; who "we" are is said by the desired object and a `Policy`.
"""

from collections.abc import Mapping

from attrs import frozen

from vmagent_operator.kube.resource import Json, Manifest


@frozen(kw_only=True)
class Policy:
    """How an object without a reference to our owner shows that it is ours all the same.

    marks: labels that prove it where all of them have the desired values; where the first has, another one that differs
    proves the contrary. seal: a label that proves it alone. finalizer, managers, traces: what an earlier operator left:
    a finalizer, or a field manager's entry that holds the first mark or one of the annotations `traces`. writers: field
    managers whose hold on the spec proves it. uid: of an object that has been looked at and found to be ours. owner: a reference to our owner, with its namespace, for objects that are not
    to refer to it. whose: what messages call ours.
    """

    marks: tuple[str, ...] = ()
    seal: str = ""
    finalizer: str = ""
    managers: frozenset[str] = frozenset()
    traces: frozenset[str] = frozenset()
    writers: frozenset[str] = frozenset()
    uid: str = ""
    owner: Mapping[str, Json] | None = None
    whose: str = "ours"


REFERENCES_ONLY = Policy()


def objection(desired: Manifest, live: Manifest, policy: Policy = REFERENCES_ONLY) -> str:
    """Why `live` must be left alone, as the end of a sentence about it that also says what to do; "" if it is ours.

    Ours is what refers to the owner that `desired` refers to (the UID aside: an owner restored from a backup has another
    one), and what its labels or its writer show to be ours; but never what has another controller, or another owner of
    our owner's kind.
    """
    metadata, ours = live["metadata"], _owner(desired)
    if ours is None and policy.owner is not None and policy.owner["namespace"] == metadata.get("namespace"):
        ours = policy.owner
    references = metadata.get("ownerReferences") or ()
    for reference in references:
        same_kind = ours is not None and is_same_kind(reference, ours)
        if (reference.get("controller") or same_kind) and not (ours and is_same_owner(reference, ours)):
            return f"belongs to {reference.get('kind')} {reference.get('name')}"
    if ours and any(is_same_owner(reference, ours) for reference in references):
        return ""
    return "" if not is_claim(desired) or _is_proven(desired, metadata, policy) else _remedy(desired, policy)


def is_claim(desired: Manifest) -> bool:
    """Whether the object is to be ours; without owner, labels and spec, `desired` only adds to somebody else's object."""
    metadata = desired["metadata"]
    return bool(metadata.get("ownerReferences") or metadata.get("labels") or "spec" in desired)


def holds_spec(entry: Manifest) -> bool:
    """Whether an entry of `managedFields` is about the spec: its manager has made the object what it is."""
    return not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})


def is_same_kind(left: Mapping[str, Json], right: Mapping[str, Json]) -> bool:
    """Whether two owner references name the same kind, of whatever version."""
    groups = [str(reference.get("apiVersion", "")).rpartition("/")[0] for reference in (left, right)]
    return groups[0] == groups[1] and left.get("kind") == right.get("kind")


def is_same_owner(left: Mapping[str, Json], right: Mapping[str, Json]) -> bool:
    """Whether two owner references name the same object, the UID aside."""
    return is_same_kind(left, right) and left.get("name") == right.get("name")


def describe(manifest: Manifest) -> str:
    """`Kind namespace/name`, as messages name an object."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    return (
        f"{manifest['kind']} {namespace}/{metadata['name']}" if namespace else f"{manifest['kind']} {metadata['name']}"
    )


def adds_nothing(desired: Manifest) -> bool:
    """Whether `desired` neither makes an object ours nor adds data to somebody else's: there is nothing to write."""
    return not is_claim(desired) and not desired.get("data")


def _owner(desired: Manifest) -> Mapping[str, Json] | None:
    return next(iter(desired["metadata"].get("ownerReferences") or ()), None)


def _marks(desired: Manifest, policy: Policy) -> dict[str, str]:
    labels = desired["metadata"].get("labels") or {}
    return {key: labels[key] for key in policy.marks if key in labels}


def _is_proven(desired: Manifest, metadata: Manifest, policy: Policy) -> bool:
    labels, marks = metadata.get("labels") or {}, _marks(desired, policy)
    has_mark = bool(marks) and labels.get(policy.marks[0]) == marks.get(policy.marks[0])
    if has_mark and any(labels.get(key, value) != value for key, value in marks.items()):
        return False  # made by our like for another owner
    seal = (desired["metadata"].get("labels") or {}).get(policy.seal)
    return (
        (has_mark and all(key in labels for key in marks))
        or (seal is not None and labels.get(policy.seal) == seal)
        or policy.finalizer in (metadata.get("finalizers") or ())
        or (policy.uid != "" and metadata.get("uid") == policy.uid)
        or any(_is_trace(entry, policy, has_mark) for entry in metadata.get("managedFields") or ())
        or any(
            entry.get("manager") in policy.writers and holds_spec(entry)
            for entry in metadata.get("managedFields") or ()
        )
    )


def _is_trace(entry: Manifest, policy: Policy, has_mark: bool) -> bool:
    if entry.get("manager") not in policy.managers:
        return False
    owned: Mapping[str, Json] = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    labels, annotations = owned.get("f:labels") or {}, owned.get("f:annotations") or {}
    return (has_mark and f"f:{policy.marks[0]}" in labels) or any(f"f:{key}" in annotations for key in policy.traces)


def _remedy(desired: Manifest, policy: Policy) -> str:
    text = f"exists and is not {policy.whose}: delete or rename it"
    if marks := ", ".join(f"{key}={value}" for key, value in sorted(_marks(desired, policy).items())):
        text += f", or hand it over by the labels {marks}"
    return text

"""Strategic merge of user containers into the operator's own.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from collections.abc import Mapping, Sequence

from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError

# The lists of a container that are merged item by item, and the field that tells items apart. Others are replaced.
_MERGE_KEYS: Mapping[str, str] = {
    "env": "name",
    "ports": "containerPort",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
}


def merged(own: Sequence[Manifest], given: Sequence[Manifest]) -> list[Manifest]:
    """The operator's containers, patched by those of the user that have their names, then the user's others."""
    users = canonical_list(given)
    patches = {container["name"]: container for container in users}
    names = {container["name"] for container in own}
    patched = [patch(container, patches.get(container["name"], {})) for container in own]
    return patched + [container for container in users if container["name"] not in names]


def patch(base: Manifest, patch_: Manifest) -> Manifest:
    """`base` with the container fields that `patch_` has; objects are merged, lists merged by key or replaced.

    Raises OwnerError for an item without its key. What has the wrong type is left for the API server to refuse.
    """
    out = dict(base)
    for field, value in patch_.items():
        own = base.get(field)
        if isinstance(value, dict) and isinstance(own or {}, dict):
            out[field] = patch(own or {}, value)
        elif isinstance(value, list) and field in _MERGE_KEYS:
            out[field] = _items(own or [], value, field)
        else:
            out[field] = value
    return out


def _items(base: Sequence[Manifest], patches: Sequence[Manifest], field: str) -> list[Manifest]:
    """Patched and new items in the order of the patch; the base's others wherever its own order lets them stand.

    One of the others comes before a patched item only if it did so in the base.
    """
    key = _MERGE_KEYS[field]
    if not all(isinstance(item, dict) and key in item for item in patches):
        raise OwnerError(f"spec.containers: an item of {field} has no {key}")
    patched = {item[key] for item in patches}
    others = [(index, item) for index, item in enumerate(base) if item[key] not in patched]
    out: list[Manifest] = []
    for item in patches:
        same = [index for index, own in enumerate(base) if own[key] == item[key]]
        while same and others and others[0][0] < same[0]:
            out.append(others.pop(0)[1])
        first = base[same[0]] if same else {}
        out += [patch(first, item), *(base[index] for index in same[1:])]
    return out + [item for _, item in others]

"""Where the data of a VMSingle is kept, and what makes copies of it."""

from vmagent_operator.api.apps import EmbeddedPersistentVolumeClaim, StorageSpec
from vmagent_operator.desired import labels
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmsingle.features import VMSINGLE, VMSingle, prefixed, spec
from vmagent_operator.desired.workload import claims, volumes
from vmagent_operator.desired.workload.backup import Backup
from vmagent_operator.desired.workload.claims import Data
from vmagent_operator.model.decode import Manifest

VOLUME = "data"


def path(single: VMSingle) -> str:
    """The directory of the data, at which its volume is mounted."""
    return spec(single).storage_data_path or "/victoria-metrics-data"


def data(single: VMSingle) -> Data:
    """The volume of the data, as `storage` asks for it; a claim without a size could never be bound, and counts as none."""
    asked = EmbeddedPersistentVolumeClaim(spec=spec(single).storage)
    return Data(volume=VOLUME, storage=StorageSpec(volume_claim_template=asked))


def claim_name(single: VMSingle) -> str:
    """The claim that it has, or had."""
    return prefixed(single)


def other_claim_name(single: VMSingle) -> str:
    """The claim that it would have with the other way to name its objects."""
    legacy = spec(single).use_legacy_naming
    return f"{VMSINGLE.prefix}{single.name}" if legacy else single.name


def claim(single: VMSingle, component: Component) -> Manifest | None:
    """The claim, if it asks for one.

    It belongs to the VMSingle only if it is to go with it: whatever belongs to an owner, the garbage collector may remove.
    """
    given, asked = spec(single), data(single).claim
    if asked is None:
        return None
    metadata = labels.meta(component, claim_name(single))
    metadata["labels"] = {**metadata["labels"], **given.storage_metadata.labels, **labels.selector(component)}
    if notes := {**metadata.get("annotations", {}), **given.storage_metadata.annotations}:
        metadata["annotations"] = notes
    if not given.remove_pvc_after_delete:
        del metadata["ownerReferences"]
    template = claims.template(VOLUME, asked)
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}


def volume(single: VMSingle, taken: set[str]) -> list[Manifest]:
    """The volume of the data, unless it is the user's own. OwnerError if it is, and `storage` asks for one too."""
    found = data(single).volumes(taken)
    if data(single).claim:
        return [{"name": VOLUME, "persistentVolumeClaim": {"claimName": claim_name(single)}}]
    return found


def mounts(single: VMSingle) -> list[Manifest]:
    """The mount of the data, and those of the user. OwnerError if one of these is in the way of that."""
    users = canonical_list(spec(single).apps.volume_mounts)
    return [*volumes.data_mount(VOLUME, path(single), users), *users]


def backup(single: VMSingle, component: Component) -> Backup | None:
    """What makes copies, if anything does."""
    params = spec(single).vm_backup
    if params is None:
        return None
    return Backup(component=component, params=params, data_path=path(single), mounts=mounts(single))

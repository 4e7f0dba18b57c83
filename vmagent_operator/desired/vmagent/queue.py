"""Where the queue of remote write is kept on disk."""

from vmagent_operator import quantity
from vmagent_operator.api.apps import EmbeddedPersistentVolumeClaim
from vmagent_operator.desired.defaults import canonical, canonical_list
from vmagent_operator.desired.vmagent.features import VMAgent, is_stateful, spec
from vmagent_operator.desired.workload import claims
from vmagent_operator.model.decode import Manifest

VOLUME = "persistent-queue-data"


def path(agent: VMAgent) -> str:
    """The directory of the queue, at which its volume is mounted."""
    return f"{'/vmagent_pq' if is_stateful(agent) else '/tmp'}/vmagent-remotewrite-data"


def size_bytes(agent: VMAgent) -> int | None:
    """Bytes that each destination may use of the claimed volume; None if nothing tells."""
    claim, destinations = _claim(agent), len(spec(agent).remote_write)
    size = quantity.whole_bytes(claims.request(claim)) if claim else None
    return size // destinations if size and destinations else None


def volume(agent: VMAgent) -> Manifest | None:
    """The volume of the queue; None if it is claimed.

    A StatefulSet without storage, or with a claim that asks for no size and so could never be bound, gets a directory
    that lives as long as the pod.
    """
    storage = spec(agent).stateful_storage if is_stateful(agent) else None
    if _claim(agent):
        return None
    return {"name": VOLUME, "emptyDir": canonical((storage and storage.empty_dir) or {}, "emptyDir")}


def is_chosen(agent: VMAgent) -> bool:
    """Whether `statefulStorage` says where the queue goes."""
    storage = spec(agent).stateful_storage
    return is_stateful(agent) and storage is not None and (storage.empty_dir is not None or _claim(agent) is not None)


def templates(agent: VMAgent) -> list[Manifest]:
    """The claim templates of a StatefulSet: the queue's, then the user's own."""
    own = [claims.template(VOLUME, claim)] if (claim := _claim(agent)) else []
    return own + canonical_list(spec(agent).claim_templates) if is_stateful(agent) else []


def _claim(agent: VMAgent) -> EmbeddedPersistentVolumeClaim | None:
    """The claim for the queue, if that is where it goes."""
    storage = spec(agent).stateful_storage
    if not is_stateful(agent) or storage is None or storage.empty_dir is not None:
        return None
    claim = storage.volume_claim_template
    return claim if claim is not None and claims.request(claim) else None

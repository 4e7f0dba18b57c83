"""Where the queue of remote write is kept on disk."""

from vmagent_operator import quantity
from vmagent_operator.desired.vmagent.features import VMAgent, is_stateful, spec
from vmagent_operator.desired.workload import claims
from vmagent_operator.desired.workload.claims import Data
from vmagent_operator.model.decode import Manifest

VOLUME = "persistent-queue-data"


def path(agent: VMAgent) -> str:
    """The directory of the queue, at which its volume is mounted."""
    return f"{'/vmagent_pq' if is_stateful(agent) else '/tmp'}/vmagent-remotewrite-data"


def data(agent: VMAgent) -> Data:
    """The volume of the queue; only that of a StatefulSet can be chosen."""
    storage = spec(agent).stateful_storage if is_stateful(agent) else None
    return Data(volume=VOLUME, storage=storage, path="spec.statefulStorage")


def size_bytes(agent: VMAgent) -> int | None:
    """Bytes that each destination may use of the claimed volume; None if nothing tells."""
    claim, destinations = data(agent).claim, len(spec(agent).remote_write)
    size = quantity.whole_bytes(claims.request(claim)) if claim else None
    return size // destinations if size and destinations else None


def templates(agent: VMAgent) -> list[Manifest]:
    """The claim templates of a StatefulSet: the queue's, then the user's own."""
    return data(agent).templates(spec(agent).claim_templates) if is_stateful(agent) else []

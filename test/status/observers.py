"""What tools make of an object by its status, after their own rules: they know nothing of our kinds but what stands here."""

from collections.abc import Mapping
from typing import Any

from vmagent_operator.model.decode import Manifest

STANDARD = {("Reconciling", "True"): "InProgress", ("Stalled", "True"): "Failed"}
READY = {"True": "Current", "False": "InProgress", "Unknown": "InProgress"}
ARGO = {"operational": "Healthy", "expanding": "Progressing", "paused": "Suspended", "failed": "Degraded"}


def kstatus(obj: Manifest) -> str:
    """What Flux and Helm (`--wait`) go by: the first rule that applies to the object decides.

    Source: https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus/status
    """
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = obj.get("status") or {}
    if status.get("observedGeneration", generation(obj)) != generation(obj):
        return "InProgress"
    conditions = status.get("conditions") or []
    for each in conditions:
        if found := STANDARD.get((each["type"], each["status"])):
            return found
    return next((READY[each["status"]] for each in conditions if each["type"] == "Ready"), "Current")


def argo_cd(obj: Manifest) -> str:
    """What Argo CD's built-in check of our group says.

    Source: https://github.com/argoproj/argo-cd/tree/master/resource_customizations/operator.victoriametrics.com
    """
    status = obj.get("status")
    if obj["metadata"].get("deletionTimestamp") or status is None:
        return "Progressing"
    if status.get("observedGeneration", generation(obj)) != generation(obj):
        return "Progressing"
    return ARGO.get(status.get("updateStatus", ""), "Progressing")


def kubectl_wait(obj: Manifest, name: str = "Ready", value: str = "True") -> bool:
    """Whether `kubectl wait --for=condition=Ready` is content: a condition of an earlier generation does not count.

    Source: https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/wait/condition.go
    """
    status: Mapping[str, Any] = obj.get("status") or {}
    for each in status.get("conditions") or []:
        if each["type"] == name:
            seen = each.get("observedGeneration", status.get("observedGeneration", generation(obj)))
            return bool(seen >= generation(obj) and each["status"] == value)
    return False


def generation(obj: Manifest) -> int:
    """How often the spec of an object has changed."""
    found: int = obj["metadata"]["generation"]
    return found

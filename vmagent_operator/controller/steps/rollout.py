"""How far a workload has come, and the next step of those that the operator rolls itself. One look a reconcile, no waiting.

StatefulSets default to `OnDelete`: their pods change only when they are evicted, here in batches, as far as the state of
the pods allows it. The state is derived from the cluster alone, so a restart in the middle goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import Conflict, NotFound, TooManyRequests
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest

REVISION = "controller-revision-hash"


@frozen
class Progress:
    """What a workload still lacks: `waiting` is empty once it is ready, `failed` says that it will not get ready."""

    waiting: str = ""
    failed: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether nothing is lacking."""
        return self == READY


READY = Progress()
NOT_OBSERVED = "not observed yet"


def progress(workload: Manifest) -> Progress:
    """How far `workload` has come by its own status."""
    status = workload.get("status") or {}
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return Progress(NOT_OBSERVED)
    return _BY_KIND[workload["kind"]](workload["spec"], status)


def replicas(workload: Manifest) -> int:
    """How many pods the workload is to have, whoever says so: its spec, an autoscaler by means of that, or the nodes."""
    if workload["kind"] == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled", 0))
    return int(workload["spec"].get("replicas", 1))


def is_managed(workload: Manifest) -> bool:
    """Whether the operator has to replace the pods itself."""
    return workload["kind"] == "StatefulSet" and _strategy(workload["spec"], "RollingUpdate") == "OnDelete"


def _deployment(spec: Manifest, status: Mapping[str, Any]) -> Progress:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Progress(condition.get("message") or "progress deadline exceeded", failed=True)
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Progress(condition.get("message") or "pods cannot be created")
    return _counted(spec.get("replicas", 1), status, "updatedReplicas", "readyReplicas", "replicas")


def _stateful_set(spec: Manifest, status: Mapping[str, Any]) -> Progress:
    if spec.get("replicas", 1) and not status.get("updateRevision"):
        return Progress(NOT_OBSERVED)
    return _counted(spec.get("replicas", 1), status, "updatedReplicas", "readyReplicas", "replicas")


def _daemon_set(spec: Manifest, status: Mapping[str, Any]) -> Progress:
    updated = () if _strategy(spec, "RollingUpdate") == "OnDelete" else ("updatedNumberScheduled",)
    return _counted(status.get("desiredNumberScheduled", 0), status, *updated, "numberAvailable")


_BY_KIND: Mapping[str, Callable[[Manifest, Mapping[str, Any]], Progress]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}


def _strategy(spec: Manifest, default: str) -> str:
    strategy: str = (spec.get("updateStrategy") or {}).get("type") or default
    return strategy


def _counted(wanted: int, status: Mapping[str, Any], *fields: str) -> Progress:
    short = [f"{field} is {status.get(field, 0)} of {wanted}" for field in fields if status.get(field, 0) != wanted]
    return Progress("; ".join(short))


@frozen
class Rollout:
    """The managed rollout of one StatefulSet, as its pods stand."""

    client: Client
    workload: Manifest
    pods: Sequence[Manifest]
    max_unavailable: int | str

    def advance(self, before_write: Callable[[], None]) -> Progress:
        """Replace as many outdated pods as may be missing at once. READY if no pod is outdated and all are ready."""
        wanted = replicas(self.workload)
        outdated = [pod for pod in self.pods if self._is_outdated(pod)]
        going = [pod for pod in self.pods if is_terminating(pod)]
        broken = [pod for pod in outdated if not is_terminating(pod) and not is_ready(pod)]
        down = wanted - sum(is_ready(pod) and not is_terminating(pod) for pod in self.pods)
        sound = [pod for pod in outdated if not is_terminating(pod) and is_ready(pod)]
        # A pod that is down anyway costs nothing; to wait for it would be to wait for ever if the old state is the fault.
        batch = broken + sound[: max(0, self._limit(wanted) - down)]
        for pod in batch:
            before_write()
            if refused := self._replace(pod):
                return Progress(refused)
        if outdated:
            return Progress(f"{wanted - len(outdated)} of {wanted} pods are up to date")
        if down > 0 or going:
            return Progress(f"{max(0, wanted - down)} of {wanted} pods are ready")
        return READY

    def _replace(self, pod: Manifest) -> str:
        """Have the pod made anew; why not, if a disruption budget forbids it now."""
        namespace, name, uid = (pod["metadata"][key] for key in ("namespace", "name", "uid"))
        try:
            if self.max_unavailable == "100%":
                self.client.delete(resource.PODS, namespace, name, uid=uid)
            else:
                self.client.evict(namespace, name, uid=uid)
        except TooManyRequests:
            return f"pod {name} may not be evicted now: a disruption budget forbids it"
        except (Conflict, NotFound):
            return f"pod {name} has been replaced meanwhile"
        return ""

    def _is_outdated(self, pod: Manifest) -> bool:
        spec = self.workload["spec"]
        labels = pod["metadata"].get("labels") or {}
        claimed = {volume["name"] for volume in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in volume}
        wanted = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates") or ()}
        return (
            labels.get(REVISION) != self.workload["status"].get("updateRevision")
            or (pod["spec"].get("subdomain") or "") != (spec.get("serviceName") or "")
            or not wanted <= claimed
        )

    def _limit(self, replicas: int) -> int:
        if isinstance(self.max_unavailable, int):
            return max(1, self.max_unavailable)
        percentage = self.max_unavailable.removesuffix("%")
        if not (percentage.isascii() and percentage.isdigit()):
            return 1  # validation has told of it, and a word must not keep pods from being updated
        return max(1, replicas * min(int(percentage[:4]), 100) // 100)


def pods_of(client: Client, workload: Manifest) -> list[Manifest]:
    """The pods that `workload` controls itself, in the order of their ordinals. Raises ApiError."""
    metadata = workload["metadata"]
    listed = client.list(resource.PODS, metadata["namespace"], selector=_selector(workload)).items
    owned = [pod for pod in listed if _is_controlled(pod, metadata["uid"])]
    return sorted(owned, key=lambda pod: (len(pod["metadata"]["name"]), pod["metadata"]["name"]))


def selected_pods(client: Client, workload: Manifest) -> list[Manifest]:
    """Every pod that carries the labels of `workload`, whoever controls it. Raises ApiError."""
    return list(client.list(resource.PODS, workload["metadata"]["namespace"], selector=_selector(workload)).items)


def _selector(workload: Manifest) -> str:
    return ",".join(f"{key}={value}" for key, value in workload["spec"]["selector"]["matchLabels"].items())


def _is_controlled(pod: Manifest, uid: str) -> bool:
    return any(reference.get("uid") == uid for reference in pod["metadata"].get("ownerReferences") or ())


def is_terminating(pod: Manifest) -> bool:
    """Whether the pod is on its way out."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_ready(pod: Manifest) -> bool:
    """Whether the pod runs and says that it is ready."""
    status = pod.get("status") or {}
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return status.get("phase") == "Running" and conditions.get("Ready") == "True"


def pod_failure_reason(pods: Sequence[Manifest]) -> Progress:
    """What ails the first pod that is not ready; `failed` if one of its containers keeps crashing. READY without one."""
    unready = next((pod for pod in pods if not is_terminating(pod) and not is_ready(pod)), None)
    if unready is None:
        return READY
    name, status = unready["metadata"]["name"], unready.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        if waiting and (ended or waiting.get("message")) and waiting.get("reason") not in _STARTING:
            exit_code = f" (exit code {ended['exitCode']})" if "exitCode" in ended else ""
            detail = f": {waiting['message']}" if waiting.get("message") else ""
            text = f"pod {name}: container {container['name']}: {waiting.get('reason')}{exit_code}{detail}"
            return Progress(text, failed=True)
    for condition in status.get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            return Progress(f"pod {name}: {condition.get('reason')}: {condition['message']}")
    return Progress(f"pod {name} is {status.get('phase') or 'unknown'}")


_STARTING = frozenset({"PodInitializing", "ContainerCreating"})

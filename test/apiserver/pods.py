"""The pods and claims of StatefulSets: created by ordinal, replaced one by one or, with OnDelete, when someone deletes them."""

import hashlib
import json
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from test.apiserver import selectors
from test.apiserver.failure import Failure
from test.apiserver.objects import Context
from test.apiserver.store import Json, Name, clone

if TYPE_CHECKING:
    from test.apiserver.workloads import Workloads

REVISION_LABEL = "controller-revision-hash"
BY_CONTROLLER = Context("kube-controller-manager")


class Fate(Enum):
    """How the pods of a workload fare."""

    READY = "ready"
    NEVER = "never ready"
    CRASHING = "crash loop"
    STUCK = "progress deadline exceeded"


def revision(workload: Json) -> str:
    """The name of a template's revision."""
    text = json.dumps(workload["spec"]["template"], sort_keys=True)
    return f"{workload['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def advance(workloads: "Workloads", name: Name, live: Json) -> Json:
    """One step towards the pods that a StatefulSet asks for; the counts of its status."""
    _adopt(workloads, name, live)
    wanted, current, found = live["spec"]["replicas"], revision(live), owned(workloads, name, live)
    present = {pod["metadata"]["name"] for pod in found}
    for index in range(wanted):
        if f"{name[1]}-{index}" not in present:
            _create(workloads, name, live, index, current)
    for pod in found:
        if _ordinal(pod) >= wanted:
            delete(workloads, pod)
    found = owned(workloads, name, live)
    old = [pod for pod in found if pod["metadata"]["labels"][REVISION_LABEL] != current]
    if live["spec"]["updateStrategy"]["type"] == "RollingUpdate" and old and all(map(is_ready, found)):
        delete(workloads, max(old, key=_ordinal))
    ready, fresh = sum(map(is_ready, found)), len(found) - len(old)
    is_done = fresh == wanted == len(found) and live["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    before = live.get("status", {}).get("currentRevision") or current
    return {
        "replicas": len(found),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": fresh,
        "currentReplicas": fresh if is_done else len(old),
        "currentRevision": current if is_done else before,
    }


def owned(workloads: "Workloads", name: Name, live: Json, storage: str = "pods") -> list[Json]:
    """The pods, or other objects, that a workload controls."""
    uid, found = live["metadata"]["uid"], []
    for (namespace, _), pod in workloads.objects.store.items(storage):
        owners = pod["metadata"].get("ownerReferences") or ()
        if namespace == name[0] and any(one["uid"] == uid for one in owners):
            found.append(pod)
    return found


def is_ready(pod: Json) -> bool:
    """Whether a pod counts as ready."""
    conditions = pod.get("status", {}).get("conditions") or ()
    is_leaving = pod["metadata"].get("deletionTimestamp")
    return not is_leaving and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def status(pod: Json, fate: Fate | None, now: str) -> Json:
    """The status of a scheduled pod."""
    ready, is_crashing = fate is Fate.READY, fate is Fate.CRASHING
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
    state: Json = waiting if is_crashing else {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}
    common = {"ready": ready, "started": ready, "restartCount": 5 if is_crashing else 0, "state": state}
    containers = [
        {"name": one["name"], "image": one["image"], "imageID": one["image"]} | common
        for one in pod["spec"]["containers"]
    ]
    old = {one["type"]: one for one in pod.get("status", {}).get("conditions") or ()}
    conditions = []
    for name in ("ContainersReady", "Ready"):
        is_same = old.get(name, {}).get("status") == str(ready)
        since = old[name]["lastTransitionTime"] if is_same else now
        conditions.append({"type": name, "status": str(ready), "lastTransitionTime": since})
    return {"phase": "Running", "conditions": conditions, "containerStatuses": containers}


def _ordinal(pod: Json) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def owner(live: Json) -> Json:
    """The owner reference to a workload."""
    own = {"kind": live["kind"], "name": live["metadata"]["name"], "uid": live["metadata"]["uid"]}
    return {"apiVersion": "apps/v1", **own, "controller": True, "blockOwnerDeletion": True}


def _adopt(workloads: "Workloads", name: Name, live: Json) -> None:
    """Take over the pods that match and that nobody owns, such as an orphaning deletion of its predecessor leaves."""

    def owned_by_it(pod: Json) -> Json:
        return pod | {"metadata": pod["metadata"] | {"ownerReferences": [owner(live)]}}

    for (namespace, pod_name), pod in list(workloads.objects.store.items("pods")):
        meta = pod["metadata"]
        is_free = namespace == name[0] and not meta.get("ownerReferences") and not meta.get("deletionTimestamp")
        if is_free and selectors.matches(live["spec"]["selector"], meta.get("labels") or {}):
            workloads.objects.update(workloads.kind("pods"), (namespace, pod_name), owned_by_it, BY_CONTROLLER)


def _create(workloads: "Workloads", name: Name, live: Json, index: int, current: str) -> None:
    template = clone(live["spec"]["template"])
    meta, pod_name = template.get("metadata") or {}, f"{name[1]}-{index}"
    own_labels = {"statefulset.kubernetes.io/pod-name": pod_name, "apps.kubernetes.io/pod-index": str(index)}
    meta["labels"] = meta.get("labels", {}) | own_labels | {REVISION_LABEL: current}
    meta |= {"name": pod_name, "ownerReferences": [owner(live)]}
    spec = template["spec"] | {
        "nodeName": "node-1",
        "hostname": pod_name,
        "subdomain": live["spec"].get("serviceName", ""),
    }
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    for claim in live["spec"].get("volumeClaimTemplates") or ():
        inner = claim["metadata"]["name"]
        volumes[inner] = {"name": inner, "persistentVolumeClaim": {"claimName": f"{inner}-{pod_name}"}}
        _create_claim(
            workloads, name[0], f"{inner}-{pod_name}", claim, live["spec"]["selector"].get("matchLabels") or {}
        )
    add(workloads, "pods", name[0], meta, spec | {"volumes": list(volumes.values())})


def _create_claim(workloads: "Workloads", namespace: str, name: str, claim: Json, labels: Json) -> None:
    if workloads.objects.store.get("persistentvolumeclaims", (namespace, name)) is None:
        meta = clone(claim["metadata"])
        meta |= {"name": name, "labels": meta.get("labels", {}) | labels}
        add(workloads, "persistentvolumeclaims", namespace, meta, clone(claim["spec"]))


def add(workloads: "Workloads", storage: str, namespace: str, meta: Json, spec: Json) -> None:
    """Create what a controller creates."""
    kind = workloads.kind(storage)
    manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, "spec": spec}
    with suppress(Failure):  # refused: the controller has its next try when something changes
        workloads.objects.create(kind, namespace, manifest, BY_CONTROLLER)


def delete(workloads: "Workloads", pod: Json) -> None:
    """Ask for a pod's end, once."""
    if not pod["metadata"].get("deletionTimestamp"):
        workloads.objects.delete(
            workloads.kind("pods"), (pod["metadata"]["namespace"], pod["metadata"]["name"]), {}, BY_CONTROLLER
        )

"""Workload controllers as knobs: Deployments, StatefulSets and DaemonSets become ready by themselves, or as told.

Pods exist only when asked for (`makes_pods`), and then for StatefulSets, whose rollouts others drive.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from enum import Enum
from fnmatch import fnmatchcase

from attrs import define, field, frozen

from test.apiserver.objects import Context, Objects
from test.apiserver.store import Change, Json, Name, clone

BY_STATUS = Context("kube-controller-manager", subresource="status")
REVISION_LABEL = "controller-revision-hash"


class Fate(Enum):
    """How the pods of a workload fare."""

    READY = "ready"
    NEVER = "never ready"
    CRASHING = "crash loop"
    STUCK = "progress deadline exceeded"


@frozen
class Knob:
    """The fate of workloads whose `Kind namespace/name` matches `pattern`, from `delay_seconds` after each new template on."""

    pattern: str = "*"
    fate: Fate = Fate.READY
    delay_seconds: float = 0.0


def revision(workload: Json) -> str:
    """The name of a template's revision."""
    text = json.dumps(workload["spec"]["template"], sort_keys=True)
    return f"{workload['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


@define(eq=False)
class Workloads:
    """Brings workloads and claims on; `step` does what is due. The last knob that matches counts."""

    objects: Objects
    knobs: list[Knob] = field(factory=lambda: [Knob()])
    makes_pods: bool = False
    is_on: bool = True
    _dirty: set[tuple[str, Name]] = field(factory=set)
    _since: dict[tuple[str, str], float] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.objects.store.listeners.append(self._note)

    def set(self, pattern: str, fate: Fate = Fate.READY, delay_seconds: float = 0.0) -> None:
        """Turn a knob, also for workloads that exist."""
        self.knobs.append(Knob(pattern, fate, delay_seconds))
        self.look()

    def look(self) -> None:
        """Look at every workload again: time has passed."""
        for resource in (*HANDLERS, "pods"):
            self._dirty.update((resource, name) for name, _ in self.objects.store.items(resource))

    def step(self) -> bool:
        """Do what is due; whether there was something."""
        dirty, self._dirty = sorted(self._dirty), set()
        before = self.objects.store.version
        for resource, name in dirty if self.is_on else ():
            live = self.objects.store.get(resource, name)
            if live is None:
                continue
            if resource == "pods":
                self._pod(name, live)
            elif not live["metadata"].get("deletionTimestamp"):
                HANDLERS[resource](self, name, live)
        return self.objects.store.version != before

    def _note(self, change: Change) -> None:
        if change.resource in HANDLERS or change.resource == "pods":
            self._dirty.add((change.resource, change.name))
        if change.resource == "pods":
            owners = ((change.new or change.old) or {}).get("metadata", {}).get("ownerReferences") or ()
            self._dirty.update(
                ("statefulsets.apps", (change.name[0], one["name"])) for one in owners if one["kind"] == "StatefulSet"
            )

    def fate(self, workload: Json) -> Fate | None:
        """How a workload fares now; None while it is still under way."""
        meta = workload["metadata"]
        text = f"{workload['kind']} {meta['namespace']}/{meta['name']}"
        knob = next(one for one in reversed(self.knobs) if fnmatchcase(text, one.pattern))
        now = self.objects.store.now().timestamp()
        since = self._since.setdefault((meta["uid"], revision(workload)), now)
        return knob.fate if now - since >= knob.delay_seconds else None

    def deployment(self, name: Name, live: Json) -> None:
        """The status of a Deployment."""
        wanted, fate = live["spec"]["replicas"], self.fate(live)
        ready = wanted if fate is Fate.READY else 0
        status = {"observedGeneration": live["metadata"]["generation"], "replicas": wanted, "updatedReplicas": wanted}
        status |= {"readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": wanted - ready}
        progress = (
            ("False", "ProgressDeadlineExceeded")
            if fate is Fate.STUCK
            else ("True", "NewReplicaSetAvailable" if ready else "ReplicaSetUpdated")
        )
        available = ("True", "MinimumReplicasAvailable") if ready == wanted else ("False", "MinimumReplicasUnavailable")
        self._write("deployments.apps", name, live, status, (("Available", *available), ("Progressing", *progress)))

    def daemonset(self, name: Name, live: Json) -> None:
        """The status of a DaemonSet; one node if there are none."""
        wanted = len(self.objects.store.items("nodes")) or 1
        ready = wanted if self.fate(live) is Fate.READY else 0
        status = {
            "observedGeneration": live["metadata"]["generation"],
            "currentNumberScheduled": wanted,
            "numberMisscheduled": 0,
        }
        status |= {"desiredNumberScheduled": wanted, "updatedNumberScheduled": wanted}
        status |= {"numberReady": ready, "numberAvailable": ready, "numberUnavailable": wanted - ready}
        self._write("daemonsets.apps", name, live, status)

    def statefulset(self, name: Name, live: Json) -> None:
        """The status of a StatefulSet, and its pods if it has any."""
        wanted, current = live["spec"]["replicas"], revision(live)
        status: Json = {
            "observedGeneration": live["metadata"]["generation"],
            "collisionCount": 0,
            "updateRevision": current,
        }
        if self.makes_pods:
            pods = self._pods(name, live)
            fresh = [pod for pod in pods if pod["metadata"]["labels"][REVISION_LABEL] == current]
            ready = sum(_is_ready(pod) for pod in pods)
            is_done = len(fresh) == wanted == len(pods)
            before = live.get("status", {}).get("currentRevision") or current
            status |= {
                "replicas": len(pods),
                "updatedReplicas": len(fresh),
                "currentRevision": current if is_done else before,
            }
            status |= {"currentReplicas": len(fresh) if is_done else len(pods) - len(fresh)}
        else:
            ready = wanted if self.fate(live) is Fate.READY else 0
            status |= {
                "replicas": wanted,
                "currentReplicas": wanted,
                "updatedReplicas": wanted,
                "currentRevision": current,
            }
        self._write("statefulsets.apps", name, live, status | {"readyReplicas": ready, "availableReplicas": ready})

    def claim(self, name: Name, live: Json) -> None:
        """Bind a claim, and let it grow."""
        spec = live["spec"]
        capacity = {"storage": (spec["resources"].get("requests") or {}).get("storage", "0")}
        status = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": capacity}
        self._write("persistentvolumeclaims", name, live, status)

    def _write(
        self, resource: str, name: Name, live: Json, status: Json, conditions: Iterable[tuple[str, str, str]] = ()
    ) -> None:
        """Write a status; zero counts are absent, conditions keep the time of their last change."""
        kind = next(kind for kind in self.objects.kinds.values() if kind.storage == resource)
        known = {one["type"]: one for one in live.get("status", {}).get("conditions") or ()}
        listed = []
        for name_, value, reason in conditions:
            old, now = known.get(name_, {}), self.objects.store.timestamp()
            since = old["lastTransitionTime"] if old.get("status") == value else now
            is_same = (old.get("status"), old.get("reason")) == (value, reason)
            updated = old["lastUpdateTime"] if is_same else now
            listed.append(
                {
                    "type": name_,
                    "status": value,
                    "reason": reason,
                    "message": "",
                    "lastTransitionTime": since,
                    "lastUpdateTime": updated,
                }
            )
        wanted = status | ({"conditions": listed} if listed else {})
        self.objects.update(
            kind,
            name,
            lambda new: {"kind": kind.name, "apiVersion": kind.api_version} | new | {"status": wanted},
            BY_STATUS,
        )

    def _pods(self, name: Name, live: Json) -> list[Json]:
        """The pods of a StatefulSet, after one step towards what it asks for."""
        wanted, current, pods = live["spec"]["replicas"], revision(live), self._owned(name, live)
        present = {pod["metadata"]["name"] for pod in pods}
        for index in range(wanted):
            if f"{name[1]}-{index}" not in present:
                self._create_claims(name, live, index)
                self._create_pod(name, live, index, current)
        for pod in pods:
            if int(pod["metadata"]["name"].rpartition("-")[2]) >= wanted:
                self._delete_pod(pod)
        if live["spec"]["updateStrategy"]["type"] == "RollingUpdate" and all(map(_is_ready, self._owned(name, live))):
            old = [pod for pod in self._owned(name, live) if pod["metadata"]["labels"][REVISION_LABEL] != current]
            if old:
                self._delete_pod(max(old, key=lambda pod: int(pod["metadata"]["name"].rpartition("-")[2])))
        return self._owned(name, live)

    def _owned(self, name: Name, live: Json) -> list[Json]:
        return [pod for (namespace, _), pod in self.objects.store.items("pods") if namespace == name[0]
                and any(one["uid"] == live["metadata"]["uid"] for one in pod["metadata"].get("ownerReferences") or ())]  # fmt: skip

    def _create_pod(self, name: Name, live: Json, index: int, current: str) -> None:
        template = clone(live["spec"]["template"])
        meta = template.setdefault("metadata", {})
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name[1], "uid": live["metadata"]["uid"]}
        meta |= {
            "name": f"{name[1]}-{index}",
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        }
        meta["labels"] = meta.get("labels", {}) | {REVISION_LABEL: current, "statefulset.kubernetes.io/pod-name": meta["name"],
                                                   "apps.kubernetes.io/pod-index": str(index)}  # fmt: skip
        spec = template["spec"] | {
            "nodeName": "node-1",
            "hostname": meta["name"],
            "subdomain": live["spec"].get("serviceName", ""),
        }
        volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
        for claim in live["spec"].get("volumeClaimTemplates") or ():
            inner = claim["metadata"]["name"]
            volumes[inner] = {"name": inner, "persistentVolumeClaim": {"claimName": f"{inner}-{meta['name']}"}}
        self._add("v1", "Pod", name[0], meta, {"spec": spec | {"volumes": list(volumes.values())}})

    def _create_claims(self, name: Name, live: Json, index: int) -> None:
        for claim in live["spec"].get("volumeClaimTemplates") or ():
            meta = clone(claim["metadata"]) | {"name": f"{claim['metadata']['name']}-{name[1]}-{index}"}
            meta["labels"] = meta.get("labels", {}) | (live["spec"]["selector"].get("matchLabels") or {})
            if self.objects.store.get("persistentvolumeclaims", (name[0], meta["name"])) is None:
                self._add("v1", "PersistentVolumeClaim", name[0], meta, {"spec": clone(claim["spec"])})

    def _add(self, api_version: str, kind_name: str, namespace: str, meta: Json, rest: Json) -> None:
        kind = next(
            kind for kind in self.objects.kinds.values() if (kind.api_version, kind.name) == (api_version, kind_name)
        )
        manifest = {"apiVersion": api_version, "kind": kind_name, "metadata": meta} | rest
        self.objects.create(kind, namespace, manifest, Context("kube-controller-manager"))

    def _delete_pod(self, pod: Json) -> None:
        if not pod["metadata"].get("deletionTimestamp"):
            kind = next(kind for kind in self.objects.kinds.values() if kind.storage == "pods")
            self.objects.delete(kind, (pod["metadata"]["namespace"], pod["metadata"]["name"]), {})

    def _pod(self, name: Name, live: Json) -> None:
        """What a kubelet does: end pods that are being deleted, report on the others."""
        kind = next(kind for kind in self.objects.kinds.values() if kind.storage == "pods")
        if live["metadata"].get("deletionTimestamp"):
            if not live["metadata"].get("finalizers"):
                self.objects.remove(kind, name)
            return
        owner: Json = next(iter(live["metadata"].get("ownerReferences") or ()), {})
        workload = self.objects.store.get("statefulsets.apps", (name[0], owner.get("name", "")))
        if workload is not None and self.makes_pods:
            self._write("pods", name, live, pod_status(live, self.fate(workload), self.objects.store.timestamp()))


def pod_status(pod: Json, fate: Fate | None, now: str) -> Json:
    """The status of a scheduled pod."""
    is_ready = fate is Fate.READY
    states: Json = (
        {"running": {}}
        if fate is not Fate.CRASHING
        else {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    )
    containers = [{"name": one["name"], "image": one["image"], "imageID": one["image"], "ready": is_ready, "started": is_ready,
                   "restartCount": 5 if fate is Fate.CRASHING else 0, "state": states}
                  for one in pod["spec"]["containers"]]  # fmt: skip
    old = {one["type"]: one for one in pod.get("status", {}).get("conditions") or ()}
    value = str(is_ready)
    conditions = []
    for name in ("ContainersReady", "Ready"):
        since = old[name]["lastTransitionTime"] if old.get(name, {}).get("status") == value else now
        conditions.append({"type": name, "status": value, "lastTransitionTime": since})
    return {"phase": "Running", "conditions": conditions, "containerStatuses": containers}


def _is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return not pod["metadata"].get("deletionTimestamp") and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )


HANDLERS: dict[str, Callable[[Workloads, Name, Json], None]] = {
    "deployments.apps": Workloads.deployment,
    "daemonsets.apps": Workloads.daemonset,
    "statefulsets.apps": Workloads.statefulset,
    "persistentvolumeclaims": Workloads.claim,
}

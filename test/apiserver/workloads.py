"""Workload controllers as knobs: Deployments, StatefulSets and DaemonSets become ready by themselves, or as told.

Pods exist only when asked for: `makes_pods` for StatefulSets, whose rollouts others drive (see `pods`), `makes_replicas` for the
others too, which only people look at (see `replicas`).
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from attrs import define, field, frozen

from test.apiserver import pods, replicas
from test.apiserver.kinds import Kind
from test.apiserver.objects import Context, Objects
from test.apiserver.pods import Fate, revision
from test.apiserver.store import Change, Json, Name

BY_STATUS = Context("kube-controller-manager", subresource="status")
OWNERS = {"StatefulSet": "statefulsets.apps", "ReplicaSet": "replicasets.apps", "DaemonSet": "daemonsets.apps"}
"""Kinds that own pods, and where they are stored."""


@frozen
class Knob:
    """The fate of workloads whose `Kind namespace/name` matches `pattern`, from `delay_seconds` after each new template on."""

    pattern: str = "*"
    fate: Fate = Fate.READY
    delay_seconds: float = 0.0


@define(eq=False)
class Workloads:
    """Brings workloads and claims on; `step` does what is due. The last knob that matches counts.

    `counts_revisions`: Deployments get the annotation that numbers their templates.
    """

    objects: Objects
    knobs: list[Knob] = field(factory=lambda: [Knob()])
    makes_pods: bool = False
    makes_replicas: bool = False
    counts_revisions: bool = True
    is_on: bool = True
    _dirty: set[tuple[str, Name]] = field(factory=set)
    _since: dict[tuple[str, str], float] = field(factory=dict)
    _templates: dict[str, list[str]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.objects.store.listeners.append(self._note)

    def set(self, pattern: str, fate: Fate = Fate.READY, delay_seconds: float = 0.0) -> None:
        """Turn a knob, also for workloads that exist."""
        self.knobs.append(Knob(pattern, fate, delay_seconds))
        self.look()

    def look(self) -> None:
        """Look at every workload again: time has passed."""
        for resource in HANDLERS:
            self._dirty.update((resource, name) for name, _ in self.objects.store.items(resource))

    def step(self) -> bool:
        """Do what is due; whether there was something."""
        if not self._dirty or not self.is_on:
            return False
        dirty, self._dirty = sorted(self._dirty), set()
        before = self.objects.store.version
        for resource, name in dirty:
            live = self.objects.store.get(resource, name)
            if live is not None:
                HANDLERS[resource](self, name, live)
        return self.objects.store.version != before

    def _note(self, change: Change) -> None:
        if change.resource in HANDLERS:
            self._dirty.add((change.resource, change.name))
        if change.resource == "pods":
            owners = ((change.new or change.old) or {}).get("metadata", {}).get("ownerReferences") or ()
            places = [(OWNERS[one["kind"]], one["name"]) for one in owners if one["kind"] in OWNERS]
            self._dirty.update((storage, (change.name[0], name)) for storage, name in places)

    @property
    def is_waiting(self) -> bool:
        """Whether time alone may change something."""
        return any(knob.delay_seconds for knob in self.knobs)

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
        ready, is_stuck = wanted if fate is Fate.READY else 0, fate is Fate.STUCK
        status = {"observedGeneration": live["metadata"]["generation"], "replicas": wanted, "updatedReplicas": wanted}
        status |= {"readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": wanted - ready}
        progress = "NewReplicaSetAvailable" if ready == wanted else "ReplicaSetUpdated"
        available = "MinimumReplicasAvailable" if ready == wanted else "MinimumReplicasUnavailable"
        conditions = (
            ("Available", ready == wanted, available),
            ("Progressing", not is_stuck, "ProgressDeadlineExceeded" if is_stuck else progress),
        )
        status["conditions"] = self._conditions(live, conditions)
        templates = self._templates.setdefault(live["metadata"]["uid"], [])
        if revision(live) not in templates:
            templates.append(revision(live))
        count = {replicas.REVISION_ANNOTATION: str(len(templates))} if self.counts_revisions else {}
        self.write("deployments.apps", name, status, count)
        if self.makes_replicas:
            replicas.advance_deployment(self, name, live, len(templates))

    def replicaset(self, name: Name, live: Json) -> None:
        """The pods of a ReplicaSet, and its status."""
        if self.makes_replicas and not live["metadata"].get("deletionTimestamp"):
            status = {"observedGeneration": live["metadata"]["generation"]}
            self.write("replicasets.apps", name, status | replicas.advance_replicaset(self, name, live))

    def daemonset(self, name: Name, live: Json) -> None:
        """The status of a DaemonSet; on one node if there are none."""
        wanted = len(self.objects.store.items("nodes")) or 1
        ready = wanted if self.fate(live) is Fate.READY else 0
        status = {"observedGeneration": live["metadata"]["generation"], "currentNumberScheduled": wanted}
        status |= {"desiredNumberScheduled": wanted, "updatedNumberScheduled": wanted, "numberMisscheduled": 0}
        status |= {"numberReady": ready, "numberAvailable": ready, "numberUnavailable": wanted - ready}
        self.write("daemonsets.apps", name, status)
        if self.makes_replicas:
            replicas.advance_daemonset(self, name, live)

    def claim(self, name: Name, live: Json) -> None:
        """Bind a claim, and let it grow; one that is being deleted goes, for no pod here uses it."""
        if live["metadata"].get("deletionTimestamp"):
            kept = [one for one in live["metadata"].get("finalizers") or () if one != "kubernetes.io/pvc-protection"]
            self.write("persistentvolumeclaims", name, live["status"], finalizers=kept)
            return
        spec = live["spec"]
        capacity = {"storage": (spec["resources"].get("requests") or {}).get("storage", "0")}
        status = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": capacity}
        self.write("persistentvolumeclaims", name, status)

    def statefulset(self, name: Name, live: Json) -> None:
        """The status of a StatefulSet, and its pods if it has any."""
        if live["metadata"].get("deletionTimestamp"):
            return
        wanted, current = live["spec"]["replicas"], revision(live)
        status: Json = {
            "observedGeneration": live["metadata"]["generation"],
            "collisionCount": 0,
            "updateRevision": current,
        }
        if self.makes_pods:
            status |= pods.advance(self, name, live)
        else:
            ready = wanted if self.fate(live) is Fate.READY else 0
            status |= {"replicas": wanted, "currentReplicas": wanted, "updatedReplicas": wanted}
            status |= {"currentRevision": current, "readyReplicas": ready, "availableReplicas": ready}
        self.write("statefulsets.apps", name, status)

    def pod(self, name: Name, live: Json) -> None:
        """What a kubelet does: end pods that are being deleted, report on the others."""
        if live["metadata"].get("deletionTimestamp"):
            if not live["metadata"].get("finalizers"):
                self.objects.remove(self.kind("pods"), name)
            return
        workload = self._owner(name[0], live)
        if workload is not None and workload["kind"] == "ReplicaSet":
            workload = self._owner(name[0], workload)
        if workload is not None and self.makes_pods:
            self.write("pods", name, pods.status(live, self.fate(workload), self.objects.store.timestamp()))

    def _owner(self, namespace: str, live: Json) -> Json | None:
        """The workload that owns an object."""
        owner: Json = next(iter(live["metadata"].get("ownerReferences") or ()), {"kind": "", "name": ""})
        storage = {**OWNERS, "Deployment": "deployments.apps"}.get(owner["kind"], "")
        return self.objects.store.get(storage, (namespace, owner["name"])) if storage else None

    def kind(self, storage: str) -> Kind:
        """The kind of a stored resource."""
        return next(kind for kind in self.objects.kinds.values() if kind.storage == storage)

    def write(
        self,
        resource: str,
        name: Name,
        status: Json,
        annotations: Json | None = None,
        finalizers: list[str] | None = None,
    ) -> None:
        """Write a status, and metadata beside it."""
        kind = self.kind(resource)

        def transform(new: Json) -> Json:
            if annotations:
                new["metadata"]["annotations"] = new["metadata"].get("annotations", {}) | annotations
            if finalizers is not None:
                new["metadata"]["finalizers"] = finalizers
            return {"kind": kind.name, "apiVersion": kind.api_version} | new | {"status": status}

        self.objects.update(kind, name, transform, BY_STATUS)

    def _conditions(self, live: Json, wanted: Iterable[tuple[str, bool, str]]) -> list[Json]:
        """(type, status, reason) as conditions, which keep the time of their last change."""
        known = {one["type"]: one for one in live.get("status", {}).get("conditions") or ()}
        now, out = self.objects.store.timestamp(), []
        for name, holds, reason in wanted:
            old, value = known.get(name, {}), str(holds)
            is_same = old.get("status") == value and old.get("reason") == reason
            condition = {"type": name, "status": value, "reason": reason, "message": reason}
            condition["lastTransitionTime"] = old["lastTransitionTime"] if old.get("status") == value else now
            out.append(condition | {"lastUpdateTime": old["lastUpdateTime"] if is_same else now})
        return out


HANDLERS: dict[str, Callable[[Workloads, Name, Json], None]] = {
    "deployments.apps": Workloads.deployment,
    "replicasets.apps": Workloads.replicaset,
    "daemonsets.apps": Workloads.daemonset,
    "statefulsets.apps": Workloads.statefulset,
    "persistentvolumeclaims": Workloads.claim,
    "pods": Workloads.pod,
}

"""A stand-in for kubelet and volume provisioner: pods run because it says so.

How a container fares is the tag of its image, or annotation `kubelet.test/behaviour` of its pod for every container:
one of `BEHAVIOURS`; anything else runs and is ready at once.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import urllib3

from test.controlplane.api import Api, Json, Refused

BEHAVIOUR_ANNOTATION = "kubelet.test/behaviour"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
STORAGE_CLASS: Json = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubelet.test/standin",
    "allowVolumeExpansion": True,
}
RUNNING: Json = {"ready": True, "started": True, "restartCount": 0, "state": {"running": {}}}
FINISHED: Json = {"ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
BEHAVIOURS: Mapping[str, Json] = {
    "never-ready": {**RUNNING, "ready": False},
    "crash-loop": {
        "ready": False,
        "started": False,
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    },
    "image-pull-error": {
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off pulling image"}},
    },
}


def pod_status(pod: Json, address: str) -> Json:
    """The status of a scheduled `pod` with IP `address`, without timestamps."""
    spec = pod["spec"]
    containers = [_container_status(pod, container) for container in spec["containers"]]
    init = [_container_status(pod, container, init=True) for container in spec.get("initContainers", ())]
    conditions = {
        "Initialized": all(status["ready"] for status in init),
        "ContainersReady": all(status["ready"] for status in containers),
        "Ready": all(status["ready"] for status in init + containers),
    }
    never_started = any(status["state"].get("waiting", {}).get("reason") == "ImagePullBackOff" for status in containers)
    return {
        "phase": "Pending" if never_started or not conditions["Initialized"] else "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": "127.0.0.1",
        "conditions": [{"type": name, "status": str(holds)} for name, holds in conditions.items()],
        "containerStatuses": containers,
        **({"initContainerStatuses": init} if init else {}),
    }


def _container_status(pod: Json, container: Json, *, init: bool = False) -> Json:
    wanted = pod["metadata"].get("annotations", {}).get(BEHAVIOUR_ANNOTATION) or container["image"].rpartition(":")[2]
    finishes = init and container.get("restartPolicy") != "Always"
    fate = BEHAVIOURS.get(wanted, FINISHED if finishes else RUNNING)
    return {"name": container["name"], "image": container["image"], "imageID": f"test://{container['image']}", **fate}


def covers(live: Any, wanted: Any) -> bool:
    """Whether `live` says all that `wanted` does; list items are matched by their name or type, if they have one."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(key in live and covers(live[key], item) for key, item in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list):
        by_key = {_key(index, item): item for index, item in enumerate(live)}
        return all(covers(by_key.get(_key(index, item)), item) for index, item in enumerate(wanted))
    return bool(live == wanted)


def _key(index: int, item: Any) -> Any:
    return (item.get("type") or item.get("name") or index) if isinstance(item, dict) else index


class Kubelet:
    """Runs the pods of its nodes, and gives claims their volumes, until it is stopped."""

    def __init__(self, api: Api, *, nodes: Sequence[str] = ("node-1",), binds: bool = False) -> None:
        """`binds`: put unscheduled pods on the first node, where no scheduler does."""
        self._api = api
        self._nodes = nodes
        self._binds = binds
        self._addresses = (f"10.244.{high}.{low}" for high in itertools.count() for low in range(1, 255))
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, args=work, daemon=True, name=f"kubelet {work[0]}")
            for work in (("/api/v1/pods", self._pod), ("/api/v1/persistentvolumeclaims", self._claim))
        ]

    def start(self) -> None:
        """Register nodes and storage class, then work in the background. Raises Refused."""
        for name in self._nodes:
            self._register(name)
        self._api.create("/apis/storage.k8s.io/v1/storageclasses", STORAGE_CLASS)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the background work end with the current watch; the threads never outlive the process."""
        self._stopping.set()

    def _register(self, name: str) -> None:
        room = {"cpu": "1000", "memory": "1000Gi", "pods": "10000", "ephemeral-storage": "1000Gi"}
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        self._api.create("/api/v1/nodes", node)
        status = {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "stand-in"}],
        }
        self._api.merge(f"/api/v1/nodes/{name}/status", {"status": status})
        self._api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})  # admission adds not-ready

    def _follow(self, path: str, react: Callable[[str, Json], None]) -> None:
        while not self._stopping.is_set():
            try:
                for event, item in self._events(path):
                    if self._stopping.is_set():
                        return
                    react(event, item)
            except (Refused, urllib3.exceptions.HTTPError, OSError):
                self._stopping.wait(0.2)  # list anew: the server is starting, stopping, or has compacted

    def _events(self, path: str) -> Iterator[tuple[str, Json]]:
        listing = self._api.get(path)
        yield from (("ADDED", item) for item in listing["items"])
        yield from self._api.watch(path, resource_version=listing["metadata"]["resourceVersion"])

    def _pod(self, event: str, pod: Json) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if event == "DELETED" or event == "ERROR":
            return
        if metadata.get("deletionTimestamp"):
            self._api.delete(path, uid=metadata["uid"], grace_seconds=0)
        elif pod["spec"].get("nodeName") in self._nodes:
            self._run(path, pod)
        elif self._binds:
            target = {"apiVersion": "v1", "kind": "Node", "name": self._nodes[0]}
            self._ignoring_races(lambda: self._api.create(f"{path}/binding", _binding(metadata, target)))

    def _run(self, path: str, pod: Json) -> None:
        live = pod.get("status", {})
        wanted = pod_status(pod, live.get("podIP") or next(self._addresses))
        if covers(live, wanted):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for condition in wanted["conditions"]:
            condition["lastTransitionTime"] = now
        wanted["startTime"] = live.get("startTime", now)
        patch = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": wanted}
        self._ignoring_races(lambda: self._api.request("PATCH", f"{path}/status", patch, content_type=STRATEGIC_PATCH))

    def _claim(self, event: str, claim: Json) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        if event == "ERROR" or spec.get("storageClassName") != STORAGE_CLASS["metadata"]["name"]:
            return
        volume = f"volume-{metadata['uid']}"
        asked = {"storage": spec["resources"]["requests"]["storage"]}
        path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
        if event == "DELETED":
            self._api.delete(f"/api/v1/persistentvolumes/{volume}")
        elif not spec.get("volumeName"):
            self._ignoring_races(lambda: self._api.create("/api/v1/persistentvolumes", _volume(volume, claim, asked)))
        elif claim["status"].get("capacity", asked) != asked:
            self._api.merge(f"/api/v1/persistentvolumes/{volume}", {"spec": {"capacity": asked}})
            self._ignoring_races(lambda: self._api.merge(f"{path}/status", {"status": {"capacity": asked}}))

    @staticmethod
    def _ignoring_races(call: Callable[[], Json]) -> None:
        """`call`, whose object may have gone, changed hands or been made already: then the next event brings it back."""
        try:
            call()
        except Refused as error:
            if error.status not in (404, 409):
                raise


def _binding(metadata: Json, target: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": metadata["name"]}, "target": target}


def _volume(name: str, claim: Json, capacity: Json) -> Json:
    metadata = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": capacity,
            "accessModes": claim["spec"]["accessModes"],
            "claimRef": {**reference, "namespace": metadata["namespace"], "name": metadata["name"]},
            "storageClassName": claim["spec"]["storageClassName"],
            "hostPath": {"path": f"/var/lib/{name}"},
        },
    }

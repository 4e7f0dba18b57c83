"""The Go operator as far as its objects tell: what it left behind in a recorded case, and how it would write it again."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Collection, Iterator, Mapping

from attrs import define, field

from test.controlplane.api import JSON_PATCH, Api, Json, Refused
from test.controlplane.cluster import eventually
from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.child import resource_of

MANAGER = "app"
READY: Mapping[str, Json] = {
    "Deployment": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    "StatefulSet": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    "DaemonSet": {
        **dict.fromkeys(("currentNumberScheduled", "desiredNumberScheduled", "numberAvailable", "numberReady"), 1),
        "updatedNumberScheduled": 1,
        "numberMisscheduled": 0,
    },
}
REVISION = "before"
OWNER_NAMES = {kind.name for kind in kinds.OWNER_KINDS}
HELD = re.compile("/(" + "|".join(kind.plural for kind in kinds.OWNER_KINDS) + "|persistentvolumeclaims)/")
"""Paths of what has a finalizer that nobody takes off on a server without controllers."""


def key_of(manifest: Json) -> str:
    """`Kind/namespace/name`, the namespace empty for an object of the cluster."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def path_of(manifest: Json) -> str:
    """Where the API server has the object."""
    metadata = manifest["metadata"]
    return resource_of(manifest).path(metadata.get("namespace"), metadata["name"])


@define
class Predecessor:
    """One case on a server that has no controllers: `given` by users, `recorded` as the Go operator left it."""

    api: Api
    given: list[Json]
    recorded: list[Json]
    refused: set[str] = field(init=False, factory=set)
    """Recorded objects that a real API server does not take, by key."""
    pods: list[Json] = field(init=False, factory=list)
    _uids: dict[str, str] = field(init=False, factory=dict)

    def install(self) -> None:
        """Create everything: objects of users, then the Go operator's by ordinary creates and updates."""
        for manifest in self.given:
            self._place(manifest)
        users = {key_of(manifest) for manifest in self.given}
        for manifest in self.recorded:
            if key_of(manifest) in users:
                self._mark(manifest)
            else:
                self._create(manifest)

    def children(self) -> Iterator[Json]:
        """The recorded objects that are there because the Go operator made them."""
        users = {key_of(manifest) for manifest in self.given}
        for manifest in self.recorded:
            if key_of(manifest) not in users | self.refused:
                yield manifest

    def live(self) -> dict[str, Json]:
        """Every object of the case as the server has it, by key."""
        found = ((key_of(each), self.api.find(path_of(each))) for each in (*self.given, *self.children()))
        return {key: manifest for key, manifest in found if manifest is not None}

    def roll_out(self) -> None:
        """Let every workload be rolled out as it is now, as far as its status and pods tell."""
        for manifest in self.recorded:
            if status := READY.get(manifest["kind"]):
                live = self.api.find(path_of(manifest))
                if live and live.get("status", {}).get("observedGeneration") != live["metadata"]["generation"]:
                    self._run(path_of(manifest), live, status)

    def update(self, manifest: Json, *, dropped: Collection[str] = ()) -> Json:
        """The object after the update that the Go operator sends when it finds something to do.

        It lays its labels, annotations and owner over the live ones, but for those `dropped` from the spec that it
        applied last, keeps what a Service has been given, and replaces everything else.
        """
        path, wanted = path_of(manifest), self._sent(manifest)
        live = self.api.get(path)
        metadata = dict(live["metadata"])
        for part in ("labels", "annotations"):
            merged = {**metadata.get(part, {}), **wanted["metadata"].get(part, {})}
            metadata[part] = {key: value for key, value in merged.items() if key not in dropped}
        owners = metadata.get("ownerReferences", [])
        known = {owner["uid"] for owner in owners}
        missing = [owner for owner in wanted["metadata"].get("ownerReferences", []) if owner["uid"] not in known]
        if owners or missing:
            metadata["ownerReferences"] = owners + missing
        body = live | wanted | {"metadata": metadata}
        if manifest["kind"] == "Service":
            numbers = {port.get("name"): port["nodePort"] for port in live["spec"]["ports"] if "nodePort" in port}
            ports = [_numbered(port, numbers.get(port.get("name"))) for port in body["spec"]["ports"]]
            body["spec"] = {"clusterIP": live["spec"].get("clusterIP"), **body["spec"], "ports": ports}
        if manifest["kind"] == "PersistentVolumeClaim":  # of which it only ever changes the size
            body["spec"] = {**live["spec"], "resources": wanted["spec"]["resources"]}
        if "template" in body.get("spec", {}):
            template, before = body["spec"]["template"], live["spec"]["template"]["metadata"].get("annotations", {})
            annotations = {**before, **template["metadata"].get("annotations", {})}
            body["spec"] |= {"template": template | {"metadata": template["metadata"] | {"annotations": annotations}}}
        return self.api.request("PUT", path, body, fieldManager=MANAGER)

    def remove(self) -> None:
        """Delete everything, the successor's objects as well."""
        for path in {
            path_of(each) for each in (*self.recorded, *self.pods, *self.given) if each["kind"] != "Namespace"
        }:
            if HELD.search(path) and self.api.find(path) is not None:
                self.api.merge(path, {"metadata": {"finalizers": None}})
            self.api.delete(path, grace_seconds=0)

    def _place(self, manifest: Json) -> None:
        """An object of a user's; namespaces stay from case to case."""
        path, body = path_of(manifest), {key: value for key, value in manifest.items() if key != "status"}
        if self.api.find(path) is None:
            self.api.request("POST", path.rpartition("/")[0], body, fieldManager="kubectl-create")
        else:
            self.api.request("PUT", path, body, fieldManager="kubectl-create")

    def _mark(self, manifest: Json) -> None:
        """Finalizers and status of an object of a user's."""
        path, metadata = path_of(manifest), manifest["metadata"]
        if finalizers := metadata.get("finalizers"):
            patch = [{"op": "add", "path": "/metadata/finalizers", "value": finalizers}]
            self.api.request("PATCH", path, patch, content_type=JSON_PATCH, fieldManager=MANAGER)
        if status := manifest.get("status"):
            live = self.api.get(path)
            now = live["metadata"]["creationTimestamp"]
            status = {**status, "lastAppliedSpec": live["spec"]} if manifest["kind"] in OWNER_NAMES else dict(status)
            if conditions := status.get("conditions"):
                times = {"lastTransitionTime": now, "lastUpdateTime": now}
                status["conditions"] = [{**times, **condition} for condition in conditions]
            self.api.request("PUT", f"{path}/status", live | {"status": status}, fieldManager=MANAGER)

    def _create(self, manifest: Json) -> None:
        path = path_of(manifest)
        try:
            self.api.request("POST", path.rpartition("/")[0], self._sent(manifest), fieldManager=MANAGER)
        except Refused as error:
            if error.status != 422:
                raise
            self.refused.add(key_of(manifest))

    def _run(self, path: str, live: Json, status: Json) -> None:
        wanted = live["spec"].get("replicas", 1)
        status = {name: wanted and count for name, count in status.items()}
        status = {name: wanted if name.endswith("eplicas") else count for name, count in status.items()}
        status["observedGeneration"] = live["metadata"]["generation"]
        if live["kind"] == "StatefulSet":
            status |= {"currentRevision": REVISION, "updateRevision": REVISION, "currentReplicas": wanted}
            for ordinal in range(wanted):
                self._start(live, ordinal)
        self.api.request("PUT", f"{path}/status", live | {"status": status}, fieldManager="kube-controller-manager")

    def _start(self, owner: Json, ordinal: int) -> None:
        """A pod of a StatefulSet, which the kubelet makes ready."""
        metadata, spec = owner["metadata"], owner["spec"]
        reference = {key: owner[key] for key in ("apiVersion", "kind")}
        reference |= {"name": metadata["name"], "uid": metadata["uid"], "controller": True}
        labels = spec["template"]["metadata"]["labels"] | {"controller-revision-hash": REVISION}
        name = f"{metadata['name']}-{ordinal}"
        claims = [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [reference],
            },
            "spec": {
                "subdomain": spec.get("serviceName", ""),
                "containers": [{"name": "vmagent", "image": "vmagent:1"}],
                "volumes": [
                    {"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims
                ],
            },
        }
        path = path_of(pod)
        if self.api.find(path) is None:
            self.api.create(path.rpartition("/")[0], pod)
            self.pods.append(pod)
            eventually(lambda: "podIP" in self.api.get(path)["status"])

    def _sent(self, manifest: Json) -> Json:
        """A recorded object as it was sent: with the real owner, and Secrets as bytes."""
        metadata: Json = dict(manifest["metadata"])
        body: Json = {key: value for key, value in manifest.items() if key not in ("decoded", "status")}
        body["metadata"] = metadata
        if owners := metadata.get("ownerReferences"):
            metadata["ownerReferences"] = [self._real(owner, metadata["namespace"]) for owner in owners]
        if decoded := manifest.get("decoded"):
            body["data"] = {key: _encoded(key, text) for key, text in decoded.items()}
        return body

    def _real(self, owner: Json, namespace: str) -> Json:
        """An owner reference with the UID that the owner has on this server."""
        path = path_of({**owner, "metadata": {"name": owner["name"], "namespace": namespace}})
        if path not in self._uids:
            self._uids[path] = self.api.get(path)["metadata"]["uid"]
        return {**owner, "uid": self._uids[path]}


def _numbered(port: Json, node_port: int | None) -> Json:
    """A port of a Service that keeps the port of the nodes which it has been given."""
    return {"nodePort": node_port, **port} if node_port else port


def _encoded(key: str, text: str) -> str:
    """A value of a Secret as the Go operator packs it."""
    content = text.encode()
    return base64.b64encode(gzip.compress(content) if key.endswith(".gz") else content).decode()

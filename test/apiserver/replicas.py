"""The ReplicaSets of Deployments, and the pods of ReplicaSets and DaemonSets: there for people to look at, so a roll-out is one step."""

import hashlib
import json
from typing import TYPE_CHECKING

from test.apiserver import pods
from test.apiserver.store import Json, Name, clone

if TYPE_CHECKING:
    from test.apiserver.workloads import Workloads

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters that the real server makes names of: no vowels, so no words."""


def advance_deployment(workloads: "Workloads", name: Name, live: Json, number: int) -> None:
    """A ReplicaSet of the present template, the `number`th, with all the pods; those of earlier ones without."""
    if live["metadata"].get("deletionTimestamp"):
        return
    kind, wanted = workloads.kind("replicasets.apps"), live["spec"]["replicas"]
    current = f"{name[1]}-{_word(json.dumps(live['spec']['template'], sort_keys=True), 10)}"
    found = {one["metadata"]["name"]: one for one in pods.owned(workloads, name, live, "replicasets.apps")}
    if current not in found:
        mark = {HASH_LABEL: current.rpartition("-")[2]}
        template = clone(live["spec"]["template"])
        template["metadata"] = _labelled(template.get("metadata"), mark)
        selector = clone(live["spec"]["selector"])
        selector["matchLabels"] = selector.get("matchLabels", {}) | mark
        meta = {"name": current, "labels": template["metadata"]["labels"], "ownerReferences": [pods.owner(live)]}
        meta["annotations"] = {REVISION_ANNOTATION: str(number)}
        pods.add(
            workloads, kind.storage, name[0], meta, {"replicas": wanted, "selector": selector, "template": template}
        )
    for inner, one in found.items():
        target = wanted if inner == current else 0
        if one["spec"]["replicas"] != target:

            def scaled(new: Json, target: int = target) -> Json:
                return (
                    {"kind": kind.name, "apiVersion": kind.api_version}
                    | new
                    | {"spec": new["spec"] | {"replicas": target}}
                )

            workloads.objects.update(kind, (name[0], inner), scaled, pods.BY_CONTROLLER)


def advance_replicaset(workloads: "Workloads", name: Name, live: Json) -> Json:
    """As many pods as a ReplicaSet asks for; the counts of its status."""
    wanted, found = live["spec"]["replicas"], _present(workloads, name, live)
    for pod in found[wanted:]:
        pods.delete(workloads, pod)
    for number in range(wanted - len(found)):
        _start(workloads, name, live, f"{live['metadata']['resourceVersion']} {number}", "node-1")
    found = _present(workloads, name, live)
    ready = sum(map(pods.is_ready, found))
    return {"replicas": len(found), "readyReplicas": ready, "availableReplicas": ready}


def advance_daemonset(workloads: "Workloads", name: Name, live: Json) -> None:
    """A pod of the present template on each node."""
    if live["metadata"].get("deletionTimestamp"):
        return
    current = pods.revision(live).rpartition("-")[2]
    nodes = [inner for _, inner in (node for node, _ in workloads.objects.store.items("nodes"))] or ["node-1"]
    missing = set(nodes)
    for pod in _present(workloads, name, live):
        is_right = pod["spec"]["nodeName"] in missing and pod["metadata"]["labels"][pods.REVISION_LABEL] == current
        if is_right:
            missing.discard(pod["spec"]["nodeName"])
        else:
            pods.delete(workloads, pod)
    for node in sorted(missing):
        _start(workloads, name, live, f"{current} {live['metadata']['resourceVersion']}", node, current)


def _present(workloads: "Workloads", name: Name, live: Json) -> list[Json]:
    return [pod for pod in pods.owned(workloads, name, live) if not pod["metadata"].get("deletionTimestamp")]


def _start(workloads: "Workloads", name: Name, live: Json, seed: str, node: str, revision: str = "") -> None:
    template = clone(live["spec"]["template"])
    meta = _labelled(template.get("metadata"), {pods.REVISION_LABEL: revision} if revision else {})
    meta |= {"name": f"{name[1]}-{_word(f'{name} {seed} {node}', 5)}", "ownerReferences": [pods.owner(live)]}
    pods.add(workloads, "pods", name[0], meta, template["spec"] | {"nodeName": node})


def _labelled(meta: Json | None, labels: Json) -> Json:
    return {**(meta or {}), "labels": (meta or {}).get("labels", {}) | labels}


def _word(text: str, size: int) -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in hashlib.sha256(text.encode()).digest()[:size])

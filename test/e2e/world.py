"""What a scenario sees: a cluster with the operator in it, and words for its objects."""

from __future__ import annotations

import base64
import gzip
import time
from typing import Any

import yaml
from attrs import define

from test.controlplane.api import Api, Json
from test.e2e.replicas import Replicas
from vmagent_operator.identity import API_VERSION

OWN = "/apis/operator.victoriametrics.com/v1beta1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
COLLECTIONS = {
    "VMAgent": f"{OWN}/namespaces/{{}}/vmagents",
    "VMSingle": f"{OWN}/namespaces/{{}}/vmsingles",
    "VMCluster": f"{OWN}/namespaces/{{}}/vmclusters",
    "VMServiceScrape": f"{OWN}/namespaces/{{}}/vmservicescrapes",
    "VMPodScrape": f"{OWN}/namespaces/{{}}/vmpodscrapes",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Pod": "/api/v1/namespaces/{}/pods",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "Namespace": "/api/v1/namespaces",
}
CHILD_KINDS = [
    kind
    for kind in COLLECTIONS
    if kind not in ("VMAgent", "VMSingle", "VMCluster", "Namespace", "Pod", "PersistentVolumeClaim")
]


@define(eq=False)
class World:
    """One API server with the operator's `replicas`; scenarios act as the administrator."""

    api: Api
    replicas: Replicas

    def create(self, kind: str, namespace: str, name: str, spec: Json | None = None, **more: Any) -> Json:
        """A new object; `more` are its other top-level fields, `labels` and `annotations` those of its metadata."""
        metadata = {"name": name} | {key: more.pop(key) for key in ("labels", "annotations") if key in more}
        version = _api_version(kind)
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
        return self.api.create(_path(kind, namespace), manifest | ({} if spec is None else {"spec": spec}))

    def find(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self.api.find(f"{_path(kind, namespace)}/{name}")

    def get(self, kind: str, namespace: str, name: str) -> Json:
        """The object. Raises Refused when there is none."""
        return self.api.get(f"{_path(kind, namespace)}/{name}")

    def merge(self, kind: str, namespace: str, name: str, patch: Json) -> Json:
        """The object after a JSON merge patch."""
        return self.api.merge(f"{_path(kind, namespace)}/{name}", patch)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete the object, in the background."""
        self.api.delete(f"{_path(kind, namespace)}/{name}")

    def status(self, kind: str, namespace: str, name: str) -> Json:
        """The object's status, empty when it has none."""
        return dict(self.get(kind, namespace, name).get("status") or {})

    def is_operational(self, namespace: str, name: str, kind: str = "VMAgent") -> bool:
        """Whether the operator has brought the owner to its present spec, and its pods are ready."""
        owner = self.get(kind, namespace, name)
        status = owner.get("status") or {}
        is_current = status.get("observedGeneration") == owner["metadata"]["generation"]
        return is_current and status.get("updateStatus") == "operational"

    def applied(self, kind: str, namespace: str, name: str, agent: str) -> Json:
        """The condition that VMAgent `agent` ("namespace/name") wrote on a scrape object, empty when it did not."""
        owner, _, of = agent.partition("/")
        wanted = f"{of}.{owner}.vmagent.victoriametrics.com/Applied"
        conditions = self.status(kind, namespace, name).get("conditions") or []
        return next((dict(one) for one in conditions if one["type"] == wanted), {})

    def text(self, namespace: str, secret: str, key: str = "vmagent.yaml.gz") -> str:
        """One value of a Secret, unzipped if it is gzip; "" when it is not there."""
        found = self.find("Secret", namespace, secret) or {}
        data = base64.b64decode((found.get("data") or {}).get(key, ""))
        return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()

    def jobs(self, namespace: str, agent: str) -> dict[str, Json]:
        """The scrape jobs in the configuration of a VMAgent, by name, without the one that scrapes itself."""
        document = yaml.safe_load(self.text(namespace, f"vmagent-{agent}")) or {}
        jobs = {job["job_name"]: job for job in document.get("scrape_configs") or []}
        return {name: job for name, job in jobs.items() if f"/{namespace}/vmagent-{agent}/" not in name}

    def children(self, namespace: str, agent: str) -> dict[str, Json]:
        """What there is of a VMAgent, by "Kind name"; what the server or its controllers write is left out."""
        selector = f"app.kubernetes.io/instance={agent},managed-by=vm-operator"
        found = {}
        for kind in CHILD_KINDS:
            for item in self.api.items(_path(kind, namespace), labelSelector=selector):
                if _path(kind, "x") != _path(kind, "y") or f":{namespace}:" in item["metadata"]["name"]:
                    found[f"{kind} {item['metadata']['name']}"] = stripped(item)
        return found

    def versions(self, namespace: str, *, after_seconds: float = 0) -> dict[str, str]:
        """The resource version of everything in the namespace that the operator may write, events included."""
        time.sleep(after_seconds)
        kinds = [kind for kind in COLLECTIONS if _path(kind, "x") != _path(kind, "y")]
        items = [
            (path, item["metadata"])
            for path in (_path(kind, namespace) for kind in kinds)
            for item in self.api.items(path)
        ]
        events = f"/api/v1/namespaces/{namespace}/events"
        ours = [item for item in self.api.items(events) if item["involvedObject"].get("apiVersion") == API_VERSION]
        items += [(events, item["metadata"]) for item in ours]
        return {f"{path}/{metadata['name']}": metadata["resourceVersion"] for path, metadata in items}


def _path(kind: str, namespace: str) -> str:
    return COLLECTIONS[kind].format(namespace)


def _api_version(kind: str) -> str:
    path = COLLECTIONS[kind].split("/")
    return path[2] if path[1] == "api" else f"{path[2]}/{path[3]}"


def stripped(item: Json) -> Json:
    """The object as lists and single answers have it: without kind, status, and what others write into its metadata."""
    metadata = item["metadata"]
    kept = {key: metadata[key] for key in ("name", "labels", "finalizers") if key in metadata}
    kept["annotations"] = {
        key: value for key, value in metadata.get("annotations", {}).items() if not key.startswith("deployment.")
    }
    kept["owners"] = [owner["name"] for owner in metadata.get("ownerReferences", [])]
    rest = {key: value for key, value in item.items() if key not in ("metadata", "status", "apiVersion", "kind")}
    return rest | {"metadata": kept}

"""Which path of the API server holds which kind.

A table of what the operator reads and writes, apart from any request so that pure code can use it too.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from attrs import frozen

Manifest = dict[str, Any]
"""A JSON object as the API server speaks it."""
Json = Any
"""A JSON value of any type, before anybody has looked."""


class Remains(Manifest):
    """What is left of an object that cannot be read as a whole: its head and some of its metadata; `fault` says why."""

    def __init__(self, left: Manifest, fault: str) -> None:
        super().__init__(left)
        self.fault = fault


@frozen
class Resource:
    """One kind of the API server: `group` is empty for the core group.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`, as manifests spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path of the group version, where its kinds are listed."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, of the object called `name`, or of its subresource.

        Without a namespace it is the collection over all namespaces. Raises ValueError if the namespace does not fit
        the kind: a cluster-scoped kind has none, an object of a namespaced kind needs one.
        """
        if namespace and not self.namespaced:
            raise ValueError(f"{self.kind} has no namespace, got {namespace!r}")
        if name and self.namespaced and not namespace:
            raise ValueError(f"{self.kind} {name} needs a namespace")
        scope = ("namespaces", namespace) if namespace else ()
        parts = (*scope, self.plural, *(part for part in (name, subresource) if part))
        return "/".join((self.root, *(quote(part, safe=":{}") for part in parts)))

    def route(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The same path with placeholders for namespace and name: a bounded set of metric labels."""
        return self.path("{namespace}" if namespace else None, "{name}" if name else None, subresource)


SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")
SERVICES = Resource("", "v1", "services", "Service")
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
PODS = Resource("", "v1", "pods", "Pod")
PERSISTENTVOLUMECLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
EVENTS = Resource("", "v1", "events", "Event")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFULSETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMONSETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
PODDISRUPTIONBUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
HORIZONTALPODAUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
VERTICALPODAUTOSCALERS = Resource("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler")
NETWORKPOLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLEBINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTERROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTERROLEBINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
STORAGECLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
CUSTOMRESOURCEDEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

BY_KIND: Mapping[tuple[str, str], Resource] = {
    (resource.api_version, resource.kind): resource
    for resource in tuple(vars().values())
    if isinstance(resource, Resource)
}
"""(apiVersion, kind) -> Resource, for everything above."""


def of(manifest: Manifest) -> Resource:
    """The Resource of a manifest; KeyError for a kind that this module does not list."""
    return BY_KIND[manifest["apiVersion"], manifest["kind"]]

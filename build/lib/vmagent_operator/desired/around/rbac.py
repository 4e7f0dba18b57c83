"""The pods' account and what it may read."""

from collections.abc import Iterator

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.model.decode import Manifest

Rule = Manifest
_GROUP = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_SLICES: Rule = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ}
_INGRESSES: Rule = {"apiGroups": ["networking.k8s.io", "extensions"], "resources": ["ingresses"], "verbs": _READ}

CLUSTER_RULES: tuple[Rule, ...] = (
    _SLICES,
    {
        "apiGroups": [""],
        "resources": ["nodes", "nodes/metrics", "services", "endpoints", "pods", "namespaces"],
        "verbs": _READ,
    },
    _INGRESSES,
    {"nonResourceURLs": ["/metrics", "/metrics/resources", "/metrics/slis"], "verbs": ["get"]},
    {
        "apiGroups": ["route.openshift.io", "image.openshift.io"],
        "resources": ["routers/metrics", "registry/metrics"],
        "verbs": ["get"],
    },
)
"""What discovery and scraping need in the whole cluster."""

NAMESPACE_RULES: tuple[Rule, ...] = (
    _SLICES,
    {"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": _READ},
    _INGRESSES,
)
"""What discovery needs in one namespace."""


def owns_account(component: Component) -> bool:
    """Whether the pods' account is the operator's; one named by the user is the user's to equip."""
    return not component.account


def account(component: Component) -> Iterator[Manifest]:
    """The account, if it is the operator's."""
    if owns_account(component):
        yield {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": labels.meta(component, component.name),
        }


def scraping(component: Component, *, discovers: bool) -> Iterator[Manifest]:
    """Roles and bindings of an application that reads its configuration Secret, in the order in which they are needed.

    discovers: whether it looks for targets, and so reads what Kubernetes has; in the watched namespaces, if there are
    such.
    """
    if not owns_account(component):
        return
    watched = component.settings.watch_namespaces
    if not watched:
        yield from _role(component, "", CLUSTER_RULES if discovers else ())
    for namespace in watched or (component.namespace,):
        own = (_configuration(component),) if namespace == component.namespace else ()
        yield from _role(component, namespace, (*own, *(NAMESPACE_RULES if discovers else ())))


def _configuration(component: Component) -> Rule:
    return {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [names.config(component)],
        "verbs": ["get", "watch", "list"],
    }


def _role(component: Component, namespace: str, rules: tuple[Rule, ...]) -> Iterator[Manifest]:
    """A role with `rules` and its binding; those of the cluster if `namespace` is empty."""
    kind, name = "Role" if namespace else "ClusterRole", names.rbac(component)
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": labels.meta(component, name, namespace=namespace),
        "rules": list(rules),
    }
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": labels.meta(component, name, namespace=namespace),
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": component.name, "namespace": component.namespace}],
    }

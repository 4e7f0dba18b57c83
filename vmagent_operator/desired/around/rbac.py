"""The pods' account and what it may read."""

from collections.abc import Iterator
from typing import Any

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.vmagent.features import VMAgent, has_secrets, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

Rule = dict[str, Any]
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


def owns_account(agent: VMAgent) -> bool:
    """Whether the pods' account is the operator's; one named by the user is the user's to equip."""
    return not spec(agent).apps.service_account_name


def objects(agent: VMAgent, settings: Settings) -> Iterator[Manifest]:
    """The account, roles and bindings, in the order in which they are needed."""
    if not owns_account(agent):
        return
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": labels.meta(agent, settings, names.prefixed(agent)),
    }
    if not has_secrets(agent):
        return
    is_scraping = not spec(agent).scraping.ingest_only_mode
    if not settings.watch_namespaces:
        yield from _role(agent, settings, "", CLUSTER_RULES if is_scraping else ())
    for namespace in settings.watch_namespaces or (agent.namespace,):
        own = (_configuration(agent),) if namespace == agent.namespace else ()
        yield from _role(agent, settings, namespace, (*own, *(NAMESPACE_RULES if is_scraping else ())))


def _configuration(agent: VMAgent) -> Rule:
    return {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [names.config(agent)],
        "verbs": ["get", "watch", "list"],
    }


def _role(agent: VMAgent, settings: Settings, namespace: str, rules: tuple[Rule, ...]) -> Iterator[Manifest]:
    """A role with `rules` and its binding; those of the cluster if `namespace` is empty."""
    kind, name = "Role" if namespace else "ClusterRole", names.rbac(agent)
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": labels.meta(agent, settings, name, namespace=namespace),
        "rules": list(rules),
    }
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": labels.meta(agent, settings, name, namespace=namespace),
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": names.prefixed(agent), "namespace": agent.namespace}],
    }

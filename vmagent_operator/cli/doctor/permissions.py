"""Everything that the operator must be allowed to do, and whether it is.

The table says what `manifests/base/cluster_role.yaml` says; a test keeps the two in step.
"""

from collections.abc import Iterator

from attrs import frozen

from vmagent_operator.api.kinds import OWNER_KINDS, SCRAPE_KINDS
from vmagent_operator.cli.doctor.patient import Patient, Symptom, Symptoms
from vmagent_operator.convert.sources import GROUP as PROMETHEUS
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.identity import GROUP
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.settings import Settings

SELF = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False)
OF_OTHERS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
ACCOUNT = "system:serviceaccount:"


@frozen
class Permission:
    """Verbs on resources of a group, several with spaces between them. is_global: only needed where all namespaces are watched."""

    group: str
    resources: str
    verbs: str
    is_global: bool = False


_OWNERS = [kind.plural for kind in OWNER_KINDS]
_SCRAPES = [kind.plural for kind in SCRAPE_KINDS]
_READ = "get list watch"
_ALL = f"{_READ} create patch delete"
_RBAC = "rbac.authorization.k8s.io"
PERMISSIONS: tuple[Permission, ...] = (
    Permission(GROUP, " ".join(_OWNERS), f"{_READ} patch"),
    Permission(GROUP, " ".join(f"{name}/status" for name in _OWNERS), "patch"),
    Permission(GROUP, " ".join(f"{name}/finalizers" for name in _OWNERS), "update"),
    Permission(GROUP, " ".join(_SCRAPES), _READ),
    Permission(GROUP, " ".join(f"{name}/status" for name in _SCRAPES), "update"),
    Permission(GROUP, "vmservicescrapes vmpodscrapes", "create patch delete"),
    Permission(PROMETHEUS, " ".join(source.kind.plural for source in SOURCES), "list watch"),
    Permission(GROUP, "vmprobes vmscrapeconfigs", "create patch"),
    Permission("", "secrets configmaps services serviceaccounts", _ALL),
    Permission("apps", "deployments statefulsets daemonsets", _ALL),
    Permission("policy", "poddisruptionbudgets", _ALL),
    Permission("autoscaling", "horizontalpodautoscalers", _ALL),
    Permission("networking.k8s.io", "networkpolicies", _ALL),
    Permission(_RBAC, "roles rolebindings", _ALL),
    Permission(_RBAC, "clusterroles clusterrolebindings", _ALL, is_global=True),
    Permission("apps", "statefulsets/status", "patch"),
    Permission("", "pods", f"{_READ} delete"),
    Permission("", "pods/eviction", "create"),
    Permission("", "persistentvolumeclaims", f"{_READ} create patch"),
    Permission("storage.k8s.io", "storageclasses", "get list", is_global=True),
    Permission("", "namespaces", _READ, is_global=True),
    Permission("", "events", "create patch"),
    # Only granted on to vmagent.
    Permission("", "endpoints", _READ),
    Permission("", "nodes nodes/metrics", _READ, is_global=True),
    Permission("discovery.k8s.io", "endpointslices", _READ),
    Permission("networking.k8s.io", "ingresses", _READ),
    Permission("extensions", "ingresses", _READ),
)


def check(patient: Patient) -> Symptoms:
    """What may not be done that the operator does."""
    asked, lacking = 0, list[tuple[str, str, str]]()
    for verb, group, resource, namespace in _questions(patient.settings):
        asked += 1
        if not _is_allowed(patient, verb, group, resource, namespace):
            lacking.append((f"{resource}.{group}" if group else resource, namespace, verb))
    whose = patient.user or "you"
    for resource, namespace in dict.fromkeys(each[:2] for each in lacking):
        verbs = ", ".join(verb for name, place, verb in lacking if (name, place) == (resource, namespace))
        where = f" in {namespace}" if namespace else ""
        source = "manifests/namespaced" if namespace else "manifests/base"
        yield Symptom("error", f"{whose} may not {verbs} {resource}{where}", f"kubectl apply --server-side -k {source}")
    if not lacking:
        yield Symptom(
            "ok",
            f"{whose} may do all that the operator does ({asked} questions)",
            "" if patient.user else _other(patient),
        )


def _other(patient: Patient) -> str:
    """How to ask about the operator itself."""
    for each in patient.operators:
        account = each["spec"]["template"]["spec"].get("serviceAccountName") or "default"
        return f"vmagent-operator doctor --as {ACCOUNT}{each['metadata']['namespace']}:{account}"
    return ""


def _questions(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """Verb, group, resource and namespace of all that is needed, each once."""
    for each in PERMISSIONS:
        if each.is_global and settings.watch_namespaces:
            continue
        for namespace in settings.watch_namespaces or ("",):
            for resource in each.resources.split():
                for verb in each.verbs.split():
                    yield verb, each.group, resource, namespace


def _is_allowed(patient: Patient, verb: str, group: str, resource: str, namespace: str) -> bool:
    plural, _, subresource = resource.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": plural,
        **({"subresource": subresource} if subresource else {}),
        **({"namespace": namespace} if namespace else {}),
    }
    spec: Manifest = {"resourceAttributes": attributes}
    if patient.user:
        spec |= {"user": patient.user, "groups": _groups(patient.user)}
    of = OF_OTHERS if patient.user else SELF
    review = {"apiVersion": of.api_version, "kind": of.kind, "metadata": {}, "spec": spec}
    return bool((patient.live.client.create(of, review).get("status") or {}).get("allowed"))


def _groups(user: str) -> list[str]:
    """The groups that the API server puts a user into by itself."""
    if not user.startswith(ACCOUNT):
        return ["system:authenticated"]
    namespace = user.removeprefix(ACCOUNT).partition(":")[0]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]

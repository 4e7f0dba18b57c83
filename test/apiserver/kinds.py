"""The resources that are served: built-in ones from a table, custom ones from their CustomResourceDefinitions."""

from typing import Any

from attrs import field, frozen

from test.apiserver.schema import Node, builtin, structural

Json = dict[str, Any]
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."


@frozen(eq=False)
class Kind:
    """One served resource.

    `storage` is its name in the store: `plural.group`. `generation` says which parts of an object a new generation counts: spec,
    anything but metadata and status, or nothing.
    """

    group: str
    version: str
    name: str
    plural: str
    singular: str
    is_namespaced: bool
    node: Node
    short: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    generation: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    is_custom: bool = False
    columns: tuple[Json, ...] = ()
    scale: Json = field(factory=dict)
    selectable: tuple[str, ...] = ()

    @property
    def storage(self) -> str:
        """`deployments.apps`, or `pods` in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def verbs(self) -> list[str]:
        """What can be done; a review is asked for, and never kept."""
        return ["create"] if self.group == "authorization.k8s.io" else VERBS

    @property
    def has_status(self) -> bool:
        """Whether status has an endpoint of its own."""
        return "status" in self.subresources


# plural, kind, group/version, definition prefix, scope, short names, subresources, what counts for the generation
BUILTIN = """
namespaces                Namespace                v1 io.k8s.api.core.v1 cluster ns status,finalize -
nodes                     Node                     v1 io.k8s.api.core.v1 cluster no status -
pods                      Pod                      v1 io.k8s.api.core.v1 namespaced po status,eviction,log spec
services                  Service                  v1 io.k8s.api.core.v1 namespaced svc status -
endpoints                 Endpoints                v1 io.k8s.api.core.v1 namespaced ep - -
serviceaccounts           ServiceAccount           v1 io.k8s.api.core.v1 namespaced sa - -
secrets                   Secret                   v1 io.k8s.api.core.v1 namespaced - - -
configmaps                ConfigMap                v1 io.k8s.api.core.v1 namespaced cm - -
persistentvolumeclaims    PersistentVolumeClaim    v1 io.k8s.api.core.v1 namespaced pvc status -
persistentvolumes         PersistentVolume         v1 io.k8s.api.core.v1 cluster pv status -
events                    Event                    v1 io.k8s.api.core.v1 namespaced ev - -
resourcequotas            ResourceQuota            v1 io.k8s.api.core.v1 namespaced quota status -
limitranges               LimitRange               v1 io.k8s.api.core.v1 namespaced limits - -
deployments               Deployment               apps/v1 io.k8s.api.apps.v1 namespaced deploy status,scale spec,annotations
statefulsets              StatefulSet              apps/v1 io.k8s.api.apps.v1 namespaced sts status,scale spec
daemonsets                DaemonSet                apps/v1 io.k8s.api.apps.v1 namespaced ds status spec
replicasets               ReplicaSet               apps/v1 io.k8s.api.apps.v1 namespaced rs status,scale spec
controllerrevisions       ControllerRevision       apps/v1 io.k8s.api.apps.v1 namespaced - - -
poddisruptionbudgets      PodDisruptionBudget      policy/v1 io.k8s.api.policy.v1 namespaced pdb status spec
horizontalpodautoscalers  HorizontalPodAutoscaler  autoscaling/v2 io.k8s.api.autoscaling.v2 namespaced hpa status -
networkpolicies           NetworkPolicy            networking.k8s.io/v1 io.k8s.api.networking.v1 namespaced netpol - spec
ingresses                 Ingress                  networking.k8s.io/v1 io.k8s.api.networking.v1 namespaced ing status spec
roles                     Role                     rbac.authorization.k8s.io/v1 io.k8s.api.rbac.v1 namespaced - - -
rolebindings              RoleBinding              rbac.authorization.k8s.io/v1 io.k8s.api.rbac.v1 namespaced - - -
clusterroles              ClusterRole              rbac.authorization.k8s.io/v1 io.k8s.api.rbac.v1 cluster - - -
clusterrolebindings       ClusterRoleBinding       rbac.authorization.k8s.io/v1 io.k8s.api.rbac.v1 cluster - - -
leases                    Lease                    coordination.k8s.io/v1 io.k8s.api.coordination.v1 namespaced - - -
storageclasses            StorageClass             storage.k8s.io/v1 io.k8s.api.storage.v1 cluster sc - -
endpointslices            EndpointSlice            discovery.k8s.io/v1 io.k8s.api.discovery.v1 namespaced - - spec
selfsubjectaccessreviews  SelfSubjectAccessReview  authorization.k8s.io/v1 io.k8s.api.authorization.v1 cluster - - -
selfsubjectrulesreviews   SelfSubjectRulesReview   authorization.k8s.io/v1 io.k8s.api.authorization.v1 cluster - - -
subjectaccessreviews      SubjectAccessReview      authorization.k8s.io/v1 io.k8s.api.authorization.v1 cluster - - -
customresourcedefinitions CustomResourceDefinition apiextensions.k8s.io/v1 {crd} cluster crd,crds status spec
"""
ALL = ("pods", "services", "deployments", "statefulsets", "daemonsets", "replicasets", "horizontalpodautoscalers")


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def builtins() -> list[Kind]:
    """The kinds of the table."""
    found = []
    for line in BUILTIN.format(crd=_APIEXTENSIONS.rstrip(".")).strip().splitlines():
        plural, name, api_version, prefix, scope, short, subresources, generation = line.split()
        group, _, version = api_version.rpartition("/")
        found.append(
            Kind(group, version, name, plural, name.lower(), scope == "namespaced", builtin(f"{prefix}.{name}"), _words(short),
                 frozenset(_words(subresources)), _words(generation), ("all",) if plural in ALL else (), f"{name}List")
        )  # fmt: skip
    return found


def custom(definition: Json) -> list[Kind]:
    """The kinds that a CustomResourceDefinition serves, one a version."""
    spec, found = definition["spec"], []
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        subresources = frozenset(version.get("subresources") or ())
        found.append(
            Kind(spec["group"], version["name"], names["kind"], names["plural"], names.get("singular") or names["kind"].lower(),
                 spec["scope"] == "Namespaced", structural(version.get("schema", {}).get("openAPIV3Schema", {})),
                 tuple(names.get("shortNames") or ()), subresources,
                 ("*",) if "status" in subresources else ("*", "status"), tuple(names.get("categories") or ()),
                 names.get("listKind") or names["kind"] + "List", True, tuple(version.get("additionalPrinterColumns") or ()),
                 (version.get("subresources") or {}).get("scale") or {},
                 tuple(one["jsonPath"].lstrip(".") for one in version.get("selectableFields") or ()))
        )  # fmt: skip
    return found


def counted(kind: Kind, value: Json) -> Json:
    """The parts of an object whose change makes a new generation."""
    if "*" in kind.generation:
        left_out = {"metadata"} if "status" in kind.generation else {"metadata", "status"}
        return {key: part for key, part in value.items() if key not in left_out}
    parts: Json = {"spec": value.get("spec")} if "spec" in kind.generation else {}
    if "annotations" in kind.generation:
        parts["annotations"] = value["metadata"].get("annotations") or {}
    if kind.plural == "endpointslices":
        parts = {key: part for key, part in value.items() if key != "metadata"}
    return parts

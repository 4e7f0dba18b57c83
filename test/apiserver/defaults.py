"""What the server fills in: one table by definition, constants first, then functions for what depends on the rest.

Source: pkg/apis/*/v1/defaults.go of Kubernetes 1.36.
"""

from collections.abc import Callable, Mapping
from typing import Any

from test.apiserver.quantity import canonical
from test.apiserver.schema import Node

Json = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"


def _pull_policy(image: str) -> str:
    tail = image.rsplit("/", 1)[-1]
    is_moving = "@" not in tail and (":" not in tail or tail.endswith(":latest"))
    return "Always" if is_moving else "IfNotPresent"


def _container(value: Json) -> None:
    if not value.get("imagePullPolicy"):
        value["imagePullPolicy"] = _pull_policy(value.get("image", ""))


def _volume(value: Json) -> None:
    if len(value) == 1:
        value["emptyDir"] = {}


def _pod_spec(value: Json) -> None:
    account = value.get("serviceAccountName") or value.get("serviceAccount")
    if account:  # the old name mirrors the new one
        value["serviceAccountName"] = value["serviceAccount"] = account


def _pod(value: Json) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("enableServiceLinks", True)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        if resources.get("limits"):
            container["resources"] = resources | {"requests": resources["limits"] | (resources.get("requests") or {})}


def _deployment_strategy(value: Json) -> None:
    if value["type"] == "RollingUpdate":
        value["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%"} | (value.get("rollingUpdate") or {})


def _daemon_strategy(value: Json) -> None:
    if value["type"] == "RollingUpdate":
        value["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": 0} | (value.get("rollingUpdate") or {})


def _stateful_strategy(value: Json) -> None:
    if not value.get("type"):
        value["type"] = "RollingUpdate"
        value.setdefault("rollingUpdate", {})
    if value["type"] == "RollingUpdate" and value.get("rollingUpdate") is not None:
        value["rollingUpdate"] = {"partition": 0} | value["rollingUpdate"]


def _service_spec(value: Json) -> None:
    if value["type"] in ("NodePort", "LoadBalancer"):
        value.setdefault("externalTrafficPolicy", "Cluster")
    if value["type"] != "ExternalName":
        value.setdefault("internalTrafficPolicy", "Cluster")
    if value["type"] == "LoadBalancer":
        value.setdefault("allocateLoadBalancerNodePorts", True)
    if value["sessionAffinity"] == "ClientIP":
        value.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    else:
        value.pop("sessionAffinityConfig", None)


def _service_port(value: Json) -> None:
    if value.get("targetPort") in (None, 0, "") and "port" in value:
        value["targetPort"] = value["port"]


def _autoscaler_spec(value: Json) -> None:
    if not value.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        value["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if value.get("behavior") is not None:
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
        up = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent]}
        down = {"selectPolicy": "Max", "policies": [percent]}
        behavior = value["behavior"]
        behavior["scaleUp"] = up | (behavior.get("scaleUp") or {})
        behavior["scaleDown"] = down | (behavior.get("scaleDown") or {})


def _network_policy_spec(value: Json) -> None:
    if not value.get("policyTypes"):
        value["policyTypes"] = ["Ingress", "Egress"] if value.get("egress") else ["Ingress"]


def _subject(value: Json) -> None:
    if value.get("kind") in ("User", "Group"):
        value.setdefault("apiGroup", RBAC)


def _namespace(value: Json) -> None:
    meta = value["metadata"]
    if meta.get("name"):
        meta["labels"] = (meta.get("labels") or {}) | {"kubernetes.io/metadata.name": meta["name"]}


def _definition_names(value: Json) -> None:
    value.setdefault("singular", value.get("kind", "").lower())
    value.setdefault("listKind", value.get("kind", "") + "List")


def _claim_template(value: Json) -> None:
    for claim in value.get("volumeClaimTemplates") or ():
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}


_CORE, _APPS = "io.k8s.api.core.v1.", "io.k8s.api.apps.v1."
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
MODE = {"defaultMode": 420}

CONSTANTS: Mapping[str, Mapping[str, Any]] = {
    _CORE + "PodSpec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
    _CORE + "Container": {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    _CORE + "ContainerPort": {"protocol": "TCP"},
    _CORE + "Probe": {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    _CORE + "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    _CORE + "GRPCAction": {"service": ""},
    _CORE + "SecretVolumeSource": MODE,
    _CORE + "ConfigMapVolumeSource": MODE,
    _CORE + "DownwardAPIVolumeSource": MODE,
    _CORE + "ProjectedVolumeSource": MODE,
    _CORE + "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    _CORE + "HostPathVolumeSource": {"type": ""},
    _CORE + "ObjectFieldSelector": {"apiVersion": "v1"},
    _CORE + "ResourceFieldSelector": {"divisor": "0"},
    _CORE + "Secret": {"type": "Opaque"},
    _CORE + "ServiceSpec": {"sessionAffinity": "None", "type": "ClusterIP"},
    _CORE + "ServicePort": {"protocol": "TCP"},
    _CORE + "EndpointPort": {"protocol": "TCP"},
    _CORE + "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    _CORE + "PersistentVolumeClaimStatus": {"phase": "Pending"},
    _CORE + "PersistentVolumeSpec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
    _CORE + "PersistentVolumeStatus": {"phase": "Pending"},
    _CORE + "NamespaceStatus": {"phase": "Active"},
    _CORE + "PodStatus": {"phase": "Pending"},
    _APPS + "DeploymentSpec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    _APPS + "DeploymentStrategy": {"type": "RollingUpdate"},
    _APPS + "DaemonSetSpec": {"revisionHistoryLimit": 10},
    _APPS + "DaemonSetUpdateStrategy": {"type": "RollingUpdate"},
    _APPS + "ReplicaSetSpec": {"replicas": 1},
    _APPS + "StatefulSetSpec": {
        "podManagementPolicy": "OrderedReady",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {},
    },
    _APPS + "StatefulSetPersistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"minReplicas": 1},
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"protocol": "TCP"},
    "io.k8s.api.rbac.v1.RoleRef": {"apiGroup": RBAC},
    "io.k8s.api.storage.v1.StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "io.k8s.api.discovery.v1.EndpointPort": {"name": "", "protocol": "TCP"},
    _CRD + "CustomResourceDefinitionSpec": {"conversion": {"strategy": "None"}},
}
FUNCTIONS: Mapping[str, Callable[[Json], None]] = {
    _CORE + "Container": _container,
    _CORE + "Volume": _volume,
    _CORE + "PodSpec": _pod_spec,
    _CORE + "Pod": _pod,
    _CORE + "ServiceSpec": _service_spec,
    _CORE + "ServicePort": _service_port,
    _CORE + "Namespace": _namespace,
    _APPS + "DeploymentStrategy": _deployment_strategy,
    _APPS + "DaemonSetUpdateStrategy": _daemon_strategy,
    _APPS + "StatefulSetUpdateStrategy": _stateful_strategy,
    _APPS + "StatefulSetSpec": _claim_template,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": _autoscaler_spec,
    "io.k8s.api.networking.v1.NetworkPolicySpec": _network_policy_spec,
    "io.k8s.api.rbac.v1.Subject": _subject,
    _CRD + "CustomResourceDefinitionNames": _definition_names,
}
ZERO: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "boolean": False,
    "number": 0,
    "array": None,
    "int-or-string": 0,
    "quantity": "0",
}


def settle(node: Node, value: Any) -> Any:
    """A built-in value as the server stores it: defaults filled in, quantities canonical, empty values dropped.

    Changes dicts in place and returns the result; a part that a parent should drop comes back as it is, empty.
    """
    if isinstance(value, dict):
        return _settle_object(node, value)
    if isinstance(value, list):
        return [settle(node.items, part) for part in value] if node.items else value
    return canonical(str(value)) if node.shape == "quantity" and value is not None else value


def _settle_object(node: Node, value: Json) -> Json:
    for key, default in CONSTANTS.get(node.name, {}).items():
        if value.get(key) is None or (value[key] in ("", 0) and key not in node.keep):
            value[key] = dict(default) if isinstance(default, dict) else default
    if node.name in FUNCTIONS:
        FUNCTIONS[node.name](value)
    for key in node.show:
        if value.get(key) is None:
            value[key] = _zero(node.fields[key])
    for key in list(value):
        child = node.child(key)
        if child is None or child.is_open:
            continue
        value[key] = settle(child, value[key])
        if _is_dropped(node, key, value[key]):
            del value[key]
    return value


def _zero(node: Node) -> Any:
    """What Go writes for a value that nobody set."""
    return None if node.rules.get("format") == "date-time" else ZERO.get(node.shape, {})


def _is_dropped(node: Node, key: str, value: Any) -> bool:
    if key in node.keep:
        return value is None and key not in node.show
    return key in node.fields and (value is None or value in ("", 0, [], {}) or value is False)

"""Kubernetes structures that we forward as they are.

They are never interpreted, so fields newer than us survive wherever the API server lets them through: the large ones
(Container, Volume, Probe ...) are open in the schema, the small ones spelled out, so that a typing error in a claim or an
autoscaler is refused by the API server as it would be in the object itself. Nothing here is checked when decoding, save
the keys in `required`.

Source: https://kubernetes.io/docs/reference/kubernetes-api/
"""

from collections.abc import Mapping
from typing import Annotated, Any

from vmagent_operator.api.core import ATOMIC, ATOMIC_LIST, INT32, INT64, LabelSelector, listed_by
from vmagent_operator.model import openapi
from vmagent_operator.model.fields import Json

Schema = dict[str, Any]


def record(properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), **keywords: Any) -> Schema:
    """The schema of an object with these properties and no others."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, **keywords}


def closed(properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), **keywords: Any) -> Schema:
    """`record`, to be laid over the open schema that a `Json` has by itself."""
    return record(properties, required=required, **keywords) | CLOSED


def array(items: Schema, keywords: Mapping[str, Any] = ATOMIC_LIST) -> Schema:
    """The schema of a list, replaced as a whole unless `keywords` say otherwise."""
    return {"type": "array", "items": items, **keywords}


def mapping(values: Schema) -> Schema:
    """The schema of an object with free keys."""
    return {"type": "object", "additionalProperties": values}


def texts(*keys: str) -> dict[str, Schema]:
    """String properties."""
    return dict.fromkeys(keys, STRING)


def choice(*values: str) -> Schema:
    """The schema of one of a few strings."""
    return {"type": "string", "enum": list(values)}


CLOSED: Schema = {"x-kubernetes-preserve-unknown-fields": None}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER32: Schema = {"type": "integer", **INT32}
INTEGER64: Schema = {"type": "integer", **INT64}
SECONDS: Schema = {**INTEGER32, "minimum": 1}
TIME: Schema = {"type": "string", "format": "date-time"}
INT_OR_STRING: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
QUANTITY: Schema = {
    **INT_OR_STRING,
    "pattern": rf"^(\+|-)?{NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{NUMBER}))?$",
}
QUANTITIES = mapping(QUANTITY)
SELECTOR = openapi.schema(LabelSelector, describe=False)
NAMED: Schema = {"name": {**STRING, "default": ""}}

# Pods ------------------------------------------------------------------------------------------------------------------

Affinity = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.Affinity")]
Container = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.Container", required=("name",))]
Volume = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.Volume", required=("name",))]
Probe = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.Probe")]
SecurityContext = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.PodSecurityContext")]
TopologySpreadConstraint = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.TopologySpreadConstraint",
        required=("maxSkew", "topologyKey", "whenUnsatisfiable"),
    ),
]
EnvVar = Annotated[
    dict[str, Any],
    Json("io.k8s.api.core.v1.EnvVar", required=("name",), schema={"properties": texts("name", "value")}),
]
EnvFromSource = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.EnvFromSource",
        schema=closed(
            {
                "prefix": STRING,
                "configMapRef": record({**NAMED, "optional": BOOLEAN}, **ATOMIC),
                "secretRef": record({**NAMED, "optional": BOOLEAN}, **ATOMIC),
            }
        ),
    ),
]
VolumeMount = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.VolumeMount",
        required=("mountPath", "name"),
        schema=closed(
            texts("mountPath", "mountPropagation", "name", "recursiveReadOnly", "subPath", "subPathExpr")
            | {"readOnly": BOOLEAN},
            required=("mountPath", "name"),
        ),
    ),
]
ResourceRequirements = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.ResourceRequirements",
        schema=closed(
            {
                "limits": QUANTITIES,
                "requests": QUANTITIES,
                "claims": array(record(texts("name", "request"), required=("name",)), listed_by("name")),
            }
        ),
    ),
]
Toleration = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.Toleration",
        schema=closed(texts("effect", "key", "operator", "value") | {"tolerationSeconds": INTEGER64}),
    ),
]
PodDNSConfig = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.PodDNSConfig",
        schema=closed(
            {
                "nameservers": array(STRING),
                "searches": array(STRING),
                "options": array(record(texts("name", "value"))),
            }
        ),
    ),
]
PodReadinessGate = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.PodReadinessGate",
        schema=closed(texts("conditionType"), required=("conditionType",)),
    ),
]
HostAlias = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.HostAlias",
        schema=closed({"ip": STRING, "hostnames": array(STRING)}, required=("ip",)),
    ),
]
LocalObjectReference = Annotated[
    dict[str, Any], Json("io.k8s.api.core.v1.LocalObjectReference", schema=closed(NAMED, **ATOMIC))
]

# Workloads -------------------------------------------------------------------------------------------------------------

RollingUpdate = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.apps.v1.RollingUpdateDeployment",
        schema=closed({"maxSurge": INT_OR_STRING, "maxUnavailable": INT_OR_STRING}),
    ),
]
ClaimRetentionPolicy = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        schema=closed(texts("whenDeleted", "whenScaled")),
    ),
]
ServiceSpec = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.ServiceSpec")]

# Storage ---------------------------------------------------------------------------------------------------------------

EmptyDirVolumeSource = Annotated[
    dict[str, Any],
    Json("io.k8s.api.core.v1.EmptyDirVolumeSource", schema=closed({"medium": STRING, "sizeLimit": QUANTITY})),
]
_SOURCE = texts("apiGroup", "kind", "name")
_CLAIM_SPEC = record(
    texts("storageClassName", "volumeAttributesClassName", "volumeMode", "volumeName")
    | {
        "accessModes": array(STRING),
        "dataSource": record(_SOURCE, required=("kind", "name"), **ATOMIC),
        "dataSourceRef": record(_SOURCE | texts("namespace"), required=("kind", "name")),
        "resources": record({"limits": QUANTITIES, "requests": QUANTITIES}),
        "selector": SELECTOR,
    }
)
_CLAIM_CONDITION = record(
    texts("message", "reason", "status", "type") | {"lastProbeTime": TIME, "lastTransitionTime": TIME},
    required=("status", "type"),
)
_CLAIM_STATUS = record(
    texts("currentVolumeAttributesClassName", "phase")
    | {
        "accessModes": array(STRING),
        "allocatedResourceStatuses": mapping(STRING) | {"x-kubernetes-map-type": "granular"},
        "allocatedResources": QUANTITIES,
        "capacity": QUANTITIES,
        "conditions": array(_CLAIM_CONDITION, listed_by("type")),
        "modifyVolumeStatus": record(texts("status", "targetVolumeAttributesClassName"), required=("status",)),
    }
)
PersistentVolumeClaimSpec = Annotated[
    dict[str, Any], Json("io.k8s.api.core.v1.PersistentVolumeClaimSpec", schema=_CLAIM_SPEC | CLOSED)
]
PersistentVolumeClaimStatus = Annotated[
    dict[str, Any], Json("io.k8s.api.core.v1.PersistentVolumeClaimStatus", schema=_CLAIM_STATUS | CLOSED)
]
_OPEN: Schema = {"type": "object", **openapi.FREE}
PersistentVolumeClaim = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.core.v1.PersistentVolumeClaim",
        schema=closed(texts("apiVersion", "kind") | {"metadata": _OPEN, "spec": _CLAIM_SPEC, "status": _CLAIM_STATUS}),
    ),
]

# Network policy --------------------------------------------------------------------------------------------------------

_PORTS = array(record({"port": INT_OR_STRING, "endPort": INTEGER32, "protocol": STRING}))
_PEERS = array(
    record(
        {
            "ipBlock": record({"cidr": STRING, "except": array(STRING)}, required=("cidr",)),
            "namespaceSelector": SELECTOR,
            "podSelector": SELECTOR,
        }
    )
)
NetworkPolicyIngressRule = Annotated[
    dict[str, Any],
    Json("io.k8s.api.networking.v1.NetworkPolicyIngressRule", schema=closed({"from": _PEERS, "ports": _PORTS})),
]
NetworkPolicyEgressRule = Annotated[
    dict[str, Any],
    Json("io.k8s.api.networking.v1.NetworkPolicyEgressRule", schema=closed({"to": _PEERS, "ports": _PORTS})),
]

# Horizontal autoscaling ------------------------------------------------------------------------------------------------

_SCALING_RULES = record(
    {
        "policies": array(
            record(
                {"type": STRING, "value": INTEGER32, "periodSeconds": INTEGER32},
                required=("periodSeconds", "type", "value"),
            )
        ),
        "selectPolicy": STRING,
        "stabilizationWindowSeconds": INTEGER32,
        "tolerance": QUANTITY,
    }
)
_TARGET = record(
    {"type": STRING, "averageUtilization": INTEGER32, "averageValue": QUANTITY, "value": QUANTITY}, required=("type",)
)
_METRIC = record({"name": STRING, "selector": SELECTOR}, required=("name",))
_MEASURED = {"metric": _METRIC, "target": _TARGET}
HorizontalPodAutoscalerBehavior = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior",
        schema=closed({"scaleDown": _SCALING_RULES, "scaleUp": _SCALING_RULES}),
    ),
]
MetricSpec = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.api.autoscaling.v2.MetricSpec",
        schema=closed(
            {
                "type": STRING,
                "containerResource": record(
                    texts("container", "name") | {"target": _TARGET}, required=("container", "name", "target")
                ),
                "external": record(_MEASURED, required=("metric", "target")),
                "object": record(
                    _MEASURED
                    | {"describedObject": record(texts("apiVersion", "kind", "name"), required=("kind", "name"))},
                    required=("describedObject", "metric", "target"),
                ),
                "pods": record(_MEASURED, required=("metric", "target")),
                "resource": record({"name": STRING, "target": _TARGET}, required=("name", "target")),
            },
            required=("type",),
        ),
    ),
]

# Vertical autoscaling; https://github.com/kubernetes/autoscaler/tree/master/vertical-pod-autoscaler ---------------------


def _belongs(field: str, kind: str) -> Schema:
    """The rule that `field` is there for boosts of type `kind` and for no others."""
    return {
        "message": f"{field} is required when type is {kind} and forbidden otherwise",
        "rule": f"(self.type == '{kind}') == has(self.{field})",
    }


_BOOST = record(
    {
        "type": choice("Factor", "Quantity"),
        "factor": INTEGER32,
        "quantity": QUANTITY,
        "durationSeconds": INTEGER32,
    },
    required=("type",),
    **{"x-kubernetes-validations": [_belongs("factor", "Factor"), _belongs("quantity", "Quantity")]},
)
_CONTAINER_POLICY = record(
    {
        "containerName": STRING,
        "mode": choice("Auto", "Off"),
        "controlledResources": array(STRING, {}),
        "controlledValues": choice("RequestsAndLimits", "RequestsOnly"),
        "minAllowed": QUANTITIES,
        "maxAllowed": QUANTITIES,
        "memoryAggregationIntervalCount": {**INTEGER64, "minimum": 1},
        "memoryAggregationIntervalSeconds": SECONDS,
        "oomBumpUpRatio": QUANTITY,
        "oomMinBumpUp": QUANTITY,
        "startupBoost": record({"cpu": _BOOST}),
    }
)
_EVICTION = record(
    {
        "changeRequirement": choice("TargetHigherThanRequests", "TargetLowerThanRequests"),
        "resources": array(STRING, {}),
    },
    required=("changeRequirement", "resources"),
)
PodResourcePolicy = Annotated[
    dict[str, Any],
    Json("io.k8s.autoscaling.v1.PodResourcePolicy", schema=closed({"containerPolicies": array(_CONTAINER_POLICY, {})})),
]
PodUpdatePolicy = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.autoscaling.v1.PodUpdatePolicy",
        schema=closed(
            {
                "updateMode": choice("Off", "Initial", "Recreate", "InPlaceOrRecreate", "InPlace", "Auto"),
                "minReplicas": INTEGER32,
                "evictAfterOOMSeconds": SECONDS,
                "evictionRequirements": array(_EVICTION, {}),
            }
        ),
    ),
]
VerticalPodAutoscalerRecommenderSelector = Annotated[
    dict[str, Any],
    Json(
        "io.k8s.autoscaling.v1.VerticalPodAutoscalerRecommenderSelector",
        schema=closed(texts("name"), required=("name",)),
    ),
]

"""Kubernetes structures that we forward as they are.

They are never interpreted, so fields newer than us survive wherever the API server lets them through: the large ones
(Container, Volume, Probe ...) are open in the schema, the small ones spelled out in kubernetes.yaml, so that a typing error
in a claim or an autoscaler is refused by the API server as it would be in the object itself. Nothing here is checked when
decoding, save the keys in `required`.

Source: https://kubernetes.io/docs/reference/kubernetes-api/
"""

from typing import Annotated

from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import Json

# Pods ----------------------------------------------------------------------------------------------------------------

Affinity = Annotated[Manifest, Json("io.k8s.api.core.v1.Affinity")]
Container = Annotated[Manifest, Json("io.k8s.api.core.v1.Container", required=("name",))]
Volume = Annotated[Manifest, Json("io.k8s.api.core.v1.Volume", required=("name",))]
Probe = Annotated[Manifest, Json("io.k8s.api.core.v1.Probe")]
SecurityContext = Annotated[Manifest, Json("io.k8s.api.core.v1.PodSecurityContext")]
TopologySpreadConstraint = Annotated[
    Manifest,
    Json("io.k8s.api.core.v1.TopologySpreadConstraint", required=("maxSkew", "topologyKey", "whenUnsatisfiable")),
]
EnvVar = Annotated[Manifest, Json("io.k8s.api.core.v1.EnvVar", required=("name",))]
WholeEnvVar = Annotated[Manifest, Json("io.k8s.api.core.v1.EnvVar.whole", required=("name",))]
EnvFromSource = Annotated[Manifest, Json("io.k8s.api.core.v1.EnvFromSource")]
VolumeMount = Annotated[Manifest, Json("io.k8s.api.core.v1.VolumeMount", required=("mountPath", "name"))]
ResourceRequirements = Annotated[Manifest, Json("io.k8s.api.core.v1.ResourceRequirements")]
Toleration = Annotated[Manifest, Json("io.k8s.api.core.v1.Toleration")]
PodDNSConfig = Annotated[Manifest, Json("io.k8s.api.core.v1.PodDNSConfig")]
PodReadinessGate = Annotated[Manifest, Json("io.k8s.api.core.v1.PodReadinessGate")]
HostAlias = Annotated[Manifest, Json("io.k8s.api.core.v1.HostAlias")]
LocalObjectReference = Annotated[Manifest, Json("io.k8s.api.core.v1.LocalObjectReference")]

# Workloads -----------------------------------------------------------------------------------------------------------

RollingUpdate = Annotated[Manifest, Json("io.k8s.api.apps.v1.RollingUpdateDeployment")]
ClaimRetentionPolicy = Annotated[Manifest, Json("io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy")]
ServiceSpec = Annotated[Manifest, Json("io.k8s.api.core.v1.ServiceSpec")]

# Storage -------------------------------------------------------------------------------------------------------------

EmptyDirVolumeSource = Annotated[Manifest, Json("io.k8s.api.core.v1.EmptyDirVolumeSource")]
PersistentVolumeClaimSpec = Annotated[Manifest, Json("io.k8s.api.core.v1.PersistentVolumeClaimSpec")]
PersistentVolumeClaimStatus = Annotated[Manifest, Json("io.k8s.api.core.v1.PersistentVolumeClaimStatus")]
PersistentVolumeClaim = Annotated[Manifest, Json("io.k8s.api.core.v1.PersistentVolumeClaim")]

# Network policy ------------------------------------------------------------------------------------------------------

NetworkPolicyIngressRule = Annotated[Manifest, Json("io.k8s.api.networking.v1.NetworkPolicyIngressRule")]
NetworkPolicyEgressRule = Annotated[Manifest, Json("io.k8s.api.networking.v1.NetworkPolicyEgressRule")]

# Autoscaling ---------------------------------------------------------------------------------------------------------

HorizontalPodAutoscalerBehavior = Annotated[Manifest, Json("io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior")]
MetricSpec = Annotated[Manifest, Json("io.k8s.api.autoscaling.v2.MetricSpec")]
PodResourcePolicy = Annotated[Manifest, Json("io.k8s.autoscaling.v1.PodResourcePolicy")]
PodUpdatePolicy = Annotated[Manifest, Json("io.k8s.autoscaling.v1.PodUpdatePolicy")]
VerticalPodAutoscalerRecommenderSelector = Annotated[
    Manifest, Json("io.k8s.autoscaling.v1.VerticalPodAutoscalerRecommenderSelector")
]

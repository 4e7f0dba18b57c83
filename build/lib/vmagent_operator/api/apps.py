"""The workload: what every VictoriaMetrics component can be told about its pods, and what stands around them.

`AppParams` is the part that all components share field by field, so builders take it instead of the whole spec.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import field, frozen

from vmagent_operator.api import kubernetes as k8s
from vmagent_operator.api.core import INT32, INT64, EmbeddedMetadata, SecretKeySelector
from vmagent_operator.limits import REPLICAS
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class Image:
    """A container image; what is empty comes from the operator's settings."""

    repository: Annotated[str, Field("Repository, with registry.")] = ""
    tag: Annotated[str, Field("Tag.")] = ""
    pull_policy: Annotated[str, Field("When to pull; IfNotPresent if empty.")] = ""


@frozen(kw_only=True)
class AppParams:
    """Pods and workloads of a component."""

    # the image
    image: Annotated[Image, Field("Image of the main container.")] = Image()
    component_version: Annotated[str, Field("Image tag if image.tag is empty.")] = ""
    image_pull_secrets: Annotated[
        tuple[k8s.LocalObjectReference, ...], Field("Secrets with registry credentials.")
    ] = ()
    # the main container
    extra_args: Annotated[Mapping[str, str], Field("Flags to add or to replace, without dashes.")] = field(factory=dict)
    extra_envs: Annotated[tuple[k8s.EnvVar, ...], Field("Environment variables to add.")] = ()
    extra_envs_from: Annotated[tuple[k8s.EnvFromSource, ...], Field("Sources of environment variables.")] = ()
    port: Annotated[str, Field("Port to listen on.")] = ""
    log_level: Annotated[Literal["INFO", "WARN", "ERROR", "FATAL", "PANIC"] | None, Field("Lowest level to log.")] = (
        None
    )
    log_format: Annotated[Literal["default", "json"] | None, Field("Format of the log.")] = None
    resources: Annotated[k8s.ResourceRequirements | None, Field("Requests and limits of the main container.")] = None
    use_default_resources: Annotated[
        bool | None, Field("Fill in the operator's default resources; its setting if absent.")
    ] = None
    liveness_probe: Annotated[k8s.Probe | None, Field("Liveness probe of the main container.")] = None
    readiness_probe: Annotated[k8s.Probe | None, Field("Readiness probe of the main container.")] = None
    startup_probe: Annotated[k8s.Probe | None, Field("Startup probe of the main container.")] = None
    # other containers and files
    containers: Annotated[
        tuple[k8s.Container, ...], Field("Containers to add, or to merge into those of the same name.")
    ] = ()
    init_containers: Annotated[
        tuple[k8s.Container, ...], Field("Init containers to add, or to merge into those of the same name.")
    ] = ()
    volumes: Annotated[tuple[k8s.Volume, ...], Field("Volumes to add.")] = ()
    volume_mounts: Annotated[tuple[k8s.VolumeMount, ...], Field("Mounts to add to the main container.")] = ()
    secrets: Annotated[tuple[str, ...], Field("Secrets to mount at /etc/vm/secrets/<name>.")] = ()
    config_maps: Annotated[tuple[str, ...], Field("ConfigMaps to mount at /etc/vm/configs/<name>.")] = ()
    # the pod
    pod_metadata: Annotated[EmbeddedMetadata | None, Field("Labels and annotations of the pods.")] = None
    disable_automount_service_account_token: Annotated[
        bool, Field("Mount the service account token only where it is needed.")
    ] = False
    security_context: Annotated[
        k8s.SecurityContext | None, Field("Security settings of the pod and of the operator's containers.")
    ] = None
    use_strict_security: Annotated[
        bool | None, Field("Use restrictive security defaults; the operator's setting if absent.")
    ] = None
    termination_grace_period_seconds: Annotated[
        int | None, Field("Seconds to shut down in; the operator's setting if absent.", schema=INT64)
    ] = None
    pre_stop_sleep_seconds: Annotated[int | None, Field("Seconds to wait before shutting down.", schema=INT32)] = None
    readiness_gates: Annotated[tuple[k8s.PodReadinessGate, ...], Field("Conditions of readiness.")] = ()
    enable_service_links: Annotated[bool | None, Field("Inject variables about Services.")] = None
    # where it runs
    affinity: Annotated[k8s.Affinity | None, Field("Affinity of the pods.")] = None
    tolerations: Annotated[tuple[k8s.Toleration, ...], Field("Tolerations of the pods.")] = ()
    node_selector: Annotated[Mapping[str, str], Field("Labels of suitable nodes.")] = field(factory=dict)
    topology_spread_constraints: Annotated[
        tuple[k8s.TopologySpreadConstraint, ...],
        Field("How pods spread over the cluster; without labelSelector about the pods of this object."),
    ] = ()
    priority_class_name: Annotated[str, Field("Priority class of the pods.")] = ""
    scheduler_name: Annotated[str, Field("Scheduler of the pods.")] = ""
    runtime_class_name: Annotated[str | None, Field("Runtime class of the pods.")] = None
    # its network
    host_network: Annotated[bool, Field("Use the network of the node.")] = False
    dns_policy: Annotated[str, Field("DNS policy of the pods.")] = ""
    dns_config: Annotated[k8s.PodDNSConfig | None, Field("DNS settings of the pods.")] = None
    host_aliases: Annotated[tuple[k8s.HostAlias, ...], Field("Lines for /etc/hosts.")] = ()
    old_host_aliases: Annotated[
        tuple[k8s.HostAlias, ...], Field("Older spelling of hostAliases, which it replaces.", key="host_aliases")
    ] = ()
    # its workload
    replica_count: Annotated[
        int | None, Field("Number of pods, per shard.", schema=INT32 | {"maximum": REPLICAS.value})
    ] = None
    revision_history_limit_count: Annotated[int | None, Field("Old revisions to keep.", schema=INT32)] = None
    min_ready_seconds: Annotated[int, Field("Seconds that a new pod must be ready before it counts.", schema=INT32)] = 0


@frozen(kw_only=True)
class ReloaderParams:
    """The sidecar that reloads the main container when its configuration has changed."""

    config_reloader_image: Annotated[str, Field("Image of the config reloader.")] = ""
    config_reloader_image_tag: Annotated[str, Field("Older spelling of configReloaderImage.")] = ""
    use_vm_config_reloader: Annotated[
        bool | None, Field("Without effect: there is only one reloader.", key="useVMConfigReloader")
    ] = None
    config_reloader_resources: Annotated[
        k8s.ResourceRequirements | None, Field("Requests and limits of the config reloader.")
    ] = None
    config_reloader_extra_args: Annotated[
        Mapping[str, str], Field("Flags of the config reloader to add or to replace, without dashes.")
    ] = field(factory=dict)
    config_reload_auth_key_secret: Annotated[
        SecretKeySelector | None, Field("Key that protects the reload address.")
    ] = None


@frozen(kw_only=True)
class InsertPorts:
    """Ports for other protocols.

    Source: https://docs.victoriametrics.com/victoriametrics/vmagent/#how-to-push-data-to-vmagent
    """

    graphite_port: Annotated[str, Field("Port for Graphite.")] = ""
    influx_port: Annotated[str, Field("Port for InfluxDB line protocol.")] = ""
    open_tsdb_port: Annotated[str, Field("Port for OpenTSDB.", key="openTSDBPort")] = ""
    open_tsdb_http_port: Annotated[str, Field("Port for OpenTSDB over HTTP.", key="openTSDBHTTPPort")] = ""


@frozen(kw_only=True)
class RollingUpdateBehavior:
    """How many pods of a StatefulSet are updated at a time."""

    max_unavailable: Annotated[int | str | None, Field("Pods, number or percentage; 1 if absent.")] = None


@frozen(kw_only=True)
class AdditionalServiceSpec:
    """A Service beside the main one, or a change to the main one."""

    use_as_default: Annotated[bool, Field("Change the main Service instead of adding one.")] = False
    metadata: Annotated[EmbeddedMetadata, Field("Name, labels and annotations of the Service.")] = EmbeddedMetadata()
    spec: Annotated[k8s.ServiceSpec, Field("Spec of the Service.")]


@frozen(kw_only=True)
class EmbeddedPDB:
    """A PodDisruptionBudget for the pods.

    Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
    """

    min_available: Annotated[int | str | None, Field("Pods that must stay, number or percentage.")] = None
    max_unavailable: Annotated[int | str | None, Field("Pods that may be missing, number or percentage.")] = None
    selector_labels: Annotated[Mapping[str, str], Field("Labels of the pods, if not the usual ones.")] = field(
        factory=dict
    )
    unhealthy_pod_eviction_policy: Annotated[
        Literal["IfHealthyBudget", "AlwaysAllow"] | None, Field("When pods that are not ready may go.")
    ] = None


@frozen(kw_only=True)
class EmbeddedHPA:
    """A HorizontalPodAutoscaler over the number of shards.

    Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
    """

    min_replicas: Annotated[int | None, Field("Lower bound.", schema=INT32)] = None
    max_replicas: Annotated[int, Field("Upper bound.", schema=INT32)] = 0
    metrics: Annotated[tuple[k8s.MetricSpec, ...], Field("What to scale by.")] = ()
    behaviour: Annotated[k8s.HorizontalPodAutoscalerBehavior | None, Field("How fast to scale.")] = None


@frozen(kw_only=True)
class EmbeddedVPA:
    """A VerticalPodAutoscaler; needs VM_VPA_API_ENABLED.

    Source: https://github.com/kubernetes/autoscaler/tree/master/vertical-pod-autoscaler
    """

    update_policy: Annotated[k8s.PodUpdatePolicy | None, Field("When pods get what is recommended.")] = None
    resource_policy: Annotated[k8s.PodResourcePolicy | None, Field("Bounds of what is recommended.")] = None
    recommenders: Annotated[tuple[k8s.VerticalPodAutoscalerRecommenderSelector, ...], Field("Recommender to use.")] = ()


@frozen(kw_only=True)
class EmbeddedNetworkPolicy:
    """A NetworkPolicy for the pods.

    Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """

    ingress: Annotated[tuple[k8s.NetworkPolicyIngressRule, ...], Field("Who may connect to the pods.")] = ()
    egress: Annotated[tuple[k8s.NetworkPolicyEgressRule, ...], Field("Whom the pods may connect to.")] = ()


@frozen(kw_only=True)
class EmbeddedPersistentVolumeClaim:
    """A claim template of a StatefulSet."""

    api_version: Annotated[str, Field("API version of the claim.")] = ""
    kind: Annotated[str, Field("Kind of the claim.")] = ""
    metadata: Annotated[EmbeddedMetadata, Field("Labels and annotations of the claim.")] = EmbeddedMetadata()
    spec: Annotated[k8s.PersistentVolumeClaimSpec | None, Field("Spec of the claim.")] = None
    status: Annotated[k8s.PersistentVolumeClaimStatus | None, Field("Without effect.")] = None


@frozen(kw_only=True)
class StorageSpec:
    """Where a StatefulSet keeps its data."""

    empty_dir: Annotated[k8s.EmptyDirVolumeSource | None, Field("In a directory that lives as long as the pod.")] = None
    volume_claim_template: Annotated[
        EmbeddedPersistentVolumeClaim | None, Field("In a volume claimed for each pod.")
    ] = None


@frozen(kw_only=True)
class License:
    """An enterprise license.

    Source: https://docs.victoriametrics.com/victoriametrics/enterprise/
    """

    key: Annotated[str | None, Field("The license itself; prefer keyRef.")] = None
    key_ref: Annotated[SecretKeySelector | None, Field("Secret with the license.")] = None
    force_offline: Annotated[bool | None, Field("Check the license without asking its issuer.")] = None
    reload_interval: Annotated[str | None, Field("How often to read the license again.")] = None


@frozen(kw_only=True)
class ManagedMetadata:
    """Metadata of everything that is created."""

    labels: Annotated[Mapping[str, str], Field("Labels to add.")] = field(factory=dict)
    annotations: Annotated[Mapping[str, str], Field("Annotations to add.")] = field(factory=dict)

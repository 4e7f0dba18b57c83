"""VMCluster: storage nodes, what writes to them, what reads from them, and what balances the load before these."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api import kubernetes as k8s
from vmagent_operator.api.apps import (
    AdditionalServiceSpec,
    AppParams,
    EmbeddedHPA,
    EmbeddedNetworkPolicy,
    EmbeddedPDB,
    EmbeddedPersistentVolumeClaim,
    EmbeddedVPA,
    InsertPorts,
    License,
    ManagedMetadata,
    RollingUpdateBehavior,
    StorageSpec,
)
from vmagent_operator.api.core import INT32
from vmagent_operator.api.servicescrape import VMServiceScrapeSpec
from vmagent_operator.api.storage import RETENTION, Downsampling, RetentionFilter, VMBackup
from vmagent_operator.model.fields import Field, Keywords

OPEN: Keywords = {"properties": None, "x-kubernetes-preserve-unknown-fields": True}
"""What the schema says of structures whose own schema would make the definition too large."""
NODE_IDS: Keywords = {"items": {"type": "integer", "format": "int32"}}


@frozen(kw_only=True)
class Discovery:
    """Storage nodes are found by DNS; needs a license.

    Source: https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/#automatic-vmstorage-discovery
    """

    enabled: Annotated[bool, Field("Find storage nodes by SRV records.")]
    interval: Annotated[str, Field("Time between two look-ups.", schema={"pattern": "^[0-9]+(s|m|h)$"})] = ""
    filter: Annotated[str, Field("Regular expression for the addresses to use.")] = ""


@frozen(kw_only=True)
class StorageNode:
    """A storage node elsewhere."""

    addr: Annotated[str, Field("Address, host:port.", schema={"minLength": 1})]


@frozen(kw_only=True)
class ComponentParams:
    """What each component of a cluster can be told, the balancer included."""

    apps: Annotated[AppParams, Field("", inline=True)] = AppParams()
    service_spec: Annotated[AdditionalServiceSpec | None, Field("A further Service, or changes to the main one.")] = (
        None
    )
    service_scrape_spec: Annotated[
        VMServiceScrapeSpec | None, Field("Changes to the object by which the component is scraped.", schema=OPEN)
    ] = None
    disable_self_service_scrape: Annotated[
        bool | None, Field("Don't have the component scraped; the operator's setting if absent.")
    ] = None
    pod_disruption_budget: Annotated[EmbeddedPDB | None, Field("Protection against evictions.")] = None
    network_policy: Annotated[EmbeddedNetworkPolicy | None, Field("Who may talk to the pods.")] = None
    paused: Annotated[bool, Field("Without effect: spec.paused stops all of the cluster.")] = False


@frozen(kw_only=True)
class OpenStorageSpec(StorageSpec):
    """The same with a claim that the API server does not look into."""

    volume_claim_template: Annotated[
        EmbeddedPersistentVolumeClaim | None, Field("In a volume claimed for each pod.", schema=OPEN)
    ] = None


@frozen(kw_only=True)
class StatefulParams:
    """How a component with volumes replaces its pods."""

    persistent_volume_claim_retention_policy: Annotated[
        k8s.ClaimRetentionPolicy | None, Field("What becomes of the claims.")
    ] = None
    rolling_update_strategy: Annotated[str, Field("How pods are replaced: by the operator if OnDelete or empty.")] = ""
    rolling_update_strategy_behavior: Annotated[
        RollingUpdateBehavior | None, Field("How many pods are replaced at a time.")
    ] = None


@frozen(kw_only=True)
class StatelessParams:
    """How a component without volumes replaces its pods."""

    update_strategy: Annotated[Literal["Recreate", "RollingUpdate"] | None, Field("How pods are replaced.")] = None
    rolling_update: Annotated[k8s.RollingUpdate | None, Field("Pace of the update.")] = None


@frozen(kw_only=True)
class VMStorage:
    """The storage nodes.

    Source: https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/#architecture-overview
    """

    common: Annotated[ComponentParams, Field("", inline=True)] = ComponentParams()
    stateful: Annotated[StatefulParams, Field("", inline=True)] = StatefulParams()
    storage: Annotated[OpenStorageSpec | None, Field("Where a node keeps its data.")] = None
    claim_templates: Annotated[
        tuple[k8s.PersistentVolumeClaim, ...],
        Field(
            "Further claim templates.",
            schema={"items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        ),
    ] = ()
    hpa: Annotated[EmbeddedHPA | None, Field("Horizontal autoscaling; never down, which would lose data.")] = None
    vpa: Annotated[EmbeddedVPA | None, Field("Vertical autoscaling of the pods.")] = None
    storage_data_path: Annotated[str, Field("Directory of the data.")] = ""
    vm_insert_port: Annotated[str, Field("Port for vminsert.")] = ""
    vm_select_port: Annotated[str, Field("Port for vmselect.")] = ""
    maintenance_insert_node_ids: Annotated[
        tuple[int, ...],
        Field("Ordinals of pods that vminsert does not write to.", key="maintenanceInsertNodeIDs", schema=NODE_IDS),
    ] = ()
    maintenance_select_node_ids: Annotated[
        tuple[int, ...],
        Field("Ordinals of pods that vmselect does not read from.", key="maintenanceSelectNodeIDs", schema=NODE_IDS),
    ] = ()
    retention_filters: Annotated[tuple[RetentionFilter, ...], Field("Retention of some series.")] = ()
    vm_backup: Annotated[VMBackup | None, Field("Backups by a sidecar.")] = None


@frozen(kw_only=True)
class VMSelect:
    """What answers queries."""

    common: Annotated[ComponentParams, Field("", inline=True)] = ComponentParams()
    stateful: Annotated[StatefulParams, Field("", inline=True)] = StatefulParams()
    storage: Annotated[StorageSpec | None, Field("Where a pod keeps its cache.")] = None
    claim_templates: Annotated[tuple[k8s.PersistentVolumeClaim, ...], Field("Further claim templates.")] = ()
    hpa: Annotated[EmbeddedHPA | None, Field("Horizontal autoscaling.", schema=OPEN)] = None
    vpa: Annotated[EmbeddedVPA | None, Field("Vertical autoscaling of the pods.")] = None
    cache_mount_path: Annotated[str, Field("Directory of the cache.")] = ""
    cluster_native_listen_port: Annotated[str, Field("Port for a vmselect of a higher level.")] = ""
    extra_storage_nodes: Annotated[tuple[StorageNode, ...], Field("Storage nodes elsewhere to read from as well.")] = ()
    discovery: Annotated[Discovery | None, Field("Discovery of storage nodes, in place of spec.discovery.")] = None


@frozen(kw_only=True)
class VMInsert:
    """What takes samples in."""

    common: Annotated[ComponentParams, Field("", inline=True)] = ComponentParams()
    stateless: Annotated[StatelessParams, Field("", inline=True)] = StatelessParams()
    hpa: Annotated[EmbeddedHPA | None, Field("Horizontal autoscaling.", schema=OPEN)] = None
    vpa: Annotated[EmbeddedVPA | None, Field("Vertical autoscaling of the pods.")] = None
    cluster_native_listen_port: Annotated[str, Field("Port for a vminsert of a higher level.")] = ""
    insert_ports: Annotated[InsertPorts | None, Field("Ports for other protocols.")] = None
    discovery: Annotated[Discovery | None, Field("Discovery of storage nodes, in place of spec.discovery.")] = None


@frozen(kw_only=True)
class VMAuth:
    """The balancer.

    Source: https://docs.victoriametrics.com/victoriametrics/vmauth/
    """

    common: Annotated[ComponentParams, Field("", inline=True)] = ComponentParams()
    stateless: Annotated[StatelessParams, Field("", inline=True)] = StatelessParams()
    hpa: Annotated[EmbeddedHPA | None, Field("Horizontal autoscaling.")] = None
    license: Annotated[License | None, Field("Enterprise license, in place of the cluster's.")] = None


@frozen(kw_only=True)
class LoadBalancer:
    """What spreads requests over the pods behind it, rather than connections."""

    enabled: Annotated[bool, Field("Put a balancer before vmselect and vminsert.")] = False
    disable_insert_balancing: Annotated[bool, Field("Leave vminsert as it is.")] = False
    disable_select_balancing: Annotated[bool, Field("Leave vmselect as it is.")] = False
    spec: Annotated[VMAuth, Field("How the balancer runs.", schema=OPEN)] = VMAuth()


@frozen(kw_only=True)
class VMClusterSpec:
    """What a cluster consists of, and how it runs.

    Source: https://docs.victoriametrics.com/operator/resources/vmcluster/
    """

    retention_period: Annotated[
        str, Field("How long samples are kept; a bare number counts months.", schema={"pattern": RETENTION})
    ] = ""
    replication_factor: Annotated[int | None, Field("On how many storage nodes each sample is.", schema=INT32)] = None
    vmstorage: Annotated[VMStorage | None, Field("The storage nodes.")] = None
    vmselect: Annotated[VMSelect | None, Field("What answers queries.")] = None
    vminsert: Annotated[VMInsert | None, Field("What takes samples in.")] = None
    requests_load_balancer: Annotated[LoadBalancer, Field("A balancer before vmselect and vminsert.")] = LoadBalancer()
    discovery: Annotated[Discovery | None, Field("Discovery of storage nodes.")] = None
    downsampling: Annotated[Downsampling | None, Field("Fewer samples of what is old.")] = None
    license: Annotated[License | None, Field("Enterprise license.")] = None
    # what all components share
    cluster_version: Annotated[str, Field("Image tag of the components, with its suffix -cluster.")] = ""
    cluster_domain_name: Annotated[str, Field("Domain of the Kubernetes cluster, as addresses end in it.")] = ""
    image_pull_secrets: Annotated[
        tuple[k8s.LocalObjectReference, ...], Field("Secrets with registry credentials.")
    ] = ()
    service_account_name: Annotated[str, Field("Service account to run as; one is created if empty.")] = ""
    use_strict_security: Annotated[
        bool | None, Field("Use restrictive security defaults; the operator's setting if absent.")
    ] = None
    managed_metadata: Annotated[ManagedMetadata | None, Field("Metadata of everything that is created.")] = None
    use_legacy_naming: Annotated[bool, Field("Name objects by suffixes, not by prefixes.")] = False
    paused: Annotated[bool, Field("Change nothing until this is taken away.")] = False

"""VMSingle: a database in one pod that takes in, stores and answers, and scrapes if it is told to."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api import kubernetes as k8s
from vmagent_operator.api.aggregation import StreamAggrConfig
from vmagent_operator.api.apps import (
    AdditionalServiceSpec,
    AppParams,
    EmbeddedNetworkPolicy,
    EmbeddedVPA,
    InsertPorts,
    License,
    ManagedMetadata,
    ReloaderParams,
)
from vmagent_operator.api.core import ConfigMapKeySelector, EmbeddedMetadata
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import OptionalScrapingParams
from vmagent_operator.api.servicescrape import SelfScrapeParams
from vmagent_operator.api.storage import RETENTION, Downsampling, RetentionFilter, VMBackup
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class VMSingleSpec:
    """What a database keeps, and how it runs.

    Source: https://docs.victoriametrics.com/operator/resources/vmsingle/
    """

    # what is kept
    retention_period: Annotated[
        str, Field("How long samples are kept; a bare number counts months.", schema={"pattern": RETENTION})
    ] = ""
    retention_filters: Annotated[tuple[RetentionFilter, ...], Field("Retention of some series.")] = ()
    downsampling: Annotated[Downsampling | None, Field("Fewer samples of what is old.")] = None
    storage: Annotated[
        k8s.PersistentVolumeClaimSpec | None,
        Field("Claim for the data; without, they live as long as the pod, unless there is a volume called data."),
    ] = None
    storage_metadata: Annotated[EmbeddedMetadata, Field("Labels and annotations of the claim.")] = EmbeddedMetadata()
    storage_data_path: Annotated[str, Field("Directory of the data.")] = ""
    remove_pvc_after_delete: Annotated[bool, Field("Delete the claim, and the data, with this object.")] = False
    vm_backup: Annotated[VMBackup | None, Field("Backups by a sidecar.")] = None
    license: Annotated[License | None, Field("Enterprise license, which some of these need.")] = None
    # where samples come from
    scraping: Annotated[OptionalScrapingParams, Field("", inline=True)] = OptionalScrapingParams()
    insert_ports: Annotated[InsertPorts | None, Field("Ports for other protocols.")] = None
    relabel_config: Annotated[ConfigMapKeySelector | None, Field("ConfigMap with rules for all samples.")] = None
    inline_relabel_config: Annotated[tuple[RelabelConfig, ...], Field("Rules for all samples, before those.")] = ()
    stream_aggr_config: Annotated[StreamAggrConfig | None, Field("Aggregation of all samples.")] = None
    # the workload
    apps: Annotated[AppParams, Field("", inline=True)] = AppParams()
    reloader: Annotated[ReloaderParams, Field("", inline=True)] = ReloaderParams()
    service_account_name: Annotated[
        str, Field("Service account to run as; one is created, with its permissions, if empty.")
    ] = ""
    # what stands around it
    service_spec: Annotated[AdditionalServiceSpec | None, Field("A further Service, or changes to the main one.")] = (
        None
    )
    self_scrape: Annotated[SelfScrapeParams, Field("", inline=True)] = SelfScrapeParams()
    vpa: Annotated[EmbeddedVPA | None, Field("Vertical autoscaling of the pod.")] = None
    network_policy: Annotated[EmbeddedNetworkPolicy | None, Field("Who may talk to the pod.")] = None
    managed_metadata: Annotated[ManagedMetadata | None, Field("Metadata of everything that is created.")] = None
    use_legacy_naming: Annotated[bool, Field("Name objects without the prefix vmsingle-.")] = False
    paused: Annotated[bool, Field("Change nothing until this is taken away.")] = False

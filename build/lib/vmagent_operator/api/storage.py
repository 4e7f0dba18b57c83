"""What keeps samples can be told about how long and how densely, and about copies of them; VMSingle and vmstorage alike."""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import field, frozen

from vmagent_operator.api import kubernetes as k8s
from vmagent_operator.api.apps import Image
from vmagent_operator.api.core import INT32, SecretKeySelector
from vmagent_operator.model.fields import Field

RETENTION = "^[0-9]+(h|d|w|y)?$"
"""A retention period; a bare number counts months."""


@frozen(kw_only=True)
class DownsamplingPeriod:
    """Which samples are thinned out to what."""

    offset: Annotated[str, Field("Age from which on samples are thinned out.")]
    interval: Annotated[str, Field("Time between two samples that stay.")]


@frozen(kw_only=True)
class DownsamplingRule:
    """How some series are thinned out."""

    filter: Annotated[str, Field("Series selector; every series if empty.")] = ""
    periods: Annotated[tuple[DownsamplingPeriod, ...], Field("Ages and intervals.")]


@frozen(kw_only=True)
class Downsampling:
    """Fewer samples of what is old; needs a license.

    Source: https://docs.victoriametrics.com/victoriametrics/#downsampling
    """

    rules: Annotated[tuple[DownsamplingRule, ...], Field("How series are thinned out.")] = ()
    dedup_interval: Annotated[str, Field("Time in which one sample of a series stays.")] = ""


@frozen(kw_only=True)
class RetentionFilter:
    """How long some series are kept; needs a license.

    Source: https://docs.victoriametrics.com/victoriametrics/#retention-filters
    """

    filter: Annotated[str, Field("Series selector.")]
    retention: Annotated[str, Field("How long those series are kept.")]


@frozen(kw_only=True)
class OnStart:
    """Whether to restore when a pod starts."""

    enabled: Annotated[bool, Field("Restore before the database starts.")] = False


@frozen(kw_only=True)
class Restore:
    """When to restore."""

    on_start: Annotated[OnStart | None, Field("When a pod starts.")] = None


@frozen(kw_only=True)
class VMBackup:
    """Backups by a sidecar; needs a license.

    Source: https://docs.victoriametrics.com/victoriametrics/vmbackupmanager/
    """

    accept_eula: Annotated[bool, Field("Older way to accept the license terms.", key="acceptEULA")] = False
    destination: Annotated[str, Field("Where backups go: s3://, gs://, azblob:// or fs://.")] = ""
    destination_disable_suffix_add: Annotated[
        bool, Field("Don't add the name of the pod to the destination of a cluster.")
    ] = False
    custom_s3_endpoint: Annotated[
        str | None, Field("Endpoint of a storage that speaks S3.", key="customS3Endpoint")
    ] = None
    credentials_secret: Annotated[SecretKeySelector | None, Field("Secret with credentials of the destination.")] = None
    concurrency: Annotated[int | None, Field("Number of concurrent workers.", schema=INT32)] = None
    disable_hourly: Annotated[bool | None, Field("Make no hourly backups.")] = None
    disable_daily: Annotated[bool | None, Field("Make no daily backups.")] = None
    disable_weekly: Annotated[bool | None, Field("Make no weekly backups.")] = None
    disable_monthly: Annotated[bool | None, Field("Make no monthly backups.")] = None
    snapshot_create_url: Annotated[
        str, Field("Address that makes a snapshot, if not the usual one.", key="snapshotCreateURL")
    ] = ""
    snapshot_delete_url: Annotated[
        str, Field("Address that deletes a snapshot, if not the usual one.", key="snapshotDeleteURL")
    ] = ""
    image: Annotated[Image, Field("Image of vmbackupmanager.")] = Image()
    port: Annotated[str, Field("Port of vmbackupmanager.")] = ""
    log_level: Annotated[Literal["INFO", "WARN", "ERROR", "FATAL", "PANIC"] | None, Field("Lowest level to log.")] = (
        None
    )
    log_format: Annotated[Literal["default", "json"] | None, Field("Format of the log.")] = None
    resources: Annotated[k8s.ResourceRequirements | None, Field("Requests and limits of vmbackupmanager.")] = None
    extra_args: Annotated[Mapping[str, str], Field("Flags to add or to replace, without dashes.")] = field(factory=dict)
    extra_envs: Annotated[tuple[k8s.WholeEnvVar, ...], Field("Environment variables to add.")] = ()
    extra_envs_from: Annotated[tuple[k8s.EnvFromSource, ...], Field("Sources of environment variables.")] = ()
    volume_mounts: Annotated[tuple[k8s.VolumeMount, ...], Field("Mounts to add.")] = ()
    restore: Annotated[Restore | None, Field("Restoring from the backups.")] = None

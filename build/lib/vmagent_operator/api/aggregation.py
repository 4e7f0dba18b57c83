"""Stream aggregation: what becomes of samples before they are sent, or stored."""

from typing import Annotated

from attrs import frozen

from vmagent_operator.api.core import ConfigMapKeySelector, StringOrList
from vmagent_operator.api.relabel import RelabelConfig, scalar_or_list
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class StreamAggrRule:
    """One aggregation.

    Source: https://docs.victoriametrics.com/victoriametrics/stream-aggregation/configuration/#aggregation-config
    """

    match: Annotated[StringOrList, Field("Series selectors, one of which must match.", emit=scalar_or_list)] = ()
    interval: Annotated[str, Field("Time between two results.")]
    no_align_flush_to_interval: Annotated[
        bool | None, Field("Don't align results to the interval.", key="no_align_flush_to_interval")
    ] = None
    flush_on_shutdown: Annotated[bool, Field("Write unfinished results at the end.", key="flush_on_shutdown")] = False
    dedup_interval: Annotated[str, Field("De-duplicate samples first.", key="dedup_interval")] = ""
    staleness_interval: Annotated[str, Field("When a series counts as gone.", key="staleness_interval")] = ""
    outputs: Annotated[tuple[str, ...], Field("Functions to compute.")]
    keep_metric_names: Annotated[bool | None, Field("Keep metric names.", key="keep_metric_names")] = None
    ignore_old_samples: Annotated[
        bool | None, Field("Ignore samples from before the interval.", key="ignore_old_samples")
    ] = None
    by: Annotated[tuple[str, ...], Field("Labels to group by.")] = ()
    without: Annotated[tuple[str, ...], Field("Labels to group without.")] = ()
    ignore_first_intervals: Annotated[
        int | None, Field("Results to skip after the start.", key="ignore_first_intervals")
    ] = None
    ignore_first_sample_interval: Annotated[str, Field("How long to ignore first samples of total and increase.")] = ""
    drop_input_labels: Annotated[
        tuple[str, ...], Field("Labels to drop before everything else.", key="drop_input_labels")
    ] = ()
    input_relabel_configs: Annotated[
        tuple[RelabelConfig, ...], Field("Rules for the input.", key="input_relabel_configs")
    ] = ()
    output_relabel_configs: Annotated[
        tuple[RelabelConfig, ...], Field("Rules for the output.", key="output_relabel_configs")
    ] = ()
    enable_windows: Annotated[bool, Field("Aggregate in fixed windows.", key="enable_windows")] = False


@frozen(kw_only=True)
class StreamAggrConfig:
    """Aggregation of samples before they are sent.

    Source: https://docs.victoriametrics.com/victoriametrics/stream-aggregation/
    """

    rules: Annotated[tuple[StreamAggrRule, ...], Field("Aggregations.")] = ()
    configmap: Annotated[ConfigMapKeySelector | None, Field("ConfigMap with more of them.")] = None
    keep_input: Annotated[bool, Field("Send the input as well.")] = False
    drop_input: Annotated[bool, Field("Drop input that no rule matches.")] = False
    dedup_interval: Annotated[str, Field("De-duplicate samples first.")] = ""
    drop_input_labels: Annotated[tuple[str, ...], Field("Labels to drop before everything else.")] = ()
    ignore_first_intervals: Annotated[int, Field("Results to skip after the start.")] = 0
    ignore_first_sample_interval: Annotated[str, Field("How long to ignore first samples of total and increase.")] = ""
    ignore_old_samples: Annotated[bool, Field("Ignore samples from before the interval.")] = False
    enable_windows: Annotated[bool, Field("Aggregate in fixed windows.")] = False

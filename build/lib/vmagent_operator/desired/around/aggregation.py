"""Stream aggregation rules: which of them would vmagent refuse, and then not start?

Source: lib/streamaggr/streamaggr.go of VictoriaMetrics 1.150
"""

import math
from collections.abc import Iterator, Mapping

from vmagent_operator.api.aggregation import StreamAggrConfig
from vmagent_operator.desired.around.goduration import SECOND, InvalidDuration, fault, nanoseconds
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.checks.raw import (
    RULES,
    Faults,
    Fill,
    boolean,
    found,
    integer,
    judged,
    many,
    mapping,
    series,
    text,
    words,
)

OUTPUTS = frozenset(
    (
        *("avg", "count_samples", "count_series", "histogram_bucket", "increase", "increase_prometheus", "last", "max"),
        *("min", "rate_avg", "rate_sum", "stddev", "stdvar", "sum_samples", "sum_samples_total", "total"),
        *("total_prometheus", "unique_samples"),
    )
)
_DURATIONS = ("interval", "dedup_interval", "staleness_interval", "ignore_first_sample_interval")
_QUANTILES = "quantiles("

_RULE = mapping(
    {
        "name": text,
        "match": series,
        **dict.fromkeys(_DURATIONS, judged(fault)),
        "no_align_flush_to_interval": boolean,
        "flush_on_shutdown": boolean,
        "outputs": many(text),
        "keep_metric_names": boolean,
        "ignore_old_samples": boolean,
        "ignore_first_intervals": integer,
        "by": many(text),
        "without": many(text),
        "drop_input_labels": many(text),
        "input_relabel_configs": RULES,
        "output_relabel_configs": RULES,
        "enable_windows": boolean,
    }
)


def faults(rule: Config | None, path: str, common: StreamAggrConfig, filled: Fill) -> Faults:
    """What is wrong with a rule, as it stands in vmagent's file, given the options that it shares with others."""
    if rule is None:
        yield f"{path}: expected a mapping"  # vmagent panics on it
        return
    wrong = list(_RULE(rule, path, filled))
    yield from wrong
    if not wrong:
        yield from (f"{path}.{each}" for each in (*_intervals(rule, common, filled), *_outputs(rule, filled)))
        yield from (f"{path}.{each}" for each in _options(rule, common))


def _intervals(rule: Config, common: StreamAggrConfig, filled: Fill) -> Iterator[str]:
    given = {key: filled(words(rule.get(key))) for key in _DURATIONS}
    known = {key: each for key, each in given.items() if each is not None}
    if not words(rule.get("interval")):
        yield "interval: required"
    elif known == given:
        yield from _proportions(known, common)


def _proportions(given: Mapping[str, str], common: StreamAggrConfig) -> Iterator[str]:
    interval = nanoseconds(given["interval"])
    try:
        deduplicated = nanoseconds(given["dedup_interval"] or common.dedup_interval or "0")
    except InvalidDuration:
        return  # that of the common option is told there
    if interval < SECOND:
        yield "interval: is shorter than 1s"
    elif deduplicated > interval:
        yield "dedup_interval: is longer than interval"
    elif deduplicated > 0 and interval % deduplicated:
        yield "interval: is no multiple of dedup_interval"
    if (staleness := given["staleness_interval"]) and nanoseconds(staleness) < interval:
        yield "staleness_interval: is shorter than interval"


def _outputs(rule: Config, filled: Fill) -> Iterator[str]:
    given = [words(each) for each in rule.get("outputs") or ()]
    if not given:
        yield "outputs: required"
    for index, output in enumerate(given):
        if output in given[:index] or (_is_quantiles(output) and any(map(_is_quantiles, given[:index]))):
            yield f"outputs[{index}]: {output} is there already"
        else:
            yield from found(_output_fault, output, f"outputs[{index}]", filled)


def _output_fault(output: str) -> str | None:
    is_known = _are_shares(output) if _is_quantiles(output) else output in OUTPUTS
    return None if is_known else f"vmagent knows no {output!r}"


def _is_quantiles(output: str) -> bool:
    return output.startswith(_QUANTILES)


def _are_shares(output: str) -> bool:
    """Whether `quantiles(...)` holds numbers from 0 to 1."""
    if not output.endswith(")"):
        return False
    try:
        shares = [float(each) for each in output[len(_QUANTILES) : -1].split(",")]
    except ValueError:
        return False
    return all(math.isnan(share) or 0 <= share <= 1 for share in shares)


def _options(rule: Config, common: StreamAggrConfig) -> Iterator[str]:
    if rule.get("by") and rule.get("without"):
        yield "without: by is set as well"
    if not rule.get("keep_metric_names"):
        return
    outputs = [words(each) for each in rule.get("outputs") or ()]
    if common.keep_input:
        yield "keep_metric_names: keepInput is set as well"
    if len(outputs) > 1:
        yield "keep_metric_names: needs a single output"
    elif outputs and (outputs[0] == "histogram_bucket" or (_is_quantiles(outputs[0]) and "," in outputs[0])):
        yield f"keep_metric_names: {outputs[0]} gives several series"

"""How long and how densely samples are kept: the arguments, and what is wrong with what asks for them.

Source: https://docs.victoriametrics.com/victoriametrics/#downsampling, #retention-filters and #retention
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from vmagent_operator.api.storage import Downsampling, DownsamplingRule, RetentionFilter
from vmagent_operator.desired.workload.checks import Faults
from vmagent_operator.model.decode import Fault
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.expressions import series

_MONTH_MILLISECONDS = 31 * 24 * 3600 * 1000
DEFAULT_PERIOD = "1"


def downsampling(given: Downsampling | None) -> Iterator[str]:
    """The arguments that thin out what is old; that of deduplication is not among them."""
    for rule in given.rules if given else ():
        scope = f"{rule.filter}:" if rule.filter else ""
        yield from (f"-downsampling.period={scope}{each.offset}:{each.interval}" for each in rule.periods)


def filters(given: Sequence[RetentionFilter]) -> Iterator[str]:
    """The arguments of retention filters."""
    yield from (f"-retentionFilter={each.filter}:{each.retention}" for each in given)


def downsampling_faults(given: Downsampling | None, path: str, *, is_licensed: bool) -> Faults:
    """What the program would not start with, or what it has no license for."""
    if given is None:
        return
    if not is_licensed:
        yield Fault(path, "needs a license")
    yield from _duration(given.dedup_interval, f"{path}.dedupInterval") if given.dedup_interval else ()
    seen = set[str]()
    for index, rule in enumerate(given.rules):
        at = f"{path}.rules[{index}]"
        if rule.filter in seen:
            yield Fault(f"{at}.filter", f"{rule.filter or 'every series'} has a rule already")
        seen.add(rule.filter)
        if rule.filter and (fault := series.fault(rule.filter)):
            yield Fault(f"{at}.filter", fault)
        if not rule.periods:
            yield Fault(f"{at}.periods", "required")
        yield from _periods(rule, at, _length(given.dedup_interval))


def _periods(rule: DownsamplingRule, path: str, dedup: int) -> Faults:
    for index, period in enumerate(rule.periods):
        at = f"{path}.periods[{index}]"
        wrong = [*_duration(period.offset, f"{at}.offset"), *_duration(period.interval, f"{at}.interval")]
        yield from wrong
        if wrong:
            continue
        offset, interval = _length(period.offset), _length(period.interval)
        if interval <= 0:
            if offset:
                yield Fault(f"{at}.interval", "is not longer than 0s")
        elif offset % interval:
            yield Fault(f"{at}.offset", f"is no multiple of {period.interval}")
        elif dedup > 0 and interval % dedup:
            yield Fault(f"{at}.interval", "is no multiple of dedupInterval")
    lengths = sorted({_length(period.interval) for period in rule.periods} - {0})
    if any(longer % shorter for shorter, longer in combinations(lengths, 2)):
        yield Fault(f"{path}.periods", "each interval has to be a multiple of the shorter ones")


def filter_faults(given: Sequence[RetentionFilter], path: str, period: str, *, is_licensed: bool) -> Faults:
    """What is wrong with retention filters beside the retention `period` of everything else."""
    if given and not is_licensed:
        yield Fault(path, "needs a license")
    for index, each in enumerate(given):
        at = f"{path}[{index}]"
        if fault := series.fault(each.filter):
            yield Fault(f"{at}.filter", fault)
        wrong = [*_duration(each.retention, f"{at}.retention")]
        yield from wrong
        if not wrong and _retention(each.retention) > _retention(period or DEFAULT_PERIOD):
            yield Fault(f"{at}.retention", f"is longer than the retention period of {period or DEFAULT_PERIOD}")


def _retention(text: str) -> int:
    """Milliseconds of a retention period; a bare number counts months of 31 days."""
    return int(text) * _MONTH_MILLISECONDS if text.isdecimal() and len(text) < 10 else _length(text)


def _duration(text: str, path: str) -> Faults:
    if not text:
        yield Fault(path, "required")
    try:
        milliseconds(text or "0")
    except InvalidDuration as error:
        yield Fault(path, str(error))


def _length(text: str) -> int:
    """Milliseconds of a duration, 0 for what is none."""
    try:
        return milliseconds(text or "0")
    except InvalidDuration:
        return 0

"""What is wrong with a VMSingle beyond its shape: faults that stop it, and doubts that are only reported.

A fault is what the API server would refuse, what could not run, or what would take data out of sight; reported before
anything is written, while what runs stays as it is.
"""

from collections.abc import Callable, Iterator
from functools import partial

from vmagent_operator.desired import listener, names
from vmagent_operator.desired.around import scrapechecks
from vmagent_operator.desired.around.goduration import InvalidDuration, nanoseconds
from vmagent_operator.desired.probes import RELOADER_PORT
from vmagent_operator.desired.stages import Inputs
from vmagent_operator.desired.vmsingle import storage
from vmagent_operator.desired.vmsingle.features import (
    VMSingle,
    component,
    environment,
    has_reloader,
    scrapes,
    spec,
)
from vmagent_operator.desired.workload import checks, retention
from vmagent_operator.desired.workload.checks import Faults, Verdict
from vmagent_operator.model.decode import Fault

Rule = Callable[[VMSingle, Inputs], Faults]

_DEDUPLICATION = "dedup.minScrapeInterval"


def verdict(single: VMSingle, inputs: Inputs) -> Verdict:
    """The faults and doubts of a decoded VMSingle; an annotation of the user's leaves out those of mere form."""

    def bound(rules: tuple[Rule, ...]) -> list[Callable[[], Faults]]:
        return [partial(rule, single, inputs) for rule in rules]

    return checks.verdict(single, bound(FATAL), bound(REFUSED), bound(DOUBTFUL))


def _names(single: VMSingle, inputs: Inputs) -> Faults:
    own = component(single, inputs.settings)
    yield from checks.owner_name(single)
    yield from checks.object_name(names.rbac(own), "a role")
    yield from checks.services(own, spec(single).service_spec, "spec.serviceSpec", "database")


def _scaling(single: VMSingle, inputs: Inputs) -> Faults:
    yield from checks.replicas(spec(single).apps, "spec")
    yield from checks.vertical(spec(single).vpa, inputs.settings, "spec.vpa")


def _pods(single: VMSingle, inputs: Inputs) -> Faults:
    """Two pods cannot write to one volume."""
    if storage.data(single).claim:
        yield from _more_pods(single)


def _doubtful_pods(single: VMSingle, inputs: Inputs) -> Faults:
    """Without a claim they work, each with half of the samples."""
    if not storage.data(single).claim:
        yield from _more_pods(single)


def _more_pods(single: VMSingle) -> Faults:
    if (spec(single).apps.replica_count or 0) > 1:
        yield Fault("spec.replicaCount", "a VMSingle has one pod, or none")


def _dropped(single: VMSingle, inputs: Inputs) -> Faults:
    """Data that would be out of sight: they are in a claim that is there and no longer asked for."""
    name, other = storage.claim_name(single), storage.other_claim_name(single)
    if other in inputs.claims and name not in inputs.claims:
        what = f"with this name for its objects the VMSingle would get a new claim; the data are in {other}"
        yield Fault("spec.useLegacyNaming", what)
    has_volume = any(volume.get("name") == storage.VOLUME for volume in spec(single).apps.volumes)
    if name in inputs.claims and not storage.data(single).claim and not has_volume:
        yield Fault(
            "spec.storage", f"the data are in claim {name}; ask for it, or give a volume called {storage.VOLUME}"
        )


def _ports(single: VMSingle, inputs: Inputs) -> Faults:
    given, own = spec(single), component(single, inputs.settings)
    named = {"spec.port": given.apps.port, **checks.insert_ports(given.insert_ports, "spec.insertPorts")}
    if copies := storage.backup(single, own):
        named["spec.vmBackup.port"] = listener.port(copies.manager)
    for path, port in named.items():
        yield from checks.port(port, path)
    taken = {str(RELOADER_PORT): "the config reloader"} if has_reloader(single) else {}
    for path, port in (named | {"spec.port": listener.port(own)}).items():
        if port and (other := taken.setdefault(port, path)) != path:
            yield Fault(path, f"{port} is that of {other} already")


def _grace(single: VMSingle, inputs: Inputs) -> Faults:
    yield from checks.grace(spec(single).apps, "spec")


def _license(single: VMSingle, inputs: Inputs) -> Faults:
    given, own = spec(single), component(single, inputs.settings)
    yield from checks.license(given.license, "spec.license")
    yield from checks.interval(given.license, "spec.license")
    if (copies := storage.backup(single, own)) and not copies.is_allowed:
        yield Fault("spec.vmBackup", "needs a license, or acceptEULA")


def _retention(single: VMSingle, inputs: Inputs) -> Faults:
    given, is_licensed = spec(single), component(single, inputs.settings).has_license
    yield from retention.downsampling_faults(given.downsampling, "spec.downsampling", is_licensed=is_licensed)
    yield from retention.filter_faults(
        given.retention_filters,
        "spec.retentionFilters",
        given.apps.extra_args.get("retentionPeriod", given.retention_period),
        is_licensed=is_licensed,
    )


def _deduplication(single: VMSingle, inputs: Inputs) -> Faults:
    """The interval of deduplication is read as Go reads durations, and one that is not above zero deduplicates nothing."""
    for path, interval in _intervals(single):
        if not any(mark in interval for mark in ("$(", "%{")) and (fault := _fault(interval)):
            yield Fault(path, fault)


def _intervals(single: VMSingle) -> Iterator[tuple[str, str]]:
    given = spec(single)
    if _DEDUPLICATION in given.apps.extra_args:
        yield f"spec.extraArgs[{_DEDUPLICATION}]", given.apps.extra_args[_DEDUPLICATION]
    elif given.downsampling and given.downsampling.dedup_interval:
        yield "spec.downsampling.dedupInterval", given.downsampling.dedup_interval


def _fault(text: str) -> str:
    try:
        return "" if nanoseconds(text) > 0 else f"{text!r} is not above zero"
    except InvalidDuration as error:
        return str(error)


def _replaced(single: VMSingle, inputs: Inputs) -> Faults:
    """Fields that have no effect, since `extraArgs` set the same flags; the reference's documentation says the contrary."""
    given = spec(single)
    fields = {
        "retentionPeriod": ("spec.retentionPeriod", given.retention_period),
        "retentionFilter": ("spec.retentionFilters", given.retention_filters),
        "downsampling.period": ("spec.downsampling.rules", given.downsampling and given.downsampling.rules),
        _DEDUPLICATION: ("spec.downsampling.dedupInterval", given.downsampling and given.downsampling.dedup_interval),
    }
    for flag, (path, value) in fields.items():
        if value and flag in given.apps.extra_args:
            yield Fault(path, f"has no effect: extraArgs has {flag}")


def _vertical(single: VMSingle, inputs: Inputs) -> Faults:
    yield from checks.whole_vertical(spec(single).vpa, "spec.vpa")


def _classes(single: VMSingle, inputs: Inputs) -> Faults:
    if scrapes(single):
        scraping = spec(single).scraping
        yield from scrapechecks.scrape_classes(scraping.scrape_classes)
        yield from scrapechecks.credentials(scraping, {})


def _relabeling(single: VMSingle, inputs: Inputs) -> Faults:
    if scrapes(single):
        yield from scrapechecks.relabelings(spec(single).scraping, environment(single))


FATAL: tuple[Rule, ...] = (_names, _scaling, _dropped)
REFUSED: tuple[Rule, ...] = (_pods, _ports, _grace, _license, _retention, _deduplication, _vertical, _classes)
DOUBTFUL: tuple[Rule, ...] = (_doubtful_pods, _replaced, _relabeling)

"""The containers of a VMSingle and their arguments, its volumes and where they are mounted.

The order of volumes and mounts, in which nothing reads them, is that of the reference operator: another would restart its pods.
"""

from collections.abc import Iterator

from vmagent_operator.desired.around import rules, service
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmsingle import storage
from vmagent_operator.desired.vmsingle.features import (
    VMSingle,
    has_aggregation,
    has_relabeling,
    has_reloader,
    scrapes,
    spec,
)
from vmagent_operator.desired.workload import backup, pod, reloader, retention, volumes
from vmagent_operator.desired.workload.reloader import Reloader
from vmagent_operator.desired.workload.volumes import AGGREGATION_DIRECTORY, RELABELING_DIRECTORY, Volume
from vmagent_operator.model.decode import Manifest

RELABELING = "relabel.yaml"
"""The file with relabeling rules: one name for the key that holds it and for the flag that reads it."""
AGGREGATION = "config.yaml"


def parts(single: VMSingle, component: Component, overflow_count: int) -> pod.Parts:
    """What the database brings into its pod. Raises OwnerError for volumes and mounts that do not fit together."""
    copies = storage.backup(single, component)
    reloaded = Reloader(
        component=component,
        params=spec(single).reloader,
        has_secret=scrapes(single),
        rules=_rules(single, component),
        overflow_count=overflow_count,
    )
    ports = service.insert_ports(spec(single).insert_ports)
    own = pod.main(component, arguments(single, component), _mounts(single, component, overflow_count), ports=ports)
    return pod.Parts(
        containers=[own, *([reloader.sidecar(reloaded)] if has_reloader(single) else ()), *backup.sidecars(copies)],
        init_containers=[*reloader.init(reloaded), *backup.restore(copies)],
        volumes=_volumes(single, component, overflow_count),
    )


def arguments(single: VMSingle, component: Component) -> list[str]:
    """The arguments, sorted; only that of the reload key, which the user cannot replace, comes last."""
    key = reloader.key_argument(spec(single).reloader) if has_reloader(single) else []
    return pod.overridden(component, [*_generated(single, component)]) + key


def _generated(single: VMSingle, component: Component) -> Iterator[str]:
    given = spec(single)
    yield from pod.arguments(component)
    yield f"-storageDataPath={storage.path(single)}"
    if given.retention_period:
        yield f"-retentionPeriod={given.retention_period}"
    yield from retention.downsampling(given.downsampling)
    if given.downsampling and given.downsampling.dedup_interval:
        yield f"-dedup.minScrapeInterval={given.downsampling.dedup_interval}"
    yield from retention.filters(given.retention_filters)
    yield from service.insert_flags(given.insert_ports)
    if scrapes(single):
        yield f"-promscrape.config={component.app.config_path}"
    if has_relabeling(single):
        yield f"-relabelConfig={RELABELING_DIRECTORY}/{RELABELING}"
    yield from rules.arguments(given.stream_aggr_config, f"{AGGREGATION_DIRECTORY}/{AGGREGATION}")


def _rules(single: VMSingle, component: Component) -> list[Volume]:
    """The operator's ConfigMaps, which the reloader watches."""
    found = [volumes.aggregation(component)] if has_aggregation(single) else []
    return found + ([volumes.relabeling(component)] if has_relabeling(single) else [])


def _volumes(single: VMSingle, component: Component, overflow_count: int) -> list[Manifest]:
    """The volumes of the pod. OwnerError if the user has one where the data goes."""
    users = canonical_list(component.params.volumes)
    taken = {volume["name"] for volume in users}
    scraping = [volumes.tls_assets(component), volumes.config_out(component)] if scrapes(single) else []
    own = [
        *scraping,
        *_unpacked(single, component, overflow_count),
        *backup.credentials(storage.backup(single, component)),
        *_files(single, component),
        *volumes.overflow(component, overflow_count),
        *_reload_auth(single),
        *(volumes.token(component, taken) if scrapes(single) else ()),
    ]
    once = {volume.name: volume.manifest for volume in own}
    return [*storage.volume(single, taken), *users, *once.values()]


def _mounts(single: VMSingle, component: Component, overflow_count: int) -> list[Manifest]:
    """The mounts of the database. OwnerError if one of the user's is in the way of the data."""
    scraping = [volumes.config_out(component), volumes.tls_assets(component)] if scrapes(single) else []
    own = [*scraping, *_unpacked(single, component, overflow_count), *_files(single, component)]
    mounted = [*storage.mounts(single), *(volume.mount for volume in own)]
    token = volumes.token_mount(component, mounted) if scrapes(single) else []
    return [*mounted, *token, *(volume.mount for volume in _reload_auth(single))]


def _unpacked(single: VMSingle, component: Component, overflow_count: int) -> Iterator[Volume]:
    """Copied credentials, and the jobs of overflow Secrets."""
    if scrapes(single):
        yield volumes.config(component)
    if overflow_count:
        yield volumes.OVERFLOW_OUT


def _files(single: VMSingle, component: Component) -> Iterator[Volume]:
    """What else is mounted as files."""
    yield from volumes.files(component)
    yield from _rules(single, component)
    yield from volumes.trusted(component)


def _reload_auth(single: VMSingle) -> list[Volume]:
    """The Secret with the key of the reload address, if anybody calls that."""
    return volumes.reload_auth(spec(single).reloader) if has_reloader(single) else []

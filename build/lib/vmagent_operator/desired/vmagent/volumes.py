"""The volumes of vmagent's pod and their mounts in its container.

Their order, in which nothing reads them, is that of the reference operator: another would restart its pods.
"""

from collections.abc import Iterator

from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmagent import queue
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    has_aggregation,
    has_relabeling,
    has_remote_write_tls,
    has_secrets,
    is_stateful,
    spec,
)
from vmagent_operator.desired.workload import volumes
from vmagent_operator.desired.workload.volumes import Volume
from vmagent_operator.model.decode import Manifest


def rules(agent: VMAgent, component: Component) -> list[Volume]:
    """The operator's ConfigMaps, which the reloader watches."""
    return [
        *([volumes.aggregation(component)] if has_aggregation(agent) else ()),
        *([volumes.relabeling(component)] if has_relabeling(agent) else ()),
    ]


def pod(agent: VMAgent, component: Component, overflow_count: int) -> list[Manifest]:
    """The volumes of the pod. OwnerError if the user has one where the queue goes."""
    users = canonical_list(component.params.volumes)
    taken = {volume["name"] for volume in users}
    own = [
        *_tls_assets(agent, component),
        *([volumes.config_out(component)] if has_secrets(agent) else ()),
        *_shared(agent, component, overflow_count),
        *volumes.overflow(component, overflow_count),
        *volumes.reload_auth(spec(agent).reloader),
        *volumes.token(component, taken),
    ]
    manifests = [volume.manifest for volume in own]
    if is_stateful(agent):
        return [*users, *manifests, *queue.data(agent).volumes(taken)]
    return [*queue.data(agent).volumes(taken), *users, *manifests]


def mounts(agent: VMAgent, component: Component, overflow_count: int) -> list[Manifest]:
    """The mounts of vmagent. OwnerError if one of the user's is in the queue's way."""
    users = canonical_list(component.params.volume_mounts)
    own = [
        *([] if spec(agent).scraping.ingest_only_mode else [volumes.config_out(component)]),
        *_tls_assets(agent, component),
        *_shared(agent, component, overflow_count),
    ]
    mounted = [*volumes.data_mount(queue.VOLUME, queue.path(agent), users), *users, *(volume.mount for volume in own)]
    return [
        *mounted,
        *volumes.token_mount(component, mounted),
        *(volume.mount for volume in volumes.reload_auth(spec(agent).reloader)),
    ]


def _tls_assets(agent: VMAgent, component: Component) -> Iterator[Volume]:
    if not spec(agent).scraping.ingest_only_mode or has_remote_write_tls(agent):
        yield volumes.tls_assets(component)


def _shared(agent: VMAgent, component: Component, overflow_count: int) -> Iterator[Volume]:
    """What stands in the same order among volumes and mounts."""
    if has_secrets(agent):
        yield volumes.config(component)
    if overflow_count:
        yield volumes.OVERFLOW_OUT
    yield from rules(agent, component)
    yield from volumes.given(component)

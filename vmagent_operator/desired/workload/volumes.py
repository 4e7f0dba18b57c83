"""Volumes of the pod and their mounts in the operator's containers."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator.desired import names
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    has_aggregation,
    has_relabeling,
    has_remote_write_tls,
    has_secrets,
    is_openshift,
    is_stateful,
    spec,
)
from vmagent_operator.desired.vmagent.remotewrite import AGGREGATION_DIRECTORY, CONFIG_DIRECTORY, RELABELING_DIRECTORY
from vmagent_operator.desired.workload import claims
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.references import ASSETS_DIRECTORY
from vmagent_operator.settings import Server, Settings

CONFIG_OUT_DIRECTORY = "/etc/vmagent/config_out"
OVERFLOW_DIRECTORY = "/etc/vm/sc-files"
RELOAD_AUTH_DIRECTORY = "/etc/vm/config-reload-auth"
SECRETS_DIRECTORY = "/etc/vm/secrets"
_CONFIG_MAPS_DIRECTORY = "/etc/vm/configs"
_TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
_OPENSHIFT_CA = "openshift-service-ca"


@frozen(kw_only=True)
class Volume:
    """A volume, and where the operator's containers mount it."""

    name: str
    source: Mapping[str, Any]
    path: str
    is_read_only: bool = True

    @property
    def manifest(self) -> Manifest:
        """The volume as the pod has it."""
        return {"name": self.name, **self.source}

    @property
    def mount(self) -> Manifest:
        """The mount as a container has it."""
        return {"name": self.name, "mountPath": self.path, **({"readOnly": True} if self.is_read_only else {})}

    @property
    def writable_mount(self) -> Manifest:
        """The mount in the container that fills the volume."""
        return {"name": self.name, "mountPath": self.path}


CONFIG_OUT = Volume(name="config-out", source={"emptyDir": {}}, path=CONFIG_OUT_DIRECTORY)
"""Where the reloader writes the configuration for vmagent."""

OVERFLOW_OUT = Volume(name="sc-files-out", source={"emptyDir": {}}, path=OVERFLOW_DIRECTORY)
"""Where the reloader writes the jobs of overflow Secrets for vmagent."""

TOKEN = Volume(
    name="kube-api-access",
    path=_TOKEN_DIRECTORY,
    source={
        "projected": {
            "defaultMode": 0o644,
            "sources": [
                {"serviceAccountToken": {"path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt"}},
                {
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "namespace",
                                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                            }
                        ]
                    }
                },
            ],
        }
    },
)
"""The service account token, where Kubernetes is told not to mount it into every container."""


def reload_auth(agent: VMAgent) -> Volume | None:
    """The Secret with the key of the reload address, if it has one."""
    selector = spec(agent).reloader.config_reload_auth_key_secret
    if selector is None:
        return None
    source = _secret(selector.name)
    return Volume(name="vm-config-reload-auth-secret", source=source, path=RELOAD_AUTH_DIRECTORY, is_read_only=False)


def rules(agent: VMAgent) -> list[Volume]:
    """The operator's ConfigMaps, which the reloader watches."""
    found = []
    if has_aggregation(agent):
        source = _config_map(names.aggregation(agent))
        found.append(Volume(name="stream-aggr", source=source, path=AGGREGATION_DIRECTORY))
    if has_relabeling(agent):
        source = _config_map(names.relabeling(agent))
        found.append(Volume(name="relabelings-assets", source=source, path=RELABELING_DIRECTORY))
    return found


def config_maps(agent: VMAgent) -> list[Volume]:
    """The user's ConfigMaps, which the reloader watches."""
    return [
        Volume(name=_volume_name("configmap", name), source=_config_map(name), path=f"{_CONFIG_MAPS_DIRECTORY}/{name}")
        for name in dict.fromkeys(spec(agent).apps.config_maps)
    ]


def overflow(agent: VMAgent, count: int) -> list[Volume]:
    """The overflow Secrets; only the reloader mounts them."""
    return [
        Volume(name=f"sc-raw-{k}", source=_secret(names.overflow(agent, k)), path=f"/etc/vm/sc-raw-{k}")
        for k in range(1, count + 1)
    ]


def pod(agent: VMAgent, settings: Settings, server: Server, overflow_count: int) -> list[Manifest]:
    """The volumes of the pod. AgentError if the user has one where the queue goes.

    Their order, in which nothing reads them, is that of the reference operator: another would restart its pods.
    """
    users = canonical_list(spec(agent).apps.volumes)
    taken = {volume["name"] for volume in users}
    queue = _queue(agent, taken)
    token = [TOKEN] if needs_token(agent) and TOKEN.name not in taken else []
    own = [
        *_tls_assets(agent),
        *([CONFIG_OUT] if has_secrets(agent) else ()),
        *_shared(agent, settings, server, overflow_count),
        *overflow(agent, overflow_count),
        *filter(None, [reload_auth(agent)]),
        *token,
    ]
    manifests = [volume.manifest for volume in own]
    if is_stateful(agent):
        return [*users, *manifests, *queue]
    return [*queue, *users, *manifests]


def mounts(agent: VMAgent, settings: Settings, server: Server, overflow_count: int) -> list[Manifest]:
    """The mounts of vmagent, in the reference operator's order. AgentError if one of the user's is in the queue's way."""
    users = canonical_list(spec(agent).apps.volume_mounts)
    queue = [] if _mounts_queue(agent, users) else [{"name": claims.VOLUME, "mountPath": claims.queue_path(agent)}]
    own = [
        *([] if spec(agent).scraping.ingest_only_mode else [CONFIG_OUT]),
        *_tls_assets(agent),
        *_shared(agent, settings, server, overflow_count),
    ]
    mounted = [*queue, *users, *(volume.mount for volume in own)]
    return [*mounted, *token_mount(agent, mounted), *(v.mount for v in filter(None, [reload_auth(agent)]))]


def needs_token(agent: VMAgent) -> bool:
    """Whether Kubernetes does not mount the service account token by itself."""
    return spec(agent).apps.disable_automount_service_account_token


def token_mount(agent: VMAgent, mounted: Iterable[Manifest]) -> list[Manifest]:
    """The mount of the token where it is needed, unless something is mounted in its place."""
    if not needs_token(agent) or any(mount["mountPath"] == _TOKEN_DIRECTORY for mount in mounted):
        return []
    return [TOKEN.mount]


def _tls_assets(agent: VMAgent) -> Iterator[Volume]:
    if not spec(agent).scraping.ingest_only_mode or has_remote_write_tls(agent):
        yield Volume(name="tls-assets", source=_secret(names.tls_assets(agent)), path=ASSETS_DIRECTORY)


def _shared(agent: VMAgent, settings: Settings, server: Server, overflow_count: int) -> Iterator[Volume]:
    """What stands in the same order among volumes and mounts."""
    if has_secrets(agent):
        yield Volume(name="config", source=_secret(names.config(agent)), path=CONFIG_DIRECTORY)
    if overflow_count:
        yield OVERFLOW_OUT
    yield from rules(agent)
    yield from _secrets(agent)
    yield from config_maps(agent)
    license = spec(agent).license
    if license and license.key_ref and license.key_ref.name not in spec(agent).apps.secrets:
        name = license.key_ref.name
        yield Volume(name="license", source=_secret(name), path=f"{SECRETS_DIRECTORY}/{name}")
    if is_openshift(settings, server):
        source = {"configMap": {"name": f"{_OPENSHIFT_CA}.crt", "optional": True}}
        yield Volume(name=_OPENSHIFT_CA, source=source, path=f"/etc/ssl/certs/{_OPENSHIFT_CA}")


def _secrets(agent: VMAgent) -> Iterator[Volume]:
    for name in dict.fromkeys(spec(agent).apps.secrets):
        yield Volume(name=_volume_name("secret", name), source=_secret(name), path=f"{SECRETS_DIRECTORY}/{name}")


def _queue(agent: VMAgent, taken: set[str]) -> list[Manifest]:
    """The volume of the queue, unless it is claimed or the user's own."""
    if claims.VOLUME in taken:
        if claims.is_chosen(agent):
            raise AgentError(f"spec.volumes: {claims.VOLUME} is the volume that spec.statefulStorage asks for")
        return []
    return [own] if (own := claims.queue_volume(agent)) else []


def _mounts_queue(agent: VMAgent, users: Iterable[Manifest]) -> bool:
    """Whether one of the user's mounts is that of the queue."""
    queue = claims.queue_path(agent)
    for mount in users:
        path, is_queue = mount["mountPath"], mount["name"] == claims.VOLUME
        is_above = f"{queue}/".startswith(posixpath.normpath(path).rstrip("/") + "/")
        if is_queue and is_above:
            return True
        if is_queue or is_above:
            reserved = f'path "{queue}" is reserved for volume "{claims.VOLUME}"'
            raise AgentError(f'spec.volumeMounts: volume "{mount["name"]}" is mounted at "{path}", but {reserved}')
    return False


def _secret(name: str) -> Manifest:
    return {"secret": {"secretName": name}}


def _config_map(name: str) -> Manifest:
    return {"configMap": {"name": name}}


def _volume_name(kind: str, name: str) -> str:
    return re.sub("[^-a-z0-9]+", "-", f"{kind}-{name}".lower())[:63].strip("-")

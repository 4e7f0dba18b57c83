"""Volumes that any application may have, and their mounts in the operator's containers."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from vmagent_operator.api.apps import ReloaderParams
from vmagent_operator.desired import names
from vmagent_operator.desired.component import Component
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError

OVERFLOW_DIRECTORY = "/etc/vm/sc-files"
RELOAD_AUTH_DIRECTORY = "/etc/vm/config-reload-auth"
SECRETS_DIRECTORY = "/etc/vm/secrets"
AGGREGATION_DIRECTORY = "/etc/vm/stream-aggr"
RELABELING_DIRECTORY = "/etc/vm/relabeling"
_CONFIG_MAPS_DIRECTORY = "/etc/vm/configs"
_TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
_OPENSHIFT_CA = "openshift-service-ca"


@frozen(kw_only=True)
class Volume:
    """A volume, and where the operator's containers mount it."""

    name: str
    source: Manifest
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


OVERFLOW_OUT = Volume(name="sc-files-out", source={"emptyDir": {}}, path=OVERFLOW_DIRECTORY)
"""Where the reloader writes the jobs of overflow Secrets for the application."""

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


def config_out(component: Component) -> Volume:
    """Where the reloader writes the configuration for the application."""
    return Volume(name="config-out", source={"emptyDir": {}}, path=component.app.config_out_directory)


def config(component: Component) -> Volume:
    """The configuration Secret, for the copied credentials in it."""
    return Volume(name="config", source=secret(names.config(component)), path=component.app.config_directory)


def tls_assets(component: Component) -> Volume:
    """The Secret with copied TLS content."""
    return Volume(name="tls-assets", source=secret(names.tls_assets(component)), path=component.app.assets_directory)


def aggregation(component: Component) -> Volume:
    """The ConfigMap with stream aggregation rules."""
    source = config_map(names.aggregation(component))
    return Volume(name="stream-aggr", source=source, path=AGGREGATION_DIRECTORY)


def relabeling(component: Component) -> Volume:
    """The ConfigMap with relabeling rules."""
    source = config_map(names.relabeling(component))
    return Volume(name="relabelings-assets", source=source, path=RELABELING_DIRECTORY)


def overflow(component: Component, count: int) -> list[Volume]:
    """The overflow Secrets; only the reloader mounts them."""
    return [
        Volume(name=f"sc-raw-{k}", source=secret(names.overflow(component, k)), path=f"/etc/vm/sc-raw-{k}")
        for k in range(1, count + 1)
    ]


def reload_auth(params: ReloaderParams) -> list[Volume]:
    """The Secret with the key of the reload address, if it has one."""
    if (selector := params.config_reload_auth_key_secret) is None:
        return []
    source = secret(selector.name)
    return [Volume(name="vm-config-reload-auth-secret", source=source, path=RELOAD_AUTH_DIRECTORY, is_read_only=False)]


def config_maps(component: Component) -> list[Volume]:
    """The user's ConfigMaps, which the reloader watches."""
    return [
        Volume(name=_volume_name("configmap", name), source=config_map(name), path=f"{_CONFIG_MAPS_DIRECTORY}/{name}")
        for name in dict.fromkeys(component.params.config_maps)
    ]


def given(component: Component) -> Iterator[Volume]:
    """The user's Secrets and ConfigMaps, the license, OpenShift's service authority."""
    yield from files(component)
    yield from trusted(component)


def files(component: Component) -> Iterator[Volume]:
    """The user's Secrets and ConfigMaps."""
    for name in dict.fromkeys(component.params.secrets):
        yield Volume(name=secret_volume(name), source=secret(name), path=f"{SECRETS_DIRECTORY}/{name}")
    yield from config_maps(component)


def trusted(component: Component) -> Iterator[Volume]:
    """The license, OpenShift's service authority."""
    reference = component.license.key_ref if component.license else None
    if reference and reference.name not in component.params.secrets:
        yield from license(component)
    if component.is_openshift and component.app.trusts_openshift:
        source = {"configMap": {"name": f"{_OPENSHIFT_CA}.crt", "optional": True}}
        yield Volume(name=_OPENSHIFT_CA, source=source, path=f"/etc/ssl/certs/{_OPENSHIFT_CA}")


def data_mount(volume: str, path: str, users: Iterable[Manifest]) -> list[Manifest]:
    """The mount of the `volume` with the data at `path`, unless it is among those of the user.

    OwnerError if one of the user's is in its way.
    """
    for mount in users:
        at, is_data = mount["mountPath"], mount["name"] == volume
        is_above = f"{path}/".startswith(posixpath.normpath(at).rstrip("/") + "/")
        if is_data and is_above:
            return []
        if is_data or is_above:
            reserved = f'path "{path}" is reserved for volume "{volume}"'
            raise OwnerError(f'spec.volumeMounts: volume "{mount["name"]}" is mounted at "{at}", but {reserved}')
    return [{"name": volume, "mountPath": path}]


def license(component: Component) -> Iterator[Volume]:
    """The Secret with the license."""
    if component.license and component.license.key_ref:
        name = component.license.key_ref.name
        of = secret_volume(name) if name in component.params.secrets else "license"
        yield Volume(name=of, source=secret(name), path=f"{SECRETS_DIRECTORY}/{name}")


def secret_volume(name: str) -> str:
    """The name of the volume with a Secret of the user's."""
    return _volume_name("secret", name)


def token(component: Component, taken: Iterable[str]) -> list[Volume]:
    """The token where it is needed, unless a volume of its name is there already."""
    return [TOKEN] if needs_token(component) and TOKEN.name not in taken else []


def needs_token(component: Component) -> bool:
    """Whether Kubernetes does not mount the service account token by itself."""
    return component.params.disable_automount_service_account_token


def token_mount(component: Component, mounted: Iterable[Manifest]) -> list[Manifest]:
    """The mount of the token where it is needed, unless something is mounted in its place."""
    if not needs_token(component) or any(mount["mountPath"] == _TOKEN_DIRECTORY for mount in mounted):
        return []
    return [TOKEN.mount]


def secret(name: str) -> Manifest:
    """The source of a volume with a Secret."""
    return {"secret": {"secretName": name}}


def config_map(name: str) -> Manifest:
    """The source of a volume with a ConfigMap."""
    return {"configMap": {"name": name}}


def _volume_name(kind: str, name: str) -> str:
    return re.sub("[^-a-z0-9]+", "-", f"{kind}-{name}".lower())[:63].strip("-")

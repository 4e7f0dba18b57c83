"""vmbackupmanager beside a database, and before it where a backup is restored at the start.

Source: https://docs.victoriametrics.com/victoriametrics/vmbackupmanager/
"""

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from vmagent_operator.api.apps import AppParams
from vmagent_operator.api.storage import VMBackup
from vmagent_operator.desired import args, image, listener, resources
from vmagent_operator.desired.around.service import Port
from vmagent_operator.desired.component import Application, Component
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.workload import pod, volumes
from vmagent_operator.desired.workload.checks import Faults
from vmagent_operator.desired.workload.volumes import Volume
from vmagent_operator.model.decode import Fault, Manifest

MANAGER = Application(name="vmbackupmanager", prefix="")
SERVICE_PORT = "vmbackupmanager"
"""The name of its port in Services, and the end of the name of its job."""
CREDENTIALS_DIRECTORY = "/etc/vm/creds"
_DISABLED = ("hourly", "daily", "weekly", "monthly")
_POD_NAME = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


@frozen(kw_only=True)
class Backup:
    """The backups of a component.

    data_path: where its data is. mounts: its data and what the user mounts in its container. suffix: what sets the
    destination of one pod apart from those of others.
    """

    component: Component
    params: VMBackup
    data_path: str
    mounts: Sequence[Manifest]
    suffix: str = ""

    @property
    def manager(self) -> Component:
        """vmbackupmanager as generic builders see it."""
        params, own = self.params, self.component.params
        given = AppParams(
            image=params.image,
            port=params.port,
            resources=params.resources,
            use_default_resources=own.use_default_resources,
            extra_args=params.extra_args,
            extra_envs=params.extra_envs,
            extra_envs_from=params.extra_envs_from,
            log_level=params.log_level,
            log_format=params.log_format,
        )
        return evolve(self.component, app=MANAGER, params=given)

    @property
    def is_allowed(self) -> bool:
        """Whether the license terms are accepted; the program does not run without."""
        return self.component.has_license or self.params.accept_eula

    @property
    def is_restored(self) -> bool:
        """Whether a pod begins with what was backed up."""
        on_start = self.params.restore.on_start if self.params.restore else None
        return on_start is not None and on_start.enabled


def faults(backup: Backup | None, path: str) -> Faults:
    """What the backups could not do without."""
    if backup and not backup.is_allowed:
        yield Fault(path, "needs a license")
    if backup and not backup.params.destination:
        yield Fault(f"{path}.destination", "required")


def service_ports(backup: Backup | None) -> list[Port]:
    """Its port in Services."""
    return [(SERVICE_PORT, "TCP", listener.port(backup.manager))] if backup else []


def credentials(backup: Backup | None) -> Iterator[Volume]:
    """The Secret with the credentials of the destination."""
    selector = backup.params.credentials_secret if backup else None
    if selector is not None:
        yield Volume(
            name=volumes.secret_volume(selector.name),
            source=volumes.secret(selector.name),
            path=CREDENTIALS_DIRECTORY,
        )


def sidecars(backup: Backup | None) -> list[Manifest]:
    """The container that makes backups."""
    if backup is None or not backup.is_allowed:
        return []
    manager, params = backup.manager, backup.params
    own = [
        f"-dst={params.destination.removesuffix('/')}{backup.suffix}"
        if backup.suffix
        else f"-dst={params.destination}",
        f"-snapshot.createURL={params.snapshot_create_url or _snapshot(backup, 'create')}",
        f"-snapshot.deleteURL={params.snapshot_delete_url or _snapshot(backup, 'delete')}",
        *(f"-disable{each.capitalize()}" for each in _DISABLED if getattr(params, f"disable_{each}")),
    ]
    health = {"path": "/health", "port": listener.number_or_name(listener.port(manager)), "scheme": "HTTP"}
    probe = {"httpGet": health, "periodSeconds": 5, "timeoutSeconds": 5, "successThreshold": 1}
    container = _container(backup, "vmbackuper", "backup", [_POD_NAME])
    return [
        {
            **container,
            "args": sorted(_arguments(backup, own)),
            "livenessProbe": {**probe, "failureThreshold": 3},
            "readinessProbe": {**probe, "failureThreshold": 10},
        }
    ]


def restore(backup: Backup | None) -> list[Manifest]:
    """The container that restores before the database starts."""
    if backup is None or not backup.is_allowed or not backup.is_restored:
        return []
    container = _container(backup, "vmbackuper-restore", "restore", [])
    return [{**container, "args": ["restore", *sorted(_arguments(backup, []))]}]


def _container(backup: Backup, name: str, port: str, env: Sequence[Manifest]) -> Manifest:
    manager, params = backup.manager, backup.params
    number = listener.number_or_name(listener.port(manager))
    is_old = backup.component.settings.use_old_backup_port_names
    mounts = [
        *backup.mounts,
        *canonical_list(params.volume_mounts),
        *(volume.mount for volume in credentials(backup)),
        *(volume.mount for volume in volumes.license(backup.component)),
    ]
    found = {
        "name": name,
        "image": image.main(manager),
        "imagePullPolicy": image.pull_policy(manager),
        "env": [*canonical_list(params.extra_envs), *env],
        "envFrom": canonical_list(params.extra_envs_from),
        "ports": [{"name": "http" if is_old else f"http-{port}", "containerPort": number, "protocol": "TCP"}],
        "resources": resources.main(manager),
        "volumeMounts": list({mount["mountPath"]: mount for mount in mounts}.values()),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return {key: value for key, value in found.items() if value}


def _arguments(backup: Backup, own: Sequence[str]) -> list[str]:
    """The arguments that both containers have, and `own`; those of the user's in place of any of their names."""
    params = backup.params
    generated = [*own, f"-storageDataPath={backup.data_path}", *pod.common_arguments(backup.manager)]
    if params.accept_eula:
        generated.append("-eula")
    if params.concurrency is not None:
        generated.append(f"-concurrency={params.concurrency}")
    if params.custom_s3_endpoint is not None:
        generated.append(f"-customS3Endpoint={params.custom_s3_endpoint}")
    if params.credentials_secret is not None:
        generated.append(f"-credsFilePath={CREDENTIALS_DIRECTORY}/{params.credentials_secret.key}")
    replaced = args.override(generated, params.extra_args)
    return [
        argument.removesuffix("=") if args.name(argument) in params.extra_args else argument for argument in replaced
    ]


def _snapshot(backup: Backup, action: str) -> str:
    return listener.local_url(
        backup.component, f"/snapshot/{action}", backup.component.params.extra_args.get("snapshotAuthKey", "")
    )

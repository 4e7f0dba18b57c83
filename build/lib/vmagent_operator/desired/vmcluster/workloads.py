"""The workloads of a cluster: two StatefulSets with data, and a Deployment."""

from collections.abc import Sequence

from vmagent_operator.api.apps import StorageSpec
from vmagent_operator.api.vmcluster import StatefulParams, VMInsert, VMSelect, VMStorage
from vmagent_operator.desired.around import service
from vmagent_operator.desired.around.service import Port
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmcluster import arguments
from vmagent_operator.desired.vmcluster.features import Cluster, Part, storage_ports
from vmagent_operator.desired.workload import backup, pod, volumes, workload
from vmagent_operator.desired.workload.backup import Backup
from vmagent_operator.desired.workload.claims import Data
from vmagent_operator.model.decode import Manifest

STORAGE_VOLUME = "vmstorage-db"
CACHE_VOLUME = "vmselect-cachedir"


def storage_ports_of(cluster: Cluster, given: VMStorage) -> list[Port]:
    """The ports of vmstorage beside that of HTTP."""
    insert, select = storage_ports(given, cluster.settings)
    return [("vminsert", "TCP", insert), ("vmselect", "TCP", select)]


def select_ports(given: VMSelect) -> list[Port]:
    """The ports of vmselect beside that of HTTP."""
    return _native(given.cluster_native_listen_port)


def insert_ports(given: VMInsert) -> list[Port]:
    """The ports of vminsert beside that of HTTP."""
    return [*service.insert_ports(given.insert_ports), *_native(given.cluster_native_listen_port)]


def _native(port: str) -> list[Port]:
    return [("clusternative", "TCP", port)] if port else []


def data(default: str, storage: StorageSpec | None, path: str) -> Data:
    """The volume of a component's data, named by its claim or `default`."""
    claim = storage.volume_claim_template if storage else None
    return Data(volume=(claim and claim.metadata.name) or default, storage=storage, path=f"{path}.storage")


def backup_of(part: Part, given: VMStorage) -> Backup | None:
    """The backups of the storage nodes, each in a folder of its own."""
    if given.vm_backup is None:
        return None
    kept = data(STORAGE_VOLUME, given.storage, part.path)
    where = given.storage_data_path or arguments.STORAGE_PATH
    return Backup(
        component=part.component,
        params=given.vm_backup,
        data_path=where,
        mounts=[_mount(kept, where), *canonical_list(part.params.volume_mounts)],
        suffix="" if given.vm_backup.destination_disable_suffix_add else "/$(POD_NAME)/",
    )


def storage(cluster: Cluster, part: Part, given: VMStorage) -> Manifest:
    """The StatefulSet of vmstorage."""
    kept = data(STORAGE_VOLUME, given.storage, part.path)
    mount = _mount(kept, given.storage_data_path or arguments.STORAGE_PATH)
    saved = backup_of(part, given)
    main = _main(part, arguments.storage(cluster, part, given), [mount], storage_ports_of(cluster, given))
    parts = pod.Parts(
        containers=[main, *backup.sidecars(saved)],
        init_containers=backup.restore(saved),
        volumes=_volumes(part, kept, list(backup.credentials(saved))),
        claims=kept.templates(given.claim_templates),
    )
    return _stateful_set(part, pod.spec(part.component, parts), parts.claims, given.stateful)


def select(cluster: Cluster, part: Part, given: VMSelect) -> Manifest:
    """The StatefulSet of vmselect."""
    kept = data(CACHE_VOLUME, given.storage, part.path)
    mount = _mount(kept, given.cache_mount_path or arguments.CACHE_PATH)
    main = _main(part, arguments.select(cluster, part, given), [mount], select_ports(given))
    parts = pod.Parts(containers=[main], volumes=_volumes(part, kept), claims=kept.templates(given.claim_templates))
    template = {"restartPolicy": "Always", **pod.spec(part.component, parts)}
    return _stateful_set(part, template, parts.claims, given.stateful)


def insert(cluster: Cluster, part: Part, given: VMInsert) -> Manifest:
    """The Deployment of vminsert."""
    main = pod.main(part.component, arguments.insert(cluster, part, given), mounts(part, []), ports=insert_ports(given))
    template = pod.spec(part.component, pod.Parts(containers=[main], volumes=_volumes(part, None)))
    pace = given.stateless
    return workload.deployment(part.component, template, pace.update_strategy, pace.rolling_update)


def mounts(part: Part, own: Sequence[Manifest]) -> list[Manifest]:
    """The mounts of a component's container: its own, the user's, and those of what the user names."""
    users = canonical_list(part.params.volume_mounts)
    return [*own, *users, *(volume.mount for volume in volumes.given(part.component))]


def _mount(kept: Data, path: str) -> Manifest:
    return {"name": kept.volume, "mountPath": path}


def _main(part: Part, given: list[str], own: Sequence[Manifest], ports: list[Port]) -> Manifest:
    """The container of a StatefulSet."""
    main = pod.main(part.component, given, mounts(part, own), ports=ports)
    return {**main, "terminationMessagePath": "/dev/termination-log"}


def _volumes(part: Part, kept: Data | None, further: Sequence[volumes.Volume] = ()) -> list[Manifest]:
    """The volumes of a pod, that of its data last."""
    users = canonical_list(part.params.volumes)
    named = [volume.manifest for volume in (*further, *volumes.given(part.component))]
    taken = {volume["name"] for volume in users}
    own = kept.volumes(taken, f"{part.path}.volumes") if kept else []
    return [*users, *{volume["name"]: volume for volume in named}.values(), *own]


def _stateful_set(part: Part, template: Manifest, claims: Sequence[Manifest], given: StatefulParams) -> Manifest:
    """The StatefulSet; pods come one by one where each has to prove itself before the next."""
    is_ordered = part.params.min_ready_seconds > 0 or given.rolling_update_strategy == "RollingUpdate"
    return workload.stateful_set(
        part.component,
        template,
        service=part.service,
        strategy=given.rolling_update_strategy,
        claims=claims,
        retention=given.persistent_volume_claim_retention_policy,
        is_ordered=is_ordered,
    )

"""One application of an owner, as the builders see it: everything that differs between two of them, as values.

Builders outside the folders of the kinds take a `Component` and never an owner's spec, so that another kind is a row of
`Application`, a component or several, and what is its own.
"""

from typing import Literal

from attrs import Factory, frozen

from vmagent_operator.api.apps import AppParams, License, ManagedMetadata
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import AppDefaults, Server, Settings

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet"]


@frozen(kw_only=True)
class Application:
    """What an application has of its own, whoever runs it: a row of a table.

    name: the label `app.kubernetes.io/name`. container: the name of the container and the entry of `Settings.apps`, if it
    is another. part_of: the label `app.kubernetes.io/part-of` of its objects, not of its pods. prefix: begins the names of
    its objects. probes: those that it gets without being asked. sleeps: whether it goes on for a while when it is told to
    stop. joins_spread: whether topology spread constraints get its labels. trusts_openshift: whether OpenShift's service
    authority is mounted. The files are those of its scrape configuration: `config_file` in the Secret (there with `.gz`)
    and in `config_out_directory`, copied credentials in `config_directory`, TLS content in `assets_directory`.
    """

    name: str
    container: str = Factory(lambda app: app.name, takes_self=True)
    part_of: str = ""
    prefix: str
    probes: tuple[str, ...] = ("livenessProbe", "readinessProbe")
    sleeps: bool = True
    joins_spread: bool = True
    trusts_openshift: bool = True
    config_file: str = ""
    config_directory: str = ""
    config_out_directory: str = ""
    assets_directory: str = ""

    @property
    def config_key(self) -> str:
        """The key of the configuration Secret that holds the scrape configuration."""
        return f"{self.config_file}.gz"

    @property
    def config_path(self) -> str:
        """Where the application reads its scrape configuration."""
        return f"{self.config_out_directory}/{self.config_file}"


@frozen(kw_only=True)
class Component:
    """An application as one owner asks for it.

    owner: the custom resource that its objects belong to. name: of its objects, prefix included. account: the service
    account of its pods, if it is not that of its name. shards: how many
    workloads share its work, 0 for one that is not sharded; then names hold a placeholder for the shard's number.
    """

    owner: CustomObject[object]
    app: Application
    name: str
    params: AppParams
    settings: Settings
    server: Server = Server()
    managed: ManagedMetadata = ManagedMetadata()
    license: License | None = None
    account: str = ""
    kind: WorkloadKind = "Deployment"
    shards: int = 0

    @property
    def namespace(self) -> str:
        """The namespace of the owner and of nearly all that belongs to it."""
        return self.owner.namespace

    @property
    def defaults(self) -> AppDefaults:
        """What the operator's settings say about the application."""
        return self.settings.apps[self.app.container]

    @property
    def target(self) -> Manifest:
        """The owner as an autoscaler points at it."""
        return {"apiVersion": API_VERSION, "kind": self.owner.kind.name, "name": self.owner.name}

    @property
    def workload(self) -> Manifest:
        """Its only workload as an autoscaler points at it."""
        return {"apiVersion": "apps/v1", "kind": self.kind, "name": self.name}

    @property
    def owner_reference(self) -> Manifest:
        """See the function."""
        return owner_reference(self.owner)

    @property
    def has_license(self) -> bool:
        """Whether an enterprise license is provided, by value or by reference."""
        return self.license is not None and bool(self.license.key or self.license.key_ref)

    @property
    def is_openshift(self) -> bool:
        """Whether ids are left to OpenShift and its service authority is mounted."""
        return self.settings.openshift == "enabled" or (self.settings.openshift == "auto" and self.server.openshift)


def owner_reference(owner: CustomObject[object]) -> Manifest:
    """The reference that lets the garbage collector remove a child with its owner."""
    return {
        "apiVersion": API_VERSION,
        "kind": owner.kind.name,
        "name": owner.name,
        "uid": owner.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }

"""A VMCluster as its builders see it: its components, and what they share.

They are apart so that addresses, Services and workloads cannot disagree on names, ports and numbers of pods.
"""

from collections.abc import Mapping
from functools import cached_property

from attrs import evolve, field, frozen

from vmagent_operator.api.apps import AppParams, EmbeddedHPA, EmbeddedVPA, License, ManagedMetadata
from vmagent_operator.api.kinds import read_as
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmcluster import (
    ComponentParams,
    Discovery,
    VMClusterSpec,
    VMInsert,
    VMSelect,
    VMStorage,
)
from vmagent_operator.desired.component import Application, Component, WorkloadKind
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.limits import REPLICAS
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.settings import Server, Settings

VMCluster = CustomObject[VMClusterSpec]

_WHOLE = "vmcluster"
ROOT = Application(name=_WHOLE, prefix="vmcluster-", part_of=_WHOLE)
"""The cluster itself: what its account is named after."""
STORAGE = Application(
    name="vmstorage",
    prefix="vmstorage-",
    part_of=_WHOLE,
    probes=("readinessProbe",),
    sleeps=False,
    trusts_openshift=False,
)
SELECT = Application(name="vmselect", prefix="vmselect-", part_of=_WHOLE, trusts_openshift=False)
INSERT = Application(name="vminsert", prefix="vminsert-", part_of=_WHOLE, trusts_openshift=False)
BALANCER = Application(
    name="vmclusterlb-vmauth-balancer",
    container="vmauth",
    prefix="vmclusterlb-",
    part_of=_WHOLE,
    probes=("readinessProbe", "startupProbe"),
    joins_spread=False,
    trusts_openshift=False,
)
APPS = (ROOT, STORAGE, SELECT, INSERT, BALANCER)


@frozen(kw_only=True)
class Part:
    """A component that the cluster has.

    path: where in the spec it stands. internal: the name of the Service behind which its pods are while a balancer has the
    usual one, else "".
    """

    path: str
    component: Component
    common: ComponentParams
    hpa: EmbeddedHPA | None = None
    vpa: EmbeddedVPA | None = None
    internal: str = ""

    @property
    def service(self) -> str:
        """The Service behind which its pods are."""
        return self.internal or self.component.name

    @property
    def params(self) -> AppParams:
        """What its pods are told."""
        return self.component.params


@frozen(kw_only=True, slots=False, eq=False)
class Cluster:
    """A cluster and its components.

    replicas: how many pods the workloads have that are there, by name. writers: agents that write to it from several pods.
    """

    owner: VMCluster
    settings: Settings
    server: Server = Server()
    replicas: Mapping[str, int] = field(factory=dict)
    writers: frozenset[str] = frozenset()

    @property
    def spec(self) -> VMClusterSpec:
        """See the function."""
        return spec(self.owner)

    @cached_property
    def root(self) -> Component:
        """The cluster as a component of its own, which has an account and no pods."""
        return self._component(ROOT, AppParams(), "Deployment", self.spec.license)

    @cached_property
    def storage(self) -> Part | None:
        """The storage nodes."""
        given = self.spec.vmstorage
        return self._part(STORAGE, given.common, "StatefulSet", given.hpa, given.vpa) if given else None

    @cached_property
    def select(self) -> Part | None:
        """What answers queries."""
        given, balancer = self.spec.vmselect, self.spec.requests_load_balancer
        if given is None:
            return None
        found = self._part(SELECT, given.common, "StatefulSet", given.hpa, given.vpa)
        return self._behind(found, SELECT) if balancer.enabled and not balancer.disable_select_balancing else found

    @cached_property
    def insert(self) -> Part | None:
        """What takes samples in."""
        given, balancer = self.spec.vminsert, self.spec.requests_load_balancer
        if given is None:
            return None
        found = self._part(INSERT, given.common, "Deployment", given.hpa, given.vpa)
        return self._behind(found, INSERT) if balancer.enabled and not balancer.disable_insert_balancing else found

    @cached_property
    def balancer(self) -> Part | None:
        """What spreads requests over vmselect and vminsert."""
        given = self.spec.requests_load_balancer
        if not given.enabled:
            return None
        common = given.spec.common
        component = self._component(
            BALANCER, common.apps, "Deployment", given.spec.license or self.spec.license, hpa=given.spec.hpa
        )
        path = "spec.requestsLoadBalancer.spec"
        return Part(path=path, component=component, common=common, hpa=given.spec.hpa)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All components that there are, in the order in which they change."""
        return tuple(part for part in (self.balancer, self.storage, self.select, self.insert) if part is not None)

    @property
    def domain(self) -> str:
        """What Services' names end in, with a dot in front; "" if nobody says so."""
        found = self.spec.cluster_domain_name or self.settings.cluster_domain_name
        return f".{found}" if found else ""

    @property
    def is_licensed(self) -> bool:
        """Whether an enterprise license is provided."""
        return self.root.has_license

    def discovery(self, given: VMSelect | VMInsert) -> Discovery | None:
        """How a component finds storage nodes, if not by a list."""
        found = given.discovery or self.spec.discovery
        return found if found is not None and found.enabled else None

    def _part(
        self,
        app: Application,
        common: ComponentParams,
        kind: WorkloadKind,
        hpa: EmbeddedHPA | None,
        vpa: EmbeddedVPA | None,
    ) -> Part:
        apps = evolve(common.apps, component_version=common.apps.component_version or self.spec.cluster_version)
        component = self._component(app, apps, kind, self.spec.license, hpa=hpa)
        return Part(path=f"spec.{app.name}", component=component, common=common, hpa=hpa, vpa=vpa)

    def _component(
        self,
        app: Application,
        params: AppParams,
        kind: WorkloadKind,
        license: License | None,
        *,
        hpa: EmbeddedHPA | None = None,
    ) -> Component:
        found, own = self.spec, name(self.owner, app)
        secrets = {secret["name"]: secret for secret in (*params.image_pull_secrets, *found.image_pull_secrets)}
        # A storage node that nobody counts any more, an autoscaler or a person having done so, is not one too many.
        is_uncounted = app is STORAGE and params.replica_count is None
        replicas = self.replicas.get(own, params.replica_count) if hpa or is_uncounted else params.replica_count
        is_strict = found.use_strict_security if params.use_strict_security is None else params.use_strict_security
        return Component(
            owner=self.owner,
            app=app,
            name=own,
            params=evolve(
                params,
                image_pull_secrets=tuple(canonical_list(secrets.values())),
                use_strict_security=is_strict,
                replica_count=replicas,
            ),
            settings=self.settings,
            server=self.server,
            managed=found.managed_metadata or ManagedMetadata(),
            license=license,
            account=found.service_account_name or ("" if app is ROOT else self.root.name),
            kind=kind,
        )

    def _behind(self, part: Part, app: Application) -> Part:
        return evolve(part, internal=name(self.owner, app, is_internal=True))


def spec(cluster: VMCluster) -> VMClusterSpec:
    """The decoded spec; OwnerError, with every fault, if it could not be decoded."""
    if cluster.spec is None:
        raise OwnerError(str(cluster.error))
    return cluster.spec


def applied(cluster: VMCluster) -> VMClusterSpec | None:
    """The spec that was applied last, as far as the status tells."""
    before = cluster.status.get("lastAppliedSpec")
    if not isinstance(before, dict):
        return None
    found: CustomObject[VMClusterSpec] = read_as(cluster.kind, {"metadata": {"name": cluster.name}, "spec": before})
    return found.spec


def name(cluster: VMCluster, app: Application, *, is_internal: bool = False) -> str:
    """The name that the objects of one component have."""
    word = app.prefix.removesuffix("-")
    if spec(cluster).use_legacy_naming:
        return f"{cluster.name}-{word}{'-internal' if is_internal else ''}"
    return f"{word}{'internal' if is_internal else ''}-{cluster.name}"


def storage_ports(storage: VMStorage, settings: Settings) -> tuple[str, str]:
    """The ports of a storage node for vminsert and for vmselect."""
    return (
        storage.vm_insert_port or settings.vmstorage_insert_port,
        storage.vm_select_port or settings.vmstorage_select_port,
    )


def storage_count(cluster: Cluster) -> int:
    """How many storage nodes there are; one if nobody says how many."""
    part = cluster.storage
    if part is None:
        return 0
    count, least = part.params.replica_count, (part.hpa.min_replicas or 1) if part.hpa else 1
    if part.hpa and part.component.name in cluster.replicas:
        live = max(cluster.replicas[part.component.name], least)  # the autoscaler will see to it
        return min(live, int(REPLICAS))  # whoever has scaled it beyond that: it must not cost the operator anything
    return least if count is None else count

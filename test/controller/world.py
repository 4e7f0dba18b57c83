"""A whole operator against a server in memory, in one thread, on a clock of its own."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from attrs import define, evolve, field

from test.apiserver.api import Api
from test.apiserver.memory import Memory
from test.apiserver.store import Store
from vmagent_operator import settings
from vmagent_operator.api import crd, kinds
from vmagent_operator.controller.engine.kind import OwnerKind
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.system import Options, System, make_system
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.cache.informer import Informer
from vmagent_operator.kube.cache.state import Phase
from vmagent_operator.kube.http.client import Client

READS = ("GET",)
SERVERS_OWN = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
CHILDREN = (
    *(
        "deployments.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "services",
        "serviceaccounts",
        "secrets",
        "configmaps",
    ),
    *("poddisruptionbudgets.policy", "networkpolicies.networking.k8s.io", "roles.rbac.authorization.k8s.io"),
    *("rolebindings.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io"),
    *("clusterrolebindings.rbac.authorization.k8s.io", "vmservicescrapes.operator.victoriametrics.com"),
    *("vmpodscrapes.operator.victoriametrics.com", "horizontalpodautoscalers.autoscaling"),
)


@define
class VirtualClock:
    """Time that passes when told to, or when somebody waits."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        """See Clock."""
        return self.seconds

    def now(self) -> datetime:
        """See Clock."""
        return self.start + timedelta(seconds=self.seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See Clock."""
        if not event.is_set():
            self.seconds += max(0.0, seconds)
        return event.is_set()


@define(eq=False, repr=False)
class World:
    """A cluster and an operator in it. `settle` lets both work until nothing is left to do now."""

    environ: Mapping[str, str] = field(factory=dict)
    clock: VirtualClock = field(factory=VirtualClock)
    owners: Sequence[OwnerKind] = field(default=OWNERS, kw_only=True)
    disabled: frozenset[str] = field(default=frozenset(), kw_only=True)
    definitions: Sequence[Mapping[str, Any]] = field(default=(), kw_only=True)
    """Of kinds that are served beside ours."""
    api: Api = field(init=False)
    transport: Memory = field(init=False)
    system: System = field(init=False)
    informers: tuple[Informer[Any], ...] = field(init=False, default=())
    outcomes: list[Result] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.api = Api(Store(self.clock.now))
        self.api.workloads.makes_pods = True
        for kind in (*(of.kind for of in self.owners), *kinds.SCRAPE_KINDS):
            self.api.add(_definition(kind))
        for definition in self.definitions:
            self.api.add(dict(definition))
        self.api.settle()
        self.start()

    def start(self) -> None:
        """A fresh process of the operator: nothing is remembered."""
        self.transport = Memory(self.api)
        client = Client(self.transport, manager=FIELD_MANAGER, clock=self.clock, jitter=lambda: 0.0)
        options = Options(instance="test")
        self.system = make_system(
            client,
            evolve(client),
            evolve(settings.load(self.environ), disabled_kinds=self.disabled),
            options=options,
            jitter=lambda: 0.0,
            owners=self.owners,
        )
        self.informers = self.system.watch()

    def connect(self, transport: Any) -> None:
        """Send the requests of the operator's passes through another transport."""
        self.system.client.transport = self.system.low_priority.transport = transport

    def add(self, manifest: Mapping[str, Any], manager: str = "test") -> None:
        """Create an object, and its namespace."""
        namespace = manifest["metadata"].get("namespace")
        if namespace and self.api.store.get("namespaces", ("", namespace)) is None:
            self.api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.api.add(dict(manifest), manager)
        self.api.settle()

    def read(self) -> None:
        """Let every informer catch up."""
        for informer in self.informers:
            while True:
                before = (informer.state.phase, informer.state.resource_version)
                informer.step()
                after = (informer.state.phase, informer.state.resource_version)
                if before == after or informer.state.phase in (Phase.ABSENT, Phase.BACKOFF):
                    break

    def settle(self, seconds: float = 30.0) -> None:
        """Work through everything that is due within `seconds`."""
        end = self.clock.seconds + seconds
        while True:
            self.read()
            if self.clock.seconds > end:  # a wait for the request budget has taken the rest
                return
            done = self.system.work()
            if done is not None:
                controller, _, result = done
                if controller is self.system.owners["vmagent"]:
                    self.outcomes.append(result)
                self.system.recorder.flush()
                self.api.settle()
                continue
            due = self.system.next_due_seconds()
            if due is None or self.clock.seconds + due > end:
                self.clock.seconds = end
                self.api.tick()
                self.read()
                return
            self.clock.seconds += due
            self.api.tick()

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any]:
        """An object as the server has it; an empty one if there is none. `resource` is plural, with its group."""
        return self.api.store.get(resource, (namespace, name)) or {}

    def names(self, resource: str) -> list[str]:
        """The names of all objects of a kind."""
        return sorted(name for (_, name), _ in self.api.store.items(resource))

    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every mutating request of this process."""
        return [(method, path) for method, path in self.transport.requests if method not in READS]

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Merge `body` into an object, as a user with kubectl would."""
        headers = {"content-type": "application/merge-patch+json"}
        self._request("PATCH", path, headers=headers, body=json.dumps(body).encode())

    def delete(self, path: str) -> None:
        """Delete an object, as a user would."""
        self._request("DELETE", path)

    def _request(self, method: str, path: str, **rest: Any) -> None:
        person = Memory(self.api, agent="kubectl")
        answer = person.request(method, path, timeout=5, **rest)
        assert answer.status < 300, answer.body
        self.api.settle()

    def events(self) -> set[tuple[str, str, str]]:
        """Type, reason and message of every Event."""
        return {(event["type"], event["reason"], event["message"]) for _, event in self.api.store.items("events")}

    def uids(self, resource: str) -> dict[str, str]:
        """Name -> UID of every object of a kind."""
        return {name: value["metadata"]["uid"] for (_, name), value in self.api.store.items(resource)}

    def children(self) -> dict[tuple[str, str, str], Any]:
        """What the operator keeps, by resource, namespace and name: labels, annotations, and all that is asked for."""
        found = {}
        for resource in CHILDREN:
            for (namespace, name), value in self.api.store.items(resource):
                labels = value["metadata"].get("labels") or {}
                if labels.get("managed-by") == "vm-operator":
                    asked = {key: part for key, part in value.items() if key not in ("metadata", "status")}
                    spec = {key: part for key, part in (asked.get("spec") or {}).items() if key not in SERVERS_OWN}
                    found[resource, namespace, name] = {**asked, "spec": spec, "labels": labels}
        return found

    def manifests(self, owner_uid: str) -> list[dict[str, Any]]:
        """The operator's children as manifests, owned by an agent with that UID."""
        found = []
        for resource in CHILDREN:
            kind = next(kind for kind in self.api.served.values() if kind.storage == resource)
            for (namespace, name), value in self.api.store.items(resource):
                if (value["metadata"].get("labels") or {}).get("managed-by") != "vm-operator":
                    continue
                metadata = {"name": name, "labels": value["metadata"]["labels"]}
                if namespace:
                    metadata["namespace"] = namespace
                if references := value["metadata"].get("ownerReferences"):
                    metadata["ownerReferences"] = [{**reference, "uid": owner_uid} for reference in references]
                rest = {key: part for key, part in value.items() if key not in ("metadata", "status")}
                spec = {key: part for key, part in (rest.pop("spec", None) or {}).items() if key not in SERVERS_OWN}
                head = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
                found.append(head | rest | ({"spec": spec} if spec else {}))
        return found


@cache
def _definition(kind: kinds.Kind[Any]) -> dict[str, Any]:
    return crd.manifest(kind)


def agent(name: str = "main", namespace: str = "monitoring", **spec: Any) -> dict[str, Any]:
    """A VMAgent that writes somewhere."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VMAgent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"remoteWrite": [{"url": "http://vm.example:8428/api/v1/write"}], **spec},
    }


def scrape(name: str = "app", namespace: str = "apps", **spec: Any) -> dict[str, Any]:
    """A VMServiceScrape."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VMServiceScrape",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"endpoints": [{"port": "http"}], "selector": {"matchLabels": {"app": name}}, **spec},
    }

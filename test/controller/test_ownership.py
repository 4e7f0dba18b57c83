"""Objects that have the name of a child: whose they are decides what becomes of them, and they outlive the VMAgent.

Every kind of child meets every situation; at the end of each the VMAgent is deleted.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from attrs import define, field

from test.apiserver.memory import Memory, MemoryStream
from test.controller.test_passes import AGENTS, KEY, change, secret, status
from test.controller.world import World, agent, scrape
from test.simulate import VERTICAL, _defined
from vmagent_operator.cli import options
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.system import Options, make_system
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.http.transport import Response
from vmagent_operator.settings import load

PATH = f"/apis/{API_VERSION}/namespaces/monitoring/vmagents/main"
CONFIG = "vmagent.yaml.gz"
ENVIRON = {"VM_VPA_API_ENABLED": "true", "VM_CONFIG_DATA_BUDGET_BYTES": "1000"}
LABELS = "app.kubernetes.io/instance=main, app.kubernetes.io/name=vmagent, managed-by=vm-operator"
ALL: dict[str, Any] = {
    "selectAllByDefault": True,
    "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
    "streamAggrConfig": {"rules": [{"interval": "1m", "outputs": ["total"]}]},
    "podDisruptionBudget": {"minAvailable": 1},
    "networkPolicy": {"ingress": [{}]},
    "hpa": {"minReplicas": 1, "maxReplicas": 3},
    "vpa": {"updatePolicy": {"updateMode": "Auto"}},
    "serviceSpec": {"metadata": {"name": "postgres"}, "spec": {"ports": [{"port": 5432, "name": "x"}]}},
}
SPECS: Mapping[str, dict[str, Any]] = {
    "Deployment": ALL,
    "StatefulSet": {**ALL, "statefulMode": True},
    "DaemonSet": {"selectAllByDefault": True, "daemonSetMode": True},
}
MADE_BY_KUBERNETES = ("Pod", "PersistentVolumeClaim", "Event")
Json = dict[str, Any]


def cluster() -> World:
    """One with a VerticalPodAutoscaler kind, and more scrape objects than fit into one Secret."""
    world = World(ENVIRON)
    _defined(world.api, VERTICAL)
    for each in scrapes():
        world.add(each)
    world.start()
    return world


def scrapes() -> list[Json]:
    """More jobs than fit into one Secret; their paths do not compress."""
    paths = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(10))
    return [scrape(f"app{path[:6]}", endpoints=[{"port": "http", "path": f"/{path}"}]) for path in paths]


def live(world: World) -> Iterator[Json]:
    """Everything that the operator keeps, as manifests with all their metadata."""
    for storage, (_, name), value in world.api.store.everything():
        kind = world.api.by_storage(storage)
        labels = value["metadata"].get("labels") or {}
        if kind and kind.name not in MADE_BY_KUBERNETES and labels.get("managed-by") == "vm-operator":
            assert value["metadata"]["name"] == name
            yield {"apiVersion": kind.api_version, "kind": kind.name} | copy.deepcopy(value)


@cache
def children(mode: str) -> dict[str, Json]:
    """`Kind name` -> what an undisturbed agent has of it."""
    world = cluster()
    world.add(agent(**SPECS[mode]))
    world.settle(120)
    assert status(world)["updateStatus"] == "operational"
    return {f"{each['kind']} {each['metadata']['name']}": each for each in live(world)}


def bare(child: Json, **metadata: Any) -> Json:
    """`child` as somebody else would make it: the same content under the same name, which is as near as it gets."""
    kept = {key: child["metadata"][key] for key in ("name", "namespace") if key in child["metadata"]}
    rest = {key: part for key, part in child.items() if key not in ("metadata", "status")}
    if child["kind"] == "Service":
        rest["spec"] = {key: part for key, part in child["spec"].items() if "luster" not in key}
    return {**rest, "metadata": {**kept, **metadata}}


def content(world: World, child: Json) -> Json:
    """What is there under the child's name, without what Kubernetes' own controllers write; empty if nothing is."""
    kind = world.api.kind(child["apiVersion"], child["kind"])
    metadata = child["metadata"]
    found = world.api.store.get(kind.storage, (metadata.get("namespace", ""), metadata["name"])) or {}
    found = {key: part for key, part in copy.deepcopy(found).items() if key != "status"}
    if found:
        own = found["metadata"]
        own["managedFields"] = [each for each in own.get("managedFields", ()) if not each.get("subresource")]
        own["annotations"] = {key: text for key, text in own.get("annotations", {}).items() if "revision" not in key}
        del own["resourceVersion"]
    return found


def end(world: World) -> None:
    """Delete the agent, and let everybody clean up."""
    world.delete(PATH)
    world.settle(300)
    assert world.names(AGENTS) == []


CASES = [(mode, name) for mode in SPECS for name in children(mode) if mode == "Deployment" or name.startswith(mode)]
CASES += [("DaemonSet", name) for name in children("DaemonSet") if name.startswith("VMPodScrape")]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}: {case[1]}")
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Json]:
    """A spec, and one of the children that it leads to."""
    mode, name = request.param
    return SPECS[mode], children(mode)[name]


def described(child: Json) -> str:
    metadata = child["metadata"]
    return (
        f"{child['kind']} {metadata['namespace']}/{metadata['name']}"
        if "namespace" in metadata
        else (f"{child['kind']} {metadata['name']}")
    )


def check_refused(world: World, child: Json, reason: str, before: Json) -> None:
    """The child's name is taken: the status says so, the rest goes on, and what is there stays as it was, for ever."""
    assert status(world)["updateStatus"] == "failed"
    assert status(world)["reason"] == f"{described(child)} {reason}"
    assert content(world, child) == before
    if child["kind"] != "ServiceAccount" and child["metadata"]["name"] != "vmagent-main":
        assert world.get("secrets", "monitoring", "vmagent-main") != {}
    end(world)
    assert content(world, child) == before


FOREIGN = f"exists and is not this VMAgent's: delete or rename it, or hand it over by the labels {LABELS}"


def test_there_is_one_of_each_kind() -> None:
    assert {child.split()[0] for _, child in CASES} == {
        *(
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "Role",
            "RoleBinding",
            "Service",
            "Secret",
            "ConfigMap",
        ),
        *("PodDisruptionBudget", "HorizontalPodAutoscaler", "VerticalPodAutoscaler", "NetworkPolicy"),
        *("VMServiceScrape", "VMPodScrape", "Deployment", "StatefulSet", "DaemonSet"),
    }
    assert ("Deployment", "Secret vmagent-main-sc-1") in CASES


def test_what_somebody_made_before_is_left_alone(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    world.add(bare(child, labels={"app": "mine"}), "kubectl")
    before = content(world, child)
    world.add(agent(**spec))
    world.settle(60)
    check_refused(world, child, FOREIGN, before)


@define
class Interloper:
    """A transport before which somebody makes `manifest` at the very moment at which the operator is about to."""

    world: World
    face: Memory
    manifest: Json
    before: Json = field(factory=dict)

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        name = self.manifest["metadata"]["name"]
        is_first = method != "GET" and path.endswith(f"/{name}") and not self.before
        kind = self.world.api.kind(self.manifest["apiVersion"], self.manifest["kind"])
        if is_first and f"/{kind.plural}/" in path:
            self.world.api.add(self.manifest, "kubectl")
            self.before = content(self.world, self.manifest)
        return self.face.request(method, path, **rest)

    def stream(self, path: str, **rest: Any) -> MemoryStream:
        """See Transport."""
        return self.face.stream(path, **rest)


def test_what_somebody_makes_between_look_and_write_is_left_alone(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    interloper = Interloper(world, world.transport, bare(child, annotations={"mine": "yes"}))
    world.connect(interloper)
    world.add(agent(**spec))
    world.settle(60)
    assert interloper.before
    check_refused(world, child, FOREIGN, interloper.before)


def test_what_another_controller_owns_is_left_alone_whatever_its_labels(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "u", "controller": True}
    world = cluster()
    world.api.collector.is_on = False  # nor is the owner there
    marks = {"labels": child["metadata"]["labels"], "finalizers": ["apps.victoriametrics.com/finalizer"]}
    world.add(bare(child, ownerReferences=[owner], **marks), "kubectl")
    before = content(world, child)
    world.add(agent(**spec))
    world.settle(60)
    check_refused(world, child, "belongs to Deployment other", before)


def test_what_is_the_like_of_another_agent_is_left_alone(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    labels = {**child["metadata"]["labels"], "app.kubernetes.io/instance": "other"}
    labels.pop("operator.victoriametrics.com/scrape-config-extra", None)
    world.add(bare(child, labels=labels), "app")
    before = content(world, child)
    world.add(agent(**spec))
    world.settle(60)
    check_refused(world, child, FOREIGN, before)


def check_adopted(world: World, child: Json) -> None:
    """The child is ours: as it would be without anybody else, and it goes with the agent."""
    assert status(world)["updateStatus"] == "operational"
    metadata, wanted = content(world, child)["metadata"], child["metadata"]
    uids = {reference["uid"] for reference in metadata.get("ownerReferences", ())}
    assert uids == ({world.get(AGENTS, *KEY)["metadata"]["uid"]} if "ownerReferences" in wanted else set())
    assert {key: metadata["labels"].get(key) for key in wanted["labels"]} == wanted["labels"]
    end(world)
    assert content(world, child) == {}


def test_what_has_our_labels_is_adopted(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    world.add(bare(child, labels=child["metadata"]["labels"]), "kubectl")
    world.add(agent(**spec))
    world.settle(120)
    check_adopted(world, child)


def test_what_the_go_operator_made_is_taken_over(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    world.add(agent(**spec))
    given = {key: child["metadata"][key] for key in ("labels", "annotations") if child["metadata"].get(key)}
    if references := child["metadata"].get("ownerReferences"):
        uid = world.get(AGENTS, *KEY)["metadata"]["uid"]
        given["ownerReferences"] = [{**reference, "uid": uid} for reference in references]
    world.add(bare(child, **given, finalizers=["apps.victoriametrics.com/finalizer"]), "app")
    uid = content(world, child)["metadata"]["uid"]
    world.settle(120)
    after = content(world, child)["metadata"]
    assert after["uid"] == uid
    assert "finalizers" not in after
    assert "vmagent-operator" in {entry["manager"] for entry in after["managedFields"]}
    check_adopted(world, child)


@pytest.mark.parametrize("finalizers", [["apps.victoriametrics.com/finalizer"], []])
def test_what_the_go_operator_surely_made_is_taken_over_though_labels_are_gone(
    case: tuple[dict[str, Any], Json], finalizers: list[str]
) -> None:
    spec, child = case
    world = cluster()
    labels = {"theirs": "kept"} if finalizers else {"managed-by": "vm-operator"}
    world.add(bare(child, labels=labels, finalizers=finalizers), "app")
    world.add(agent(**spec))
    world.settle(120)
    assert "finalizers" not in content(world, child)["metadata"]
    check_adopted(world, child)


def test_what_is_restored_from_a_backup_follows_its_agent(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    world = cluster()
    world.api.collector.is_on = False  # it would be gone before the operator sees it
    given = {key: child["metadata"][key] for key in ("labels", "annotations") if child["metadata"].get(key)}
    if references := child["metadata"].get("ownerReferences"):
        given["ownerReferences"] = [{**reference, "uid": "of-another-life"} for reference in references]
    world.add(bare(child, **given), "velero-server")
    world.add(agent(**spec))
    world.settle(120)
    world.api.collector.is_on = True
    check_adopted(world, child)


@pytest.mark.parametrize("mode", ["StatefulSet", "DaemonSet"])
def test_a_workload_of_somebody_else_stays_when_the_mode_changes(mode: str) -> None:
    world = cluster()
    foreign = children(mode)[f"{mode} vmagent-main"]
    world.add(bare(foreign, labels={"app": "mine"}), "kubectl")
    before = content(world, foreign)
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    flag = {"StatefulSet": "statefulMode", "DaemonSet": "daemonSetMode"}[mode]
    world.patch(PATH, {"spec": {flag: True}})
    world.settle(60)
    assert status(world)["reason"].startswith(f"{mode} monitoring/vmagent-main exists")
    assert world.names("deployments.apps") == ["vmagent-main"], "what runs goes on until its successor does"
    world.patch(PATH, {"spec": {flag: None}})
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    end(world)
    assert content(world, foreign) == before


def test_what_is_in_the_way_stops_nothing_else_and_once_gone_nothing_at_all() -> None:
    world = cluster()
    world.add(agent(**ALL))
    world.settle(60)
    world.delete("/apis/policy/v1/namespaces/monitoring/poddisruptionbudgets/vmagent-main")
    budget = bare(children("Deployment")["PodDisruptionBudget vmagent-main"])
    world.add(budget, "kubectl")
    world.settle(5)
    before = len(world.writes())
    world.add(scrape("late"))
    world.settle(60)
    assert status(world)["reason"] == f"{described(budget)} {FOREIGN}"
    assert "serviceScrape/apps/late/0" in configured(world)
    assert world.get("vmservicescrapes.operator.victoriametrics.com", "apps", "late")["status"]["updateStatus"] == (
        "operational"
    )
    assert not any("poddisruptionbudgets" in path for _, path in world.writes()[before:] if path)
    world.delete("/apis/policy/v1/namespaces/monitoring/poddisruptionbudgets/vmagent-main")
    world.settle(900)
    assert status(world)["updateStatus"] == "operational"


def configured(world: World) -> str:
    """All jobs of the agent, as text."""
    assert world.system.owners["vmagent"].reconciler.states.of(*KEY).decided is not None
    names = [name for name in world.names("secrets") if name.startswith("vmagent-main")]
    data = [world.get("secrets", "monitoring", name)["data"] for name in names]
    values = (base64.b64decode(value) for each in data for value in each.values())
    return "".join(map(render._plain, values))


def test_account_of_somebody_else_gets_no_rights_and_no_pods() -> None:
    world = cluster()
    world.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "monitoring"}})
    world.add(agent("web", useLegacyNaming=True, selectAllByDefault=True))
    world.settle(60)
    for kind in ("rolebindings", "clusterrolebindings"):
        assert world.names(f"{kind}.rbac.authorization.k8s.io") == []
    assert world.names("deployments.apps") == []


@pytest.mark.parametrize("is_owned", [True, False])
def test_a_claim_of_somebody_else_is_not_touched(is_owned: bool) -> None:
    world = World()
    world.api.collector.is_on = False  # the owner is not there
    owner = {"apiVersion": "g/v1", "kind": "Database", "name": "db", "uid": "u", "controller": True}
    labels = {"app.kubernetes.io/component": "monitoring", **dict(pair.split("=") for pair in LABELS.split(", "))}
    given = {"ownerReferences": [owner], "labels": labels} if is_owned else {"labels": {"app": "mine"}}
    requested = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    name = "persistent-queue-data-vmagent-main-0"
    head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    claim = {**head, "metadata": {"name": name, "namespace": "monitoring", **given}, "spec": requested}
    world.add(claim, "kubectl")
    before = content(world, claim)
    template = {"metadata": {"labels": {"team": "us"}}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    world.add(agent(statefulMode=True, statefulStorage={"volumeClaimTemplate": template}))
    world.settle(120)
    assert world.names("statefulsets.apps") == ["vmagent-main"]
    assert content(world, claim) == before
    end(world)
    assert content(world, claim) == before


# The configuration of an agent that selects nothing.

MINE = base64.b64encode(b"scrape_configs: [{job_name: mine}]").decode()
OURS = {"basicAuth": {"password": {"name": "login", "key": "password"}}, "url": "http://vm.example:8428/api/v1/write"}


def users(world: World, **data: str) -> Json:
    """A user's Secret of the name of the configuration's."""
    world.add(secret("vmagent-main", **data), "kubectl")
    return content(world, SECRET)


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vmagent-main", "namespace": "monitoring"}}


def restarted(world: World, **options: Any) -> World:
    """`world` with an operator that was started with other options."""
    client = Client(world.transport, manager=FIELD_MANAGER, clock=world.clock, jitter=lambda: 0.0)
    chosen = Options(instance="test", **options)
    world.system = make_system(client, client, load({}), options=chosen, jitter=lambda: 0.0)
    world.informers = world.system.watch()
    return world


@pytest.mark.parametrize("watches", [True, False])
def test_a_users_configuration_is_used_as_it_is(watches: bool) -> None:
    world = restarted(World(), watch_references=watches)
    before = users(world, **{CONFIG: "mine", "password": "x"})
    world.add(agent())
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    assert content(world, SECRET) == before
    world.settle(600)
    end(world)
    assert content(world, SECRET) == before


@pytest.mark.parametrize("seconds", [0.2, 5.0, 40.0])
def test_a_users_configuration_is_not_overwritten_when_its_event_is_late(seconds: float) -> None:
    world = World()
    world.read()
    informers, rest = world.informers, tuple(i for i in world.informers if i.collection.resource.plural != "secrets")
    world.informers = rest
    before = users(world, **{CONFIG: "mine"})
    world.add(agent())
    world.settle(seconds)
    world.informers = informers
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    assert content(world, SECRET) == before
    end(world)
    assert content(world, SECRET) == before


def test_a_users_configuration_that_comes_between_look_and_write_is_used() -> None:
    world = World()
    interloper = Interloper(world, world.transport, secret("vmagent-main", **{CONFIG: "mine"}))
    world.connect(interloper)
    world.add(agent())
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    assert content(world, SECRET) == interloper.before
    end(world)
    assert content(world, SECRET) == interloper.before


def test_a_configuration_that_its_user_edits_between_look_and_write_stays() -> None:
    world = World()
    world.add(agent())
    world.settle(60)
    world.read()
    world.patch("/api/v1/namespaces/monitoring/secrets/vmagent-main", {"data": {CONFIG: None}})
    world.read()

    class Editor(Interloper):
        """Somebody who puts the configuration back while the operator is about to."""

        def request(self, method: str, path: str, **rest: Any) -> Response:
            if method == "PATCH" and path.endswith("/secrets/vmagent-main") and not self.before:
                self.before = {"done": True}
                world.patch(path, {"data": {CONFIG: MINE}})
            return self.face.request(method, path, **rest)

    editor = Editor(world, world.transport, SECRET)
    world.connect(editor)
    world.settle(60)
    assert editor.before
    assert world.get("secrets", "monitoring", "vmagent-main")["data"][CONFIG] == MINE


def test_only_keys_are_added_to_a_users_secret_and_all_else_is_left() -> None:
    world = World()
    world.add(secret("login", password="p"))
    before = users(world, note="theirs")
    world.add(agent(remoteWrite=[OURS]))
    world.settle(60)
    after = content(world, SECRET)
    assert status(world)["updateStatus"] == "operational"
    assert after["data"].keys() > {CONFIG, "note"}
    for part in ("labels", "ownerReferences", "annotations", "finalizers"):
        assert after["metadata"].get(part) == before["metadata"].get(part)
    end(world)
    assert content(world, SECRET)["data"]["note"] == before["data"]["note"]


@pytest.mark.parametrize("watches", [True, False])
def test_a_selection_makes_only_the_key_ours_and_the_secret_outlives_the_agent(watches: bool) -> None:
    world = restarted(World(), watch_references=watches)
    before = users(world, **{CONFIG: "mine", "password": "x"})
    world.add(agent())
    world.settle(60)
    change(world, AGENTS, *KEY, selectAllByDefault=True)
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    ours = content(world, SECRET)["data"][CONFIG]
    assert "serviceScrape/monitoring/vmagent-main/0" in render._plain(base64.b64decode(ours))
    restarted(world, watch_references=watches)
    world.add(scrape("late"))
    world.settle(60)
    ours = content(world, SECRET)["data"][CONFIG]
    assert "serviceScrape/apps/late/0" in render._plain(base64.b64decode(ours)), "also for a process just started"
    change(world, AGENTS, *KEY, selectAllByDefault=None)
    world.settle(60)
    assert content(world, SECRET)["data"][CONFIG] == ours, "the last content stays for the user"
    world.patch("/api/v1/namespaces/monitoring/secrets/vmagent-main", {"data": {CONFIG: MINE}})
    world.settle(120)
    end(world)
    after = content(world, SECRET)
    assert after["data"] == {CONFIG: MINE, "password": before["data"]["password"]}
    assert after["metadata"].keys() == before["metadata"].keys()


def test_another_agents_configuration_serves_nobody_else() -> None:
    world = World()
    world.add(agent("x"))
    world.settle(60)
    world.add(agent("vmagent-x", useLegacyNaming=True, serviceAccountName="theirs"))
    world.settle(120)
    refused = world.get(AGENTS, "monitoring", "vmagent-x")["status"]
    assert "Secret monitoring/vmagent-x belongs to VMAgent x" in refused["reason"]


# `render` and the controller say the same.


def test_render_says_what_the_controller_does(case: tuple[dict[str, Any], Json]) -> None:
    spec, child = case
    given = [agent(**spec), *scrapes(), bare(child, labels={"app": "mine"})]
    shown = render.render(Cluster.of(given), load(ENVIRON), options.server("1.36"), World().clock.now())
    assert shown.errors == (f"VMAgent monitoring/main: {described(child)} {FOREIGN}",)
    names = {
        (each["kind"], each["metadata"]["name"]) for each in shown.objects if "ownerReferences" in each["metadata"]
    }
    assert (child["kind"], child["metadata"]["name"]) not in names


@pytest.mark.parametrize("uid", ["of-another-life", None])
def test_render_and_controller_agree_on_a_configuration_that_was_there(uid: str | None) -> None:
    owner = {"apiVersion": API_VERSION, "kind": "VMAgent", "name": "main", "uid": uid, "controller": True}
    given = secret("vmagent-main", **{CONFIG: "mine"})
    if uid:
        given["metadata"]["ownerReferences"] = [owner]
    world = World()
    world.api.collector.is_on = False
    world.add(given, "velero-server")
    world.add(agent())
    world.settle(60)
    found = content(world, SECRET)["metadata"].get("ownerReferences", [])
    cluster = Cluster.of([agent(), given])
    shown = render.render(cluster, load({}), options.server("1.36"), world.clock.now())
    assert shown.errors == ()
    wanted = [each for each in shown.objects if (each["kind"], each["metadata"]["name"]) == ("Secret", "vmagent-main")]
    assert len(found) == len(wanted) == (1 if uid else 0)
    assert all(len(each["metadata"]["ownerReferences"]) == 1 for each in wanted)


def test_a_users_secret_that_an_earlier_version_has_labelled_stays_the_users() -> None:
    world = World()
    labels = {"app.kubernetes.io/component": "monitoring", **dict(pair.split("=") for pair in LABELS.split(", "))}
    labelled = secret("vmagent-main", **{CONFIG: "mine"})
    world.add({**labelled, "metadata": {**labelled["metadata"], "labels": labels}}, FIELD_MANAGER.name)
    world.add(agent())
    world.settle(60)
    assert "ownerReferences" not in content(world, SECRET)["metadata"]
    world.patch(PATH, {"spec": {"selectAllByDefault": True}})
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    assert "ownerReferences" not in content(world, SECRET)["metadata"]
    world.settle(600)
    end(world)
    assert CONFIG in content(world, SECRET)["data"]

"""What a user does, and what must be true within seconds of it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from test.controlplane.api import Json
from test.controlplane.cluster import eventually
from test.e2e.world import World, stripped

REMOTE = {"remoteWrite": [{"url": "http://vm.example.com/api/v1/write"}]}
SELECTING: Json = REMOTE | {
    "serviceScrapeSelector": {"matchLabels": {"scraped-by": "main"}},
    "serviceScrapeNamespaceSelector": {},
}
SCRAPED = {"scraped-by": "main"}
PATIENCE_SECONDS = 10.0  # for what takes far less on an idle machine; how fast it is, is measured in test_scale.py
STILL_SECONDS = 2.0  # how long nothing must happen where nothing should

Names = tuple[str, str]


def soon(is_so: Callable[[], bool]) -> None:
    eventually(is_so, seconds=PATIENCE_SECONDS)


def scrape(port: str = "http", **endpoint: object) -> Json:
    return {"selector": {"matchLabels": {"app": "cart"}}, "endpoints": [{"port": port, **endpoint}]}


@pytest.fixture
def agent(world: World, namespaces: Names) -> str:
    """The namespace of VMAgent `main`, operational, which selects service scrapes labelled SCRAPED in its own scenario."""
    namespace, _ = namespaces
    serial = world.get("Namespace", "", namespace)["metadata"]["labels"]["scenario"]
    spec = SELECTING | {"serviceScrapeNamespaceSelector": {"matchLabels": {"scenario": serial}}}
    world.create("VMAgent", namespace, "main", spec)
    eventually(lambda: world.is_operational(namespace, "main"))
    return namespace


def test_a_vmagent_and_its_scrapes_become_objects(world: World, namespaces: Names) -> None:
    namespace, shop = namespaces
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    world.create("VMServiceScrape", shop, "unlabelled", scrape())
    world.create("VMAgent", namespace, "main", SELECTING)
    eventually(lambda: world.is_operational(namespace, "main"))
    assert set(world.jobs(namespace, "main")) == {f"serviceScrape/{shop}/cart/0"}
    assert set(world.children(namespace, "main")) == {
        "ServiceAccount vmagent-main",
        f"ClusterRole monitoring:{namespace}:vmagent-main",
        f"ClusterRoleBinding monitoring:{namespace}:vmagent-main",
        f"Role monitoring:{namespace}:vmagent-main",
        f"RoleBinding monitoring:{namespace}:vmagent-main",
        "Service vmagent-main",
        "VMServiceScrape vmagent-main",
        "Secret vmagent-main",
        "Secret tls-assets-vmagent-main",
        "Deployment vmagent-main",
    }
    # the agent does not wait for what it has to tell scrape objects
    soon(lambda: world.applied("VMServiceScrape", shop, "cart", f"{namespace}/main") != {})
    condition = world.applied("VMServiceScrape", shop, "cart", f"{namespace}/main")
    assert (condition["status"], condition.get("message", "")) == ("True", "")
    assert world.applied("VMServiceScrape", shop, "unlabelled", f"{namespace}/main") == {}


def test_the_configuration_follows_every_change_of_a_scrape(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    job = f"serviceScrape/{shop}/cart/0"
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    soon(lambda: job in world.jobs(agent, "main"))
    world.merge("VMServiceScrape", shop, "cart", {"spec": scrape(path="/internal/metrics")})
    soon(lambda: world.jobs(agent, "main")[job].get("metrics_path") == "/internal/metrics")
    world.merge("VMServiceScrape", shop, "cart", {"metadata": {"labels": {"scraped-by": None}}})
    soon(lambda: world.jobs(agent, "main") == {})
    soon(lambda: world.applied("VMServiceScrape", shop, "cart", f"{agent}/main") == {})
    world.merge("VMServiceScrape", shop, "cart", {"metadata": {"labels": SCRAPED}})
    soon(lambda: job in world.jobs(agent, "main"))
    world.delete("VMServiceScrape", shop, "cart")
    soon(lambda: world.jobs(agent, "main") == {})


def test_the_configuration_follows_the_labels_of_namespaces(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    soon(lambda: len(world.jobs(agent, "main")) == 1)
    world.merge("Namespace", "", shop, {"metadata": {"labels": {"scenario": "another"}}})
    soon(lambda: world.jobs(agent, "main") == {})


def test_a_broken_scrape_says_so_and_disturbs_nobody(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    world.create("VMServiceScrape", shop, "good", scrape(), labels=SCRAPED)
    world.create("VMServiceScrape", shop, "broken", scrape(relabelConfigs=[{"action": "shout"}]), labels=SCRAPED)
    soon(lambda: world.applied("VMServiceScrape", shop, "broken", f"{agent}/main").get("status") == "False")
    condition = world.applied("VMServiceScrape", shop, "broken", f"{agent}/main")
    assert "spec.endpoints[0].relabelConfigs[0].action" in condition["message"]
    assert world.status("VMServiceScrape", shop, "broken")["updateStatus"] == "failed"
    assert set(world.jobs(agent, "main")) == {f"serviceScrape/{shop}/good/0"}
    assert world.is_operational(agent, "main")
    world.merge("VMServiceScrape", shop, "broken", {"spec": scrape()})
    soon(lambda: world.applied("VMServiceScrape", shop, "broken", f"{agent}/main").get("status") == "True")
    assert len(world.jobs(agent, "main")) == 2


def test_a_secret_that_comes_later_is_noticed(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    spec = scrape(bearerTokenSecret={"name": "token", "key": "value"})
    world.create("VMServiceScrape", shop, "cart", spec, labels=SCRAPED)
    soon(lambda: world.applied("VMServiceScrape", shop, "cart", f"{agent}/main").get("status") == "False")
    assert f"{shop}/token" in world.applied("VMServiceScrape", shop, "cart", f"{agent}/main")["message"]
    world.create("Secret", shop, "token", stringData={"value": "first"})
    soon(lambda: "first" in str(world.jobs(agent, "main")))
    world.merge("Secret", shop, "token", {"stringData": {"value": "second"}})
    soon(lambda: "second" in str(world.jobs(agent, "main")))


@pytest.mark.parametrize(
    "child", ["Deployment", "Service", "ServiceAccount", "Secret", "VMServiceScrape", "Role", "ClusterRoleBinding"]
)
def test_a_deleted_child_comes_back(world: World, agent: str, child: str) -> None:
    before = world.children(agent, "main")
    name = f"monitoring:{agent}:vmagent-main" if "Role" in child else "vmagent-main"
    uid = world.get(child, agent, name)["metadata"]["uid"]
    world.delete(child, agent, name)

    def is_new() -> bool:
        found = world.find(child, agent, name)
        return found is not None and found["metadata"]["uid"] != uid

    soon(is_new)
    eventually(lambda: world.is_operational(agent, "main"))
    soon(lambda: comparable(world.children(agent, "main")) == comparable(before))


@pytest.mark.parametrize(
    ("child", "edit"),
    [
        ("Deployment", {"spec": {"revisionHistoryLimit": 3}}),
        ("Deployment", {"spec": {"template": {"spec": {"serviceAccountName": "another"}}}}),
        ("Service", {"spec": {"selector": {"app": "another"}}}),
        ("Secret", {"data": {"vmagent.yaml.gz": "bm9uc2Vuc2U="}}),
        ("ClusterRole", {"rules": []}),
        ("VMServiceScrape", {"spec": {"endpoints": [{"port": "another"}]}}),
    ],
)
def test_an_edited_child_is_mended(world: World, agent: str, child: str, edit: Json) -> None:
    before = world.children(agent, "main")
    name = f"monitoring:{agent}:vmagent-main" if "Role" in child else "vmagent-main"
    # as the server answers: it may be mended before anybody looks
    edited = {f"{child} {name}": stripped(world.merge(child, agent, name, edit))}
    assert comparable(before | edited) != comparable(before)
    soon(lambda: comparable(world.children(agent, "main")) == comparable(before))


def comparable(children: dict[str, Json]) -> dict[str, Json]:
    """`children` without what the server allots anew when an object is made anew."""
    allotted = ("clusterIP", "clusterIPs")
    stripped = dict(children)
    for name, item in children.items():
        if name.startswith("Service "):
            spec = {key: value for key, value in item["spec"].items() if key not in allotted}
            stripped[name] = item | {"spec": spec}
    return stripped


def test_nothing_is_written_when_nothing_changes(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    soon(lambda: len(world.jobs(agent, "main")) == 1)
    eventually(lambda: world.is_operational(agent, "main"))
    eventually(
        lambda: world.versions(agent) == world.versions(agent, after_seconds=STILL_SECONDS)
    )  # statuses come last
    assert world.versions(agent) == world.versions(agent, after_seconds=STILL_SECONDS)


def test_a_deleted_vmagent_leaves_nothing(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    soon(lambda: world.applied("VMServiceScrape", shop, "cart", f"{agent}/main") != {})
    world.delete("VMAgent", agent, "main")
    eventually(lambda: world.find("VMAgent", agent, "main") is None)
    eventually(lambda: world.children(agent, "main") == {})
    soon(lambda: world.applied("VMServiceScrape", shop, "cart", f"{agent}/main") == {})


def test_a_vmagent_that_is_made_again_works(world: World, agent: str) -> None:
    spec = world.get("VMAgent", agent, "main")["spec"]
    world.delete("VMAgent", agent, "main")
    eventually(lambda: world.find("VMAgent", agent, "main") is None)
    world.create("VMAgent", agent, "main", spec)
    eventually(lambda: world.is_operational(agent, "main"))
    uid = world.get("VMAgent", agent, "main")["metadata"]["uid"]
    owners = {owner["uid"] for owner in world.get("Deployment", agent, "vmagent-main")["metadata"]["ownerReferences"]}
    assert owners == {uid}


def test_an_invalid_vmagent_says_why_and_keeps_what_it_has(world: World, agent: str) -> None:
    before = world.children(agent, "main")
    own_service = {"metadata": {"name": "vmagent-main"}, "spec": {}}
    world.merge("VMAgent", agent, "main", {"spec": {"serviceSpec": own_service, "replicaCount": 2}})
    soon(lambda: world.status("VMAgent", agent, "main").get("updateStatus") == "failed")
    assert world.status("VMAgent", agent, "main")["reason"].startswith("spec.serviceSpec.metadata.name: ")
    assert world.children(agent, "main") == before
    world.merge("VMAgent", agent, "main", {"spec": {"serviceSpec": None, "replicaCount": None}})
    eventually(lambda: world.is_operational(agent, "main"))


def test_a_vmagent_changes_its_mode(world: World, agent: str) -> None:
    world.merge("VMAgent", agent, "main", {"spec": {"statefulMode": True, "shardCount": 2}})
    eventually(lambda: world.is_operational(agent, "main"))
    soon(lambda: workloads(world, agent) == {"StatefulSet vmagent-main-0", "StatefulSet vmagent-main-1"})
    world.merge("VMAgent", agent, "main", {"spec": {"shardCount": 1}})
    eventually(lambda: workloads(world, agent) == {"StatefulSet vmagent-main-0"})
    world.merge("VMAgent", agent, "main", {"spec": {"shardCount": 0}})
    eventually(lambda: workloads(world, agent) == {"StatefulSet vmagent-main"})
    world.merge("VMAgent", agent, "main", {"spec": {"statefulMode": None, "daemonSetMode": True}})
    eventually(lambda: workloads(world, agent) == {"DaemonSet vmagent-main"})
    eventually(lambda: world.is_operational(agent, "main"))


def workloads(world: World, namespace: str) -> set[str]:
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    return {name for name in world.children(namespace, "main") if name.startswith(kinds)}


def test_claims_grow_with_their_template_under_running_pods(world: World, agent: str) -> None:
    def storage(size: str) -> Json:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        return {"spec": {"statefulMode": True, "statefulStorage": {"volumeClaimTemplate": {"spec": spec}}}}

    # else it follows the size of the volume, and with it the pods' arguments
    world.merge("VMAgent", agent, "main", {"spec": {"remoteWriteSettings": {"maxDiskUsagePerURL": "500MB"}}})
    world.merge("VMAgent", agent, "main", storage("1Gi"))
    eventually(lambda: world.is_operational(agent, "main"))
    (claim,) = world.api.items(f"/api/v1/namespaces/{agent}/persistentvolumeclaims")
    pod = world.get("Pod", agent, "vmagent-main-0")["metadata"]["uid"]
    world.merge("VMAgent", agent, "main", storage("2Gi"))
    eventually(lambda: world.is_operational(agent, "main"))
    claim_now = functools.partial(world.get, "PersistentVolumeClaim", agent, claim["metadata"]["name"])
    soon(lambda: claim_now()["status"]["capacity"] == {"storage": "2Gi"})
    assert claim_now()["metadata"]["uid"] == claim["metadata"]["uid"]
    assert world.get("Pod", agent, "vmagent-main-0")["metadata"]["uid"] == pod


def test_an_unmanaged_configuration_belongs_to_the_user(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMAgent", namespace, "main", REMOTE)
    eventually(lambda: world.is_operational(namespace, "main"))
    assert "scrape_configs: []" in world.text(namespace, "vmagent-main")
    world.merge("Secret", namespace, "vmagent-main", {"stringData": {"vmagent.yaml.gz": "# mine"}})
    world.merge("VMAgent", namespace, "main", {"spec": {"replicaCount": 2}})
    eventually(lambda: world.is_operational(namespace, "main"))
    assert world.get("Deployment", namespace, "vmagent-main")["spec"]["replicas"] == 2
    assert world.text(namespace, "vmagent-main") == "# mine"
    world.merge("VMAgent", namespace, "main", {"spec": {"selectAllByDefault": True}})
    soon(lambda: world.text(namespace, "vmagent-main").startswith("global:"))


def test_who_takes_the_selection_away_keeps_the_configuration(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("VMAgent", namespace, "main", REMOTE | {"selectAllByDefault": True})
    eventually(lambda: world.is_operational(namespace, "main"))
    last = world.text(namespace, "vmagent-main")
    world.merge("VMAgent", namespace, "main", {"spec": {"selectAllByDefault": None}})
    eventually(lambda: world.is_operational(namespace, "main"))
    assert world.text(namespace, "vmagent-main") == last


def test_a_secret_that_was_there_first_outlives_the_vmagent(world: World, namespaces: Names) -> None:
    namespace, _ = namespaces
    world.create("Secret", namespace, "vmagent-main", stringData={"vmagent.yaml.gz": "# mine"})
    world.create("VMAgent", namespace, "main", REMOTE)
    eventually(lambda: world.is_operational(namespace, "main"))
    assert world.text(namespace, "vmagent-main") == "# mine"
    world.delete("VMAgent", namespace, "main")
    eventually(lambda: world.find("Deployment", namespace, "vmagent-main") is None)
    assert world.text(namespace, "vmagent-main") == "# mine"


def test_a_crash_is_made_good_by_the_next_start(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    before = world.children(agent, "main")
    world.replicas.crash(world.replicas.leader())
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    world.delete("Service", agent, "vmagent-main")
    world.delete("Deployment", agent, "vmagent-main")
    world.replicas.start()
    eventually(lambda: set(world.jobs(agent, "main")) == {f"serviceScrape/{shop}/cart/0"})
    eventually(lambda: set(world.children(agent, "main")) == set(before))
    eventually(lambda: world.is_operational(agent, "main"))
    after = world.children(agent, "main")
    changed = {name for name in before if comparable(after)[name] != comparable(before)[name]}
    assert changed == {"Secret vmagent-main"}


def test_a_vmagent_deleted_while_nobody_works_goes_at_the_next_start(world: World, agent: str) -> None:
    world.replicas.crash(world.replicas.leader())
    world.delete("VMAgent", agent, "main")
    world.replicas.start()
    eventually(lambda: world.find("VMAgent", agent, "main") is None)
    eventually(lambda: world.children(agent, "main") == {})


def test_a_second_replica_waits_and_takes_over(world: World, namespaces: Names, agent: str) -> None:
    _, shop = namespaces
    first, second = world.replicas.leader(), world.replicas.start()
    assert not second.is_leader()
    world.create("VMServiceScrape", shop, "cart", scrape(), labels=SCRAPED)
    soon(lambda: len(world.jobs(agent, "main")) == 1)
    assert second.metric("vmagent_operator_api_writes_total") == 0  # not even the lease
    world.replicas.crash(first)
    world.create("VMServiceScrape", shop, "checkout", scrape(), labels=SCRAPED)
    eventually(lambda: len(world.jobs(agent, "main")) == 2)
    assert second.is_leader()


def test_a_replica_that_stops_in_order_hands_over_at_once(world: World, agent: str) -> None:
    first, second = world.replicas.leader(), world.replicas.start()
    assert world.replicas.stop(first) == 0
    soon(second.is_leader)

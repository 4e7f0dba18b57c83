"""What a reconcile reads before it decides: its own scrape object as it will be, and content no oftener than it changes."""

import base64

import pytest

from test.controller import test_vmsingle
from test.controller.test_passes import AGENTS, KEY, SCRAPES, change, configuration, secret, status
from test.controller.world import World, agent, scrape
from vmagent_operator.controller.steps.gather import ReadState
from vmagent_operator.identity import API_VERSION, SKIP_VALIDATION

OWN = "job_name: serviceScrape/monitoring/vmagent-main/0"
TOKEN = {"name": "auth", "key": "token"}


def asked(world: World, name: str) -> int:
    """How often a Secret or ConfigMap of the agent's namespace was read since the last time."""
    found = [each for each in world.transport.requests if each[0] == "GET" and each[1].endswith(f"/{name}")]
    world.transport.requests.clear()
    return len(found)


def test_what_somebody_else_has_given_the_own_scrape_objects_name_is_scraped_as_it_says() -> None:
    world = World()
    world.add(scrape("vmagent-main", "monitoring", endpoints=[{"port": "theirs", "path": "/theirs"}]))
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert configuration(world).count(OWN) == 1
    assert "metrics_path: /theirs" in configuration(world)
    assert configuration(world).count("job_name:") == 1


def test_an_agent_scrapes_itself_as_its_new_spec_says_in_one_write() -> None:
    world = World()
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    change(world, AGENTS, *KEY, extraArgs={"http.pathPrefix": "/agent"})
    world.transport.requests.clear()
    world.settle(60)
    assert world.writes().count(("PATCH", "/api/v1/namespaces/monitoring/secrets/vmagent-main")) == 1
    assert "metrics_path: /agent/metrics" in configuration(world)
    assert [configuration(world).count(name) for name in ("job_name:", OWN)] == [3, 1]


def test_of_what_an_agent_edits_of_its_own_nothing_is_lost_before_it_is_repaired() -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    before = configuration(world)
    change(world, SCRAPES, "monitoring", "vmagent-main", endpoints=[{"port": "wrong"}])
    world.settle(60)
    assert configuration(world) == before
    assert world.get(SCRAPES, "monitoring", "vmagent-main")["spec"]["endpoints"][0]["port"] == "http"


def test_a_secret_that_is_not_in_its_source_is_not_asked_for() -> None:
    world = World()
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": TOKEN}]))
    world.settle(60)
    assert status(world)["reason"].endswith("bearerTokenSecret: secret monitoring/auth not found")
    assert asked(world, "auth") == 0


@pytest.mark.parametrize("data", [None, {}, {"other": "eA=="}])
def test_a_secret_without_what_is_asked_for_says_so(data: dict[str, str] | None) -> None:
    world = World()
    world.add(secret("auth") | ({"data": data} if data is not None else {}))
    world.add(agent(remoteWrite=[{"url": "http://vm:8428/w", "bearerTokenSecret": TOKEN}]))
    world.settle(60)
    assert status(world)["reason"].endswith('bearerTokenSecret: secret monitoring/auth has no key "token"')


def test_a_secret_that_is_made_anew_is_read_anew() -> None:
    world = World()
    world.add(secret("auth", token="first"))
    world.add(scrape(endpoints=[{"port": "http", "bearerTokenSecret": TOKEN}], namespace="monitoring"))
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert "bearer_token: first" in configuration(world)
    assert asked(world, "auth") == 1
    world.delete("/api/v1/namespaces/monitoring/secrets/auth")
    world.add(secret("auth", token="second"))
    world.settle(60)
    assert "bearer_token: second" in configuration(world)
    assert asked(world, "auth") == 1
    world.add(scrape("more", endpoints=[{"port": "http", "bearerTokenSecret": TOKEN}], namespace="monitoring"))
    world.settle(60)
    assert configuration(world).count("bearer_token: second") == 2
    assert asked(world, "auth") == 0


def test_a_users_configuration_is_looked_at_once_for_each_state_of_it() -> None:
    world = World()
    world.add(secret("vmagent-main", **{"vmagent.yaml.gz": "mine"}))
    world.add(agent())
    world.settle(60)
    assert status(world)["updateStatus"] == "operational"
    asked(world, "vmagent-main")
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert asked(world, "secrets/vmagent-main") == 0
    data = {"data": {"vmagent.yaml.gz": base64.b64encode(b"new").decode()}}
    world.patch("/api/v1/namespaces/monitoring/secrets/vmagent-main", data)
    world.settle(60)
    assert asked(world, "secrets/vmagent-main") == 1


def test_a_configuration_that_is_surely_the_agents_own_is_not_looked_at_before_it_is_written() -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    asked(world, "")
    change(world, AGENTS, *KEY, logLevel="WARN")
    world.settle(60)
    assert asked(world, "secrets/vmagent-main") == 0


def test_whether_an_object_is_to_be_checked_is_seen_at_once() -> None:
    world = World()
    targets = {"static": {"targets": ["x"]}, "staticConfig": {"targets": ["y"]}}
    probe = {"vmProberSpec": {"url": "prober:9115"}, "targets": targets}
    metadata = {"name": "twice", "namespace": "apps"}
    world.add({"apiVersion": API_VERSION, "kind": "VMProbe", "metadata": metadata, "spec": probe})
    world.add(agent(selectAllByDefault=True))
    world.settle(60)
    assert "probe/apps/twice" not in configuration(world)
    for text, is_there in (("true", True), ("false", False)):
        annotations = {"annotations": {SKIP_VALIDATION: text}}
        world.patch(f"/apis/{API_VERSION}/namespaces/apps/vmprobes/twice", {"metadata": annotations})
        world.settle(60)
        assert ("probe/apps/twice" in configuration(world)) is is_there


def test_of_its_own_claims_an_owner_counts_those_that_are_there_and_stay() -> None:
    world, path = World(), "/api/v1/namespaces/monitoring/persistentvolumeclaims/vmsingle-main"
    world.add(test_vmsingle.single(**test_vmsingle.storage("1Gi")))
    gatherer = world.system.owners["vmsingle"].reconciler.tools.gatherer

    def claims() -> frozenset[str]:
        world.settle(30)
        owner = world.system.stores.get(gatherer.of.resource, "monitoring", "main")
        return gatherer.snapshot(owner, gatherer.references(owner), ReadState()).inputs.claims

    assert claims() == {"vmsingle-main"}
    world.patch(path, {"metadata": {"finalizers": ["example.org/backup"]}})
    world.delete(path)
    assert claims() == frozenset()

"""What somebody waits for does not wait for what nobody waits for."""

import base64
import gzip
from typing import Any

import pytest

from test.controller.world import World, agent, scrape
from vmagent_operator.kube.http.ratelimit import Bucket, Spare

SCRAPES = "/apis/operator.victoriametrics.com/v1beta1/namespaces/apps/vmservicescrapes"


def untold(world: World) -> int:
    """How many scrape objects say nothing yet."""
    stored = world.api.store.items("vmservicescrapes.operator.victoriametrics.com")
    return sum("updateStatus" not in value["status"] for _, value in stored)


@pytest.mark.parametrize("seconds", [1.6, 1.9, 2.2, 2.5])
def test_a_change_does_not_wait_until_every_scrape_object_is_told(seconds: float) -> None:
    world = World()
    world.system.low_priority.limiter = Spare(Bucket(20, 20, world.clock), 10)
    for number in range(90):
        world.add(scrape(f"app-{number:02}"))
    world.add(agent(selectAllByDefault=True))
    world.settle(seconds)
    assert world.get("deployments.apps", "monitoring", "vmagent-main")
    assert untold(world) > 20
    world.patch(f"{SCRAPES}/app-30", {"spec": {"endpoints": [{"port": "http", "interval": "47s"}]}})
    world.settle(0.1)
    secret = world.get("secrets", "monitoring", "vmagent-main")
    assert b"47s" in gzip.decompress(base64.b64decode(secret["data"]["vmagent.yaml.gz"]))
    assert untold(world) > 0
    world.settle(20.0)
    assert untold(world) == 0


def of_the_agent(world: World) -> dict[str, Any]:
    """The condition that the agent has on the scrape object."""
    conditions = world.get("vmservicescrapes.operator.victoriametrics.com", "apps", "app")["status"]["conditions"]
    return next(each for each in conditions if each["type"].startswith("main."))


def test_a_status_that_was_right_is_renewed_in_time() -> None:
    world = World()
    world.add(scrape())
    world.add(agent(selectAllByDefault=True))
    world.settle()
    condition = of_the_agent(world)
    world.settle(3 * 3600)
    renewed = of_the_agent(world)
    assert renewed["lastUpdateTime"] > condition["lastUpdateTime"]
    assert renewed["lastTransitionTime"] == condition["lastTransitionTime"]

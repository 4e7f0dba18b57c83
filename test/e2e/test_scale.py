"""The promises about speed and size, with a thousand scrape objects on a real server.

Every number is printed (`-s` shows them), and asserted with room for a machine that has other things to do.
`SCALE_OBJECTS` changes how many objects there are, `SCALE_AGENTS` how many further agents scrape them, and `SCALE_JSON` names a
file to which a line of JSON is added.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from test.e2e.scale import MIB, Measured, Scale
from test.e2e.world import World
from test.pace import slowness

pytestmark = [pytest.mark.cluster, pytest.mark.parametrize("installed", ["real"], indirect=True)]

OBJECTS = int(os.environ.get("SCALE_OBJECTS", "1000"))
AGENTS = int(os.environ.get("SCALE_AGENTS", "0"))
ROOM = 3 * slowness()


@pytest.fixture(scope="module")
def measured(installed: World) -> Iterator[Measured]:
    """What a fresh process of the operator makes of an agent with all these objects."""
    for replica in [*installed.replicas.running]:
        installed.replicas.stop(replica)
    replicas = evolve(installed.replicas, lease_flags=(), running=[])  # the defaults, as they are shipped
    scale = Scale(installed, replicas, OBJECTS)
    found = scale.measured(AGENTS)
    print(f"\n{found}")
    if target := os.environ.get("SCALE_JSON"):
        with Path(target).open("a") as file:
            file.write(f"{found.as_json()}\n")
    yield found
    scale.remove()


def test_the_workload_does_not_wait_for_statuses(measured: Measured) -> None:
    assert measured.first < max(1.0, OBJECTS / 3_000) * ROOM


def test_a_change_does_not_wait_for_statuses(measured: Measured) -> None:
    assert statistics.median(measured.early) < 0.2 * ROOM


def test_every_status_is_written_soon(measured: Measured) -> None:
    assert measured.told < max(30, OBJECTS / 33) * ROOM


def test_a_change_reaches_the_configuration(measured: Measured) -> None:
    assert statistics.median(measured.changes) < 0.1 * ROOM
    assert max(*measured.changes, *measured.early) < 0.5 * ROOM


def test_a_change_costs_little(measured: Measured) -> None:
    assert measured.change_cpu < 0.05 * ROOM


def test_many_changes_at_once_are_few_writes(measured: Measured) -> None:
    for count, burst in measured.bursts.items():
        assert burst.writes < 5 + 4 * burst.seconds, count  # two a second; at most two Secrets
        assert burst.seconds < burst.requests + 2 * ROOM, count


def test_a_process_is_ready_soon(measured: Measured) -> None:
    assert measured.ready_cpu < (1.0 + OBJECTS / 5_000) * ROOM
    assert measured.ready < measured.ready_cpu + 2 * ROOM  # of the processor it may have to wait for its share


def test_memory_is_bounded(measured: Measured) -> None:
    assert measured.resident < 100 * MIB + OBJECTS * 10_000


def test_a_quiet_cluster_is_left_alone(measured: Measured) -> None:
    assert measured.quiet == {}

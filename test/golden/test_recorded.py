"""Recorded cases of the Go operator: the same objects in, the same objects out.

`deviations.txt` lists where we do better on purpose. Cases that begin with children in place go through the controller and
an API server in this process; so do all others where there is time for it, since `render` and controller must agree.
"""

import pytest

from test.golden.cases import CASES, DEVIATIONS, LIVE, environ, judge, rendered
from test.simulate import Simulation, simulate
from vmagent_operator.cli import manifests, options


def _simulated(name: str) -> Simulation:
    version = options.server(environ(name).get("KUBERNETES_VERSION", "1.36"))
    return simulate(list(manifests.read([str(CASES[name] / "given.yaml")])), environ(name), version)


REFUSED = ("port-that-is-not-a-number", "zero-shards-is-not-sharded", "cluster-app-fields-of-vminsert")
"""Cases with an object that no API server takes: a Service port 0, a label with the shard placeholder, minDomains where
pods are scheduled anyway."""
SUMMED_UP = ("status-stale-conditions-of-others-are-removed",)
"""Cases with a condition `Ready` of somebody else's, which in a cluster is ours to write."""


@pytest.mark.parametrize("name", [name for name in CASES if name not in LIVE])
def test_same_objects(name: str) -> None:
    found = rendered(name)
    judge(name, found.objects, found.errors)


@pytest.mark.parametrize("name", LIVE)
def test_same_objects_where_some_exist_already(name: str) -> None:
    simulation = _simulated(name)
    judge(name, simulation.objects(), simulation.failures(), simulation.deleted())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in (*LIVE, *REFUSED, *SUMMED_UP)])
def test_the_controller_brings_about_what_render_shows(name: str) -> None:
    simulation = _simulated(name)
    judge(name, simulation.objects(), simulation.failures())


def test_every_deviation_belongs_to_a_case() -> None:
    assert DEVIATIONS.keys() - CASES.keys() == set()

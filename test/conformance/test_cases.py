"""The recorded behaviour of a real API server, case by case."""

from pathlib import Path

import pytest

from test.conformance.script import Json, Script, cases
from test.controlplane.api import Api
from test.controlplane.binaries import NEWEST

CASES = list(cases(Path(__file__).with_name("cases")))


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['name']}" for case in CASES])
def test_case(case: Json, cluster: Api, namespace: str) -> None:
    version = "{major}.{minor}".format(**cluster.get("/version"))
    if version != NEWEST:
        pytest.skip(f"the cases tell what Kubernetes {NEWEST} says, and this is {version}")
    group = f"{namespace}.example.com"
    Script(cluster, {"ns": namespace, "crd": group}).run(case)

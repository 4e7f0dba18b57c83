"""Cases of the pod: a spec, and what counts in the pod that it gives."""

from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vmagent_operator.api.kinds import read
from vmagent_operator.desired.vmagent import container, features
from vmagent_operator.desired.workload import pod
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.settings import load

CASES = [*yaml.safe_load_all(Path(__file__).with_name("pod.yaml").read_text())]
VALUES = SecretSnapshot(
    {
        Reference("Secret", "ns", "login"): {"user": 'b,o"b', "password": "p"},
        Reference("ConfigMap", "ns", "pki"): {"ca": "CA"},
    }
)


def built(spec: Manifest, overflow: int = 0) -> Manifest:
    """The pod of an agent `ns/a`."""
    metadata = {"namespace": "ns", "name": "a", "uid": "u"}
    agent = read({"apiVersion": API_VERSION, "kind": "VMAgent", "metadata": metadata, "spec": spec})
    component = features.component(agent, load({}))
    return pod.spec(component, container.parts(agent, component, VALUES, overflow))


def found(tree: Any, path: str) -> Any:
    """What stands at a dotted path, None if there is nothing."""

    def step(at: Any, name: str) -> Any:
        if isinstance(at, list):
            return at[int(name)] if -len(at) <= int(name) < len(at) else None
        return at.get(name) if at is not None else None

    return reduce(step, path.split("."), tree)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_pod(case: Manifest) -> None:
    if "error" in case:
        with pytest.raises(OwnerError) as raised:
            built(case["given"])
        assert str(raised.value) == case["error"]
        return
    result = built(case["given"], case.get("overflow", 0))
    flags = dict(argument.lstrip("-").split("=", 1) for argument in result["containers"][0]["args"])
    wanted = case.get("flags", {})
    assert {name: flags.get(name) for name in wanted} == wanted
    want = case.get("want", {})
    assert {path: found(result, path) for path in want} == want


FIELDS = st.sampled_from(
    ("name", "args", "env", "ports", "volumeMounts", "mountPath", "resources", "limits", "requests", "httpGet", "x")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(("", "a", "1Gi", "0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(FIELDS, JSON, max_size=5)


@given(
    containers=st.lists(OBJECTS, max_size=2), probe=OBJECTS, volumes=st.lists(OBJECTS, max_size=2), resources=OBJECTS
)
@settings(max_examples=150, deadline=None)
def test_structures_that_pass_through_cannot_break_the_operator(
    containers: list[Manifest], probe: Manifest, volumes: list[Manifest], resources: Manifest
) -> None:
    named = [{**container, "name": name} for container, name in zip(containers, ("vmagent", "own"), strict=False)]
    spec = {
        "remoteWrite": [{"url": "http://a"}],
        "containers": named,
        "livenessProbe": probe,
        "volumes": [{**volume, "name": f"v{index}"} for index, volume in enumerate(volumes)],
        "resources": resources,
    }
    with suppress(OwnerError):
        assert built(spec)["containers"][0]["name"] == "vmagent"

"""How much an agent may scrape follows the memory that its vmagent gets."""

from typing import Any

import pytest

from test.desired.test_vmagent import inputs, objects
from test.scrape.cases import obj, settings
from vmagent_operator.api.kinds import VMSTATICSCRAPE
from vmagent_operator.desired import resources
from vmagent_operator.desired.vmagent import validation
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.desired.vmagent.features import component
from vmagent_operator.desired.workload import capacity
from vmagent_operator.limits import OWNER_ASSETS_BYTES, OWNER_MEMORY_BYTES, REPLICAS, SHARDS
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.selection import Selection, in_blocks

MIB = 1 << 20


def limited(memory: Any) -> dict[str, Any]:
    """The spec of an agent with that memory limit."""
    return {"resources": {"limits": {"memory": memory}}}


@pytest.mark.parametrize(
    ("spec", "environ", "memory"),
    [
        ({}, {}, 500 * MIB),
        ({}, {"VM_VMAGENTDEFAULT_RESOURCE_LIMIT_MEM": "2Gi"}, 2048 * MIB),
        ({}, {"VM_VMAGENTDEFAULT_RESOURCE_LIMIT_MEM": "unlimited"}, None),
        ({"useDefaultResources": False}, {}, None),
        ({"resources": {"requests": {"memory": "1Gi"}}}, {}, None),
        (limited("1Gi"), {}, 1024 * MIB),
        (limited(1000000), {}, 1000000),
        (limited("much"), {}, None),
        (limited("1e999999999"), {}, None),
        (limited([1000000]), {}, None),
        (limited("1Gi") | {"vpa": {}}, {"VM_VPA_API_ENABLED": "true"}, None),
        (
            limited("1Gi") | {"containers": [{"name": "vmagent", "resources": {"limits": {"memory": "3Gi"}}}]},
            {},
            3 << 30,
        ),
        (limited("1Gi") | {"containers": [{"name": "vmagent"}, {"name": "other", "resources": {}}]}, {}, 1 << 30),
    ],
)
def test_memory(spec: dict[str, Any], environ: dict[str, str], memory: int | None) -> None:
    given = inputs(spec, environ)
    assert capacity.memory_bytes(component(given.owner, given.settings), is_scaled="vpa" in spec) == memory


def test_room_ends_where_the_memory_does_and_at_a_limit_of_ours() -> None:
    plain, large = (inputs(spec).owner for spec in ({}, limited("100Gi")))
    assert capacity.room(component(plain, settings()), {}, is_scaled=False).memory_bytes == 500 * MIB
    assert capacity.room(component(large, settings()), {}, is_scaled=False).memory_bytes == OWNER_MEMORY_BYTES
    room = capacity.room(component(plain, settings()), {"key": "text"}, is_scaled=False)
    assert room.asset_bytes == OWNER_ASSETS_BYTES - 4 - 9


def test_what_the_memory_does_not_hold_is_left_out_and_told() -> None:
    labels = {f"l{number:04}": "x" * 90 for number in range(1000)}
    scrapes = tuple(
        obj("VMStaticScrape", {"targetEndpoints": [{"targets": ["a"], "labels": labels}]}, name=f"x{number}")
        for number in range(30)
    )
    selection = Selection({VMSTATICSCRAPE: in_blocks(scrapes)})
    few, all_of_them = (
        desired(inputs({"selectAllByDefault": True} | limited(memory), selection=selection)).configuration
        for memory in ("20Mi", "500Mi")
    )
    assert few is not None
    assert all_of_them is not None
    assert (len(few.applied), len(all_of_them.applied)) == (14, 30)
    assert "limit OWNER_MEMORY_BYTES" in few.findings[0].message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"shardCount": 2**31 - 1}, "spec.shardCount: more than 1000 shards (limit SHARDS)"),
        ({"replicaCount": 2**31 - 1}, "spec.replicaCount: more than 1000 replicas (limit REPLICAS)"),
    ],
)
def test_numbers_of_pods_are_bounded(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(OwnerError) as caught:
        desired(inputs(spec))
    assert str(caught.value) == message


def test_as_many_pods_as_the_limits_say_are_within_them() -> None:
    made = inputs({"shardCount": int(SHARDS), "replicaCount": int(REPLICAS)})
    assert validation.verdict(made.owner, made.settings).faults == ()


def test_a_port_of_many_digits_is_none() -> None:
    given = inputs({"port": "9" * 5000, "insertPorts": {"graphitePort": "1" * 5000}})
    deployment = next(found for found in objects(given).values() if found["kind"] == "Deployment")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    vmagent = next(container for container in containers if container["name"] == "vmagent")
    assert {port["containerPort"] for port in vmagent["ports"]} == {0}
    assert any("spec.port: is no port number" in warning for warning in desired(given).warnings)


def test_resources_that_are_none_are_left_for_the_api_server_to_refuse() -> None:
    given = {"limits": "much", "requests": {"memory": "1Gi"}}
    made = component(inputs({"resources": given}).owner, settings())
    assert resources.main(made) == given

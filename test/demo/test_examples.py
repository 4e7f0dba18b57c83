"""The examples can stand side by side, and show each way of keeping samples twice."""

from collections.abc import Iterator
from typing import Any

from test.demo.examples import examples
from test.manifests.built import examples as files
from vmagent_operator.api.kinds import read


def test_no_example_takes_the_name_of_another() -> None:
    every = [manifest for objects in files().values() for manifest in objects]
    assert [manifest for manifest in every if manifest not in examples()] == []


def test_two_pairs_of_agents_write_to_a_vmsingle_and_to_a_replicated_vmcluster() -> None:
    specs = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in examples() if "spec" in each}
    assert specs["VMCluster", "ha"]["replicationFactor"] == 2
    for agent, host in (("to-vmsingle", "vmsingle-ha"), ("to-vmcluster", "vminsert-ha")):
        spec = specs["VMAgent", agent]
        assert spec["replicaCount"] == 2
        assert [each["url"].startswith(f"http://{host}.monitoring.svc:") for each in spec["remoteWrite"]] == [True]
        given = _deduplication(specs["VMSingle" if "single" in agent else "VMCluster", "ha"])
        assert set(given) == {spec["scrapeInterval"]}


def _deduplication(spec: dict[str, Any]) -> Iterator[str]:
    for part in (spec, spec.get("vmstorage", {}), spec.get("vmselect", {})):
        if "extraArgs" in part:
            yield part["extraArgs"]["dedup.minScrapeInterval"]


def test_every_example_can_be_read() -> None:
    for manifest in examples():
        if manifest["kind"].startswith("VM"):
            assert read(manifest).error is None

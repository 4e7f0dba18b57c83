"""A running vmagent writes to each destination with the credentials and headers of that destination, and no other."""

from pathlib import Path

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.vmagent import pod
from test.vmagent.cases import ENVIRON, agent, filled
from test.vmagent.local import Agent, stopped, targets

pytestmark = pytest.mark.vmagent
CASE = yaml.safe_load((Path(__file__).parent / "remote_write.yaml").read_text())
OWN = ("authorization", "x-one", "x-two")


def test_each_destination_has_its_own_credentials(vmagent: Path, tmp_path: Path) -> None:
    with targets(1) as (server,):
        case = filled(CASE, {"a": server.address})
        server.pages = case["pages"]
        case["agent"] = {"remoteWrite": case["remoteWrite"], "remoteWriteSettings": {"flushInterval": "100ms"}}
        case["given"].append(_scrape(server.address))
        (workload,), objects = pod.rendered(agent(case), ENVIRON)
        process = Agent(vmagent, pod.command(workload, objects, tmp_path / "pod"), tmp_path / "vmagent.log")
        with stopped(process):
            process.start()
            eventually(lambda: {path for path, _ in server.received} >= case["want"].keys())
    sent = {path: {name: text for name, text in headers.items() if name in OWN} for path, headers in server.received}
    assert sent == case["want"]


def _scrape(address: str) -> pod.Manifest:
    metadata = {"name": "web", "namespace": "shop"}
    return {"kind": "VMStaticScrape", "metadata": metadata, "spec": {"targetEndpoints": [{"targets": [address]}]}}

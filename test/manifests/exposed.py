"""What a running operator exposes: its own process, on an API server of the tests, as the owner of everything in `manifests/examples`."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from test.apiserver.http import Server
from test.apiserver.loading import furnish
from test.controlplane.cluster import eventually
from test.demo import examples
from test.demo.session import connected, running
from vmagent_operator.kube.http.client import Client

SETTLED = re.compile(r'^operator_object_status\{.*status="operational"\} 1\.0$', re.MULTILINE)


@frozen
class Running:
    """An operator's process, and the administrator of the cluster that it is in."""

    address: str
    client: Client

    def metrics(self) -> str:
        """The exposition; empty before the server listens."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""


@contextmanager
def operator(folder: Path) -> Iterator[Running]:
    """An operator that leads, with its owners at rest. AssertionError when they never are."""
    with Server() as server:
        furnish(server.api)
        kubeconfig = server.kubeconfig(folder / "kubeconfig", token="anybody")
        client, _, _ = connected(str(kubeconfig), "", 1)
        examples.create(client, examples.definitions())
        examples.until_served(client)
        given = examples.examples()
        examples.create(client, given)
        owners = sum(item["kind"] in ("VMAgent", "VMSingle", "VMCluster") for item in given)
        flags = [f"--kubeconfig={kubeconfig}", "--leader-elect", "--leader-elect-namespace=default"]
        with running(folder, flags, {}) as process:
            found = Running(process.metrics, client)
            eventually(lambda: len(SETTLED.findall(found.metrics())) == owners, seconds=60, every_seconds=0.2)
            yield found

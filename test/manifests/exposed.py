"""What a running operator exposes: its own process, on an API server of the tests, as the owner of everything in `manifests/examples`."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from test.apiserver.http import Server
from test.apiserver.loading import furnish
from test.demo import examples
from test.demo.session import Operator, connected, running

WAIT_SECONDS = 60
SETTLED = re.compile(r'^operator_object_status\{.*status="operational"\} 1\.0$', re.MULTILINE)


@contextmanager
def operator(folder: Path) -> Iterator[Operator]:
    """An operator that leads, with its owners at rest. Raises TimeoutError when they never are."""
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
        with running(folder, flags, {}) as found:
            deadline = time.monotonic() + WAIT_SECONDS
            while len(SETTLED.findall(metrics(found))) < owners:
                if time.monotonic() > deadline:
                    raise TimeoutError(found.process.tail())
                time.sleep(0.2)
            yield found


def metrics(found: Operator) -> str:
    """The exposition; empty before the server listens."""
    try:
        with urllib.request.urlopen(f"http://{found.metrics}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""

"""`python -m test.controller.crowd small|large COUNT KUBECONFIG`: an API server with so many ServiceMonitors, in a process of its own."""

import signal
import sys
from pathlib import Path
from typing import Any

from test.apiserver.http import Server
from test.apiserver.loading import furnish, load, restore
from test.controller.test_conversion import DEFINITIONS, monitor
from vmagent_operator.api import crd, kinds


def sized(size: str, number: int) -> dict[str, Any]:
    """A ServiceMonitor as small as they come, or of the size that those of large charts have: 2 kB of JSON, and as much besides."""
    if size == "small":
        return monitor(f"app-{number}")
    rules = [{"action": "drop", "sourceLabels": ["__name__"], "regex": f"go_gc_.*|{number}"}] * 4
    endpoint = {"port": "http", "interval": "30s", "metricRelabelings": rules, "tlsConfig": {"serverName": "a"}}
    return monitor(f"app-{number}", endpoints=[endpoint] * 3)


def main(size: str, count: str, kubeconfig: str) -> int:
    """Serve until killed; a line on stdout says that it does."""
    server = Server()
    furnish(server.api)
    load(server.api, (*map(crd.manifest, kinds.KINDS), *DEFINITIONS))
    for number in range(int(count)):
        restore(server.api, sized(size, number), f"uid-{number}")
    server.api.settle()
    with server:
        server.kubeconfig(Path(kubeconfig), token="any")
        print("serving", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""`python -m test.controlplane`: a control plane to play with, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress

from test.controlplane.binaries import Unavailable
from test.controlplane.process import Exited
from test.controlplane.servers import programs, running


def main() -> int:
    """Start the servers, print the kubeconfig's path, and stay; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m test.controlplane", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes to register (default: 1)")
    nodes = [f"node-{number}" for number in range(1, parser.parse_args().nodes + 1)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("starting (the first time builds the servers, which takes minutes) ...", file=sys.stderr)
    try:
        with suppress(KeyboardInterrupt), running(programs(), nodes=nodes) as kubeconfig:
            print(f"export KUBECONFIG={kubeconfig}", flush=True)
            signal.pause()
    except (Unavailable, Exited, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m test.apiserver`: a Kubernetes API to play with, until Ctrl-C."""

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

from test.apiserver.http import Server
from test.apiserver.loading import furnish, load, manifests


def main() -> int:
    """Serve until interrupted; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m test.apiserver", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--kubeconfig-out", type=Path, metavar="FILE", help="write a kubeconfig for the server to FILE")
    parser.add_argument(
        "-f", dest="files", action="append", default=[], metavar="FILE", help="create these objects first"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(port=options.port)
    furnish(server.api)
    for path in options.files:
        load(server.api, manifests(Path(path)))
    with suppress(KeyboardInterrupt), server:
        if options.kubeconfig_out:
            server.kubeconfig(options.kubeconfig_out)
        print(f"serving on {server.url}", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m test.demo`: `make run`; with `--cluster` `make run-cluster`, with `--remove` `make remove-cluster`."""

import argparse
import os
import signal
import sys
import threading

from test.demo import cluster, embedded
from test.demo.screen import Screen, is_coloured
from test.demo.session import Unusable
from vmagent_operator.kube.http.credentials import CredentialsError


def main() -> int:
    """The exit code: 0 after an interruption, 1 if it cannot go on."""
    parser = argparse.ArgumentParser(prog="python -m test.demo", description=__doc__)
    parser.add_argument("--cluster", action="store_true", help="use the cluster of the current context")
    parser.add_argument("--remove", action="store_true", help="only remove what an earlier run has left there")
    options = parser.parse_args()
    screen = Screen(has_colour=is_coloured(sys.stdout, os.environ))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, lambda *_: screen.desert())
    threading.Thread(target=screen.watch, daemon=True, name="terminal").start()
    try:
        if options.cluster:
            return cluster.remove(screen) if options.remove else cluster.main(screen)
        return embedded.main(screen)
    except KeyboardInterrupt:
        screen.say()
        return 0
    except (Unusable, CredentialsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

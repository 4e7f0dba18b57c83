"""`make run`: the operator on an API server of the tests, in this process, with files in a folder that always is the same."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from test.apiserver.http import Server
from test.apiserver.loading import furnish
from test.demo import examples
from test.demo.examples import ROOT
from test.demo.screen import Screen
from test.demo.session import Session, Unusable, connected, running
from test.demo.watching import Watching

FOLDER = ROOT / ".run"
ADVICE = r"""
In a second terminal, here; what the operator does about it shows up below:

  . .venv/bin/activate
  export KUBECONFIG=$PWD/.run/kubeconfig
  kubectl get vmagents,vmsingles,vmclusters,pods -A
  kubectl label -n shop vmservicescrape cart scraped-by-  # main loses it
  kubectl label namespace monitoring monitored=true       # sharded gets one
  kubectl delete -n monitoring deployment vmagent-main    # it comes back
  kubectl delete -n monitoring vmagent ha                 # all of it goes
  python -m vmagent_operator explain vmagent/main -n monitoring

The scrape configuration of an agent:

  kubectl get secret -n monitoring vmagent-main \
    -o 'jsonpath={.data.vmagent\.yaml\.gz}' | base64 -d | gunzip
"""


def main(screen: Screen) -> int:
    """Run until interrupted; the exit code. Raises Unusable."""
    with ExitStack() as stack:
        stack.enter_context(alone(FOLDER))
        kubeconfig = stack.enter_context(served(FOLDER))
        screen.head("vmagent_operator on an embedded API server; no container runs")
        wanted = examples.collections()
        client, watching, _ = connected(str(kubeconfig), "", len(wanted))
        definitions, given = examples.definitions(), examples.examples()
        examples.create(client, definitions)
        examples.until_served(client)
        examples.create(client, given)
        screen.tell(f"created {len(definitions)} CRDs and {len(given)} objects of manifests/examples")
        operator = stack.enter_context(running(FOLDER, [f"--kubeconfig={kubeconfig}"], {}))
        screen.tell("started python -m vmagent_operator --kubeconfig .run/kubeconfig")
        watches = Watching(watching, wanted)
        stack.callback(watches.stop)

        def advice() -> None:
            screen.say(ADVICE)
            screen.say(f"Its status page: http://{operator.metrics}/   log: .run/operator.log")
            screen.say("Ctrl-C ends it all and leaves nothing behind.\n")

        return Session(screen, watches, operator).run(advice)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The folder, for one at a time, and gone at the end unless something went wrong. Raises Unusable."""
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        _empty(folder)
    except BlockingIOError:
        raise Unusable("make run is at work in this folder already, in another terminal") from None
    except KeyboardInterrupt:
        _empty(folder)
        raise
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@contextmanager
def served(folder: Path) -> Iterator[Path]:
    """The kubeconfig of a server with nothing in it but a node."""
    with Server() as server:
        furnish(server.api)
        path = server.kubeconfig(folder / "kubeconfig", token="anybody")  # our client refuses to go anonymously
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

"""`make run`: the operator at work on the examples, for somebody who has just cloned the repository.

Without KUBECONFIG the cluster is the API server of the tests; with it, whatever the file names, and what was created
there is taken away again at the end.
"""

import base64
import gzip
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from test.apiserver.http import Server
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.controller.engine.child import resource_of
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.engine.stores import custom
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import AlreadyExists, ApiError, NotFound
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource

ROOT = Path(__file__).parent.parent
SETTLING_SECONDS = 60
POLL_SECONDS = 0.3
CUSTOM = {kind.name: custom(kind) for kind in KINDS}
MADE = (
    *(resource.SERVICEACCOUNTS, resource.CLUSTERROLES, resource.CLUSTERROLEBINDINGS, resource.ROLES),
    *(resource.ROLEBINDINGS, resource.SERVICES, CUSTOM["VMServiceScrape"], resource.SECRETS, resource.CONFIGMAPS),
    *(resource.PODDISRUPTIONBUDGETS, resource.DEPLOYMENTS, resource.STATEFULSETS, resource.DAEMONSETS),
)
"""Kinds whose objects the operator makes here, in the order in which they are shown."""


def main() -> int:
    """Run until Ctrl-C; the exit code is that of an operator that ended by itself, else 0."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vmagent-operator-")))
        given = os.environ.get("KUBECONFIG")
        kubeconfig = given or str(stack.enter_context(embedded(folder)))
        say(f"cluster: {given or 'embedded API server'}")
        client = Client(
            connection.connect(credentials.load(kubeconfig), agent=f"{OPERATOR}/demo", watches=1, workers=1).worker,
            manager=FIELD_MANAGER,
        )
        stack.enter_context(examples(client, is_kept=not given))
        metrics = f"127.0.0.1:{free_port()}"
        log = folder / "operator.log"
        operator = stack.enter_context(running(kubeconfig, metrics, log))
        account = Account(client)
        account.follow(operator, SETTLING_SECONDS)
        if operator.poll() is None:
            account.summary(kubeconfig, metrics, log)
            account.follow(operator, None)
        say(f"the operator ended with exit code {operator.returncode}; its log ends so:\n{log.read_text()[-2000:]}")
        return operator.returncode
    return 0


@contextmanager
def embedded(folder: Path) -> Iterator[Path]:
    """The kubeconfig of an API server in this process."""
    server = Server()
    server.api.workloads.makes_pods = True
    with server:
        yield server.kubeconfig(folder / "kubeconfig", token="anybody")  # our client refuses to go anonymously


@contextmanager
def examples(client: Client, *, is_kept: bool) -> Iterator[None]:
    """CRDs and examples, as far as they are missing; those created here go at the end unless `is_kept`."""
    definitions = [document for path in (ROOT / "manifests/crd").glob("vm*.yaml") for document in documents(path)]
    given = [document for path in sorted((ROOT / "manifests/examples").glob("*.yaml")) for document in documents(path)]
    created: list[Manifest] = []
    try:
        created += create(client, definitions)
        until_served(client)
        created += create(client, given)
        say(f"created: {len(definitions)} CRDs, {len(given)} objects of manifests/examples")
        yield
    finally:
        if not is_kept:
            say("taking away what was created")
            remove(client, created)


def documents(path: Path) -> Iterator[Manifest]:
    """The objects of a file."""
    yield from filter(None, yaml.safe_load_all(path.read_text()))


def create(client: Client, manifests: Sequence[Manifest]) -> list[Manifest]:
    """Those of `manifests` that did not exist, as they were created."""
    created = []
    for manifest in manifests:
        with suppress(AlreadyExists):
            created.append(client.create(resource_of(manifest), manifest))
    return created


def until_served(client: Client) -> None:
    """Return when the API server knows the kinds of the CRDs."""
    for wanted in CUSTOM.values():
        while True:
            try:
                client.list(wanted, page_size=1)
                break
            except NotFound:
                time.sleep(POLL_SECONDS)


def remove(client: Client, created: Sequence[Manifest]) -> None:
    """Delete objects in reverse order; agents are waited for, since the operator has to release them."""
    for manifest in reversed(created):
        metadata = manifest["metadata"]
        with suppress(NotFound):
            client.delete(resource_of(manifest), metadata.get("namespace"), metadata["name"], uid=metadata["uid"])
            deadline = time.monotonic() + 10
            while manifest["kind"] == "VMAgent" and time.monotonic() < deadline:
                client.get(resource_of(manifest), metadata["namespace"], metadata["name"])
                time.sleep(POLL_SECONDS)


@contextmanager
def running(kubeconfig: str, metrics: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The operator, started as a user would; stopped as the kubelet would."""
    command = [sys.executable, "-m", "vmagent_operator", f"--kubeconfig={kubeconfig}"]
    command += [f"--metrics-bind-address={metrics}", "--health-probe-bind-address=0"]
    say("starting: " + " ".join(command[1:]))
    with log.open("wb") as out:
        operator = subprocess.Popen(command, stderr=out, cwd=ROOT, start_new_session=True)
        try:
            yield operator
        finally:
            operator.terminate()
            try:
                operator.wait(25)
            except subprocess.TimeoutExpired:
                operator.kill()


@define
class Account:
    """What the operator has done so far, told as it happens."""

    client: Client
    seen: dict[tuple[str, str, str], str] = field(factory=dict)

    def follow(self, operator: subprocess.Popen[bytes], seconds: float | None) -> None:
        """Tell what changes until every agent has settled or `seconds` have passed; for None, until the operator ends."""
        deadline = time.monotonic() + (seconds or float("inf"))
        while operator.poll() is None and time.monotonic() < deadline:
            with suppress(ApiError):
                self.look()
                if seconds and all(s in ("operational", "failed", "paused") for s in self.states()):
                    return
            time.sleep(POLL_SECONDS)

    def states(self) -> list[str]:
        """The `updateStatus` of every agent, "" for one that has none yet."""
        agents = self.client.list(CUSTOM["VMAgent"]).items
        return [(agent.get("status") or {}).get("updateStatus", "") for agent in agents]

    def look(self) -> None:
        """Tell the differences from what was seen before."""
        now: dict[tuple[str, str, str], str] = {}
        for kind in MADE:
            for item in self.client.list(kind, selector="managed-by=vm-operator").items:
                now[name_of(kind, item)] = item["metadata"]["uid"]
        for kind in CUSTOM.values():
            for item in self.client.list(kind).items:
                status = item.get("status") or {}
                text = f"{status.get('updateStatus', 'new')} {status.get('reason', '')}".strip()
                now[(f"{kind.kind} status", *name_of(kind, item)[1:])] = text
        for key in [*now, *(key for key in self.seen if key not in now)]:
            if now.get(key) != self.seen.get(key):
                self.tell(key, now.get(key))
        self.seen = now

    def tell(self, key: tuple[str, str, str], value: str | None) -> None:
        """One line about one difference."""
        kind, namespace, name = key
        where = f"{namespace}/{name}" if namespace else name
        if kind.endswith(" status"):
            say(f"  {kind.removesuffix(' status')} {where}: {value or 'gone'}")
        else:
            say(f"  {'+' if value else '-'} {kind} {where}")

    def summary(self, kubeconfig: str, metrics: str, log: Path) -> None:
        """A generated configuration, and what to do next."""
        with suppress(NotFound):
            secret = self.client.get(resource.SECRETS, "monitoring", "vmagent-main")
            say("\nthe scrape configuration of VMAgent monitoring/main (Secret vmagent-main, key vmagent.yaml.gz):\n")
            say(indented(gzip.decompress(base64.b64decode(secret["data"]["vmagent.yaml.gz"])).decode()))
        say(f"metrics: http://{metrics}/metrics   log: {log}")
        say("look around, and change something; what the operator does about it appears here:\n")
        say(f"  export KUBECONFIG={kubeconfig}")
        say("  kubectl get vmagents,vmservicescrapes,deployments,statefulsets -A")
        say("  kubectl -n shop label vmservicescrape cart scraped-by-      # leaves the configuration")
        say("  kubectl -n monitoring delete deployment vmagent-main        # comes back")
        say("  kubectl -n monitoring delete vmagent ha                     # takes everything of it along")
        say("\nCtrl-C ends it and leaves nothing behind.\n")


def name_of(kind: Resource, item: Any) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    return kind.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]


def indented(text: str) -> str:
    """`text`, moved to the right; a long one is cut."""
    lines = text.splitlines()
    shown = lines[:40] + ([f"... {len(lines) - 40} more lines"] if len(lines) > 40 else [])
    return "".join(f"    {line}\n" for line in shown)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`make run-cluster`: the operator on a real cluster, in two namespaces of its own, of which nothing is left at the end."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from attrs import define, field, frozen
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import list_kube_config_contexts

from test.demo import examples
from test.demo.account import Line, counted
from test.demo.examples import DEFINITIONS, KINDS, NAMESPACES, OWNERS
from test.demo.screen import Screen
from test.demo.session import Operator, Session, Unusable, connected, fault, running
from test.demo.watching import Watching
from vmagent_operator.identity import GROUP, MANAGED_BY, MANAGED_BY_LABEL
from vmagent_operator.kube.errors import ApiError, Conflict, NotFound
from vmagent_operator.kube.http import credentials
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource

NAMES = {"monitoring": "vmagent-demo", "shop": "vmagent-demo-shop"}
"""Namespaces of the examples, and what they are called here, so that nobody's are taken for them."""
MARK = {"app.kubernetes.io/part-of": "vmagent-operator-demo"}
"""On what is made here for the whole cluster, so that a later run knows it as its own."""
REMOVAL_SECONDS = 90
POLL_SECONDS = 0.3
CLEAN_UP = "make remove-cluster"
ADVICE = """
Change something; what the operator does about it shows up below:

  kubectl get vmagents,deployments,statefulsets -n vmagent-demo
  kubectl label -n vmagent-demo-shop vmservicescrape cart scraped-by-
  kubectl delete -n vmagent-demo deployment vmagent-main  # it comes back
  kubectl delete -n vmagent-demo vmagent ha               # all of it goes
"""


@frozen
class Found:
    """What is there before anything is done."""

    namespaces: tuple[str, ...]
    definitions: int
    own: int
    elsewhere: int


@define(eq=False)
class Place:
    """A cluster, and how the operator gets at it."""

    screen: Screen
    client: Client
    watching: Client
    host: str
    context: str
    created: list[Manifest] = field(factory=list)
    is_abandoned: bool = False

    def found(self) -> Found:
        """A look at the cluster. Raises ApiError, and Unusable for a namespace that is somebody else's."""
        present = []
        for name in NAMES.values():
            with suppress(NotFound):
                namespace = self.client.get(NAMESPACES, None, name)
                if not _is_ours(namespace):
                    raise Unusable(f"namespace {name} exists and is not of an earlier run: it is left alone")
                present.append(name)
        agents = [item for kind in KINDS for item in self.listed(kind)]
        own = [item for item in agents if item["metadata"].get("namespace") in NAMES.values()]
        children = [
            item
            for kind in examples.MADE
            for name in present
            for item in self.client.list(kind, name, selector=f"{MANAGED_BY_LABEL}={MANAGED_BY}").items
        ]
        known = {item["metadata"]["name"] for item in self.client.list(DEFINITIONS, metadata_only=True).items}
        missing = [one for one in examples.definitions() if one["metadata"]["name"] not in known]
        owners = {kind.kind for kind in OWNERS}
        others = sum(item["kind"] in owners for item in agents) - sum(item["kind"] in owners for item in own)
        return Found(tuple(present), len(missing), len(own) + len(children), others)

    def create(self) -> None:
        """The definitions that are missing, the namespaces and the examples."""
        marked = [_marked(one) for one in examples.definitions()]
        self.created += examples.create(self.client, marked)
        examples.until_served(self.client)
        given = [_marked(one) if one["kind"] == "Namespace" else one for one in examples.examples(NAMES)]
        self.created += examples.create(self.client, given)
        self.screen.tell(f"created {counted(one['kind'] for one in self.created)}")

    def remove(self) -> None:
        """Everything of this run and of earlier ones, while the operator still works; tells what it is."""
        for kind in OWNERS:
            owners = [one for name in NAMES.values() for one in self.listed(kind, name)]
            if owners:
                names = ", ".join(one["metadata"]["name"] for one in owners)
                self.screen.tell(f"removing {kind.kind}s {names}, and with them all that was made for them")
            self._delete(kind, owners)
        namespaces = [
            one for one in self.listed(NAMESPACES) if one["metadata"]["name"] in NAMES.values() and _is_ours(one)
        ]
        if namespaces:
            self.screen.tell(f"removing namespaces {', '.join(one['metadata']['name'] for one in namespaces)}")
        self._delete(NAMESPACES, namespaces)

    def remove_definitions(self) -> None:
        """The CRDs that were created here, unless somebody else has objects of them by now."""
        ours = [one for one in self.listed(DEFINITIONS) if _is_ours(one) and one["spec"]["group"] == GROUP]
        kinds = {f"{kind.plural}.{GROUP}": kind for kind in KINDS}
        used = {name for name, kind in kinds.items() if self.listed(kind)}
        free = [one for one in ours if one["metadata"]["name"] not in used]
        if free:
            self.screen.tell(f"removing {len(free)} CRDs")
        if kept := [one["metadata"]["name"] for one in ours if one not in free]:
            self.screen.tell(f"left, because there are objects of them: {', '.join(kept)}")
        self._delete(DEFINITIONS, free)
        self.screen.tell("all else is removed" if kept else "nothing is left")

    def listed(self, kind: Resource, namespace: str | None = None) -> tuple[Manifest, ...]:
        """The objects of a kind; none where the kind does not exist."""
        try:
            return self.client.list(kind, namespace).items
        except NotFound:
            return ()

    def _delete(self, kind: Resource, objects: tuple[Manifest, ...] | list[Manifest]) -> None:
        """Delete objects and wait until they have gone. Raises Unusable if they do not."""
        for one in objects:
            meta = one["metadata"]
            with suppress(NotFound, Conflict):
                self.client.delete(kind, meta.get("namespace"), meta["name"], uid=meta["uid"])
        deadline = time.monotonic() + REMOVAL_SECONDS
        for one in objects:
            while self._is_there(kind, one):
                if time.monotonic() > deadline:
                    raise Unusable(f"{kind.kind} {one['metadata']['name']} does not go: `{CLEAN_UP}` tries again")
                time.sleep(POLL_SECONDS)

    def _is_there(self, kind: Resource, one: Manifest) -> bool:
        meta = one["metadata"]
        try:
            live = self.client.get(kind, meta.get("namespace"), meta["name"], metadata_only=True)
        except NotFound:
            return False
        return bool(live["metadata"]["uid"] == meta["uid"])


def main(screen: Screen) -> int:
    """Ask, run until interrupted, clean up; the exit code. Raises Unusable and CredentialsError."""
    namespaces = tuple(NAMES.values())
    wanted = examples.collections(namespaces)
    place = reached(screen, len(wanted))
    with answering(place):
        ask(place, place.found())
    with (
        tempfile.TemporaryDirectory(prefix="vmagent-operator-") as folder,
        answering(place),
        cleaned(place, place.remove_definitions),
        cleaned(place, place.remove),  # of what was created before there was an operator
    ):
        place.create()
        with started(place, Path(folder)) as operator, cleaned(place, place.remove):
            screen.tell(f"started the operator for namespaces {', '.join(namespaces)} only")
            watches = Watching(place.watching, wanted)

            def advice() -> None:
                screen.say(ADVICE)
                screen.say(f"Its status page: http://{operator.metrics}/")
                screen.say(f"Its log: {operator.log}")
                screen.say("Ctrl-C removes all of it again.\n")

            try:
                return Session(screen, watches, operator).run(advice)
            finally:
                watches.stop()
                screen.say()


def remove(screen: Screen) -> int:
    """Remove what an interrupted run has left, with an operator that lets go of it; the exit code."""
    place = reached(screen, 1)
    screen.say(f"context {place.context}   server {place.host}")
    with tempfile.TemporaryDirectory(prefix="vmagent-operator-") as folder, answering(place):
        if any(place.listed(kind, name) for kind in OWNERS for name in NAMES.values()):
            with started(place, Path(folder)), cleaned(place, place.remove):
                pass
        place.remove()
        place.remove_definitions()
    return 0


def reached(screen: Screen, watches: int) -> Place:
    """The cluster of the current context. Raises Unusable and CredentialsError."""
    paths = os.environ.get("KUBECONFIG", "")
    client, watching, host = connected(paths, "", watches)
    try:
        context = list_kube_config_contexts(paths or None)[1]["name"]
    except ConfigException:
        context = ""  # the account of a pod: it has none
    return Place(screen, client, watching, host, context)


def ask(place: Place, found: Found) -> None:
    """Show what would be done, and where. Raises Unusable without a yes."""
    missing = [name for name in NAMES.values() if name not in found.namespaces]
    with answering(place):
        version = ".".join(map(str, place.client.server_version()))
    rows = (
        ("context", place.context or "(none: the account of this pod)"),
        ("server", f"{place.host}, Kubernetes {version}"),
        (
            "creates",
            f"{counted(['CRD'] * found.definitions) or 'no CRD'}; namespaces {', '.join(missing) or '(none)'} with examples",
        ),
        ("takes over", f"{found.own} objects, of an earlier run" if found.own else "0 objects"),
        ("leaves alone", f"{found.elsewhere} owners of other namespaces, and all else"),
        ("at the end", "removes what it has created"),
    )
    place.screen.table([Line(name, "", text) for name, text in rows])
    place.screen.out.write("go on? [y/N] ")
    place.screen.out.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unusable("nothing was done")


@contextmanager
def answering(place: Place) -> Iterator[None]:
    """A block in which an error of the API server is one line. Raises Unusable."""
    try:
        yield
    except ApiError as error:
        hint = f"; `{CLEAN_UP}` removes what is left" if place.created else ""
        raise Unusable(fault(error, place.host) + hint) from error


@contextmanager
def cleaned(place: Place, removal: Callable[[], None]) -> Iterator[None]:
    """A block after which `removal` is done, however it ended, unless somebody interrupts that too. Raises Unusable."""
    try:
        yield
    finally:
        if not place.is_abandoned:
            place.screen.is_leaving = True
            try:
                removal()
            except KeyboardInterrupt:
                place.is_abandoned = True
                raise Unusable(f"not everything is removed: `{CLEAN_UP}` does the rest") from None


def started(place: Place, folder: Path) -> AbstractContextManager[Operator]:
    """The operator, for our namespaces in this very context, whatever becomes the current one."""
    kubeconfig = os.environ.get("KUBECONFIG", "") or (credentials.HOME_CONFIG if place.context else "")
    arguments = [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
    arguments += [f"--context={place.context}"] if place.context else []
    return running(folder, arguments, {"WATCH_NAMESPACE": ",".join(NAMES.values())})


def _marked(manifest: Manifest) -> Manifest:
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "labels": meta.get("labels", {}) | MARK}}


def _is_ours(manifest: Manifest) -> bool:
    return MARK.items() <= (manifest["metadata"].get("labels") or {}).items()

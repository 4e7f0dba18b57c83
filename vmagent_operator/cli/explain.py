"""`explain`: why an object is scraped or not, from manifests or from a cluster."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from attrs import frozen

from vmagent_operator.api.kinds import KINDS, SCRAPE_KINDS, VMAGENT, Kind, ScrapeObject
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster, known, name_of_custom
from vmagent_operator.cli.converted import conversions
from vmagent_operator.cli.decisions import Decision, decisions, is_watched
from vmagent_operator.controller.steps.leftout import Name
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.desired.stages import Desired
from vmagent_operator.desired.vmagent.features import VMAgent, scrape_owner
from vmagent_operator.identity import OPERATOR
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import named
from vmagent_operator.scrape.explain import Verdict, verdict
from vmagent_operator.scrape.references import Reference, SecretSnapshot, references
from vmagent_operator.scrape.selection import Namespaces, SelectorError, select
from vmagent_operator.settings import Server, Settings, SettingsError, load

S = TypeVar("S")

ALL_KINDS: tuple[Kind[object], ...] = (*KINDS, *(row.kind for row in SOURCES))
EPILOG = "Without -f the cluster is asked that --kubeconfig, KUBECONFIG, the pod or ~/.kube/config lead to."


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Tell what becomes of the object that `arguments` name; 1 if there is none, 2 if nothing can be asked."""
    try:
        options = _parser().parse_args(arguments)
        settings = load(environ)
        cluster = Cluster.of(_given(options, settings, environ))
    except SystemExit as stop:
        return int(stop.code or 0)
    except (SettingsError, manifests.InputError) as error:
        print(error, file=sys.stderr)
        return 2
    kind, name = options.object
    found = {**cluster.custom, **cluster.sources}.get((kind.name, options.namespace, name))
    if found is None:
        print(_not_found(cluster, kind, options.namespace, name), file=sys.stderr)
        return 1
    print("\n".join(explanation(cluster, found, settings)))
    for line in manifests.unread([found]):
        print(line, file=sys.stderr)
    return 0


def explanation(cluster: Cluster, obj: CustomObject[object], settings: Settings) -> Iterator[str]:
    """Lines about every object of an agent, or about every agent of a scrape object; reasons in the words of statuses.

    Of a Prometheus object, they are about what it becomes.
    """
    converted = conversions(cluster, settings)
    if (name := name_of_custom(obj)) not in cluster.sources:
        yield from _explanation(converted.cluster, obj, settings)
        return
    yield f"{obj.kind.name} {obj.key}"
    made = converted.made.get(name)
    if made is None:
        yield "  not converted: the settings leave it out"
        return
    if made.error or made.note:
        yield f"  {made.said}"
    if (target := converted.cluster.custom.get(made.target)) is not None:
        yield from (f"  {line}" for line in _explanation(converted.cluster, target, settings))


def _explanation(cluster: Cluster, obj: CustomObject[object], settings: Settings) -> Iterator[str]:
    values = SecretSnapshot(cluster.contents, trim=settings.trim_secret_values)
    made = {decision.owner.key: decision for decision in decisions(cluster, settings, Server()).made}
    messages = {key: _messages(decision.asked) for key, decision in made.items()}
    judge = _Judge(settings, cluster.namespaces, values, made, messages)
    yield f"{obj.kind.name} {obj.key}"
    agents = _sorted(cluster, VMAGENT)
    if obj.kind is VMAGENT:
        yield from (f"  {fault}" for fault in judge.of_agent(obj))
    for kind in SCRAPE_KINDS:
        scrapes = _sorted(cluster, kind)
        if obj.kind is VMAGENT:
            agent = next(each for each in agents if each.key == obj.key)
            verdicts = [(scrape, judge.verdict(agent, scrape)) for scrape in scrapes]
            yield f"  {kind.name}: {sum(found.is_selected for _, found in verdicts)} of {len(verdicts)} selected"
            yield from (f"    {scrape.key}: {_line(agent, found)}" for scrape, found in verdicts)
        elif obj.kind is kind:
            scrape = next(each for each in scrapes if each.key == obj.key)
            yield from (f"  VMAgent {agent.key}: {_line(agent, judge.verdict(agent, scrape))}" for agent in agents)
    if obj.kind is not VMAGENT and not agents:
        yield "  there is no VMAgent"


@frozen
class _Judge:
    """Says what becomes of scrape objects, with what the agents of a cluster come to as a whole.

    By the key of an agent, made: what it comes to, if nobody is deleting it; messages: what it says of objects that it leaves out.
    """

    settings: Settings
    namespaces: Namespaces
    values: SecretSnapshot
    made: Mapping[str, Decision]
    messages: Mapping[str, Mapping[Name, str]]

    def of_agent(self, agent: CustomObject[object]) -> Iterator[str]:
        """Why the agent gets no configuration at all, if that is so."""
        decision = self.made.get(agent.key)
        if agent.error is not None:
            yield str(agent.error)
        elif not is_watched(agent, self.settings):
            yield "the operator watches other namespaces only"
        elif decision is not None and not decision.is_configured:
            yield decision.reason

    def verdict(self, agent: VMAgent, scrape: ScrapeObject) -> Verdict:
        """The first link that breaks: of the selection, of the agent, of the object, or of what others leave room for."""
        if agent.spec is None:
            return Verdict(broken="agent", message=str(agent.error))
        found = verdict(scrape_owner(agent, self.settings), scrape, self.namespaces, self.values)
        if not found.is_selected:
            return found
        for fault in self.of_agent(agent):
            return Verdict(broken="agent", message=fault)
        if agent.key not in self.made:
            return found
        message = self.messages[agent.key].get(name_of_custom(scrape))
        return Verdict(broken="object", message=message) if message else found


def _messages(asked: Desired | None) -> Mapping[Name, str]:
    if asked is None or asked.configuration is None:
        return {}
    return {name_of_custom(finding.object): finding.message for finding in asked.configuration.findings}


def _line(agent: VMAgent, found: Verdict) -> str:
    if found.broken:
        return f"not scraped: {found.broken}: {found.message}"
    jobs = f"scraped, {len(found.jobs)} job{'s' if len(found.jobs) != 1 else ''}: {', '.join(found.jobs)}"
    return jobs + (" (once the agent is no longer paused)" if agent.spec and agent.spec.paused else "")


def _sorted(cluster: Cluster, kind: Kind[S]) -> list[CustomObject[S]]:
    return sorted(cluster.of_kind(kind), key=lambda obj: obj.key)


def _not_found(cluster: Cluster, kind: Kind[object], namespace: str, name: str) -> str:
    key = f"{namespace}/{name}"
    given = [*cluster.custom.values(), *cluster.sources.values()]
    near = difflib.get_close_matches(key, [obj.key for obj in given if obj.kind is kind], 1)
    return f"there is no {kind.name} {key}" + (f"; did you mean {near[0]}?" if near else "")


def _given(options: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Iterable[Manifest]:
    if options.filename:
        tell = partial(print, file=sys.stderr)
        return known(manifests.read(options.filename, tell), tell)
    return _live(options.kubeconfig, options.context, settings, environ)


def _live(kubeconfig: str, context: str, settings: Settings, environ: Mapping[str, str]) -> list[Manifest]:
    """What a cluster holds of our kinds, its namespaces, and the Secrets and ConfigMaps that agents may need.

    Raises InputError if the cluster cannot be asked.
    """
    from vmagent_operator import __version__  # the client library is for clusters only
    from vmagent_operator.controller.engine.kind import custom
    from vmagent_operator.controller.engine.owners import FIELD_MANAGER
    from vmagent_operator.kube import resource
    from vmagent_operator.kube.errors import ApiError, Forbidden, NotFound
    from vmagent_operator.kube.http import connection, credentials
    from vmagent_operator.kube.http.client import Client
    from vmagent_operator.kube.http.credentials import CredentialsError

    try:
        access = credentials.load(kubeconfig, context, environ=environ)
        client = Client(
            connection.connect(access, agent=f"{OPERATOR}/{__version__}", watches=1, workers=1).worker,
            manager=FIELD_MANAGER,
        )
        found = list(client.list(resource.NAMESPACES).items) if not settings.watch_namespaces else []
        for kind in ALL_KINDS:
            # A kind that is not installed has no objects; one of Prometheus' may be none of the reader's business.
            with suppress(NotFound, *(() if kind in KINDS else (Forbidden,))):
                for namespace in settings.watch_namespaces or (None,):
                    found += client.list(custom(kind), namespace).items
        sources = {"Secret": resource.SECRETS, "ConfigMap": resource.CONFIGMAPS}
        for reference in dict.fromkeys(_references(Cluster.of(found), settings)):
            with suppress(NotFound):  # the explanation says so
                raw = client.get(sources[reference.kind], reference.namespace, reference.name)
                found.append({"apiVersion": "v1", "kind": reference.kind, **raw})
    except (ApiError, CredentialsError) as error:
        raise manifests.InputError(str(error)) from None
    return found


def _references(cluster: Cluster, settings: Settings) -> Iterator[Reference]:
    """The Secrets and ConfigMaps that agents or the scrape objects that they select refer to, as a reconcile gathers them."""
    objects = {kind: cluster.of_kind(kind) for kind in SCRAPE_KINDS}
    for agent in _sorted(cluster, VMAGENT):
        if agent.error is None:
            with suppress(SelectorError):  # the explanation says so
                owner = scrape_owner(agent, settings)
                selected = named(owner, select(owner, objects, cluster.namespaces))
                yield from sorted(references(agent.spec, agent.namespace) | selected)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vmagent-operator explain",
        description="Tell which agents scrape an object, or what an agent scrapes, and the first reason why not.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "object", type=_object, metavar="KIND/NAME", help="such as vmservicescrape/cart or vmagent/main"
    )
    parser.add_argument("-n", "--namespace", default="default", help="namespace of the object (default: default)")
    parser.add_argument(
        "-f", "--filename", action="append", metavar="FILE|DIR|-", help="manifests instead of a cluster"
    )
    parser.add_argument("--kubeconfig", default="", metavar="FILE", help="how to reach the cluster")
    parser.add_argument("--context", default="", help="context of the kubeconfig")
    return parser


def _object(text: str) -> tuple[Kind[object], str]:
    name, _, rest = text.partition("/")
    kind = next((k for k in ALL_KINDS if name.lower() in (k.singular, k.plural)), None)
    if kind is None or not rest:
        kinds = ", ".join(k.singular for k in ALL_KINDS)
        raise argparse.ArgumentTypeError(f"expected KIND/NAME, and for KIND one of {kinds}")
    return kind, rest

"""`explain`: why an object is scraped or not, from manifests or from a cluster."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from vmagent_operator.api.kinds import KINDS, SCRAPE_KINDS, VMAGENT, Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli import manifests
from vmagent_operator.cli.render import Cluster
from vmagent_operator.desired.vmagent import capacity, remotewrite
from vmagent_operator.desired.vmagent.features import component, scrape_owner
from vmagent_operator.identity import OPERATOR
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import configuration, named
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.explain import Verdict, verdict
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import SelectorError, select
from vmagent_operator.settings import Settings, SettingsError, load

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
    found = cluster.custom.get((kind.name, options.namespace, name))
    if found is None:
        print(_not_found(cluster, kind, options.namespace, name), file=sys.stderr)
        return 1
    print("\n".join(explanation(cluster, found, settings)))
    return 0


def explanation(cluster: Cluster, obj: CustomObject[Any], settings: Settings) -> Iterator[str]:
    """Lines about every object of an agent, or about every agent of a scrape object; reasons in the words of statuses."""
    values = SecretSnapshot(cluster.contents, trim=settings.trim_secret_values)
    left_out = {agent.key: _left_out(cluster, agent, values, settings) for agent in _of(cluster, VMAGENT)}

    def judged(agent: CustomObject[Any], scrape: CustomObject[Any]) -> Verdict:
        if agent.error is not None:
            return Verdict(broken="agent", message=str(agent.error))
        found = verdict(scrape_owner(agent, settings), scrape, cluster.namespaces, values)
        reason = left_out[agent.key].get(scrape)
        return Verdict(broken="object", message=reason) if reason and found.is_picked else found

    yield f"{obj.kind.name} {obj.key}"
    if obj.kind is not VMAGENT:
        agents = _of(cluster, VMAGENT)
        yield from (f"  VMAgent {agent.key}: {_told(agent, judged(agent, obj))}" for agent in agents)
        if not agents:
            yield "  there is no VMAgent"
        return
    for kind in SCRAPE_KINDS:
        verdicts = [(scrape, judged(obj, scrape)) for scrape in _of(cluster, kind)]
        picked = sum(found.is_picked for _, found in verdicts)
        yield f"  {kind.name}: {picked} of {len(verdicts)} selected"
        yield from (f"    {scrape.key}: {_told(obj, found)}" for scrape, found in verdicts)


def _told(agent: CustomObject[Any], found: Verdict) -> str:
    if found.broken:
        return f"not scraped: {found.broken}: {found.message}"
    jobs = f"scraped, {len(found.jobs)} job{'s' if len(found.jobs) != 1 else ''}: {', '.join(found.jobs)}"
    return jobs + (" (once the agent is no longer paused)" if agent.spec and agent.spec.paused else "")


def _left_out(
    cluster: Cluster, agent: CustomObject[Any], values: SecretSnapshot, settings: Settings
) -> Mapping[CustomObject[Any], str]:
    """What the status of each object says that a pass of `agent` leaves out, be it for what others take."""
    if agent.error is not None:
        return {}
    objects, owner = {kind: _of(cluster, kind) for kind in SCRAPE_KINDS}, scrape_owner(agent, settings)
    try:
        files = remotewrite.assets(agent, values).tls
    except AgentError:
        files = {}  # a cluster is not asked for the agent's own Secrets
    try:
        room = capacity.room(agent, component(agent, settings), files)
        found = configuration(owner, select(owner, objects, cluster.namespaces), values, room)
    except AgentError:
        return {}  # told of the agent
    return {finding.object: finding.message for finding in found.findings}


def _of(cluster: Cluster, kind: Kind[Any]) -> list[CustomObject[Any]]:
    return sorted((obj for obj in cluster.custom.values() if obj.kind is kind), key=lambda obj: obj.key)


def _not_found(cluster: Cluster, kind: Kind[Any], namespace: str, name: str) -> str:
    wanted = f"{namespace}/{name}"
    near = difflib.get_close_matches(wanted, [obj.key for obj in _of(cluster, kind)], 1)
    return f"there is no {kind.name} {wanted}" + (f"; did you mean {near[0]}?" if near else "")


def _given(options: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Iterable[Manifest]:
    if options.filename:
        return manifests.read(options.filename)
    return _live(options.kubeconfig, options.context, settings, environ)


def _live(kubeconfig: str, context: str, settings: Settings, environ: Mapping[str, str]) -> list[Manifest]:
    """What a cluster holds of our kinds, its namespaces, and the Secrets and ConfigMaps that agents may need.

    Raises InputError if the cluster cannot be asked.
    """
    from vmagent_operator import __version__  # the client library is for clusters only
    from vmagent_operator.controller.engine.owners import FIELD_MANAGER
    from vmagent_operator.controller.engine.stores import custom
    from vmagent_operator.kube import resource
    from vmagent_operator.kube.errors import ApiError, NotFound
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
        for kind in KINDS:
            with suppress(NotFound):  # a kind that is not installed has no objects
                wanted = custom(kind)
                for namespace in settings.watch_namespaces or (None,):
                    found += client.list(wanted, namespace).items
        sources = {"Secret": resource.SECRETS, "ConfigMap": resource.CONFIGMAPS}
        for reference in _references(Cluster.of(found), settings):
            with suppress(NotFound):  # the explanation says so
                raw = client.get(sources[reference.kind], reference.namespace, reference.name)
                found.append({"apiVersion": "v1", "kind": reference.kind, **raw})
    except (ApiError, CredentialsError) as error:
        raise manifests.InputError(str(error)) from None
    return found


def _references(cluster: Cluster, settings: Settings) -> Iterable[Any]:
    objects = {kind: _of(cluster, kind) for kind in SCRAPE_KINDS}
    for agent in _of(cluster, VMAGENT):
        if agent.error is None:
            with suppress(SelectorError):  # the explanation says so
                owner = scrape_owner(agent, settings)
                yield from sorted(named(owner, select(owner, objects, cluster.namespaces)))


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


def _object(text: str) -> tuple[Kind[Any], str]:
    name, _, rest = text.partition("/")
    kind = next((k for k in KINDS if name.lower() in (k.singular, k.plural)), None)
    if kind is None or not rest:
        kinds = ", ".join(k.singular for k in KINDS)
        raise argparse.ArgumentTypeError(f"expected KIND/NAME, and for KIND one of {kinds}")
    return kind, rest

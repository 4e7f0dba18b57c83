"""A cluster, asked by somebody at a terminal: how it is reached, and what it holds of ours."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from attrs import frozen

from vmagent_operator import __version__
from vmagent_operator.api.kinds import KINDS, SCRAPE_KINDS, Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.decisions import kind_of
from vmagent_operator.cli.manifests import InputError
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.steps.leftout import name_of
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import ApiError, Forbidden, NetworkError, NotFound
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client, Patience
from vmagent_operator.kube.http.credentials import CredentialsError
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import keys
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, references
from vmagent_operator.scrape.selection import SelectorError, select
from vmagent_operator.settings import Server, Settings

PATIENCE = Patience(tries=2, seconds=15.0, list_seconds=60.0)
"""Somebody sits and waits: a server that does not answer is told soon."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")
_SOURCES = {"Secret": resource.SECRETS, "ConfigMap": resource.CONFIGMAPS}


@frozen(kw_only=True)
class Live:
    """A cluster that can be asked.

    host: its address. namespace: where objects are meant to be that nobody gives one.
    """

    client: Client
    host: str
    namespace: str

    @property
    def server(self) -> Server:
        """What the API server offers. Raises ApiError."""
        return Server(self.client.server_version())


def connect(options: argparse.Namespace, environ: Mapping[str, str]) -> Live:
    """The cluster that `--kubeconfig`, KUBECONFIG, the pod or ~/.kube/config lead to. Raises InputError."""
    try:
        access = credentials.load(options.kubeconfig, options.context, environ=environ)
    except CredentialsError as error:
        raise InputError(str(error)) from None
    pools = connection.connect(access, agent=f"{OPERATOR}/{__version__}", watches=1, workers=1)
    return Live(
        client=Client(pools.worker, manager=FIELD_MANAGER, patience=PATIENCE),
        host=access.configuration.host,
        namespace=credentials.namespace(options.kubeconfig, options.context, environ=environ) or "default",
    )


@contextmanager
def asking(live: Live) -> Iterator[None]:
    """A block that asks a cluster: what goes wrong there is an InputError of one line."""
    try:
        yield
    except NetworkError as error:
        why = _ERRNO.findall(str(error)) or [" ".join(str(error).split())]
        raise InputError(f"{live.host} cannot be reached: {why[-1].strip().lower()}") from None
    except ApiError as error:
        raise InputError(f"{live.host}: {' '.join(str(error).split())}") from None


def snapshot(live: Live, settings: Settings, further: Iterable[Manifest] = ()) -> list[Manifest]:
    """What a cluster holds of our kinds, its namespaces, and the Secrets and ConfigMaps that owners may need.

    further: objects that are to be there as well, in the place of those of the same name. Raises ApiError.
    """
    found = (
        [] if settings.watch_namespaces else _typed(resource.NAMESPACES, live.client.list(resource.NAMESPACES).items)
    )
    for kind in (*KINDS, *(source.kind for source in SOURCES)):
        # A kind that is not installed has no objects; one of Prometheus' may be none of the reader's business.
        with suppress(NotFound, *(() if kind in KINDS else (Forbidden,))):
            for namespace in settings.watch_namespaces or (None,):
                found += _typed(custom(kind), live.client.list(custom(kind), namespace).items)
    further = [*further]
    found += further
    known = {name_of(raw) for raw in further}
    for reference in dict.fromkeys(_references(Cluster.of(found), settings)):
        if (reference.kind, reference.namespace, reference.name) in known:
            continue
        with suppress(NotFound):  # whoever refers to it says so
            of = _SOURCES[reference.kind]
            found += _typed(of, [live.client.get(of, reference.namespace, reference.name)])
    return found


def _typed(of: resource.Resource, items: Iterable[Manifest]) -> list[Manifest]:
    """Items of a list do not say what they are."""
    return [{"apiVersion": of.api_version, "kind": of.kind, **raw} for raw in items]


def _references(cluster: Cluster, settings: Settings) -> Iterator[Reference]:
    """The Secrets and ConfigMaps that owners or the scrape objects that they select refer to, as a reconcile gathers them."""
    objects = {kind: cluster.of_kind(kind) for kind in SCRAPE_KINDS}
    for of in OWNERS:
        for owner in ordered(cluster, of.kind):
            if owner.spec is None:
                continue
            yield from sorted(references(owner.spec, owner.namespace))
            with suppress(SelectorError, OwnerError):  # its own status says so
                scrapes = kind_of(owner).scrape_owner(owner, settings)
                if scrapes is not None:
                    yield from sorted(keys(scrapes, select(scrapes, objects, cluster.namespaces)))


def ordered(cluster: Cluster, kind: Kind[object]) -> list[CustomObject[object]]:
    """The custom resources of a kind, by `namespace/name`."""
    return sorted(cluster.of_kind(kind), key=lambda obj: obj.key)

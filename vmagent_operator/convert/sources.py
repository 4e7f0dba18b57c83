"""The kinds that are converted, how an object of theirs is kept, and the conversion itself.

Sources are kept as their JSON: thousands of them are read once, when they change, and then only compared.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.convert import metadata
from vmagent_operator.convert.monitors import POD_MONITOR, SERVICE_MONITOR, probe
from vmagent_operator.convert.scrapeconfig import SCRAPE_CONFIG
from vmagent_operator.convert.table import Loss, Make, Reading
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import Decoded, DecodeError, Manifest, decode
from vmagent_operator.settings import Settings

GROUP = "monitoring.coreos.com"


@frozen(kw_only=True, eq=False)
class Source:
    """A kind that is converted: the kind of its targets, and how a spec is made."""

    kind: Kind[Any]
    target: Kind[Any]
    make: Make


def _kind(name: str, version: str) -> Kind[Any]:
    return Kind(name=name, api_version=f"{GROUP}/{version}", spec_class=bytes)


SOURCES: tuple[Source, ...] = (
    Source(kind=_kind("ServiceMonitor", "v1"), target=kinds.VMSERVICESCRAPE, make=SERVICE_MONITOR),
    Source(kind=_kind("PodMonitor", "v1"), target=kinds.VMPODSCRAPE, make=POD_MONITOR),
    Source(kind=_kind("Probe", "v1"), target=kinds.VMPROBE, make=probe),
    Source(
        kind=_kind("ScrapeConfig", "v1alpha1"),
        target=kinds.VMSCRAPECONFIG,
        make=SCRAPE_CONFIG,
    ),
)
BY_NAME: Mapping[str, Source] = {source.kind.name: source for source in SOURCES}
BY_TARGET: Mapping[str, Source] = {source.target.name: source for source in SOURCES}
CONSUMERS = frozenset({kinds.VMAGENT.name, kinds.VMSINGLE.name})
"""The kinds that scrape."""


def enabled(settings: Settings) -> Iterator[Source]:
    """The kinds that these settings have converted: none if there is nobody to scrape what they become."""
    for source in SOURCES if CONSUMERS - settings.disabled_kinds else ():
        if (
            settings.converters.get(source.kind.name, True)
            and not {source.kind.name, source.target.name} & settings.disabled_kinds
        ):
            yield source


def read(kind: Kind[Any], raw: Manifest) -> CustomObject[Any]:
    """A source as it is kept: its metadata, and its spec as JSON; what cannot be read is its `error`."""
    own = raw.get("metadata")
    if isinstance(own, dict) and isinstance(notes := own.get("annotations"), dict) and metadata.LAST_APPLIED in notes:
        kept = {key: value for key, value in notes.items() if key != metadata.LAST_APPLIED}
        raw = {**raw, "metadata": {**own, "annotations": kept}}
    found = kinds.read_metadata(kind, raw)
    if found.error is not None:
        return found
    return evolve(found, spec=json.dumps(raw.get("spec"), separators=(",", ":")).encode())


@frozen(kw_only=True)
class Converted:
    """What a source becomes.

    manifest: the target as it is to be; None if there can be none, and `error` says why. spec: its decoded spec. losses: what
    it lacks of the source; `unnamed` more are not among them.
    """

    manifest: Manifest | None
    spec: Any
    losses: tuple[Loss, ...] = ()
    unnamed: int = 0
    error: str = ""

    @property
    def lost(self) -> str:
        """What got lost, in one line; "" if nothing did."""
        more = (f"{self.unnamed} more",) if self.unnamed else ()
        return "; ".join((*map(str, self.losses), *more))


def convert(source: CustomObject[Any], settings: Settings) -> Converted:
    """What a source becomes, or why it cannot be converted. Raises nothing for what a source may hold."""
    row, reading = BY_NAME[source.kind.name], Reading()
    if source.error is not None:
        return Converted(manifest=None, spec=None, error=str(source.error))
    raw = json.loads(source.spec or b"null")
    spec = row.make(reading, {} if raw is None else raw, "spec")
    losses = tuple(reading.losses)
    try:
        if reading.faults:
            raise DecodeError(tuple(reading.faults))
        decoded: Decoded[Any] = decode(row.target.spec_class, spec)
    except DecodeError as error:
        return Converted(manifest=None, spec=None, losses=losses, unnamed=reading.unnamed, error=str(error))
    manifest = {
        "apiVersion": API_VERSION,
        "kind": row.target.name,
        "metadata": metadata.converted(source, losses, settings),
        "spec": spec,
    }
    return Converted(manifest=manifest, spec=decoded.value, losses=losses, unnamed=reading.unnamed)

"""What the Prometheus objects of a `Cluster` become, by the functions that their controllers call."""

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from vmagent_operator.api.kinds import read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.controller.engine.targets import merged, policy
from vmagent_operator.controller.steps.leftout import Name
from vmagent_operator.convert import metadata
from vmagent_operator.convert.sources import BY_NAME, convert, enabled
from vmagent_operator.kube.write.ownership import describe, objection
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings


@frozen(kw_only=True)
class Conversion:
    """What becomes of one source.

    manifest: its target as it is written, None if it is not; error: why there can be none; note: what else is to be said.
    """

    source: CustomObject[bytes]
    target: Name
    manifest: Manifest | None = None
    error: str = ""
    note: str = ""

    @property
    def said(self) -> str:
        """What is to be said of it; "" if it became what it is without any loss."""
        return f"not converted: {self.error}" if self.error else self.note

    def line(self) -> str:
        """The same, after the name of the source."""
        return f"{self.source.kind.name} {self.source.key}: {self.said}"


@frozen
class Conversions:
    """Those of all sources, by name, and the cluster with their targets in it."""

    cluster: Cluster
    made: Mapping[Name, Conversion]

    @property
    def manifests(self) -> Iterator[Manifest]:
        """The targets that are written."""
        return (each.manifest for each in self.made.values() if each.manifest is not None)


def conversions(cluster: Cluster, settings: Settings) -> Conversions:
    """What becomes of all sources in `cluster` that are watched."""
    kinds = {row.kind.name for row in enabled(settings)}
    namespaces = settings.watch_namespaces
    made = {
        name: _conversion(cluster, source, settings)
        for name, source in cluster.sources.items()
        if source.kind.name in kinds and (not namespaces or source.namespace in namespaces)
    }
    placed = {
        each.target: _placed(each.target, each.manifest, cluster) for each in made.values() if each.manifest is not None
    }
    return Conversions(evolve(cluster, custom={**cluster.custom, **placed}), made)


def _conversion(cluster: Cluster, source: CustomObject[bytes], settings: Settings) -> Conversion:
    row, made = BY_NAME[source.kind.name], convert(source, settings)
    target = (row.target.name, source.namespace, source.name)
    if made.manifest is None:
        return Conversion(source=source, target=target, error=made.error)
    lost = f"{describe(made.manifest)} lacks {made.lost}" if made.lost else ""
    live = cluster.objects.get(target)
    if live is None:
        return Conversion(source=source, target=target, manifest=made.manifest, note=lost)
    if metadata.is_ignored(live["metadata"].get("annotations") or {}):
        note = f"{describe(made.manifest)} is to be left as it is"
    elif refusal := objection(made.manifest, live, policy(source, live, settings)):
        note = f"{describe(made.manifest)} {refusal}"
    else:
        desired, _ = merged(made.manifest, live, source)
        return Conversion(source=source, target=target, manifest=desired, note=lost)
    return Conversion(source=source, target=target, note=note)


def _placed(name: Name, manifest: Manifest, cluster: Cluster) -> CustomObject[object]:
    """A target as it stands in the cluster once written."""
    before = cluster.objects.get(name, {"metadata": {"generation": 1}})
    return read({**manifest, "metadata": before["metadata"] | manifest["metadata"], "status": before.get("status")})

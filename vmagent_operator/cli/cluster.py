"""Objects from files that stand for a cluster."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from attrs import field, frozen

from vmagent_operator.api.kinds import BY_NAME, Kind, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.manifests import Tell
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.convert import sources
from vmagent_operator.kube import resource
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.references import Reference

S = TypeVar("S")


@frozen
class Cluster:
    """What a cluster holds: all objects, those of our kinds also decoded, and Prometheus objects as they are kept."""

    objects: Mapping[Name, Manifest]
    custom: Mapping[Name, CustomObject[Any]]
    sources: Mapping[Name, CustomObject[Any]] = field(factory=dict)

    @classmethod
    def of(cls, objects: Iterable[Manifest]) -> "Cluster":
        """A cluster with `objects`, the later of two with the same name. One without uid or generation gets `uid-<position>` and 1."""
        completed: dict[Name, Manifest] = {}
        for position, raw in enumerate(objects):
            metadata = {"uid": f"uid-{position}", "generation": 1} | raw["metadata"]
            if raw["kind"] in VERSIONS or raw["kind"] in ("Secret", "ConfigMap"):
                metadata["namespace"] = (
                    metadata.get("namespace") or "default"
                )  # null is what a chart leaves of an empty value
            stored = {**raw, "metadata": metadata}
            completed[name_of(stored)] = stored
        return cls(
            completed,
            {name: read(raw) for name, raw in completed.items() if name[0] in BY_NAME},
            {
                name: sources.read(sources.BY_NAME[name[0]].kind, raw)
                for name, raw in completed.items()
                if name[0] in sources.BY_NAME
            },
        )

    @property
    def namespaces(self) -> dict[str, dict[str, str]]:
        """Namespaces and their labels; one that is only mentioned has the label that every namespace has."""
        names = {namespace for _, namespace, _ in self.objects if namespace}
        labels = {raw["metadata"]["name"]: _plain(raw["metadata"].get("labels")) for raw in self._named("Namespace")}
        return {
            name: {"kubernetes.io/metadata.name": name, **labels.get(name, {})}
            for name in sorted(names | labels.keys())
        }

    @property
    def contents(self) -> dict[Reference, dict[str, str]]:
        """What Secrets and ConfigMaps hold."""
        contents = {}
        for raw in self._named("Secret"):
            contents[_reference(raw)] = _texts(raw.get("data")) | _plain(raw.get("stringData"))
        for raw in self._named("ConfigMap"):
            contents[_reference(raw)] = _plain(raw.get("data"))
        return contents

    def of_kind(self, kind: Kind[S]) -> list[CustomObject[S]]:
        """The custom resources of a kind."""
        return [obj for obj in self.custom.values() if obj.kind is kind]

    def _named(self, kind: str) -> list[Manifest]:
        return [raw for name, raw in self.objects.items() if name[0] == kind]


def known(objects: Iterable[Manifest], tell: Tell) -> Iterator[Manifest]:
    """Those of `objects` that are what their kind says.

    A kind belongs to a group: a Service of Knative's is no Service, and a VMAgent of another group no API server knows.
    """
    for raw in objects:
        version, kind = raw["apiVersion"], raw["kind"]
        if version != VERSIONS.get(kind, version):
            namespace = raw["metadata"].get("namespace") or "default"
            tell(f"{kind} {namespace}/{raw['metadata']['name']}: is of {version}, not of {VERSIONS[kind]}: passed over")
        elif kind in VERSIONS or _group(version) == _GROUPS.get(kind, _group(version)):
            yield raw


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


_GROUPS: Mapping[str, str] = {each.kind: each.group for each in resource.BY_KIND.values()}
"""Kind -> the group of the one that we know."""


VERSIONS: Mapping[str, str] = {
    kind.name: kind.api_version for kind in (*BY_NAME.values(), *(row.kind for row in sources.SOURCES))
}
"""Kind -> apiVersion, of all custom kinds that we know."""


def name_of_custom(obj: CustomObject[object]) -> Name:
    """The same of a custom resource as `name_of` of a manifest."""
    return obj.kind.name, obj.namespace, obj.name


def _texts(data: object) -> dict[str, str]:
    """What a Secret holds. A key that is no base64, encrypted or a template, is not there: only who refers to it fails."""
    texts = {}
    for key, value in data.items() if isinstance(data, dict) else ():
        with suppress(ValueError, TypeError):
            texts[key] = base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
    return texts


def _plain(data: object) -> dict[str, str]:
    """What of a map of texts are texts: an API server would refuse the rest."""
    return {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}


def _reference(raw: Manifest) -> Reference:
    return Reference(raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"])

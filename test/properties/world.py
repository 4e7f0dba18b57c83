"""What a document leads to: for an owner everything that is rendered, for a scrape object its jobs and files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from vmagent_operator.api.kinds import SCRAPE_KINDS, VMAGENT, Kind, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.controller.kinds import BY_KIND
from vmagent_operator.desired import stages
from vmagent_operator.desired.stages import Inputs
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.fragment import Fragment, fragment
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import Selection, select
from vmagent_operator.settings import Server, load

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = load({"VM_VPA_API_ENABLED": "true"})

SOUND = ("a", "b")
"""Names of the scrape objects that nothing should go wrong with."""
CLASSES = {
    "remoteWrite": [{"url": "http://some"}],
    "scrapeClasses": [
        {"name": name, "tlsConfig": {"serverName": f"{name}-class"}, "metricRelabelConfigs": [{"targetLabel": name}]}
        for name in ("some", "other")
    ],
}


class Refused(AssertionError):  # noqa: N818
    """A document that was meant to be valid leads to a failure."""


class World:
    """A cluster that is the same but for one object, and what it makes of that object."""

    def __init__(self, path: Path) -> None:
        """The cluster of the objects in a file."""
        objects = [obj for obj in yaml.safe_load_all(path.read_text()) if obj]
        self._cluster = Cluster.of(chain.from_iterable(map(_copies, objects)))
        self._values = SecretSnapshot(self._cluster.contents)
        self._context = context(scrape_owner(read(manifest(VMAGENT, CLASSES)), SETTINGS))

    def outcome(self, kind: Kind[Any], spec: dict[str, Any]) -> bytes:
        """Everything that an object of `kind` leads to. Raises Refused."""
        raw = manifest(kind, spec)
        if kind.name in BY_KIND:
            return json.dumps([_shown(rendered) for rendered in self._rendered(raw)]).encode()
        found = self._fragment(raw)
        return found.entry.text + json.dumps(found.assets).encode()

    def built(self, kind: Kind[Any], spec: dict[str, Any]) -> bytes:
        """The part of `outcome` that takes half the time: for an owner, the objects that are built. Raises Refused."""
        if kind.name not in BY_KIND:
            return self.outcome(kind, spec)
        return json.dumps(self._desired(manifest(kind, spec))).encode()

    def files(self, kind: Kind[Any], spec: dict[str, Any]) -> dict[str, str]:
        """The YAML that an object of `kind` leads to: its jobs, or what its programs read. Raises Refused."""
        raw = manifest(kind, spec)
        if kind.name not in BY_KIND:
            return {"jobs": self._fragment(raw).entry.text.decode()}
        found: dict[str, str] = {}
        for obj in map(render.decoded, self._desired(raw)):
            data = obj.get("data" if obj["kind"] == "ConfigMap" else "decoded", {})
            found |= {f"{obj['metadata']['name']}/{key}": text for key, text in data.items() if _is_yaml(key)}
        return found

    def _fragment(self, raw: Manifest) -> Fragment:
        found = fragment(_decoded(raw), self._context, self._values)
        if isinstance(found, Finding):
            raise Refused(found.message)
        return found

    def _desired(self, raw: Manifest) -> tuple[Manifest, ...]:
        """What is built for an owner, without all that a whole reconcile does besides."""
        owner, custom = _decoded(raw), self._cluster.custom.values()
        of = BY_KIND[owner.kind.name]
        objects = {kind: [obj for obj in custom if obj.kind is kind] for kind in SCRAPE_KINDS}
        selects = of.scrape_owner(owner, SETTINGS)
        selection = select(selects, objects, self._cluster.namespaces) if selects else Selection()
        inputs = Inputs(owner=owner, selection=selection, values=self._values, settings=SETTINGS, server=Server())
        try:
            found = of.desired(inputs)
        except OwnerError as error:
            raise Refused(str(error)) from None
        findings = found.configuration.findings if found.configuration else ()
        if faults := [finding.message for finding in findings if finding.object.name in SOUND]:
            raise Refused(*faults)
        return stages.objects(found.stages)

    def _rendered(self, raw: Manifest) -> tuple[Manifest, ...]:
        obj = _decoded(raw)
        key = (obj.kind.name, obj.namespace, obj.name)
        cluster = Cluster({**self._cluster.objects, key: raw}, {**self._cluster.custom, key: obj})
        rendered = render.render(cluster, SETTINGS, Server(), NOW)
        _check(rendered)
        return rendered.objects


def manifest(kind: Kind[Any], spec: dict[str, Any]) -> Manifest:
    """The object that a world is about."""
    metadata = {"namespace": "monitoring", "name": "main", "uid": "uid-main", "generation": 1}
    return {"apiVersion": API_VERSION, "kind": kind.name, "metadata": metadata, "spec": spec}


def _decoded(raw: Manifest) -> CustomObject[Any]:
    obj = read(raw)
    if obj.spec is None:
        raise Refused(str(obj.error))
    return obj


def _is_yaml(key: str) -> bool:
    """Whether a key of the operator's Secrets and ConfigMaps holds YAML; others hold copies of credentials."""
    return ".yaml" in key or key.endswith("-CONF")


def _copies(obj: Manifest) -> Iterator[Manifest]:
    """An object without a namespace in both, a scrape object without a name once for each label."""
    metadata = obj["metadata"]
    if obj["kind"] == "Namespace" or "namespace" in metadata:
        yield obj
        return
    for namespace in ("monitoring", "shop"):
        if "name" in metadata:
            yield {**obj, "metadata": {**metadata, "namespace": namespace}}
        for app, tier in () if "name" in metadata else ("ab", "ba"):
            yield {**obj, "metadata": {"namespace": namespace, "name": app, "labels": {"app": app, "tier": tier}}}


def _check(rendered: render.Rendered) -> None:
    """Raise Refused for what went wrong with the agent, or with the objects that nothing should go wrong with."""
    if rendered.errors:
        raise Refused(*rendered.errors)
    ours = [obj for obj in rendered.objects if obj["apiVersion"] == API_VERSION]
    if reasons := [r for obj in ours if obj["metadata"]["name"] in SOUND and (r := obj["status"].get("reason"))]:
        raise Refused(*reasons)


def _shown(rendered: Manifest) -> Manifest:
    """A rendered object without the copy of the spec that a status holds: it would make each field seem to count."""
    status = {key: value for key, value in rendered.get("status", {}).items() if key != "lastAppliedSpec"}
    return {**render.decoded(rendered), "status": status}
